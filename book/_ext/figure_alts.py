"""Alt texts that depend on results: `{name}` in one becomes what a cell of the page glued under that name."""

import ast
import json
import re
from typing import Any

from pages import glued
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

NAME = re.compile(r"\{([^{}]+)\}")


def _plain(record: str) -> str:
    return str(ast.literal_eval(record)) if record[:1] in "'\"" else record


def fill(notebook: dict[str, Any]) -> bool:
    """Put glued texts into the alt texts of an executed notebook, in place; whether there were any to put.

    Raises:
        KeyError: a name that no cell glued.
    """
    images = [cell["metadata"].get("mystnb", {}).get("image", {}) for cell in notebook["cells"]]
    wanting = [image for image in images if NAME.search(image.get("alt", ""))]
    if wanting:
        found = {name: _plain(record) for name, record in glued(notebook).items()}
        for image in wanting:
            image["alt"] = NAME.sub(lambda name: found[name[1]], image["alt"])
    return bool(wanting)


def read(app: Sphinx, page: str, source: list[str]) -> None:
    if str(app.env.doc2path(page)).endswith(".ipynb"):
        notebook = json.loads(source[0])
        try:
            if fill(notebook):
                source[0] = json.dumps(notebook)
        except KeyError as error:
            raise ExtensionError(f"{page}: an alt text asks for {error}, which no cell of the page has glued") from None


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
