"""What the five papers print: every number of their tables and texts, and their figures without numbers."""

import csv
import io
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_NAMED_BY = ("paper", "table", "method", "params")  # what not_measured.csv names a value by


@dataclass(frozen=True)
class PrintedValue:
    """One printed number, with the columns that ``printed/README.md`` explains. ``value`` keeps the printed digits.

    Example:
        >>> from mixbook.benchmarks.printed import printed_values
        >>> wanted = ("kmixup-tmlr", "iris")
        >>> row = next(row for row in printed_values() if (row.paper, row.dataset) == wanted)
        >>> row.method, row.unit, type(row.number).__name__
        ('erm', '%', 'float')
    """

    paper: str
    table: str
    dataset: str
    model: str
    method: str
    params: str
    metric: str
    unit: str
    value: str
    std: str
    n_trials: str
    note: str

    @property
    def number(self) -> float:
        """The value as a number, in ``unit``."""
        return float(self.value)


@dataclass(frozen=True)
class PrintedFigure:
    """A figure that prints no numbers: which one, and what it shows.

    Example:
        >>> from mixbook.benchmarks.printed import PrintedFigure
        >>> shows = "why hidden states flatten (a drawing of the idea)"
        >>> PrintedFigure("manifold", "Figure 3", shows).is_drawing
        True
    """

    paper: str
    figure: str
    shows: str

    @property
    def is_drawing(self) -> bool:
        """Whether it pictures an idea, so that there is nothing to run."""
        return self.shows.endswith("(a drawing of the idea)")


@cache
def printed_values() -> tuple[PrintedValue, ...]:
    """All printed values, in the order of the papers.

    Example:
        >>> from mixbook.benchmarks.printed import printed_values
        >>> row = printed_values()[0]
        >>> row.paper, row.table, row.metric
        ('kmixup-v1', 'Figure 3a', 'accuracy')
    """
    return tuple(PrintedValue(**row) for row in printed_rows("paper_tables.csv"))


@cache
def not_measured() -> dict[PrintedValue, str]:
    """Printed values that are no measurement of the paper, so nothing can be run again: each with the reason.

    Example:
        >>> from mixbook.benchmarks.printed import not_measured, printed_values
        >>> len(not_measured()) < len(printed_values()), all(not_measured().values())  # each has its reason
        (True, True)
    """
    reasons = {tuple(row[name] for name in _NAMED_BY): row["reason"] for row in printed_rows("not_measured.csv")}
    homes = {row: tuple(getattr(row, name) for name in _NAMED_BY) for row in printed_values()}
    return {row: reasons[home] for row, home in homes.items() if home in reasons}


@cache
def printed_figures() -> tuple[PrintedFigure, ...]:
    """All figures without printed numbers, in the order of the papers.

    Example:
        >>> from mixbook.benchmarks.printed import printed_figures
        >>> sorted({figure.paper for figure in printed_figures()})
        ['datadep', 'kmixup-tmlr', 'kmixup-v1', 'manifold', 'multimix']
    """
    return tuple(PrintedFigure(**row) for row in printed_rows("figures.csv"))


def parse_params(params: str) -> dict[str, str]:
    """``"k=2;alpha=0.1"`` as ``{"k": "2", "alpha": "0.1"}``.

    Example:
        >>> from mixbook.benchmarks.printed import parse_params
        >>> parse_params("k=2;alpha=0.1")
        {'k': '2', 'alpha': '0.1'}
    """
    return dict(pair.split("=", 1) for pair in params.split(";") if pair)


def printed_rows(name: str) -> list[dict[str, str]]:
    """The rows of a file of ``printed/``, by column.

    Example:
        >>> from mixbook.benchmarks.printed import printed_rows
        >>> list(printed_rows("figures.csv")[0])
        ['paper', 'figure', 'shows']
    """
    text = files("mixbook.benchmarks").joinpath("printed", name).read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text), strict=True))
