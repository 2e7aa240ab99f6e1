"""What a paper says in a sentence or a caption, read from our results of its tables. Nothing is trained."""

from collections.abc import Mapping, Sequence

import numpy as np

from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.results import Trial
from mixbook.benchmarks.spec import Cell, Experiment

Found = Mapping[str, Mapping[Cell, Sequence[Trial]]]


def sentence(experiment: Experiment, cell: Cell, found: Found) -> list[Trial]:
    """The trials that answer a printed sentence, for ``Experiment(derive=)``; none until all cells it is about are there.

    * ``k=16;alpha=64;vs=mixup``: by how many percentage points the accuracy of the first method is above that of the
      second, at the same alpha, xi or eps where one is named: one difference per trial.
    * ``k=best;xi=best;vs=mixup``: both methods at their best of all cells of the sources, each for itself; with
      ``k=best;alpha=100`` the best k at that alpha. Best is the highest mean accuracy on the *test* part, as in the
      sentence: optimistic for both.
    * no ``vs``: the sentence repeats a cell, or names the best one.

    Raises:
        BenchmarkError: if the sources have no cell that the sentence is about.
    """
    metric = next(row.metric for row in experiment.printed if (row.method, row.params) == (cell.method, cell.params))
    results = {c: trials for source in experiment.sources for c, trials in found[source.name].items()}
    named = cell.answers()
    against = named.pop("vs", None)
    ours = _best(_cells(experiment, cell.method, named), results)
    if against is None:
        return [Trial(t.number, {metric: _value(t, metric)}, t.seconds) for t in ours]
    shared = {} if against == "erm" else {name: value for name, value in named.items() if name != "k"}
    theirs = _best(_cells(experiment, against, shared), results)
    if not ours or not theirs:
        return []
    others = {u.number: _value(u, "accuracy") for u in theirs}  # either may lack a trial that never learned
    both = [t for t in ours if t.number in others]
    return [Trial(t.number, {metric: _value(t, "accuracy") - others[t.number]}, t.seconds) for t in both]


def _cells(experiment: Experiment, method: str, named: Mapping[str, str]) -> list[Cell]:
    wanted = {name: float(value) for name, value in named.items() if value != "best"}

    def fits(cell: Cell) -> bool:
        known = cell.answers()
        return cell.method == method and all(name in known and float(known[name]) == v for name, v in wanted.items())

    cells = [cell for source in experiment.sources for cell in source.cells if fits(cell)]
    if not cells:
        sources = ", ".join(source.name for source in experiment.sources)
        raise BenchmarkError(f"{experiment.name}: no cell of {sources} is {method} with {dict(named)}: name other sources")
    return cells


def _best(cells: Sequence[Cell], results: Mapping[Cell, Sequence[Trial]]) -> Sequence[Trial]:
    """The trials of the cell with the highest mean accuracy; none while one of them has not been run.

    Where some cells lack a trial that never learned, they are not compared: a hard trial must not make the others best.
    """
    if not all(results.get(cell) for cell in cells):
        return []
    most = max(len(results[cell]) for cell in cells)
    whole = [results[cell] for cell in cells if len(results[cell]) == most]
    return max(whole, key=lambda trials: float(np.mean([_value(t, "accuracy") for t in trials])))


def _value(trial: Trial, metric: str) -> float:
    """A metric of a trial; of error and accuracy, one is as good as the other."""
    if metric in trial.metrics:
        return trial.metrics[metric]
    return 100 - trial.metrics[{"error": "accuracy", "accuracy": "error"}[metric]]
