"""Printed sentences about gains, read from networks that were trained for a table."""

from collections.abc import Mapping, Sequence

import numpy as np

from mixbook.benchmarks.spec import Cell, Experiment
from mixbook.benchmarks.tidy import Trial, pairs
from mixbook.benchmarks.trials.reading import network_of, read

Found = Mapping[str, Mapping[Cell, Sequence[Trial]]]


def gain(experiment: Experiment, cell: Cell, found: Found) -> list[Trial]:
    """By how many percentage points the first method errs less than that of ``vs=``, trial by trial.

    Initial weights and order of samples of a trial are the same for both. Without ``vs=`` the sentence repeats a cell.

    Returns:
        Trials with ``claimed_gain`` (percentage points of accuracy); none until both networks are there.
    """
    params = cell.answers()
    against = params.pop("vs", None)
    if against is None:
        return read(experiment, cell, found)
    networks = {c: trials for source in experiment.sources for c, trials in found[source.name].items()}
    known = [c for source in experiment.sources for c in source.cells]
    wanted = (Cell(cell.method, ";".join(f"{name}={value}" for name, value in params.items())), Cell(against, ""))
    ours, theirs = (networks.get(network_of(each, known, experiment.name), ()) for each in wanted)
    return [
        Trial(t.number, {"claimed_gain": t.metrics["accuracy"] - u.metrics["accuracy"]}, t.seconds)
        for t, u in pairs(ours, theirs)
    ]


def training_gap(experiment: Experiment, cell: Cell, found: Found) -> list[Trial]:
    """How far the training accuracy of mixup is from that of plain training in the end (data dependency, Figure 2).

    Returns:
        Trials with ``train_accuracy_gap_max`` (percentage points, without a sign); none until both networks are there.
    """
    (source,) = experiment.sources
    networks = found[source.name]
    mixed = networks.get(Cell(cell.method, f"alpha={cell.answers()['alpha']}"), ())
    name = "train_accuracy"
    return [
        Trial(t.number, {f"{name}_gap_max": abs(t.metrics[name] - u.metrics[name])}, t.seconds)
        for t, u in pairs(mixed, networks.get(Cell("erm", ""), ()))
    ]


def largest_nll_gain(experiment: Experiment, cell: Cell, found: Found) -> list[Trial]:
    """By how many per cent manifold mixup lowers the mean NLL of plain training, where it lowers it most.

    Manifold mixup (section 5.1) says "as high as" 50%, of a table with three networks. A largest mean has no trials of its
    own: there is one, of all trials of the network where the gain is largest.

    Returns:
        One trial with ``claimed_relative_nll_gain_max`` (%); none until every source has both methods.
    """
    gains = []
    for source in experiment.sources:
        cells = found[source.name]
        means = {c.method: np.mean([t.metrics["nll"] for t in trials]) for c, trials in cells.items() if trials}
        if not {"erm", cell.method} <= means.keys():
            return []
        gains.append(100 * float(1 - means[cell.method] / means["erm"]))
    return [Trial(0, {"claimed_relative_nll_gain_max": max(gains)}, 0.0)]
