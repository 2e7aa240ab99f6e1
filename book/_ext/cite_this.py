"""How to cite a page, and under which licence it is: a BibTeX entry and a line at its foot, made from CITATION.cff."""

import re
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from sphinx.application import Sphinx

SOURCE = "CITATION.cff"
REUSE = "book/how_to_run", "#cite-and-reuse"  # where the licence is explained


def bibtex(citation: dict[str, Any], page: str = "", address: str = "") -> str:
    """The entry of the whole book, or of one of its pages."""
    authors = " and ".join(_name(author) for author in citation["authors"])
    fields = {
        "title": f"{{{citation['title']}}}",
        "author": f"{{{authors}}}",
        "year": str(citation.get("date-released", date.today()))[:4],  # of what is not released: when the book was built
        "version": citation["version"],
        "note": page and f"Chapter: {page}",
        "url": address,
    }
    lines = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
    return "@software{mixbook,\n" + ",\n".join(lines) + "\n}"


def _name(author: dict[str, str]) -> str:
    return author.get("name") or f"{author['family-names']}, {author['given-names']}"


@cache
def _citation(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def add(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object) -> None:
    title = "" if pagename == app.config.root_doc else re.sub(r"<[^>]*>", "", context.get("title") or "")
    address = app.config.html_theme_options.get("repository_url", "")
    citation = _citation(Path(app.confdir) / SOURCE)
    context["bibtex"] = bibtex(citation, title, address)
    context["licence"] = citation["license"]
    context["licence_page"] = context["pathto"](REUSE[0]).removesuffix("#") + REUSE[1]


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", add)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
