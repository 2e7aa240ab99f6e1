"""What several extensions ask of pages: which come in what order, what a node lies in, and what the cells glued."""

from collections.abc import Iterator, Mapping
from typing import Any

from docutils import nodes
from sphinx.environment import BuildEnvironment

REFERENCE, GLOSSARY = "book/reference/", "book/glossary"
CHAPTERS = ("book/why/", "book/who/", "book/how_much/", "book/where/", "book/how/", "book/practice/")
PAGES = (*CHAPTERS, "book/evidence/")
PLAIN = "application/papermill.record/text/plain"


def reading_order(env: BuildEnvironment, under: str | tuple[str, ...] = "") -> list[str]:
    """The pages in the order of the table of contents; those whose names begin with ``under``."""
    return [page for page in env.toctree_includes.get(env.config.root_doc, []) if page.startswith(under)]


def around(node: nodes.Node) -> Iterator[nodes.Node]:
    """What a node lies in, from its parent outwards."""
    while node := node.parent:
        yield node


def glued(notebook: Mapping[str, Any]) -> dict[str, str]:
    """Name -> what the cells of an executed notebook glued under it, as it is written in Python."""
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    return {
        output["metadata"]["scrapbook"]["name"]: "".join(output["data"][PLAIN])
        for output in outputs
        if PLAIN in output.get("data", {})
    }
