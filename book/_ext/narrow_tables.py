"""Tables of results where there is little room: no column may go unnoticed, least of all the last, often the verdict.

A table that speaks in words becomes cards on a phone, a row each; told by their roles, they stay rows of a table. A table
of numbers is compared down and across: it stays one, and scrolls. The looks of both are in `_static/tables.css`.
"""

import re
from typing import Any

from sphinx.application import Sphinx

TABLE = re.compile(r'<table class="dataframe">.*?</table>', re.DOTALL)  # as mixbook/benchmarks/tables.py writes them
NAME = re.compile(r"<th\b[^>]*>(.*?)</th>")
ROW = re.compile(r"<tr\b[^>]*><td\b.*?</tr>", re.DOTALL)
LONG = "min-width"  # the mark of a long entry
VERDICTS = {"verdict", "does it stand?", "met", "why"}
PROTOCOL = ["setting", "value", "why"]  # needs no names beside its entries
MANY = 8  # columns, which on a desk need narrower type
ROLES = {"table": "table", "thead": "rowgroup", "tbody": "rowgroup", "tr": "row", "th": "columnheader", "td": "cell"}


def fitted(table: re.Match[str]) -> str:
    """The table with classes for its style; as cards, with roles, and the name of its column at each entry."""
    html, names = table[0], NAME.findall(table[0])
    classes = ["dataframe"]
    if len(names) >= MANY:
        classes.append("many")
        html = re.sub(r"(?<=\w)/(?=\w)", "/<wbr>", html)
    if LONG in html or not VERDICTS.isdisjoint(names):
        classes.append("cards")
        html = re.sub(rf"<({'|'.join(ROLES)})\b", lambda tag: f'{tag[0]} role="{ROLES[tag[1]]}"', html)
        if names == PROTOCOL:
            classes.append("protocol")
        else:
            html = ROW.sub(lambda row: _named(row[0], names), html)
    return html.replace('class="dataframe"', f'class="{" ".join(classes)}"', 1)


def _named(row: str, names: list[str]) -> str:
    name = iter(names)
    return re.sub(r"<td\b", lambda tag: f'{tag[0]} data-label="{next(name)}"', row)


def fit(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object) -> None:
    if "body" in context:
        context["body"] = TABLE.sub(fitted, context["body"])


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_js_file("unfolded.js", loading_method="defer")
    app.connect("html-page-context", fit)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
