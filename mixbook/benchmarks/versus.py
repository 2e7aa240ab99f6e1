"""Methods beside each other, for tables of our own: mean, interval, and the paired difference from plain training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mixbook.benchmarks.estimate import Estimate, half_width, with_interval
from mixbook.benchmarks.results import Results, Trial
from mixbook.benchmarks.spec import Cell
from mixbook.benchmarks.tidy import pairs


@dataclass(frozen=True)
class Standing(Estimate):
    """One method on one metric: every trial's value, and the differences from ERM of the trials that both have."""

    cell: Cell
    metric: str
    values: tuple[float, ...]
    gains: tuple[float, ...]

    @property
    def gain(self) -> float | None:
        """Mean over trials of ERM minus this method: positive where it is better (all metrics are losses).

        None where the two share no trial.
        """
        return float(np.mean(self.gains)) if self.gains else None

    @property
    def gain_half_width(self) -> float | None:
        """Half the 95% interval of the gain, paired, as trials share split and initial weights; None for one trial."""
        return half_width(self.gains)


def standings(results: Results, metric: str) -> list[Standing]:
    """The methods in the order of the experiment, those that were run.

    Trials are paired by their number: networks that did not learn may be missing among those of a cell.

    Raises:
        ResultsError: if the results are damaged or belong to another protocol.
    """
    cells = results.load()
    base = next((trials for cell, trials in cells.items() if cell.method == "erm"), None)
    if base is None:
        return []
    return [
        Standing(
            cell,
            metric,
            tuple(trial.metrics[metric] for trial in trials),
            tuple(plain.metrics[metric] - trial.metrics[metric] for plain, trial in pairs(base, trials)),
        )
        for cell in results.experiment.cells
        if (trials := cells.get(cell))
    ]


def as_table(results: Results, metrics: Sequence[str] | None = None) -> list[dict[str, str]]:
    """One row per method: mean and 95% interval of each metric, n; with an ERM among them, the gain over it in the first.

    Args:
        results: of a table of our own.
        metrics: which; error, NLL and ECE if None, or where there is no error the first few that were measured. Points of
            curves and maps (``error@50``) are left out.

    Raises:
        ResultsError: if the results are damaged or belong to another protocol.
    """
    cells = results.load()
    names = list(metrics or _usual(cells))
    gains = {s.cell: s for s in standings(results, names[0])} if names else {}
    rows = []
    for cell in (cell for cell in results.experiment.cells if cell in cells):
        row = {"method": cell.method, "parameters": cell.params.replace(";", " ")}
        for metric in names:
            values = [trial.metrics[metric] for trial in cells[cell]]
            row[metric] = with_interval(float(np.mean(values)), half_width(values))
        if gains:
            gain = gains[cell]
            row[f"less {names[0]} than ERM"] = (
                "" if cell.method == "erm" else with_interval(gain.gain, gain.gain_half_width)
            )
        rows.append(row | {"n": str(len(cells[cell]))})
    return rows


def as_dicts(results: Results) -> list[dict[str, Any]]:
    """The methods in plain values: mean, half its 95% interval and every trial of each metric, points of curves too.

    Raises:
        ResultsError: if the results are damaged or belong to another protocol.
    """
    cells = results.load()
    return [
        {"method": cell.method, "parameters": cell.params, "metrics": _metrics(cells[cell])}
        for cell in results.experiment.cells
        if cell in cells
    ]


def _metrics(trials: Sequence[Trial]) -> dict[str, Any]:
    found = {}
    for name in trials[0].metrics:
        values = [trial.metrics[name] for trial in trials]
        each = [{"number": trial.number, "value": value} for trial, value in zip(trials, values, strict=True)]
        found[name] = {"mean": float(np.mean(values)), "half_width": half_width(values), "trials": each}
    return found


def _usual(cells: Mapping[Cell, Sequence[Trial]]) -> list[str]:
    """Error, NLL and ECE as far as they were measured; else the first three metrics that are no point of a curve or map."""
    measured = [name for name in next((trials[0].metrics for trials in cells.values()), {}) if "@" not in name]
    return [name for name in ("error", "nll", "ece") if name in measured] or measured[:3]
