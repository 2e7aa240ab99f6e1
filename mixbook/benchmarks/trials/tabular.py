"""k-mixup's tables on small tabular data: a split, a network, a training run, a test error; many trials side by side."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import torch

from mixbook import data
from mixbook.benchmarks.spec import Experiment, Metrics, Profile, Task
from mixbook.benchmarks.trials.kmixup import Trained, fit_networks, score, train
from mixbook.benchmarks.trials.recipes import MixerOrMaker
from mixbook.data import Arrays, impute, stand_in
from mixbook.training.streams import derive


def trials(experiment: Experiment, tasks: Sequence[Task], profile: Profile) -> list[Metrics]:
    """Train a network for each task and test it.

    Everything random follows from a trial's number alone, not from the cell: split, initial weights and order of samples of
    trial t are the same for every method.

    Returns:
        The printed quantity, ``error`` or ``accuracy`` (%), and ``nll`` (nats) on the test part after the last epoch; with
        mixing also ``alpha``, the one used at this k, and ``xi``, what it gives in the units of the scaled data; and
        ``diverged`` (0 or 1).
    """
    splits = splits_of(experiment, [number for _, number in tasks], profile)
    networks = train(experiment, tasks, profile, [splits[number][0] for _, number in tasks])
    return [measure(experiment, each, splits[number][1]) for (_, number), each in zip(tasks, networks, strict=True)]


def with_mixers(
    experiment: Experiment, numbers: Sequence[int], mixers: Sequence[MixerOrMaker], profile: Profile
) -> list[Metrics]:
    """Trials with any mixers, one for each number, which split, scaling and network follow from as in the table."""
    splits = splits_of(experiment, numbers, profile)
    networks = fit_networks(experiment, numbers, mixers, profile, [splits[number][0] for number in numbers])
    return [measure(experiment, each, splits[number][1]) for number, each in zip(numbers, networks, strict=True)]


def splits_of(experiment: Experiment, numbers: Iterable[int], profile: Profile) -> dict[int, tuple[Arrays, ...]]:
    """Training and test part of each trial by its number, filled and scaled as the protocol says."""
    whole = stand_in(experiment.dataset) if profile.stand_in else getattr(data, experiment.dataset)()
    return {number: _split(experiment, whole, number) for number in dict.fromkeys(numbers)}


def measure(experiment: Experiment, network: Trained, test: Arrays) -> Metrics:
    """What a trial is stored with: the printed quantity and the NLL on its test part, and what is known of its training."""
    quantity = experiment.printed[0].metric
    scores = score(network, test)
    kept = {quantity: scores[quantity], "nll": scores["nll"]}
    return {**kept, "diverged": float(network.diverged), **network.measured}


def standardise_table(train: Arrays, *others: Arrays) -> tuple[Arrays, ...]:
    """Subtract one mean and divide by one standard deviation, those of all entries of ``train`` together.

    Unlike scaling each column, this leaves large columns large: see the protocol of k-mixup's Table 5 for why.
    """
    entries = train.x.double()
    mean, std = entries.mean(), entries.std(correction=0)
    return tuple(replace(part, x=((part.x.double() - mean) / std).float()) for part in (train, *others))


def as_it_is(*parts: Arrays) -> tuple[Arrays, ...]:
    """The parts in the units of the published files."""
    return parts


SCALINGS: dict[str, Callable[..., tuple[Arrays, ...]]] = {
    "one mean and one standard deviation of all entries of the training part": standardise_table,
    "none": as_it_is,
}


def _split(experiment: Experiment, whole: Arrays, number: int) -> tuple[Arrays, ...]:
    parts = whole.split(experiment["test_share"], torch.Generator().manual_seed(derive(number, "split")))
    return SCALINGS[experiment["scaling"]](*impute(*parts))
