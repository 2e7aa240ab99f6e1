"""The first time that a page names a term of the glossary, it links there, and glossary_notes explains it in place.

Only words that mean one thing wherever they stand: "block" and "place" are plain English too, and get a {term} by hand.
"""

import re
from typing import Any

from docutils import nodes
from pages import GLOSSARY, REFERENCE, around
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

TERMS = (
    "assignment problem",
    "batch augmentation",
    "Brier score",
    "class activation map",
    "collinear conflict",
    "critical difference",
    "cross-cluster match",
    "ECE",
    "ERM",
    "FGSM",
    "IoU",
    "large-batch mixup",
    "maximum-margin direction",
    "mixup-optimal classifier",
    "NLL",
    "optimal transport",
    "paired difference",
    "PGD",
    "proper score",
    "saliency",
    "shrinkage",
    "surrogate",
    "temperature",
    "vicinal distribution",
    "vicinal risk",
)
NOT_WITHIN = (
    *(nodes.title, nodes.subtitle, nodes.reference, nodes.literal, nodes.FixedTextElement, nodes.math),
    *(nodes.term, nodes.raw, addnodes.pending_xref),
)


class LinkTerms(SphinxTransform):
    default_priority = 700  # when text is there, and before references are resolved

    def apply(self, **_: Any) -> None:
        if not self.env.docname.startswith("book/") or self.env.docname.startswith((GLOSSARY, REFERENCE)):
            return
        linked = {link["reftarget"].lower() for link in self.document.findall(_is_term)}
        missing = [term for term in TERMS if term.lower() not in linked]
        for text in list(self.document.findall(nodes.Text)):
            if missing and not any(isinstance(each, NOT_WITHIN) for each in around(text)):
                missing = self._link(text, missing)

    def _link(self, text: nodes.Text, missing: list[str]) -> list[str]:
        """Link the terms of ``missing`` in a text, and give back those that are still missing."""
        pieces: list[nodes.Node] = []
        rest = text.astext()
        while found := _first(rest, missing):
            term, match = found
            pieces += [nodes.Text(rest[: match.start()]), self._reference(term, match[0])]
            rest, missing = rest[match.end() :], [other for other in missing if other != term]
        if pieces:
            text.parent.replace(text, [*pieces, nodes.Text(rest)])
        return missing

    def _reference(self, term: str, words: str) -> addnodes.pending_xref:
        shown = nodes.inline(words, words, classes=["xref", "std", "std-term"])
        where = {"refdomain": "std", "reftype": "term", "reftarget": term, "refexplicit": True, "refwarn": True}
        return addnodes.pending_xref("", shown, refdoc=self.env.docname, **where)


def _first(text: str, terms: list[str]) -> tuple[str, re.Match[str]] | None:
    """The term that comes first in a text; capitals count where the term has some."""
    found = [(term, match) for term in terms if (match := _pattern(term).search(text))]
    return min(found, key=lambda each: each[1].start(), default=None)


def _pattern(term: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-]){re.escape(term)}s?(?![\w-])", 0 if term != term.lower() else re.IGNORECASE)


def _is_term(node: nodes.Node) -> bool:
    return isinstance(node, addnodes.pending_xref) and node.get("reftype") == "term"


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_transform(LinkTerms)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
