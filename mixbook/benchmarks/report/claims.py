"""The claims of the five papers, as ``printed/claims.csv`` lists them."""

import csv
import io
from functools import cache
from importlib.resources import files
from typing import Any

from mixbook.benchmarks.report.claim import Claim


@cache
def claims() -> tuple[Claim, ...]:
    """All claims, in the order of the papers."""
    text = files("mixbook.benchmarks").joinpath("printed", "claims.csv").read_text(encoding="utf-8")
    return tuple(_claim(row) for row in csv.DictReader(io.StringIO(text), strict=True))


def _claim(row: dict[str, str]) -> Claim:
    words: dict[str, Any] = dict(row)
    words["sign"] = {"yes": 1, "no": -1}[words.pop("more_is_better")]
    several = ("same", "tables", "experiments", "datasets")
    lists = {name: tuple(row[name].split("|")) if row[name] else () for name in several}
    return Claim(**words | lists)
