"""Each chapter to take away: its notebook, its text (.md) and its code (.py); and, where the repository has an address,
buttons that open it on other people's machines.

The address is `repository: url` in `_config.yml`, and nowhere else. While it is empty, there are no such buttons.
"""

import re
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from sphinx.application import Sphinx
from sphinx.config import Config

PUBLISHED = "gh-pages"  # the branch that serves the rendered book; its notebooks install the package
FORMATS = {".md": ("md:myst", "Download the text"), ".py": ("py:percent", "Download the code")}
INSTALL = """\
# Installs mixbook where it is missing, with the results that the pages read.
import importlib.util, os, sys

if importlib.util.find_spec("mixbook") is None:
    !git clone --quiet --depth 1 {url} mixbook-repository
    %pip install --quiet "./mixbook-repository[bench,vision]"
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
    menu = next(button for button in context["header_buttons"] if button.get("label") == "download-buttons")
    for at, (suffix, (_, tooltip)) in enumerate(FORMATS.items(), 1):
        url = f"{context['pathto']('_sources', 1)}/{Path(context['sourcename']).with_suffix(suffix).as_posix()}"
        button = {"type": "link", "url": url, "text": suffix, "tooltip": tooltip, "icon": "fas fa-file"}
        menu["buttons"].insert(at, button | {"label": f"download-{suffix[1:]}-button"})


def convert(app: Sphinx, error: Exception | None) -> None:
    """Write the other formats beside the notebooks that Sphinx has copied; those get a cell that installs the package."""
    sources = Path(app.outdir) / "_sources"
    for path in [] if error else sorted(sources.rglob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        if notebook.cells[0].id != "install":
            for suffix, (kind, _) in FORMATS.items():
                path.with_suffix(suffix).write_text(jupytext.writes(notebook, fmt=kind), encoding="utf-8")
            with_install(notebook, path.relative_to(sources), app.config.html_theme_options.get("repository_url", ""))
            nbformat.write(notebook, path)


def with_install(notebook: nbformat.NotebookNode, page: Path, url: str) -> None:
    if url:
        code = INSTALL.format(url=url, folder=page.parent.as_posix())
        notebook.cells.insert(0, nbformat.v4.new_code_cell(code, id="install"))


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("config-inited", configure)
    app.connect("html-page-context", offer, priority=600)  # after the theme's own buttons
    app.connect("build-finished", convert)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
