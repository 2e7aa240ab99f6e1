"""Methods beside each other, for tables of our own: mean, interval, and the paired difference from plain training."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mixbook.benchmarks.compare import half_width
from mixbook.benchmarks.results import Results
from mixbook.benchmarks.spec import Cell


@dataclass(frozen=True)
class Standing:
    """One method on one metric: every trial's value, and its difference from ERM in the same trial."""

    cell: Cell
    metric: str
    values: tuple[float, ...]
    gains: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean over trials."""
        return float(np.mean(self.values))

    @property
    def gain(self) -> float:
        """Mean over trials of ERM minus this method: positive where it is better (all metrics are losses)."""
        return float(np.mean(self.gains))

    @property
    def gain_half_width(self) -> float:
        """Half the width of the 95% interval of the gain. Trials share split and initial weights, so it is a paired one."""
        return half_width(self.gains) or 0.0


def standings(results: Results, metric: str) -> list[Standing]:
    """The methods in the order of the experiment, those that were run.

    Raises:
        ResultsError: if the results are damaged or belong to another protocol.
    """
    cells = {cell: [trial.metrics[metric] for trial in trials] for cell, trials in results.load().items()}
    base = next((values for cell, values in cells.items() if cell.method == "erm"), None)
    if base is None:
        return []
    return [
        Standing(cell, metric, tuple(values), tuple(b - v for b, v in zip(base, values, strict=True)))
        for cell in results.experiment.cells
        if (values := cells.get(cell))
    ]


def as_table(results: Results, metrics: Sequence[str] = ("error", "nll", "ece")) -> list[dict[str, str]]:
    """One row per method: mean and 95% interval of each metric, the gain over ERM in the first one, n."""
    by_metric = {metric: {s.cell: s for s in standings(results, metric)} for metric in metrics}
    rows = []
    for cell, first in by_metric[metrics[0]].items():
        row = {"method": cell.method, "parameters": cell.params.replace(";", " ")}
        for metric in metrics:
            standing = by_metric[metric][cell]
            half = half_width(standing.values)
            row[metric] = f"{standing.mean:.2f}" + (f" ±{half:.2f}" if half is not None else "")
        is_base = cell.method == "erm"
        row[f"less {metrics[0]} than ERM"] = "" if is_base else f"{first.gain:.2f} ±{first.gain_half_width:.2f}"
        row["n"] = str(len(first.values))
        rows.append(row)
    return rows
