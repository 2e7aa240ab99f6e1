"""Numbers of statements, figures and tables in the text: our own are references, so a typed one is a paper's."""

import re
from pathlib import Path

import contents
import pytest
from contents import ROOT

from mixbook.benchmarks.printed import printed_figures, printed_values
from mixbook.theory.registry import all_statements

STATEMENT = re.compile(
    r"\b(Theorem|Lemma|Proposition|Corollary|Assumption|Definition|Remark|Claim)s?[ ~]((?:[A-Z]|[IV]+|\d+)(?:\.\d+)?)\b"
)
FIGURE = re.compile(r"\b(Figure|Table)s?[ ~]([IVX]+|\d+)")
TYPED = re.compile(r"\b(?:Fig\.|Thm\.|Prop\.|Eq\.)[ ~]?\(?\d")
# Numbered in the papers, and no claim that a check could be about; Theorem 6 of k-mixup is referred to and not there.
NO_CLAIMS = {"Assumption 3.1", "Definition 3.1", "Definition 3.3", "Definition 3.4", "Definition D.1", "Theorem 6"}
PAGES = [path for path in sorted((ROOT / "book").rglob("*.md")) if path not in contents.templates()]


def statements() -> set[str]:
    """What the papers number, as the registry of statements names it."""
    named = " ".join(f"{each.where} {each.also}" for each in all_statements())
    return {f"{kind} {number}" for kind, number in STATEMENT.findall(named)} | NO_CLAIMS


def figures_and_tables() -> set[str]:
    """The papers' figures and tables."""
    named = " ".join([*(row.table for row in printed_values()), *(figure.figure for figure in printed_figures())])
    return {f"{kind} {number}" for kind, number in FIGURE.findall(named)}


def prose(text: str) -> str:
    """A page without its code."""
    return re.sub(r"^```\{code-cell\}.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def typed(text: str) -> set[str]:
    """What is typed as a number and is no paper's."""
    strange = {f"{kind} {number}" for kind, number in STATEMENT.findall(text)} - statements()
    strange |= {f"{kind} {number}" for kind, number in FIGURE.findall(text)} - figures_and_tables()
    return strange | set(TYPED.findall(text))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT / "book")))
def test_a_number_of_our_own_is_a_reference(path: Path):
    text = prose(path.read_text())
    assert not typed(text), "use {prf:ref}, {numref} or {eq}; a paper's own numbers are those of its registry and tables"
    numbers = STATEMENT.findall(text) + FIGURE.findall(text)
    assert not numbers or re.search(r"\{cite|the paper's|paper_tables|printed", text), "which paper numbers it so?"


def test_a_typed_number_would_be_noticed():
    assert typed("See Theorem 7, Figure 99 and Fig. 2.") == {"Theorem 7", "Figure 99", "Fig. 2"}
    assert not typed("Theorem 2.7 of the paper, its Figure 5a and Table III.")
