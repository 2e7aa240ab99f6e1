"""Claims against the results: the gain that each is about, its interval, and what that makes of the claim."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mixbook.benchmarks.compare import compare, same, verdict, whole_results
from mixbook.benchmarks.estimate import Estimate, by_trial, half_width, less_rounding
from mixbook.benchmarks.experiments import all_experiments, get_experiment
from mixbook.benchmarks.printed import PrintedValue, not_measured, printed_values
from mixbook.benchmarks.report.claim import Claim, Verdict
from mixbook.benchmarks.results import Results
from mixbook.benchmarks.spec import Cell, Experiment
from mixbook.benchmarks.tidy import by_number

_Trials = Mapping[int, float]  # what was measured, by the number of the trial


@dataclass(frozen=True)
class Gain(Estimate):
    """By how much one cell is better than another, in the unit of the metric; positive is the claim's way.

    Args:
        cell, other: said to be better, and than which.
        printed: in print; None for what prints no numbers.
        trials: ours by the number of the trial; empty while one of the two is not run. Trials are paired: trial t of both
            cells has the same data and initial weights, as far as the experiment's protocol says so. A trial in which one
            of the two networks did not learn is left out.
        of: how many trials both cells were run with; 0 while one of the two is not run.
        alone: in how many of these only the cell has a number, and in how many only the other.
        alike: whether what the claim holds constant is the same in both, as far as it was measured.
    """

    cell: Cell
    other: Cell
    printed: float | None
    trials: Mapping[int, float]
    of: int = 0
    alone: tuple[int, int] = (0, 0)
    alike: bool = True

    @property
    def values(self) -> list[float]:
        """Ours, one for each trial."""
        return list(self.trials.values())

    @property
    def verdict(self) -> Verdict:
        """What this gain alone says."""
        return self.at_level(0.95)

    def at_level(self, level: float) -> Verdict:
        """What this gain alone says by its interval of this level."""
        return fair(decide(self.values, level), [self]) if self.of else "not yet run"


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
    def deciding(self) -> list[Gain]:
        """The comparisons that the claim is about: those in which what it holds constant is constant."""
        return [gain for gain in self.gains if gain.alike]

    @property
    def groups(self) -> list[list[Gain]]:
        """These, in groups of which one must go the claim's way: each alone, or for ``"some"`` those of equal ``same``."""
        found: dict[object, list[Gain]] = {}
        for number, gain in enumerate(self.deciding):
            found.setdefault(self._shared(gain) if self.claim.about == "some" else number, []).append(gain)
        return list(found.values())

    def _shared(self, gain: Gain) -> tuple[str | None, ...]:
        return tuple(gain.cell.answers().get(name) for name in self.claim.same)

    @property
    def done(self) -> int:
        """How many of these have been run."""
        return sum(gain.of > 0 for gain in self.deciding)

    @property
    def notes(self) -> list[str]:
        """What a verdict should not be read without: which comparisons it rests on, and which go against it."""
        held, gains = len(self.deciding), self.deciding
        against = sum(gain.verdict == "opposite" for gain in gains) if self.verdict != "opposite" else 0
        pairs, whole = sum(gain.of for gain in gains), sum(len(gain.trials) for gain in gains)
        return [
            *(
                [f"by the {held} of {len(self.gains)} comparisons that hold {self.claim.alike}"]
                if held < len(self.gains)
                else []
            ),
            *([f"{against} of {held} comparisons clearly opposite"] if against else []),
            *([f"in {pairs - whole} of {pairs} pairs a network did not learn"] if whole < pairs else []),
        ]

    @property
    def values(self) -> list[float]:
        """The gain by trial: the mean over the comparisons, or where each must go one way the one of :attr:`least`.

        Where comparisons lack trials, a mean over those that a trial has would be about other comparisons in each: it is
        the mean of an additive fit, see :func:`mixbook.benchmarks.estimate.by_trial`.
        """
        if self.claim.about != "mean":
            return [] if self.least is None else self.least.values
        run = [gain for gain in self.deciding if gain.trials]
        return by_trial([gain.trials for gain in run]) if run else []

    @property
    def least(self) -> Gain | None:
        """The comparison of least mean, of those that have been run; where some must go one way, of each group's best."""
        run = [[gain for gain in group if gain.trials] for group in self.groups]
        best = [max(group, key=lambda gain: gain.mean or 0.0) for group in run if group]
        return min(best, key=lambda gain: gain.mean or 0.0, default=None)

    @property
    def printed(self) -> float | None:
        """The same gain in print: where each comparison must go one way, that of the one that was least here.

        Where some must, it is the best in print of the group that was least here.
        """
        groups = [[gain.printed for gain in group if gain.printed is not None] for group in self.groups]
        if not any(groups):
            return None
        if self.claim.about == "mean":
            return float(np.mean([number for group in groups for number in group]))
        least = self.least
        here = (numbers for group, numbers in zip(self.groups, groups, strict=True) if least in (None, *group))
        return min((max(numbers) for numbers in here if numbers), default=None)

    @property
    def on_stand_in(self) -> Verdict:
        """What the results say, wherever they come from."""
        if self.cannot:
            return "cannot be run"
        gains = self.deciding
        if not self.gains or self.done < len(gains):
            return "not yet run"
        if not gains:
            return "undecided"
        if self.claim.about == "mean":
            return fair(decide(self.values), gains)
        # One of many comparisons is soon clear by chance, so the level is shared out among them (Bonferroni). That all are
        # clear is no such chance, and needs no correction.
        groups = self.groups
        if all(any(gain.at_level(1 - 0.05 / len(group)) == "reproduced" for gain in group) for group in groups):
            return "reproduced"
        # Where some of a group are left out, these might have gone the claim's way.
        left_out = {self._shared(gain) for gain in self.gains if not gain.alike} if self.claim.about == "some" else set()
        whole = [group for group in groups if self._shared(group[0]) not in left_out]
        level = 1 - 0.05 / len(groups)
        against = any(all(gain.at_level(level) == "opposite" for gain in group) for group in whole)
        return "opposite" if against else "undecided"

    @property
    def verdict(self) -> Verdict:
        """What they say of the claim: nothing, if they come from a surrogate."""
        return "not yet run" if self.surrogate else self.on_stand_in


def decide(values: Sequence[float], level: float = 0.95) -> Verdict:
    """``reproduced`` where the interval of a gain's mean lies above zero, ``opposite`` where below, else ``undecided``.

    Args:
        values: the gain in each trial.
        level: of the interval.

    Example:
        >>> from mixbook.benchmarks.report.judge import decide
        >>> decide([2.0, 3.0, 2.5]), decide([2.0, -1.0, 2.5]), decide([2.0])
        ('reproduced', 'undecided', 'undecided')
    """
    mean, half = float(np.mean(values)) if values else 0.0, half_width(values, level)
    if half is None:
        return "undecided"  # one trial says nothing of how far the next would lie
    if len(values) == 2 and less_rounding(half, abs(mean)) == 0:
        return "undecided"  # nor do two that happen to be equal
    return "reproduced" if mean > half else "opposite" if -mean > half else "undecided"


def fair(verdict: Verdict, gains: Sequence[Gain]) -> Verdict:
    """The verdict, or ``undecided`` where the side that it favours did not learn in a trial in which the other side did.

    Such a trial has no gain, so that the interval is of those that went well. It is not counted as lost either: initial
    weights from which nothing is learned at the stated rate are no fault of one method.
    """
    alone = {"opposite": 0, "reproduced": 1}  # the side that such a verdict is against
    return "undecided" if verdict in alone and any(gain.alone[alone[verdict]] for gain in gains) else verdict


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
        results = _results(experiment, folder, pairs)
        if results is not None:
            gains = _gains(claim, pairs, results, printed)
            origin = (experiment.name, results.profile, experiment.surrogate, _comparable(results, folder))
            return Judged(claim, table, dataset, model, gains, *origin)
    gains = _gains(claim, pairs, None, printed)
    return Judged(claim, table, dataset, model, gains, fits[0].name if fits else "", cannot=cannot)


def _comparable(results: Results, folder: Path) -> bool | None:
    """Whether ERM is as printed: by the table's own row, or if it has none, by another table of the same networks."""
    here = results.experiment
    names = {each.name for each in here.trained}
    read = (each for each in all_experiments() if each.sources and results.profile in each.profiles and not each.surrogate)
    tables = [each for each in read if (each.dataset, each.model) == (here.dataset, here.model)]
    for each in (here, *(e for e in tables if not names.isdisjoint(trained.name for trained in e.trained))):
        erm = verdict(each, compare(Results(each, results.profile, folder)))
        if erm is not None:
            return erm.comparable
    return None


def _judge_own(claim: Claim, experiment: Experiment, folder: Path) -> Judged:
    pairs = claim.pairs(experiment.cells)
    results = _results(experiment, folder, pairs)
    gains = _gains(claim, pairs, results, {})
    profile = results.profile if results else ""
    return Judged(claim, "", experiment.dataset, experiment.model, gains, experiment.name, profile, experiment.surrogate)


def _results(experiment: Experiment, folder: Path, pairs: Sequence[tuple[Cell, Cell]]) -> Results | None:
    return whole_results(experiment, folder, cells={cell for pair in pairs for cell in pair})


def _gains(
    claim: Claim, pairs: Sequence[tuple[Cell, Cell]], results: Results | None, printed: Mapping[Cell, float]
) -> tuple[Gain, ...]:
    trials = results.experiment.profile(results.profile).trials if results else 0
    cells = results.load() if results else {}
    ours = {cell: by_number(cells.get(cell, []), claim.metric) for pair in pairs for cell in pair}
    in_print = {(a, b): claim.sign * (printed[a] - printed[b]) if printed else None for a, b in pairs}
    constant = {cell: list(by_number(cells.get(cell, []), claim.alike).values()) for cell in ours}
    gains = (_gain(claim.sign, a, b, in_print[a, b], ours[a], ours[b], trials) for a, b in pairs)
    return tuple(replace(gain, alike=_alike(constant[gain.cell], constant[gain.other])) for gain in gains)


def _alike(ours: Sequence[float], theirs: Sequence[float]) -> bool:
    """Whether two cells have the same mean of what is to be constant; what was not measured in both is taken to be."""
    return not (ours and theirs) or same(float(np.mean(ours)), float(np.mean(theirs)))


def _gain(sign: int, cell: Cell, other: Cell, printed: float | None, ours: _Trials, theirs: _Trials, trials: int) -> Gain:
    if not ours or not theirs:
        return Gain(cell, other, printed, {})
    # NaN is what a diverged network scores; one that never left guessing may have no trial at all.
    ours, theirs = ({n: value for n, value in each.items() if np.isfinite(value)} for each in (ours, theirs))
    shared = sorted(ours.keys() & theirs.keys())
    gained = {n: less_rounding(sign * (ours[n] - theirs[n]), max(abs(ours[n]), abs(theirs[n]))) for n in shared}
    return Gain(cell, other, printed, gained, trials, (len(ours) - len(shared), len(theirs) - len(shared)))
