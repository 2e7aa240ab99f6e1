"""A k-mixup table as its pages read it: by alpha, the one at k = 1, and by block size k."""

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from mixbook.benchmarks.compare import Comparison, compare, fullest_results, paired, same
from mixbook.benchmarks.experiments import get_experiment
from mixbook.benchmarks.results import Results, Trial
from mixbook.benchmarks.spec import Cell


@dataclass(frozen=True)
class OverK:
    """The results of one experiment whose cells have ``k`` and ``alpha``, beside print.

    Args:
        results: ours.
        rows: the comparison of each printed cell.
    """

    results: Results
    rows: tuple[Comparison, ...]

    @classmethod
    def of(cls, name: str, folder: Path) -> "OverK":
        """The fullest results of the experiment ``name`` in ``folder`` (``book/results``).

        Raises:
            BenchmarkError: if it has not been run yet, or there is no such experiment.
        """
        results = fullest_results(get_experiment(name), folder)
        return cls(results, tuple(compare(results)))

    @cached_property
    def mixed(self) -> dict[tuple[float, int], Comparison]:
        """The cells that mix, by (alpha, k)."""
        mixing = (row for row in self.rows if row.cell.method != "erm")
        return {(row.cell.value("alpha"), int(row.cell.value("k"))): row for row in mixing}

    @property
    def alphas(self) -> list[float]:
        """Every printed alpha, ascending."""
        return sorted({alpha for alpha, _ in self.mixed})

    @property
    def ks(self) -> list[int]:
        """Every printed block size, ascending."""
        return sorted({k for _, k in self.mixed})

    @cached_property
    def erm(self) -> Comparison | None:
        """Training without mixing; None where the table has none."""
        return next((row for row in self.rows if row.cell.method == "erm"), None)

    @property
    def _sign(self) -> int:
        return 1 if self.rows[0].printed.metric == "accuracy" else -1

    def gain(self, alpha: float, k: int, over: Comparison | None = None) -> tuple[float, float]:
        """By how many points this cell is better than k = 1 at the same alpha (or than ``over``): mean, half its interval.

        Positive is better, for errors and accuracies alike. Trials are compared one by one, those that both cells have.
        """
        mean, half = paired(self.mixed[alpha, k], over or self.mixed[alpha, 1])
        return self._sign * mean, half

    def printed_gain(self, alpha: float, k: int, over: Comparison | None = None) -> float:
        """The same in print, without an interval."""
        other = over or self.mixed[alpha, 1]
        return self._sign * (self.mixed[alpha, k].printed.number - other.printed.number)

    def measured(self, alpha: float, k: int, metric: str) -> float:
        """The mean over trials of another metric of a cell, such as ``xi``."""
        return float(np.mean([trial.metrics[metric] for trial in self._cells[self.mixed[alpha, k].cell]]))

    def kept(self, alpha: float, k: int) -> float:
        """What is left of xi at this k: 1 where it is that of k = 1."""
        return self.measured(alpha, k, "xi") / self.measured(alpha, 1, "xi")

    def keeps(self, alpha: float, k: int) -> bool:
        """Whether xi at this k is taken for that of k = 1."""
        return same(self.kept(alpha, k), 1.0)

    @cached_property
    def _cells(self) -> dict[Cell, list[Trial]]:
        return self.results.load()

    def best_k(self, alpha: float, *, printed: bool = False) -> list[int]:
        """The block sizes with the best mean of a row: one, or several that tie; none that has no number."""
        values = {k: row.printed.number if printed else row.mean for (a, k), row in self.mixed.items() if a == alpha}
        scores = {k: self._sign * value for k, value in values.items() if value is not None and math.isfinite(value)}
        return [k for k, score in scores.items() if score == max(scores.values())]


def clear(gain: tuple[float, float]) -> int:
    """1 where a gain's 95% interval lies above zero, -1 where it lies below, else 0."""
    mean, half = gain
    return 1 if mean > half else -1 if -mean > half else 0
