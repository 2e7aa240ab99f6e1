"""Gains that a paper states as a number, such as "better by 0.53 points", against ours."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mixbook.benchmarks.compare import compare, whole_results
from mixbook.benchmarks.estimate import Estimate
from mixbook.benchmarks.experiments import all_experiments
from mixbook.benchmarks.printed import PrintedValue, not_measured, printed_values
from mixbook.benchmarks.report.claim import Verdict
from mixbook.benchmarks.report.judge import decide


@dataclass(frozen=True)
class Stated(Estimate):
    """A gain in print and our trials of it, in the printed unit.

    Args:
        printed: the sentence.
        values: ours, one gain for each trial; none if it is not run.
        experiment: whose; empty if there is none.
        of: how many trials there should be, where networks did not learn and some are missing.
    """

    printed: PrintedValue
    values: tuple[float, ...]
    experiment: str = ""
    of: int | None = None

    @property
    def verdict(self) -> Verdict:
        """Whether the gain is there at all, in the direction of print; its size is another question.

        Where trials are missing, one of the two sides may not have learned in them: the rest decides nothing.
        """
        if not self.values and not self.of:
            return "not yet run"
        return "undecided" if self.of else decide([float(value * np.sign(self.printed.number)) for value in self.values])

    @property
    def size(self) -> str:
        """Ours against the printed size: ``as printed`` where our interval holds it."""
        if self.mean is None or self.half_width is None or not math.isfinite(self.mean):
            return ""
        off = self.mean - self.printed.number
        return "as printed" if abs(off) <= self.half_width else "larger" if off > 0 else "smaller"


def stated_gains(folder: Path) -> list[Stated]:
    """Every gain that the papers measured and state, in their order, against the results in ``folder``.

    Raises:
        ResultsError: if results are damaged or belong to another protocol.
    """
    ours: dict[PrintedValue, Stated] = {}
    for experiment in all_experiments():
        claimed = [row for row in experiment.printed if row.metric.startswith("claimed_")]
        results = whole_results(experiment, folder) if claimed and not experiment.surrogate else None
        found = {c.printed: c for c in compare(results)} if results else {}
        for row in claimed:
            values, of = (found[row].values, found[row].of) if found else ((), None)
            ours[row] = Stated(row, values, experiment.name, of)
    rows = (row for row in printed_values() if row.metric.startswith("claimed_") and row not in not_measured())
    return [ours.get(row, Stated(row, ())) for row in rows]
