"""Rows of values as a table: in HTML for a page, in columns for a terminal, in LaTeX for a paper."""

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from mixbook.benchmarks.spec import Experiment

Rows = Sequence[Mapping[str, Any]]


def protocol_rows(experiment: Experiment) -> list[dict[str, str]]:
    """The protocol of an experiment: each setting, its value, and where it is stated or why we chose it."""
    return [
        {"setting": s.name, "value": _plain(s.value), "why": s.why if s.stated else f"our choice: {s.why}"}
        for s in experiment.settings
    ]


def html(rows: Rows) -> str:
    """An HTML table; the keys of the first row are the header, and columns of numbers are to the right."""
    if not rows:
        return ""
    align = ["right" if r else "left" for r in _numbers(rows)]

    def line(tag: str, values: Iterable[Any]) -> str:
        cells = (_cell(tag, a, str(value)) for a, value in zip(align, values, strict=True))
        return f"<tr>{''.join(cells)}</tr>"

    body = "\n".join(line("td", row.values()) for row in rows)
    return f'<table class="dataframe">\n<thead>{line("th", rows[0])}</thead>\n<tbody>\n{body}\n</tbody>\n</table>'


def columns(rows: Rows) -> str:
    """Text in aligned columns; columns of numbers to the right."""
    if not rows:
        return ""
    cells = [list(rows[0]), *[[str(value) for value in row.values()] for row in rows]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    right = _numbers(rows)
    lines = [[v.rjust(w) if r else v.ljust(w) for v, w, r in zip(line, widths, right, strict=True)] for line in cells]
    return "\n".join("  ".join(line).rstrip() for line in lines)


def latex(rows: Rows) -> str:
    r"""A ``tabular`` with the rules of the package booktabs; columns of numbers to the right.

    Example:
        >>> from mixbook.benchmarks.tables import latex
        >>> print(latex([{"method": "all_four", "error [%]": "-0.50 ±0.25"}]))
        \begin{tabular}{lr}
        \toprule
        method & error [\%] \\
        \midrule
        all\_four & $-0.50 \pm 0.25$ \\
        \bottomrule
        \end{tabular}
    """
    if not rows:
        return ""
    head, *body = [" & ".join(map(_in_latex, map(str, line))) + r" \\" for line in (rows[0], *(r.values() for r in rows))]
    align = "".join("r" if r else "l" for r in _numbers(rows))
    top, end = [rf"\begin{{tabular}}{{{align}}}", r"\toprule", head, r"\midrule"], [r"\bottomrule", r"\end{tabular}"]
    return "\n".join([*top, *body, *end])


def show(rows: Rows) -> None:
    """Display rows as a table in a notebook."""
    from IPython.display import HTML, display

    display(HTML(html(rows)))


def _cell(tag: str, align: str, text: str) -> str:
    # Short entries stay on one line and long ones keep some width: a table that is then too wide scrolls inside itself.
    style = [f"text-align: {align}", "padding: 0.15rem 0.5rem"]
    if tag == "td" and len(text) <= 16:
        style.append("white-space: nowrap")
    if len(text) > 60:
        style.append("min-width: 14rem")
    return f'<{tag} style="{"; ".join(style)}">{escape(text)}</{tag}>'


_ESCAPED = str.maketrans(
    {sign: "\\" + sign for sign in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
)


def _in_latex(text: str) -> str:
    escaped = text.translate(_ESCAPED)
    if not text or not _is_number(text):
        return escaped
    return "$" + re.sub(r"\s*±\s*", r" \\pm ", escaped.strip()) + "$"


def _numbers(rows: Rows) -> list[bool]:
    """Whether each column holds nothing but numbers."""
    return [all(_is_number(str(value)) for value in column) for column in zip(*(row.values() for row in rows), strict=True)]


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return ", ".join(map(_plain, value)) if isinstance(value, tuple) else str(value)


def _is_number(text: str) -> bool:
    try:
        float(text.partition("±")[0].rstrip("% ") or 0)
    except ValueError:
        return False
    return True
