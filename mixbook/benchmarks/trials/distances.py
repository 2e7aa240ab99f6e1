"""How far mixtures lie from the samples that they are made of: the vicinal distances of k-mixup's first preprint."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mixbook import data
from mixbook.benchmarks.spec import Experiment, Metrics, Profile, Task
from mixbook.data import Flip, Shift, shuffled_batches
from mixbook.data.stand_ins import stand_in
from mixbook.mixing.pairing import OptimalTransport
from mixbook.mixing.transport import mean_square_ratio
from mixbook.training.streams import derive

_PART = 4096  # rows that are matched at once


def trials(experiment: Experiment, tasks: Sequence[Task], profile: Profile) -> list[Metrics]:
    """Match the training images once for each trial and each k, and say how far mixtures at each alpha are from them.

    The mean over lambda is taken in closed form, so what varies from trial to trial is the matching alone.

    Returns:
        ``vicinal_sq_dist``: mean squared distance of a mixture to the nearer of its two ends, in squared units of the
        scaled images, for partners from a second, independent order of all images; ``within_64`` and ``within_128``: for
        partners from the same batch of that size, in which k-mixup also matches some samples with themselves.
    """
    name = experiment.dataset
    images = (stand_in(name) if profile.stand_in else getattr(data, name)("train")).x
    lengths: dict[tuple[int, int], Metrics] = {}
    found = []
    for cell, number in tasks:
        k = int(cell.value("k"))
        if (k, number) not in lengths:
            lengths[k, number] = _lengths(experiment, images, k, number)
        ratio = mean_square_ratio(cell.value("alpha"))
        found.append({name: ratio * length for name, length in lengths[k, number].items()})
    return found


def mean_squared_length(
    x: Tensor, k: int, generator: torch.Generator, *, other: Tensor | None = None, batch_size: int | None = None
) -> float:
    """Mean squared distance of partners in one pass through the samples.

    Args:
        x: the samples, (n, d).
        k: block size.
        generator: source of the orders.
        other: the same samples for the partners' side, drawn in an order of their own; None: partners come from the same
            shuffled batch.
        batch_size: its size, a multiple of k. Samples that fill no batch, or with ``other`` no block, are left out.
    """
    pairing, total, count = OptimalTransport(k, strict=False), 0.0, 0  # also for a batch of one block
    if other is None:
        for rows in shuffled_batches(len(x), batch_size or len(x), generator, drop_last=True):
            batch = x[rows]
            total += _squared(batch, batch[pairing.pair(batch, generator=generator)])
            count += len(rows)
        return total / count
    whole = len(x) - len(x) % k
    orders = [torch.randperm(len(x), generator=generator)[:whole].split(_PART - _PART % k) for _ in range(2)]
    for first, second in zip(*orders, strict=True):
        ours, theirs = x[first], other[second]
        total += _squared(ours, theirs[pairing.pair(ours, theirs, generator)])
        count += len(first)
    return total / count


def _squared(x: Tensor, y: Tensor) -> float:
    return float((x - y).square().sum(dtype=torch.float64))


def _lengths(experiment: Experiment, images: Tensor, k: int, number: int) -> Metrics:
    generator = torch.Generator().manual_seed(derive(number, "distances"))
    x, other = (_as_trained(experiment, images, generator) for _ in range(2))
    return {
        "vicinal_sq_dist": mean_squared_length(x, k, generator, other=other),
        **{f"within_{size}": mean_squared_length(x, k, generator, batch_size=size) for size in (64, 128)},
    }


def _as_trained(experiment: Experiment, images: Tensor, generator: torch.Generator) -> Tensor:
    """The images as rows (n, d), augmented where the network is trained so, then scaled channel by channel."""
    if experiment["shift"]:
        crop, flip = Shift(experiment["shift"]), Flip()
        images = torch.cat([flip(crop(part, generator), generator) for part in images.split(_PART)])
    mean, std = (torch.tensor(values).view(-1, 1, 1) for values in (experiment["mean"], experiment["std"]))
    return ((images - mean) / std).flatten(1)
