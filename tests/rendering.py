"""A few pages rendered as the book is, with one of its extensions."""

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace


def rendered(
    files: dict[str, str], folder: Path, *extensions: str, strict: bool = False, **settings: Any
) -> dict[str, str]:
    """The HTML of each page, from the texts of pages by their names; with ``strict`` a warning is an error."""
    source, output = folder / "source", folder / "output"
    for name, text in files.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)
    book = {"extensions": ["myst_nb", *extensions], "nb_execution_mode": "off", "suppress_warnings": ["config.cache"]}
    heard: dict[str, Any] = {"warningiserror": True} if strict else {"warning": None}
    with docutils_namespace():  # what one Sphinx registers, the next in this process does not find
        Sphinx(source, None, output, output / "trees", "html", book | settings, status=None, **heard).build()
    return {name: (output / name).with_suffix(".html").read_text() for name in files}
