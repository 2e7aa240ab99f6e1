"""Pages link a term of the glossary once, where they first name it, and the glossary has what they link to."""

import re

import glossary_links
import pytest
from contents import ROOT
from rendering import rendered

PAGE = """# Of optimal transport

Code says `ECE`, a formula $ECE$, and [a link](https://example.org) to [NLL](https://example.org).

Optimal transport is first, then optimal transport again; a proper score, two {term}`surrogate`s and a surrogate.
The ECEs fall, ece is a word, sub-ECE too, and NLL comes last. "block" is plain.

```python
PGD = 1
```
"""
FILES = {
    "index.md": "# Front\n\nOptimal transport.\n\n```{toctree}\nbook/why/one\nbook/reference/two\nbook/glossary\n```\n",
    "book/why/one.md": PAGE,
    "book/reference/two.md": "# Reference\n\nOptimal transport.\n",
    "book/glossary.md": "# Glossary\n\nOptimal transport.\n\n:::{glossary}\n"
    + "".join(f"{term}\n  Meaning.\n\n" for term in (*glossary_links.TERMS, "block"))
    + ":::\n",
}
LINK = re.compile(r'glossary\.html#term-[\w-]+"><span class="xref std std-term">(.*?)</span>', re.DOTALL)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The HTML of each page."""
    settings = {"myst_enable_extensions": ["colon_fence", "dollarmath"]}
    return rendered(FILES, tmp_path_factory.mktemp("book"), "glossary_links", strict=True, **settings)


def test_each_term_is_linked_where_it_is_first_named(pages):
    assert LINK.findall(pages["book/why/one.md"]) == ["Optimal transport", "proper score", "surrogate", "ECEs", "NLL"]


def test_other_pages_are_left_alone(pages):
    assert not any(LINK.findall(pages[name]) for name in ("index.md", "book/reference/two.md", "book/glossary.md"))


def test_the_glossary_has_every_term_that_is_linked():
    terms = re.findall(r"^(\S.*)\n  \S", (ROOT / "book" / "glossary.md").read_text(), re.MULTILINE)
    assert set(glossary_links.TERMS) <= set(terms)


def test_a_page_of_the_book_explains_its_terms(built_book):
    html = (built_book / "book" / "practice" / "which_one.html").read_text()
    assert {"ECE", "FGSM", "NLL"} <= set(LINK.findall(html))
    assert 'id="note-term-ECE"' in html
