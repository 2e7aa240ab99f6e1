"""Ours beside print: mean and interval over trials for each printed cell, and whether the two can be compared at all."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.estimate import UNBROKEN, Estimate, rounded, with_interval
from mixbook.benchmarks.printed import PrintedValue
from mixbook.benchmarks.results import Results, Trial
from mixbook.benchmarks.spec import Cell, Experiment
from mixbook.intervals import interval


@dataclass(frozen=True)
class Comparison(Estimate):
    """A printed value and our trials of the same cell. Everything is in the printed unit; without trials, ours is None.

    ``of`` is how many trials there should be, where some are missing: not run yet, or of networks that did not learn and
    have no number. None where none is missing. ``alphas`` are those that the trials were mixed with, where they say it: at
    k > 1 alpha may have been raised until xi is that of k = 1, at most up to ``cap``. ``numbers`` are those of the trials;
    empty for 0, 1, ...

    Example:
        >>> from mixbook.benchmarks.compare import Comparison
        >>> from mixbook.benchmarks.printed import printed_values
        >>> from mixbook.benchmarks.spec import Cell
        >>> printed = printed_values()[0]
        >>> ours = Comparison(Cell(printed.method, printed.params), printed, values=(1.0, 2.0, 3.0))
        >>> ours.n, ours.mean, round(ours.half_width, 3)
        (3, 2.0, 2.484)
    """

    cell: Cell
    printed: PrintedValue
    values: tuple[float, ...]
    of: int | None = None
    alphas: tuple[float, ...] = ()
    numbers: tuple[int, ...] = ()
    cap: float | None = None

    @property
    def by_number(self) -> dict[int, float]:
        """The values, by the number of the trial."""
        return dict(zip(self.numbers or range(self.n), self.values, strict=True))

    @property
    def n(self) -> int:
        """Number of trials."""
        return len(self.values)

    @property
    def difference(self) -> float | None:
        """Ours minus printed."""
        return None if self.mean is None else self.mean - self.printed.number

    @property
    def alpha_used(self) -> str:
        """The alpha that the trials were mixed with, or the least and the largest; "" where it is the cell's own.

        One that was raised up to the cap, and so does not keep xi, has a star.

        Example:
            >>> from mixbook.benchmarks.compare import Comparison
            >>> from mixbook.benchmarks.printed import printed_values
            >>> from mixbook.benchmarks.spec import Cell
            >>> cell = Cell("kmixup", "k=16;alpha=1;xi=0.22")
            >>> Comparison(cell, printed_values()[0], values=(1.0, 2.0), alphas=(9.5, 11.25)).alpha_used
            '9.5 to 11.2'
        """
        if not self.alphas or set(self.alphas) == {self.cell.value("alpha")}:
            return ""
        ends = min(self.alphas), max(self.alphas)
        return " to ".join(dict.fromkeys(f"{alpha:.3g}{'*' if alpha == self.cap else ''}" for alpha in ends))

    def as_dict(self) -> dict[str, Any]:
        """Plain values, the trials among them, as ``mixbook bench compare --json`` prints them."""
        return {
            "method": self.cell.method,
            "parameters": self.cell.params,
            "metric": self.printed.metric,
            "unit": self.printed.unit,
            "printed": self.printed.number,
            "mean": self.mean,
            "half_width": self.half_width,
            "difference": self.difference,
            "of": self.n if self.of is None else self.of,
            "trials": [{"number": number, "value": value} for number, value in self.by_number.items()],
            "alphas": list(self.alphas),
        }


@dataclass(frozen=True)
class Comparability:
    """Whether our ERM lands close enough to the printed one for the rest to be compared, and why."""

    comparable: bool
    reason: str


def fullest_results(experiment: Experiment, folder: Path, profile: str | None = None) -> Results:
    """The results of ``profile``, or those of :func:`whole_results`, or of the fullest profile that has begun; no smoke.

    Raises:
        BenchmarkError: if there are none; the message says how to make them.
    """
    names = [profile] if profile else experiment.to_show
    there = [results for name in names if (results := Results(experiment, name, folder)).exists()]
    if not there:
        how = f" with profile {profile}" if profile else ""
        raise BenchmarkError(
            f"{experiment.name} has not been run yet{how}, as far as {folder} says: "
            f"mixbook bench run {experiment.name} --profile {names[0]}"
        )
    return whole_results(experiment, folder, names) or there[-1]


def whole_results(
    experiment: Experiment, folder: Path, profiles: Sequence[str] | None = None, cells: Collection[Cell] | None = None
) -> Results | None:
    """The results of the fullest profile that is finished; if none is, of the fullest that has whole cells, if any.

    Args:
        experiment: which.
        folder: where results lie (``book/results``).
        profiles: of these, the smallest first; by default of all but smoke.
        cells: finished is what has all of these; by default all that the profile runs.

    Raises:
        ResultsError: if results are damaged or belong to another protocol.

    Example:
        >>> from pathlib import Path
        >>> from mixbook.benchmarks.compare import whole_results
        >>> from mixbook.benchmarks.experiments import get_experiment
        >>> whole_results(get_experiment("kmixup-tmlr-table5-iris"), Path("nowhere")) is None
        True
    """
    names = experiment.to_show if profiles is None else profiles
    whole = None
    for name in reversed(names):
        results = Results(experiment, name, folder)
        there = results.load().keys()
        if there and there >= set(experiment.selected(name) if cells is None else cells):
            return results
        whole = whole or (results if there else None)
    return whole


def compare(results: Results, *, begun: bool = False) -> list[Comparison]:
    """One comparison for each printed value of the experiment, in printed order; cells not run yet have no trials.

    Args:
        results: ours.
        begun: take cells that have some of their trials only as far as they are. Else they count as not run.

    Raises:
        ResultsError: if the results are damaged or belong to another protocol.

    Example:
        >>> from pathlib import Path
        >>> from mixbook.benchmarks.compare import compare
        >>> from mixbook.benchmarks.experiments import get_experiment
        >>> from mixbook.benchmarks.results import Results
        >>> iris = get_experiment("kmixup-tmlr-table5-iris")
        >>> results = Results(iris, "laptop", Path("nowhere"))  # with nothing in it
        >>> [(each.printed.method, each.n) for each in compare(results)][:2]
        [('erm', 0), ('mixup', 0)]
    """
    cells, some = results.load(), results.begun() if begun else {}
    trials = results.experiment.profile(results.profile).trials
    there = {**cells, **some}
    cap = results.experiment.values.get("alpha_cap")
    comparisons = [_comparison(row, there, cap) for row in results.experiment.printed]
    return [replace(each, of=trials) if each.cell in there and each.n < trials else each for each in comparisons]


def verdict(experiment: Experiment, comparisons: Sequence[Comparison]) -> Comparability | None:
    """Whether ERM lands within the band that was set before the run, or print within our interval; None if ERM is not run.

    Network, split and schedule are only partly known. Where even plain training comes out elsewhere, differences between
    methods say little about the paper's.

    Example:
        >>> from mixbook.benchmarks.compare import Comparison, verdict
        >>> from mixbook.benchmarks.experiments import get_experiment
        >>> experiment = get_experiment("kmixup-tmlr-table5-iris")
        >>> cell, erm = experiment.cells[0], experiment.printed[0]  # without mixing
        >>> verdict(experiment, [Comparison(cell, erm, values=(erm.number, erm.number + 0.1))]).comparable
        True
    """
    erm = next((c for c in comparisons if c.cell.method == "erm" and c.values), None)
    if erm is None or erm.difference is None:
        return None
    off, half = abs(erm.difference), erm.half_width
    band = f"the band set beforehand is {experiment.band:g}"
    ours = f"ERM is {erm.mean:.2f} here and {erm.printed.value} in print, {off:.2f} points apart"
    if off <= experiment.band:
        return Comparability(True, f"{ours}; {band}")
    if half is None:
        return Comparability(False, f"{ours}; {band}, and one trial has no interval")
    if off <= half:
        return Comparability(True, f"{ours}; our interval, ±{half:.2f}, holds the printed value")
    return Comparability(False, f"{ours}; {band}, and our interval is ±{half:.2f}")


def paired(ours: Comparison, other: Comparison) -> tuple[float, float]:
    """Mean of ``ours - other`` over the trials that both have, and half its 95% interval.

    Trial t has the same split, weights and order of samples in every cell, so trials are compared one by one: what a hard
    split costs both cancels.

    Raises:
        ValueError: if the two do not share at least two trials.

    Example:
        >>> from mixbook.benchmarks.compare import Comparison, paired
        >>> from mixbook.benchmarks.printed import printed_values
        >>> from mixbook.benchmarks.spec import Cell
        >>> first, second = printed_values()[:2]
        >>> ours = Comparison(Cell(first.method, first.params), first, values=(2.0, 3.0, 5.0))
        >>> other = Comparison(Cell(second.method, second.params), second, values=(1.0, 2.0, 3.0))
        >>> tuple(round(number, 3) for number in paired(ours, other))
        (1.333, 1.434)
    """
    first, second = ours.by_number, other.by_number
    shared = sorted(first.keys() & second.keys())
    if len(shared) < 2:
        raise ValueError(f"both must share at least two trials, got {sorted(first)} and {sorted(second)}")
    mean, half = interval([first[number] - second[number] for number in shared])
    return float(mean), float(half)


def same(mean: float, other: float) -> bool:
    """Whether two means of what is to be held constant, such as xi, are taken for one: within half a percent.

    Example:
        >>> from mixbook.benchmarks.compare import same
        >>> same(4.99, 5.0), same(4.9, 5.0)
        (True, False)
    """
    return math.isclose(mean, other, rel_tol=0.005)


def as_table(comparisons: Sequence[Comparison], *, alphas: bool = False) -> list[dict[str, str]]:
    """The comparisons as rows of text, for a terminal or a page; ours with half the width of its 95% interval.

    Args:
        comparisons: a row for each.
        alphas: with a column of the alpha that the trials were mixed with, if any is not the one in the cell's name.

    Example:
        >>> from mixbook.benchmarks.compare import Comparison, as_table
        >>> from mixbook.benchmarks.printed import printed_values
        >>> from mixbook.benchmarks.spec import Cell
        >>> printed = printed_values()[0]
        >>> cell = Cell(printed.method, printed.params)
        >>> rows = as_table([Comparison(cell, printed, values=(1.0, 2.0, 3.0))])
        >>> sorted(rows[0])
        ['method', 'n', 'ours', 'ours - printed', 'parameters', 'printed accuracy [%]']
    """
    quantities = {f"{c.printed.metric} [{c.printed.unit}]" for c in comparisons}
    printed = f"printed {quantities.pop()}" if len(quantities) == 1 else "printed"
    used = alphas and any(c.alpha_used for c in comparisons)
    return [
        {
            "method": c.cell.method,
            "parameters": c.cell.params.replace(";", ", "),
            **({"alpha used": c.alpha_used} if used else {}),
            **({} if not quantities else {"what": f"{c.printed.metric} [{c.printed.unit}]"}),
            printed: c.printed.value,
            "ours": _ours(c),
            "n": f"{c.n} of {c.of}" if c.of else str(c.n or ""),
            "ours - printed": "" if c.difference is None else rounded(c.difference, _digits(c), sign="+"),
        }
        for c in comparisons
    ]


def _ours(comparison: Comparison) -> str:
    if comparison.mean is None:
        return "no number" if comparison.of else "not run yet"
    return with_interval(comparison.mean, comparison.half_width, _digits(comparison), mark=UNBROKEN)


def _digits(comparison: Comparison) -> int:
    """Decimals to show: those of print, at least two."""
    return max(2, len(comparison.printed.value.partition(".")[2]))


def _comparison(row: PrintedValue, cells: dict[Cell, list[Trial]], cap: float | None) -> Comparison:
    cell = Cell(row.method, row.params)
    trials = [trial for trial in cells.get(cell, []) if math.isfinite(trial.metrics[row.metric])]  # NaN: it did not learn
    values = tuple(trial.metrics[row.metric] for trial in trials)
    named = "alpha" in cell.answers()
    alphas = tuple(trial.metrics["alpha"] for trial in trials if named and "alpha" in trial.metrics)
    numbers = tuple(trial.number for trial in trials)
    return Comparison(cell, row, values, alphas=alphas, numbers=numbers, cap=cap)
