"""A method of your own under the protocol of a printed table, trial by trial beside the stored ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from torch import nn

from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.compare import compare
from mixbook.benchmarks.estimate import UNBROKEN, Estimate, half_width, rounded, with_interval
from mixbook.benchmarks.experiments import all_experiments
from mixbook.benchmarks.results import Results
from mixbook.benchmarks.spec import Experiment
from mixbook.benchmarks.trials.kmixup import fit_networks
from mixbook.benchmarks.trials.tabular import measure, splits_of
from mixbook.training.loop import Mixes

_TABULAR = "mixbook.benchmarks.trials.tabular:trials"  # what runs the tables that this can run
AnyMixer = Mixes | Callable[[nn.Module], Mixes] | None


@dataclass(frozen=True)
class Own(Estimate):
    """Trials 0, 1, ... of a method of your own: of each the printed quantity, such as the error in percent, and the NLL."""

    experiment: Experiment = field(repr=False)
    values: tuple[float, ...]
    nll: tuple[float, ...]
    profile: str = "laptop"


def own_trials(
    experiment: Experiment, mixer: AnyMixer | Sequence[AnyMixer], trials: int = 3, profile: str = "laptop"
) -> Own:
    """Run the first trials of a table with your mixer; split, scaling, initial weights and order of samples are its own.

    Only the mixing is yours: what the protocol says of it (``ratio_scope``, alpha, xi) is about the table's own methods.
    Where ``pairs`` is "across", partners come from a second batch: a pairing gets it as ``other``, its labels as ``y2``.

    Args:
        experiment: a table on small tabular data: those of k-mixup's Table 5, or of the first version's Figure 4.
        mixer: one that knows its number of classes; a function from a network to its mixer; None for plain training; or a
            list of such, one for each trial.
        trials: how many.
        profile: for how many epochs; "laptop" is the full length, "smoke" shows that it runs.

    Raises:
        BenchmarkError: if the experiment is of another kind, or has no such profile.
        ValueError: if there is no trial, or the list has another length.

    Example:
        >>> import mixbook as mb
        >>> from mixbook.benchmarks.experiments import get_experiment
        >>> from mixbook.benchmarks.own import own_trials
        >>> mixer = mb.Mixer(mb.ByClass("any"), num_classes=3)
        >>> own = own_trials(get_experiment("kmixup-tmlr-table5-iris"), mixer, trials=2, profile="smoke")
        >>> len(own.values), own.mean == sum(own.values) / 2
        (2, True)
    """
    if experiment.trials != _TABULAR:
        known = ", ".join(each.name for each in all_experiments() if each.trials == _TABULAR)
        raise BenchmarkError(f"{experiment.name} cannot be run with a mixer of your own. These can: {known}")
    mixers = list(mixer) if isinstance(mixer, Sequence) else [mixer] * trials
    if trials < 1 or len(mixers) != trials:
        raise ValueError(f"there must be trials, and one mixer for all or each, got {trials} and {len(mixers)}")
    length = experiment.profile(profile)
    splits = splits_of(experiment, range(trials), length)
    networks = fit_networks(experiment, range(trials), mixers, length, [splits[n][0] for n in range(trials)])
    found = [measure(experiment, network, splits[number][1]) for number, network in enumerate(networks)]
    quantity = experiment.printed[0].metric
    return Own(experiment, tuple(each[quantity] for each in found), tuple(each["nll"] for each in found), profile)


def beside_own(own: Own, results: Results) -> list[dict[str, str]]:
    """Your trials beside each stored cell of the table: print, the cell's mean over the same trials, and the difference.

    Trials are compared one by one, with the 95% interval of the mean difference: they share split and initial weights.

    Args:
        own: from :func:`own_trials`, trained for as many epochs as the results.
        results: of the same experiment. Cells that have not been run are left out.

    Raises:
        ValueError: if the results are of another experiment, or were trained for another time.
        ResultsError: if they are damaged.

    Example:
        >>> from pathlib import Path
        >>> from mixbook.benchmarks.experiments import get_experiment
        >>> from mixbook.benchmarks.own import beside_own, own_trials
        >>> from mixbook.benchmarks.results import Results
        >>> iris = get_experiment("kmixup-tmlr-table5-iris")
        >>> beside_own(own_trials(iris, None, 1, "smoke"), Results(iris, "smoke", Path("nowhere")))  # with nothing in it
        []
    """
    if results.experiment.name != own.experiment.name:
        raise ValueError(f"results must be of {own.experiment.name}, got those of {results.experiment.name}")
    ours, theirs = (own.experiment.profile(name).epochs for name in (own.profile, results.profile))
    if ours != theirs:
        got = f"{ours} at profile {own.profile!r} and {theirs} at {results.profile!r}"
        raise ValueError(f"both must be trained for as many epochs, got {got}")
    rows = []
    for cell in compare(results):
        shared = min(len(own.values), cell.n)  # a cell has its first trials
        if shared:
            stored_values = cell.values[:shared]
            less = np.subtract(own.values[:shared], stored_values)
            difference = with_interval(float(less.mean()), half_width(less.tolist()), sign="+", mark=UNBROKEN)
            names = {"method": cell.cell.method, "parameters": cell.cell.params.replace(";", ", ")}
            stored = {"printed": cell.printed.value, f"stored, {shared} trials": rounded(float(np.mean(stored_values)))}
            rows.append({**names, **stored, "yours - stored": difference})
    return rows
