"""The claims of the five papers, as ``printed/claims.csv`` lists them."""

from functools import cache
from typing import Any

from mixbook.benchmarks.printed import printed_rows
from mixbook.benchmarks.report.claim import Claim


@cache
def claims() -> tuple[Claim, ...]:
    """All claims, in the order of the papers."""
    return tuple(map(_claim, printed_rows("claims.csv")))


def _claim(row: dict[str, str]) -> Claim:
    words: dict[str, Any] = dict(row)
    words["sign"] = {"yes": 1, "no": -1}[words.pop("more_is_better")]
    several = ("same", "tables", "experiments", "datasets")
    lists = {name: tuple(row[name].split("|")) if row[name] else () for name in several}
    return Claim(**words | lists)
