"""The scoreboard: of all that the papers print, how much has an experiment, and how much a result of ours."""

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixbook.benchmarks.experiments import all_experiments
from mixbook.benchmarks.printed import PrintedFigure, PrintedValue, not_measured, printed_figures, printed_values
from mixbook.benchmarks.results import Results, Trial
from mixbook.benchmarks.spec import Cell, Experiment

_COUNTS = ("printed", "with_experiment", "with_result", "cut_short", "single", "begun", "not_measured")


@dataclass(frozen=True)
class TableCoverage:
    """Printed values of one table: how many there are, have an experiment, and have a result; on which profiles.

    ``cut_short`` counts those with a result only of a training shorter than in print, or where no profile is as printed,
    than our longest; ``single`` those of these whose result is only from a single network.
    ``begun`` counts those that have no result yet, but some of the trials that they need.
    ``not_measured`` counts those that the paper quotes or states without having measured them. ``experiments`` names the
    experiments that answer them.

    Example:
        >>> from pathlib import Path
        >>> from mixbook.benchmarks.coverage import coverage
        >>> table = coverage(Path("nowhere")).tables[0]  # without results
        >>> table.printed > 0, table.with_result
        (True, 0)
    """

    paper: str
    table: str
    printed: int
    with_experiment: int
    with_result: int
    cut_short: int
    single: int
    begun: int
    not_measured: int
    profiles: tuple[str, ...]
    experiments: tuple[str, ...]


@dataclass(frozen=True)
class FigureCoverage:
    """A figure without numbers: what it shows, the experiment that redraws it, and the profile of its fullest result.

    The experiment is a surrogate only where there is no other; the results of a surrogate do not count.

    Example:
        >>> from pathlib import Path
        >>> from mixbook.benchmarks.coverage import coverage
        >>> figure = coverage(Path("nowhere")).figures[0]  # without results
        >>> figure.paper, figure.result
        ('kmixup-v1', None)
    """

    paper: str
    figure: str
    shows: str
    experiment: str | None
    result: str | None


def _total(what: str, says: str) -> property:
    """A count of the tables, added up."""
    return property(lambda self: sum(getattr(table, what) for table in self.tables), doc=says)


@dataclass(frozen=True)
class Coverage:
    """All tables of the five papers, and their figures without numbers; apart, drawings with nothing to run."""

    tables: tuple[TableCoverage, ...]
    figures: tuple[FigureCoverage, ...]
    drawings: tuple[PrintedFigure, ...]

    printed = _total("printed", "All printed values.")
    with_experiment = _total("with_experiment", "Those that an experiment answers on the printed data set and network.")
    with_result = _total("with_result", "Those that we have a result for.")
    cut_short = _total("cut_short", "Those whose only results are from a training cut short.")
    single = _total("single", "Those of these whose only results are from a single network.")
    begun = _total("begun", "Those that have some of the trials that a result needs, and no result.")
    not_measured = _total("not_measured", "Those that are quoted from elsewhere, or a sentence rather than a measurement.")

    @property
    def redrawn(self) -> int:
        """Figures that we have a result for."""
        return sum(figure.result is not None for figure in self.figures)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as ``mixbook bench coverage --json`` prints them."""
        return {
            **{what: getattr(self, what) for what in _COUNTS},
            "tables": [vars(table) for table in self.tables],
            "figures": [vars(figure) for figure in self.figures],
            "drawings": [vars(figure) for figure in self.drawings],
        }


def coverage(folder: Path) -> Coverage:
    """Count what the results in ``folder`` (``book/results``) cover.

    A value counts where an experiment runs it on the printed data set and network, and its cell is finished, with all
    trials of the profile; smoke runs and surrogates never count.

    Raises:
        ResultsError: if results are damaged or belong to another protocol.

    Example:
        >>> from pathlib import Path
        >>> from mixbook.benchmarks.coverage import coverage
        >>> found = coverage(Path("nowhere"))  # without results
        >>> found.printed > 0, found.with_result
        (True, 0)
    """
    real = [experiment for experiment in all_experiments() if not experiment.surrogate]
    finished = {experiment.name: _finished(experiment, folder) for experiment in real}
    have_experiment = {row for experiment in real for row in experiment.printed}
    profiles: dict[PrintedValue, set[str]] = {}
    begun: set[PrintedValue] = set()
    full: set[PrintedValue] = set()  # with a result that is not cut short
    several: set[PrintedValue] = set()  # with a result of more than one trial
    for experiment in real:
        some = _begun(experiment, folder)
        begun |= {row for row in experiment.printed if Cell(row.method, row.params) in some}
        for row in experiment.printed:
            cell = Cell(row.method, row.params)
            done = {profile for profile, cells in finished[experiment.name].items() if cell in cells}
            profiles.setdefault(row, set()).update(done)
            if not all(_cut_short(experiment, profile) for profile in done):
                full.add(row)
            if any(experiment.profile(profile).trials > 1 for profile in done):
                several.add(row)
    short = {row for row, done in profiles.items() if done and row not in full}

    by_table: dict[tuple[str, str], list[PrintedValue]] = {}
    for row in printed_values():
        by_table.setdefault((row.paper, row.table), []).append(row)
    tables = tuple(
        TableCoverage(
            *home,
            printed=len(rows),
            with_experiment=sum(row in have_experiment for row in rows),
            with_result=sum(bool(profiles.get(row)) for row in rows),
            cut_short=sum(row in short for row in rows),
            single=sum(row in short and row not in several for row in rows),
            begun=sum(row in begun and not profiles.get(row) for row in rows),
            not_measured=sum(row in not_measured() for row in rows),
            profiles=tuple(sorted(set().union(*(profiles.get(row, set()) for row in rows)))),
            experiments=tuple(each.name for each in real if not set(rows).isdisjoint(each.printed)),
        )
        for home, rows in by_table.items()
    )
    figures = tuple(_figure(figure, finished) for figure in printed_figures() if not figure.is_drawing)
    return Coverage(tables, figures, tuple(figure for figure in printed_figures() if figure.is_drawing))


def by_paper(tables: tuple[TableCoverage, ...]) -> list[dict[str, Any]]:
    """The counts added up over each paper.

    Example:
        >>> from pathlib import Path
        >>> from mixbook.benchmarks.coverage import by_paper, coverage
        >>> rows = by_paper(coverage(Path("nowhere")).tables)  # without results
        >>> [row["paper"] for row in rows]
        ['kmixup-v1', 'kmixup-tmlr', 'multimix', 'datadep', 'manifold']
    """
    names = dict.fromkeys(table.paper for table in tables)
    counts: Counter[tuple[str, str]] = Counter()
    for table in tables:
        for what in _COUNTS:
            counts[table.paper, what] += getattr(table, what)
    return [{"paper": paper, **{what: counts[paper, what] for what in _COUNTS}} for paper in names]


def _finished(experiment: Experiment, folder: Path) -> dict[str, set[Cell]]:
    """The finished cells of which some network learned, by profile, smoke left out."""
    found = {name: Results(experiment, name, folder).load() for name in experiment.to_show}
    return {name: {cell for cell, trials in cells.items() if any(map(_learned, trials))} for name, cells in found.items()}


def _learned(trial: Trial) -> bool:
    """Whether it has a number at all."""
    return any(map(math.isfinite, trial.metrics.values()))


def _cut_short(experiment: Experiment, profile: str) -> bool:
    """Whether a profile trains for fewer epochs than the printed protocol, or where that is not known, than the longest."""
    longest = max(experiment.profiles[name].epochs for name in experiment.to_show)
    printed = experiment.profiles.get("paper")
    return experiment.profile(profile).epochs < (printed.epochs if printed else longest)


def _begun(experiment: Experiment, folder: Path) -> set[Cell]:
    """The cells that have some of their trials on some profile, smoke left out."""
    return {cell for name in experiment.to_show for cell in Results(experiment, name, folder).begun()}


def _figure(figure: PrintedFigure, finished: dict[str, dict[str, set[Cell]]]) -> FigureCoverage:
    """A figure is redrawn from all cells of its experiment, for nobody knows here which of them it shows."""
    for experiment in sorted(all_experiments(), key=lambda each: each.surrogate):  # the printed networks first
        if experiment.paper == figure.paper and figure.figure in experiment.figures:
            whole = finished.get(experiment.name, {}).items()
            done = [profile for profile, cells in whole if cells.issuperset(experiment.selected(profile))]
            return FigureCoverage(**vars(figure), experiment=experiment.name, result=done[-1] if done else None)
    return FigureCoverage(**vars(figure), experiment=None, result=None)
