"""The page for addresses that lead nowhere: `404.html`, which static hosting serves from the root of a site at any depth.

Its own links therefore begin at the root of the site: `html: baseurl` in `_config.yml` where that is set, or else the
folder that GitHub Pages gives the repository.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sphinx.application import Sphinx

NAME = "404"
# An address inside the book: neither a place on the page itself, nor from the root, nor elsewhere.
RELATIVE = re.compile(r'\b(href|src|action|data-content_root)="(?:\./)?(?![#/]|[a-z]+:)')


def root(baseurl: str, repository: str) -> str:
    """The path at which the book's site begins, with a slash at both ends."""
    name = repository.rstrip("/").rpartition("/")[2]
    path = urlsplit(baseurl).path if baseurl else "" if name.endswith(".github.io") else name
    return f"/{path.strip('/')}/".replace("//", "/")


def page(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    yield NAME, {"title": "There is no such page"}, "404.html"


def from_root(app: Sphinx, error: Exception | None) -> None:
    path = Path(app.outdir) / f"{NAME}.html"
    if not error:
        start = root(app.config.html_baseurl, app.config.html_theme_options.get("repository_url", ""))
        html = path.read_text(encoding="utf-8")
        path.write_text(RELATIVE.sub(rf'\1="{start}', html), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-collect-pages", page)
    app.connect("build-finished", from_root)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
