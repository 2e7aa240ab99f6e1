"""Values in the text of a notebook that is taken away: each `{glue:text}` becomes the number that the notebook glued."""

import re

from myst_nb.core.variables import format_plain_text
from nbformat import NotebookNode
from pages import glued

TAG = re.compile(r"\{glue:text\}`([^`:]+)(?::([^`]*))?`")


def fill_in(notebook: NotebookNode) -> None:
    """Write the values into the text cells, formatted as on the page; a value that was not glued stays a tag."""
    values = glued(notebook)

    def value(tag: re.Match[str]) -> str:
        return format_plain_text(values[tag[1]], tag[2] or "") if tag[1] in values else tag[0]

    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = TAG.sub(value, cell.source)
