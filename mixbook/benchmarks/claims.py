"""What a paper says in a sentence or a caption, read from our results of its tables. Nothing is trained."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.printed import parse_params
from mixbook.benchmarks.spec import Cell, Experiment
from mixbook.benchmarks.tidy import Trial, learned, pairs

Found = Mapping[str, Mapping[Cell, Sequence[Trial]]]


def sentence(experiment: Experiment, cell: Cell, found: Found) -> list[Trial]:
    """The trials that answer a printed sentence, for ``Experiment(derive=)``; none until all cells it is about are there.

    * ``k=16;alpha=64;vs=mixup``: by how many percentage points the accuracy of the first method is above that of the
      second, at the same alpha, xi or eps where one is named: one difference per trial.
    * ``k=best;xi=best;vs=mixup``: both methods at their best of all cells of the sources, each for itself; with
      ``k=best;alpha=100`` the best k at that alpha. Best is the highest mean accuracy on the *test* part, as in the
      sentence: optimistic for both.
    * no ``vs``: the sentence repeats a cell, or names the best one.
    * ``alpha=high``: the largest alpha of the sources. ``eps=best;vs=mixup``: how much more of what is attacked the first
      method gets right, at the budget where that is most in the mean.

    Networks that never left guessing (``stuck`` in their metrics is 1) say nothing about a method, and are left out.

    A setting ``read_as``, pairs of parameters as printed and as meant, says where a sentence leaves something open or
    misprints it.

    Raises:
        BenchmarkError: if the sources have no cell that the sentence is about.
    """
    metric = next(row.metric for row in experiment.printed if (row.method, row.params) == (cell.method, cell.params))
    results = {c: learned(trials) for source in experiment.sources for c, trials in found[source.name].items()}
    meant = dict(experiment.values.get("read_as", ()))
    named = parse_params(meant.get(cell.params, cell.params))
    if named.get("alpha") == "high":
        named["alpha"] = max(
            (c.answers()["alpha"] for s in experiment.sources for c in s.cells if "alpha" in c.params), key=float
        )
    if named.get("eps") == "best":
        return _most_under_attack(experiment, cell.method, named, metric, results)
    against = named.pop("vs", None)
    ours = _best(_cells(experiment, cell.method, named), results)
    if against is None:
        return [Trial(t.number, {metric: _value(t, metric)}, t.seconds) for t in ours]
    shared = {} if against == "erm" else {name: value for name, value in named.items() if name != "k"}
    theirs = _best(_cells(experiment, against, shared), results)
    if not ours or not theirs:
        return []
    both = pairs(ours, theirs)  # either may lack a trial that never learned
    return [Trial(t.number, {metric: _value(t, "accuracy") - _value(u, "accuracy")}, t.seconds) for t, u in both]


def _most_under_attack(
    experiment: Experiment, method: str, named: Mapping[str, str], metric: str, results: Mapping[Cell, Sequence[Trial]]
) -> list[Trial]:
    """Trial by trial, the accuracy of ``method`` less that of ``named["vs"]``, at the budget where the mean is largest."""
    ours = {name: value for name, value in named.items() if name != "vs"}
    theirs = {name: value for name, value in ours.items() if name != "k"}
    by_budget = [
        {cell.answers()["eps"]: results.get(cell, []) for cell in _cells(experiment, who, wanted)}
        for who, wanted in ((method, ours), (named["vs"], theirs))
    ]
    gains = []
    for eps, trials in by_budget[0].items():
        both = pairs(trials, by_budget[1][eps])
        if not both:
            return []
        name = "fgsm_accuracy"
        gained = [Trial(t.number, {metric: t.metrics[name] - u.metrics[name]}, t.seconds) for t, u in both]
        gains.append([trial for trial in gained if not math.isnan(trial.metrics[metric])])
    return max(filter(None, gains), key=lambda trials: float(np.mean([t.metrics[metric] for t in trials])), default=[])


def _cells(experiment: Experiment, method: str, named: Mapping[str, str]) -> list[Cell]:
    wanted = {name: float(value) for name, value in named.items() if value != "best"}

    def fits(cell: Cell) -> bool:
        known = cell.answers()
        if ("eps" in known) != ("eps" in named):  # a network under attack is another cell than the network
            return False
        return cell.method == method and all(name in known and float(known[name]) == v for name, v in wanted.items())

    cells = [cell for source in experiment.sources for cell in source.cells if fits(cell)]
    if not cells:
        sources = ", ".join(source.name for source in experiment.sources)
        raise BenchmarkError(f"{experiment.name}: no cell of {sources} is {method} with {dict(named)}: name other sources")
    return cells


def _best(cells: Sequence[Cell], results: Mapping[Cell, Sequence[Trial]]) -> Sequence[Trial]:
    """The trials of the cell with the highest mean accuracy; none while one of them has not been run, or if none learned.

    Where some cells lack a trial that never learned, they are not compared: a hard trial must not make the others best.
    """
    if not all(results.get(cell) for cell in cells):
        return []
    known = [[t for t in results[cell] if not math.isnan(_value(t, "accuracy"))] for cell in cells]
    most = max(map(len, known))
    whole = [trials for trials in known if len(trials) == most > 0]
    if not whole:
        return []
    return max(whole, key=lambda trials: float(np.mean([_value(t, "accuracy") for t in trials])))


def _value(trial: Trial, metric: str) -> float:
    """A metric of a trial; of error and accuracy, one is as good as the other."""
    if metric in trial.metrics:
        return trial.metrics[metric]
    return 100 - trial.metrics[{"error": "accuracy", "accuracy": "error"}[metric]]
