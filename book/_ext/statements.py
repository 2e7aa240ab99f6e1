"""The index of statements: definitions, theorems and what follows from them, by chapter, with their numbers and names.

sphinx-proof's own index (`prf-prf`) lists the labels of the sources from A to Z, which tell a reader nothing.
"""

from collections.abc import Iterable
from typing import Any

from docutils import nodes
from pages import reading_order
from sphinx.application import Sphinx
from sphinx.domains import IndexEntry
from sphinx_proof.domain import ProofDomain, ProofIndex


class Statements(ProofIndex):
    localname = "Statements"

    def generate(self, docnames: Iterable[str] | None = None) -> tuple[list[tuple[str, list[IndexEntry]]], bool]:
        env = self.domain.env
        proofs = getattr(env, "proof_list", {})
        found = []
        for page in reading_order(env):
            here = [node for node in env.get_doctree(page).findall(nodes.Element) if node.get("label") in proofs]
            if entries := [IndexEntry(_name(env, page, node), 0, page, node["label"], "", "", "") for node in here]:
                found.append((_title(env, page), entries))
        return found, False


def _title(env: Any, page: str) -> str:
    number = env.toc_secnumbers.get(page, {}).get("", ())
    return " ".join([*(f"{part}." for part in number[:1]), env.titles[page].astext()])


def _name(env: Any, page: str, node: nodes.Element) -> str:
    """As it stands above the statement: "Theorem 6.2 (Facing pairs)"."""
    number = env.toc_fignumbers.get(page, {}).get(node["countertype"], {}).get(node["label"], ())
    title = node.next_node(nodes.title)
    parts = [node["realtype"].capitalize(), ".".join(map(str, number)), title.astext().strip() if title else ""]
    return " ".join(filter(None, parts))


def setup(app: Sphinx) -> dict[str, bool]:
    ProofDomain.indices = [Statements]
    return {"parallel_read_safe": True, "parallel_write_safe": True}
