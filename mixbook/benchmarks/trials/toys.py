"""k-mixup's toys: the test errors of its tables, and what its figures show, in numbers."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mixbook.benchmarks.spec import Cell, Experiment, Metrics, Profile, Task
from mixbook.benchmarks.trials.kmixup import Trained, fit_networks, score, train
from mixbook.benchmarks.trials.recipes import MixerOrMaker
from mixbook.data import Arrays, toys
from mixbook.mixing.mixer import kmixup
from mixbook.mixing.transport import matching_distribution
from mixbook.training.streams import derive

_SURE = 0.9  # an output below it, and above 1 less it, is a blurred one
_DRAWS = 256  # pairs of subsets behind a matching distribution


def trials(experiment: Experiment, tasks: Sequence[Task], profile: Profile) -> list[Metrics]:
    """Train a network for each task and test it.

    Samples and initial weights follow from a trial's number alone: they are the same for every method.

    Returns:
        ``error`` and ``accuracy`` (%) and ``nll`` (nats) on new samples after the last epoch, ``diverged`` (0 or 1); with
        mixing also ``alpha``, the one used at this k, and ``xi``, what it gives in the units of the data.
    """
    samples = _samples(experiment, tasks)
    networks = train(experiment, tasks, profile, [samples[number][0] for _, number in tasks])
    return [_tested(network, samples[number][1]) for (_, number), network in zip(tasks, networks, strict=True)]


def figures(experiment: Experiment, tasks: Sequence[Task], profile: Profile) -> list[Metrics]:
    """As :func:`trials`, and what one sees in the pictures of the paper.

    Returns:
        Besides the metrics of ``trials``, of the network (Figure 1) ``blurred``: share of test samples (%) at which it
        gives neither class 90%; ``bridged``: the same share of the midpoints between a sample and the nearest of the
        other class. With mixing, of one mixture for each sample (Figure 2) ``crossing``: share of pairs (%) that join the
        classes; ``length``: root mean square distance of partners; ``intruding``: share of mixtures (%) that lie nearest
        to a sample of the class that has less than half of their label. Of one sample (TMLR, Figure 3) ``own_class``:
        chance (%) that its partner is of its class; ``reach``: root mean square distance to its partner, relative to that
        to a random sample.
    """
    samples = _samples(experiment, tasks)
    networks = train(experiment, tasks, profile, [samples[number][0] for _, number in tasks])
    found = []
    for (cell, number), network in zip(tasks, networks, strict=True):
        part, test = samples[number]
        of_network = {"blurred": _unsure(network, test.x), "bridged": _unsure(network, _midpoints(part))}
        found.append({**_tested(network, test), **of_network, **_of_mixtures(cell, number, part)})
    return found


def with_mixers(
    experiment: Experiment, numbers: Sequence[int], mixers: Sequence[MixerOrMaker], profile: Profile
) -> list[Metrics]:
    """Trials with any mixers, one for each number, which samples and network follow from as in the table."""
    samples = {number: draw(experiment, number) for number in numbers}
    networks = fit_networks(experiment, numbers, mixers, profile, [samples[number][0] for number in numbers])
    return [_tested(network, samples[number][1]) for number, network in zip(numbers, networks, strict=True)]


def draw(experiment: Experiment, number: int) -> tuple[Arrays, Arrays]:
    """The training and the test samples of a trial."""
    make = getattr(toys, experiment.dataset)
    sizes = {"train": experiment["n_train"], "test": experiment["n_test"]}
    ours, test = (make(n, torch.Generator().manual_seed(derive(number, name))) for name, n in sizes.items())
    return ours, test


def vicinal(part: Arrays, k: int, alpha: float, seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """One mixture for each sample, with a lambda of its own, and who is mixed with whom (Figure 2).

    Args:
        part: the samples, (n, 2); partners come from the same ones, in another order.
        k, alpha: of k-mixup.
        seed: of all draws.

    Returns:
        The mixtures (n, 2), their shares of class 1 (n,), and both ends of each: rows of ``part``, int64 (n,) each.
    """
    generator = torch.Generator().manual_seed(derive(seed, "vicinal"))
    order = torch.randperm(len(part), generator=generator)
    both = torch.cat([part.x, part.x[order]])
    plan = kmixup(k, alpha, part.num_classes, per="pair", strict=False).plan(part.x, x2=part.x[order], generator=generator)
    rows = torch.cat([torch.arange(len(part)), order])[plan.sources]
    share = (plan.weights * part.y[rows]).sum(1)
    return plan.apply(both), share, rows[:, 0], rows[:, 1]


def whom(part: Arrays, k: int, seed: int) -> tuple[int, Tensor]:
    """A random sample's row, and the chance of each row to be its partner, float64 (n,) (TMLR, Figure 3)."""
    generator = torch.Generator().manual_seed(derive(seed, "whom"))
    row = int(torch.randint(len(part), (1,), generator=generator))
    return row, matching_distribution(part.x, row, k, trials=_DRAWS, generator=generator)


def _samples(experiment: Experiment, tasks: Sequence[Task]) -> dict[int, tuple[Arrays, Arrays]]:
    return {number: draw(experiment, number) for number in dict.fromkeys(number for _, number in tasks)}


def _tested(network: Trained, test: Arrays) -> Metrics:
    return {**score(network, test), "diverged": float(network.diverged), **network.measured}


def _of_mixtures(cell: Cell, number: int, part: Arrays) -> Metrics:
    if cell.method == "erm":
        return {}
    k = int(cell.value("k"))
    mixed, share, first, second = vicinal(part, k, cell.value("alpha"), number)
    nearest = part.y[torch.cdist(mixed, part.x).argmin(1)]
    row, chance = whom(part, k, number)
    squared = (part.x.double() - part.x[row].double()).square().sum(1)
    return {
        "crossing": _percent(part.y[first] != part.y[second]),
        "length": float((part.x[first] - part.x[second]).square().sum(1).mean().sqrt()),
        "intruding": _percent((share > 0.5) != (nearest == 1)),
        "own_class": 100 * float(chance[part.y == part.y[row]].sum()),
        "reach": float((chance @ squared / squared.mean()).sqrt()),
    }


def _midpoints(part: Arrays) -> Tensor:
    distance = torch.cdist(part.x, part.x).masked_fill(part.y[:, None] == part.y, torch.inf)
    return (part.x + part.x[distance.argmin(1)]) / 2


def _unsure(network: Trained, x: Tensor) -> float:
    with torch.inference_mode():
        highest = network.model(x).softmax(1).amax(1)
    return _percent(highest < _SURE)


def _percent(which: Tensor) -> float:
    return 100 * float(which.double().mean())
