"""Chapters lead to the reference and back: one page of each kind, rendered as the book is."""

import re

import pytest
from contents import ROOT
from rendering import rendered

HEADER = "---\nfile_format: mystnb\nkernelspec:\n  display_name: Python 3\n  name: python3\n---\n"
CELL = "```{code-cell} ipython3\nimport mixbook as mb\nfrom mixbook.theory.lines import critical_alpha\nmb.Beta(1.0)\n```\n"
PROSE = (
    "`mb.RandomPairing` and `Beta(alpha)`, `critical_alpha`, `mixbook/mixing/ratio.py` and `pairing.py`.\n\n"
    "Not `mb.nothing`, `fit`, `alternating_line`, `numpy.ndarray`, `x`.\n"
)
AGAIN = "Again `mb.Beta`, `training.fit` and `evaluation.NoisyBackground`.\n"
NOT_SHOWN = "```{code-cell} ipython3\n:tags: [remove-input]\nfrom mixbook.evaluation import NoisyBackground, PGD\n```\n"
MODULES = ("mixing.ratio", "mixing.pairing", "theory.lines", "training", "evaluation")
FILES = {
    "index.md": "# Front\n\n```{toctree}\nbook/why/one\nbook/why/two\nbook/evidence/three\nbook/reference/all\n```\n",
    "book/why/one.md": f"{HEADER}\n(ch-one)=\n# What is mixed?\n\n{CELL}\n{PROSE}",
    "book/why/two.md": f"{HEADER}\n(ch-two)=\n# Later\n\n{CELL}\n{AGAIN}",
    "book/evidence/three.md": f"{HEADER}\n# Tables\n\n{NOT_SHOWN}\n`PGD` is stronger.\n",
    "book/reference/all.md": "# All\n\nUsed in {ref}`ch-one` and {ref}`ch-two`.\n\n"
    + "".join(f"```{{eval-rst}}\n.. automodule:: mixbook.{name}\n   :members:\n```\n\n" for name in MODULES),
}


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The HTML of each page."""
    extensions = "sphinx.ext.autodoc", "sphinx.ext.napoleon", "reference_links"
    return rendered(FILES, tmp_path_factory.mktemp("book"), *extensions)


def links(page: str) -> dict[str, str]:
    """Text and target of the links to the reference."""
    return {
        re.sub(r"<[^>]*>", "", text): target
        for target, text in re.findall(r'<a class="to-reference[^"]*" href="([^"]*)">(.*?)</a>', page)
    }


def test_names_and_files_of_the_package_lead_to_their_entries(pages):
    assert links(pages["book/why/one.md"]) == {
        "mb.RandomPairing": "../reference/all.html#mixbook.mixing.pairing.RandomPairing",
        "Beta(alpha)": "../reference/all.html#mixbook.mixing.ratio.Beta",
        "critical_alpha": "../reference/all.html#mixbook.theory.lines.critical_alpha",
        "mixbook/mixing/ratio.py": "../reference/all.html#module-mixbook.mixing.ratio",
        "pairing.py": "../reference/all.html#module-mixbook.mixing.pairing",
    }
    assert links(pages["book/why/two.md"]).keys() == {"mb.Beta", "training.fit", "evaluation.NoisyBackground"}
    assert links(pages["book/evidence/three.md"]).keys() == {"PGD"}
    assert not links(pages["book/reference/all.md"])


def test_an_entry_says_in_which_chapter_it_comes_first(pages):
    page = pages["book/reference/all.md"]

    def said(name: str) -> list[str]:
        entry = page.split(f'id="{name}"')[1].split('<dl class="py')[0]
        return re.findall(r'Explained in: <a class="reference internal" href="([^"]*)">([^<]*)</a>', entry)

    assert said("mixbook.mixing.ratio.Beta") == [("../why/one.html", "What is mixed?")]
    assert said("mixbook.mixing.pairing.RandomPairing") == [("../why/one.html", "What is mixed?")]
    assert said("mixbook.training.fit") == [("../why/two.html", "Later")]
    assert not said("mixbook.theory.lines.alternating_line")
    # Classes that a package offers, written elsewhere; one in code that is not shown, one in a chapter's words before that.
    assert said("mixbook.evaluation.PGD") == [("../evidence/three.html", "Tables")]
    assert said("mixbook.evaluation.NoisyBackground") == [("../why/two.html", "Later")]
    assert page.count("Explained in") == 6


def test_an_entry_that_no_page_speaks_of_leads_to_a_chapter_too(pages):
    entries = re.split(r'<dl class="py (?:class|function|exception)">', pages["book/reference/all.md"])[1:]

    def related(name: str) -> list[str]:
        (line,) = re.findall(r"Related: (.*?)</p>", next(each for each in entries if f'id="{name}"' in each))
        return re.findall(r'href="([^"#]*)', line)

    assert related("mixbook.theory.lines.alternating_line") == ["../why/one.html"]  # as most of its file
    assert related("mixbook.evaluation.brier") == ["../why/one.html", "../why/two.html"]  # nothing of its file: as its page
    assert all("Related: " in entry or "Explained in: " in entry for entry in entries)


def test_every_page_of_the_reference_links_to_a_chapter_at_its_top():
    for path in (ROOT / "book" / "reference").glob("*.md"):
        _, _, text = path.read_text().partition("\n# ")
        assert path.stem == "names" or "{ref}`" in text.split("\n\n")[1], path
