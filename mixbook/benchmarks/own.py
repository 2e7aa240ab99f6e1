"""A method of your own under the protocol of a printed table, trial by trial beside the stored ones."""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.compare import compare
from mixbook.benchmarks.estimate import UNBROKEN, Estimate, half_width, rounded, with_interval
from mixbook.benchmarks.experiments import all_experiments
from mixbook.benchmarks.results import Results
from mixbook.benchmarks.spec import Cell, Experiment, Metrics, Profile
from mixbook.benchmarks.tidy import by_number, learned
from mixbook.benchmarks.trials import few_labels, mnist, noisy_spiral, tabular, toys
from mixbook.benchmarks.trials.recipes import MixerOrMaker

# What runs a trial of a table, and what runs it with any mixer.
_TRIALS: dict[str, Callable[[Experiment, Sequence[int], Sequence[MixerOrMaker], Profile], list[Metrics]]] = {
    "mixbook.benchmarks.trials.tabular:trials": tabular.with_mixers,
    "mixbook.benchmarks.trials.toys:trials": toys.with_mixers,
    "mixbook.benchmarks.trials.toys:figures": toys.with_mixers,
    "mixbook.benchmarks.trials.mnist:trial": mnist.with_mixers,
    "mixbook.benchmarks.trials.few_labels:trial": few_labels.with_mixers,
    "mixbook.benchmarks.trials.noisy_spiral:trials": noisy_spiral.with_mixers,
}


@dataclass(frozen=True)
class Own(Estimate):
    """Trials of a method of your own: of each the printed quantity, such as the error in percent, and the NLL.

    ``numbers`` are those of the trials; empty for 0, 1, ... Networks that did not learn are missing among them.
    """

    experiment: Experiment = field(repr=False)
    values: tuple[float, ...]
    nll: tuple[float, ...]
    profile: str = "laptop"
    numbers: tuple[int, ...] = ()

    @property
    def by_number(self) -> dict[int, float]:
        """The values, by the number of the trial."""
        return dict(zip(self.numbers or range(len(self.values)), self.values, strict=True))


def own_trials(
    experiment: Experiment, mixer: MixerOrMaker | Sequence[MixerOrMaker], trials: int = 3, profile: str = "laptop"
) -> Own:
    """Run the first trials of a table with your mixer; split, scaling, initial weights and order of samples are its own.

    Only the mixing is yours: what the protocol says of it (``ratio_scope``, alpha, xi) is about the table's own methods.
    Where ``pairs`` is "across", partners come from a second batch: a pairing gets it as ``other``, its labels as ``y2``.
    Networks that never left guessing, or diverged, say nothing about a method. As in tables they are left out; a warning
    names them.

    Args:
        experiment: a table of small networks: those of k-mixup on tabular data, toys and MNIST, of digits with few labels,
            of multi-mix's noisy spiral. Another is refused, with the names of all that can be run.
        mixer: one that knows its number of classes; a function from a network to its mixer; None for plain training; or a
            list of such, one for each trial.
        trials: how many.
        profile: for how many epochs; "laptop" is the full length, "smoke" shows that it runs.

    Raises:
        BenchmarkError: if the experiment is of another kind, or has no such profile.
        ValueError: if there is no trial, the list has another length, or a mixer is for other classes than the data have.

    Example:
        >>> import mixbook as mb
        >>> from mixbook.benchmarks.experiments import get_experiment
        >>> from mixbook.benchmarks.own import own_trials
        >>> mixer = mb.Mixer(mb.ByClass("any"), num_classes=3)
        >>> own = own_trials(get_experiment("kmixup-tmlr-table5-iris"), mixer, trials=2, profile="smoke")
        >>> len(own.values), own.mean == sum(own.values) / 2
        (2, True)
    """
    run = _TRIALS.get(experiment.trials or experiment.trial)
    if run is None:
        known = ", ".join(each.name for each in all_experiments() if (each.trials or each.trial) in _TRIALS)
        raise BenchmarkError(f"{experiment.name} cannot be run with a mixer of your own. These can: {known}")
    mixers = list(mixer) if isinstance(mixer, Sequence) else [mixer] * trials
    if trials < 1 or len(mixers) != trials:
        raise ValueError(f"there must be trials, and one mixer for all or each, got {trials} and {len(mixers)}")
    found = run(experiment, range(trials), mixers, experiment.profile(profile))
    quantity = _quantity(experiment)
    there = [n for n, each in enumerate(found) if each.get("stuck") != 1 and math.isfinite(each[quantity])]
    if missing := [str(n) for n in range(trials) if n not in there]:
        what = f"{len(missing)} of {trials} networks did not learn and are left out: trial {', '.join(missing)}"
        warnings.warn(what, stacklevel=2)
    values, nll = (tuple(found[n][name] for n in there) for name in (quantity, "nll"))
    return Own(experiment, values, nll, profile, tuple(there))


def _quantity(experiment: Experiment) -> str:
    """What its table prints, and tables of our own have first."""
    return experiment.printed[0].metric if experiment.printed else "error"


def beside_own(own: Own, results: Results) -> list[dict[str, str]]:
    """Your trials beside each stored cell of the table: what is printed, the mean of the same trials, and the difference.

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
        >>> nothing = Results(iris, "smoke", Path("nowhere"))
        >>> beside_own(own_trials(iris, None, 1, "smoke"), nothing)
        []
    """
    if results.experiment.name != own.experiment.name:
        raise ValueError(f"results must be of {own.experiment.name}, got those of {results.experiment.name}")
    ours, theirs = (own.experiment.profile(name).epochs for name in (own.profile, results.profile))
    if ours != theirs:
        got = f"{ours} at profile {own.profile!r} and {theirs} at {results.profile!r}"
        raise ValueError(f"both must be trained for as many epochs, got {got}")
    rows, yours = [], own.by_number
    for cell, printed, values in _stored(results):
        shared = {n: value for n, value in values.items() if n in yours}
        if shared:
            less = [yours[n] - value for n, value in shared.items()]
            difference = with_interval(float(np.mean(less)), half_width(less), sign="+", mark=UNBROKEN)
            names = {"method": cell.method, "parameters": cell.params.replace(";", ", "), **printed}
            mean = rounded(float(np.mean(list(shared.values()))))
            rows.append({**names, f"stored, {len(shared)} trials": mean, "yours - stored": difference})
    return rows


def _stored(results: Results) -> list[tuple[Cell, dict[str, str], dict[int, float]]]:
    """The cells, with what is printed of them if anything is, and the value of each trial whose network learned."""
    if results.experiment.printed:
        return [(row.cell, {"printed": row.printed.value}, row.by_number) for row in compare(results)]
    quantity = _quantity(results.experiment)
    cells = results.load()
    return [
        (cell, {}, {n: value for n, value in by_number(learned(cells[cell]), quantity).items() if math.isfinite(value)})
        for cell in results.experiment.cells
        if cell in cells
    ]
