"""Claims against the results: the gain that each is about, its interval, and what that makes of the claim."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mixbook.benchmarks.compare import compare, verdict, whole_results
from mixbook.benchmarks.estimate import Estimate, by_trial
from mixbook.benchmarks.experiments import all_experiments, get_experiment
from mixbook.benchmarks.printed import PrintedValue, not_measured, printed_values
from mixbook.benchmarks.report.claim import Claim, Verdict
from mixbook.benchmarks.results import Trial
from mixbook.benchmarks.spec import Cell, Experiment


@dataclass(frozen=True)
class Gain(Estimate):
    """By how much one cell is better than another, in the unit of the metric; positive is the claim's way.

    Args:
        cell, other: said to be better, and than which.
        printed: in print; None for what prints no numbers.
        trials: ours by the number of the trial; empty while one of the two is not run. Trials are paired: trial t of both
            cells has the same data and initial weights, as far as the experiment's protocol says so.
    """

    cell: Cell
    other: Cell
    printed: float | None
    trials: Mapping[int, float]

    @property
    def values(self) -> list[float]:
        """Ours, one for each trial."""
        return list(self.trials.values())

    @property
    def verdict(self) -> Verdict:
        """What this gain alone says."""
        return decide(self.mean, self.half_width)


@dataclass(frozen=True)
class Judged(Estimate):
    """A claim on one data set and network, and what our results say.

    Args:
        claim: which.
        table: the printed table; empty for what prints no numbers.
        dataset, model: on what; as printed, or our experiment's.
        gains: its comparisons.
        experiment, profile: where they come from; empty where there is none.
        surrogate: whether that stands in for a printed data set or network. Such results give no verdict.
        cannot: why it cannot be run, if it cannot.
        comparable: whether ERM came out close enough to print for differences to be compared; None where that is not known.
    """

    claim: Claim
    table: str
    dataset: str
    model: str
    gains: tuple[Gain, ...]
    experiment: str = ""
    profile: str = ""
    surrogate: bool = False
    comparable: bool | None = None
    cannot: str = ""

    @property
    def done(self) -> int:
        """How many of the comparisons have been run."""
        return sum(bool(gain.trials) for gain in self.gains)

    @property
    def values(self) -> list[float]:
        """The gain by trial: the mean over the comparisons, or where each must go one way the least of them by its mean.

        Where comparisons lack trials, a mean over those that a trial has would be about other comparisons in each: it is
        the mean of an additive fit, a number for each comparison and one for each trial.
        """
        if self.claim.every:
            return [] if self.least is None else self.least.values
        run = [gain for gain in self.gains if gain.trials]
        return by_trial([gain.trials for gain in run]) if run else []

    @property
    def least(self) -> Gain | None:
        """The comparison of least mean, of those that have been run."""
        return min((gain for gain in self.gains if gain.trials), key=lambda gain: gain.mean or 0.0, default=None)

    @property
    def printed(self) -> float | None:
        """The same gain in print: where each comparison must go one way, that of the one that was least here."""
        printed = [gain.printed for gain in self.gains if gain.printed is not None]
        if not printed:
            return None
        if not self.claim.every:
            return float(np.mean(printed))
        return min(printed) if self.least is None else self.least.printed

    @property
    def on_stand_in(self) -> Verdict:
        """What the results say, wherever they come from."""
        if self.cannot:
            return "cannot be run"
        if not self.gains or self.done < len(self.gains):
            return "not yet run"
        if not self.claim.every:
            return decide(self.mean, self.half_width)
        each = {gain.verdict for gain in self.gains}
        return "opposite" if "opposite" in each else "undecided" if "undecided" in each else "reproduced"

    @property
    def verdict(self) -> Verdict:
        """What they say of the claim: nothing, if they come from a surrogate."""
        return "not yet run" if self.surrogate else self.on_stand_in


def decide(mean: float | None, half: float | None) -> Verdict:
    """``reproduced`` where the 95% interval of a gain lies above zero, ``opposite`` where below, else ``undecided``."""
    if mean is None:
        return "not yet run"
    if half is None:
        return "undecided"  # one trial says nothing of how far the next would lie
    return "reproduced" if mean > half else "opposite" if -mean > half else "undecided"


def judge(claim: Claim, folder: Path) -> list[Judged]:
    """A claim against the results in ``folder`` (``book/results``): once for each data set and network that it is about.

    Raises:
        ResultsError: if results are damaged or belong to another protocol.
        BenchmarkError: if the claim names an experiment that does not exist.
    """
    if claim.experiments:
        return [_judge_own(claim, get_experiment(name), folder) for name in claim.experiments]
    rows: dict[tuple[str, str, str], list[PrintedValue]] = {}
    for row in printed_values():
        here = row.paper == claim.paper and row.table in claim.tables and row.metric == claim.metric
        if here and row.dataset in (claim.datasets or (row.dataset,)):
            rows.setdefault((row.table, row.dataset, row.model), []).append(row)
    judged = (_judge_printed(claim, *home, of_home, folder) for home, of_home in rows.items())
    return [each for each in judged if each.gains]


def _judge_printed(
    claim: Claim, table: str, dataset: str, model: str, rows: Sequence[PrintedValue], folder: Path
) -> Judged:
    printed = {Cell(row.method, row.params): row.number for row in rows}
    reasons = {Cell(row.method, row.params): why for row, why in not_measured().items() if row in rows}
    every_pair = claim.pairs(list(printed))
    pairs = [pair for pair in every_pair if not reasons.keys() & set(pair)] or every_pair
    cannot = next((reasons[cell] for pair in pairs for cell in pair if cell in reasons), "")
    home = (claim.paper, table, dataset, model)
    fits = [e for e in all_experiments() if (e.paper, e.table, e.dataset, e.model) == home]
    for experiment in sorted(fits, key=lambda e: e.surrogate):
        results = whole_results(experiment, folder)
        if results is not None:
            cells = results.load()
            gains = tuple(_gain(claim, *pair, cells, printed) for pair in pairs)
            # Both cells were run and no network learned: nothing can be compared, now or later.
            gains = tuple(gain for gain in gains if gain.trials or not {gain.cell, gain.other} <= cells.keys())
            erm = verdict(experiment, compare(results))
            comparable = None if erm is None else erm.comparable
            origin = (experiment.name, results.profile, experiment.surrogate, comparable)
            return Judged(claim, table, dataset, model, gains, *origin)
    gains = tuple(_gain(claim, *pair, {}, printed) for pair in pairs)
    return Judged(claim, table, dataset, model, gains, fits[0].name if fits else "", cannot=cannot)


def _judge_own(claim: Claim, experiment: Experiment, folder: Path) -> Judged:
    results = whole_results(experiment, folder)
    cells = results.load() if results else {}
    gains = tuple(_gain(claim, *pair, cells, {}) for pair in claim.pairs(experiment.cells))
    profile = results.profile if results else ""
    return Judged(claim, "", experiment.dataset, experiment.model, gains, experiment.name, profile, experiment.surrogate)


def _gain(
    claim: Claim, cell: Cell, other: Cell, results: Mapping[Cell, Sequence[Trial]], printed: Mapping[Cell, float]
) -> Gain:
    ours, theirs = (
        {t.number: t.metrics[claim.metric] for t in results.get(each, []) if claim.metric in t.metrics}
        for each in (cell, other)
    )
    values = {n: claim.sign * (ours[n] - theirs[n]) for n in sorted(ours.keys() & theirs.keys())}
    finite = {n: value for n, value in values.items() if np.isfinite(value)}  # NaN is what a diverged network scores
    return Gain(cell, other, claim.sign * (printed[cell] - printed[other]) if printed else None, finite)
