"""Rows of values as a table: in Markdown for a page, in columns for a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """A Markdown table; the keys of the first row are the header."""
    if not rows:
        return ""
    body = [[str(value).replace("|", r"\|") for value in row.values()] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in [list(rows[0]), ["---"] * len(rows[0]), *body])


def columns(rows: Sequence[Mapping[str, Any]]) -> str:
    """Text in aligned columns; numbers to the right."""
    if not rows:
        return ""
    cells = [list(rows[0]), *[[str(value) for value in row.values()] for row in rows]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    numeric = [all(_is_number(value) for value in column[1:]) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(v.rjust(w) if right else v.ljust(w) for v, w, right in zip(line, widths, numeric, strict=True)).rstrip()
        for line in cells
    )


def show(text: str) -> None:
    """Display Markdown as a notebook's output."""
    from IPython.display import Markdown, display

    display(Markdown(text))


def _is_number(text: str) -> bool:
    try:
        float(text.removeprefix("+-") or 0)
    except ValueError:
        return False
    return True
