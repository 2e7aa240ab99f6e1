"""To take away: each chapter's notebook, text (.md) and code (.py), and the whole book; and, where the repository has an
address, buttons that open a chapter on other people's machines.

The addresses are `repository: url` and `whole_book` in `_config.yml`, and nowhere else. While they are empty, nothing
leads there.
"""

import re
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from fill_in import fill_in
from sphinx.application import Sphinx
from sphinx.config import Config

PUBLISHED = "gh-pages"  # the branch that serves the rendered book; its notebooks install the package
HOW = "book/how_to_run"  # the page that says how the whole book is taken away
FIRST = "install"  # the id of the cell that comes first
FORMATS = {".md": ("md:myst", "Download the text"), ".py": ("py:percent", "Download the code")}
EXTRAS = "book,vision"  # what chapters import besides the package: `glue` is the book's
NEEDS = """\
**This notebook needs the package mixbook.** In a clone of the book's repository: `pip install '.[{extras}]'`. Then open it
inside the clone, in `{folder}`: some pages read results that lie there."""
INSTALL = """\
# Installs mixbook where it is missing, with the results that the pages read.
import importlib.util, os, sys

if importlib.util.find_spec("mixbook") is None:
    !git clone --quiet --depth 1 {url} mixbook-repository
    %pip install --quiet "./mixbook-repository[{extras}]"
if os.path.isdir("mixbook-repository/{folder}"):  # after a restart too
    os.chdir("mixbook-repository/{folder}")"""


def configure(app: Sphinx, config: Config) -> None:
    if not config.html_theme_options.get("repository_url"):
        config.html_theme_options["launch_buttons"] = {}


def offer(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object) -> None:
    """Two more entries in the menu of downloads; and Colab, which knows no environment, gets the cell that installs."""
    if context.get("page_source_suffix") != ".ipynb":
        return
    launch = next((group["buttons"] for group in context["header_buttons"] if group.get("label") == "launch-buttons"), [])
    for button in launch:
        if button["text"] == "Colab":
            button["url"] = re.sub(r"/blob/[^/]+/", f"/blob/{PUBLISHED}/_sources/", button["url"])
    for at, (suffix, (_, tooltip)) in enumerate(FORMATS.items(), 1):
        url = f"{context['pathto']('_sources', 1)}/{Path(context['sourcename']).with_suffix(suffix).as_posix()}"
        _menu(context).insert(at, _entry(suffix, url, tooltip))


def offer_the_book(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object) -> None:
    """Each page's menu ends with the files of the whole book that have an address, or with how they are made."""
    if context.get("page_source_suffix"):
        files = {f"whole book, {suffix}": url for suffix, url in app.config.whole_book.items() if url}
        how = context["pathto"](HOW).removesuffix("#")  # from the page itself the way there is "#"
        for text, url in (files or {"whole book": f"{how}#take-it-away"}).items():
            _menu(context).append(_entry(text, url, "Take the whole book away"))


def _menu(context: dict[str, Any]) -> list[dict[str, str]]:
    return next(button["buttons"] for button in context["header_buttons"] if button.get("label") == "download-buttons")


def _entry(text: str, url: str, tooltip: str) -> dict[str, str]:
    label = f"download-{re.sub('[^a-z]+', '-', text).strip('-')}-button"
    return {"type": "link", "url": url, "text": text, "tooltip": tooltip, "icon": "fas fa-file", "label": label}


def convert(app: Sphinx, error: Exception | None) -> None:
    """Fill in values in the notebooks that Sphinx has copied, and write the other formats beside them; the notebooks get a
    first cell that installs the package, or says how.
    """
    sources = Path(app.outdir) / "_sources"
    for path in [] if error else sorted(sources.rglob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        if notebook.cells[0].id != FIRST:
            fill_in(notebook)
            for suffix, (kind, _) in FORMATS.items():
                path.with_suffix(suffix).write_text(jupytext.writes(notebook, fmt=kind), encoding="utf-8")
            with_install(notebook, path.relative_to(sources), app.config.html_theme_options.get("repository_url", ""))
            nbformat.write(notebook, path)


def with_install(notebook: nbformat.NotebookNode, page: Path, url: str) -> None:
    """Put a cell first that installs the package from the repository's address; without one, a cell that says how."""
    folder = page.parent.as_posix()
    if url:
        cell = nbformat.v4.new_code_cell(INSTALL.format(url=url, extras=EXTRAS, folder=folder), id=FIRST)
    else:
        cell = nbformat.v4.new_markdown_cell(NEEDS.format(extras=EXTRAS, folder=folder), id=FIRST)
    notebook.cells.insert(0, cell)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_config_value("whole_book", {}, "env", dict)
    app.connect("config-inited", configure)
    app.connect("html-page-context", offer, priority=600)  # after the theme's own buttons
    app.connect("html-page-context", offer_the_book, priority=600)
    app.connect("build-finished", convert)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
