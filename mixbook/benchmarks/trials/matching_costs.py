"""Trials of what matching costs: k-mixup's seconds per epoch, and Sinkhorn's scaling against the exact assignment."""

from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial import distance_matrix
from torch import Tensor

from mixbook.benchmarks.spec import Cell, Experiment, Profile
from mixbook.benchmarks.speed.mixing import figure_5
from mixbook.benchmarks.speed.stopwatch import by_turns
from mixbook.benchmarks.trials.sinkhorn import sinkhorn
from mixbook.data import cifar10, stand_in
from mixbook.mixing.mixer import kmixup, mixup
from mixbook.mixing.transport import assignment, cross_cost, squared_cost
from mixbook.training.streams import derive

FAR = 1000.0  # what the released code writes where two samples may not be matched

Rows = NDArray[np.float32]


def epoch(experiment: Experiment, cell: Cell, number: int, profile: Profile) -> dict[str, float]:
    """Seconds that k-mixup adds to an epoch of 50,000 images: as printed, as released, and here.

    ``part=hungarian`` is the assignment alone and ``part=distance_matrix`` the distances alone; without a part it is both.
    Each is timed on one batch and scaled; ``profile.epochs`` rounds by turns, on one thread.

    Returns:
        ``overhead_per_epoch`` (s), in the loop that the paper prints as Figure 5, a small problem for each block;
        ``released`` (s), as in the released code, one problem for the whole batch in which all but the blocks is far;
        ``mixbook`` (s), as this package does it: without a part, what a batch takes longer than with mixup.
    """
    k, part = int(cell.value("k")), cell.answers().get("part", "")
    x = images(experiment["batch_size"], number, profile)
    large = images(experiment["released_batch_size"], number, profile)
    if part == "hungarian":
        blocks, whole, costs = block_distances(x, k), released_distances(large, k), block_costs(x, k)
        sides: list[Callable[[], object]] = [
            lambda: [linear_sum_assignment(block) for block in blocks],
            lambda: linear_sum_assignment(whole),
            lambda: assignment(costs),
        ]
    elif part == "distance_matrix":
        sides = [lambda: block_distances(x, k), lambda: released_distances(large, k), lambda: block_costs(x, k)]
    else:
        ours = torch.from_numpy(x), torch.zeros(len(x), dtype=torch.int64)
        matched, plain = (mixer for mixer in (kmixup(k, num_classes=10), mixup(num_classes=10)))
        sides = [
            lambda: figure_5(x, shuffled(x), k),
            lambda: linear_sum_assignment(released_distances(large, k)),
            lambda: matched(*ours),
            lambda: plain(*ours),
        ]
    seconds = [min(taken) for taken in by_turns(sides, profile.epochs)]
    per_image = [seconds[0] / len(x), seconds[1] / len(large), (seconds[2] - sum(seconds[3:])) / len(x)]
    printed, released, here = (experiment["epoch_size"] * each for each in per_image)
    return {"overhead_per_epoch": printed, "released": released, "mixbook": here}


def images(count: int, number: int, profile: Profile) -> Rows:
    """Random ones of CIFAR-10's first 10,000 training images, float32 (count, 3072); for a smoke run, other numbers."""
    x = stand_in("cifar10").x if profile.stand_in else _first_images()
    rows = torch.randint(len(x), (count,), generator=torch.Generator().manual_seed(derive(number, "images")))
    return x[rows].flatten(1).numpy()


@cache
def _first_images() -> Tensor:
    return cifar10("train").x[:10_000].clone()


def shuffled(x: Rows) -> Rows:
    """The same rows in another order, always the same one: the candidates of a batch."""
    return x[np.random.default_rng(0).permutation(len(x))]


def block_distances(x: Rows, k: int) -> list[NDArray[np.float64]]:
    """Distances (k, k) between each block of k rows and its candidates, as in the paper's Figure 5."""
    other, starts = shuffled(x), range(0, len(x) - k + 1, k)
    return [distance_matrix(x[start : start + k], other[start : start + k]) for start in starts]


def released_distances(x: Rows, k: int) -> NDArray[np.float64]:
    """The released code's matrix (B, B): distances within blocks of k, and a large number everywhere else."""
    whole = np.full((len(x), len(x)), FAR)
    for start, block in zip(range(0, len(x), k), block_distances(x, k), strict=False):
        whole[start : start + k, start : start + k] = block
    return whole


def block_costs(x: Rows, k: int) -> Tensor:
    """What decides our matching, (blocks, k, k), by one batched product."""
    left, right = (torch.from_numpy(rows).unflatten(0, (-1, k)) for rows in (x, shuffled(x)))
    return cross_cost(left, right)


def against_sinkhorn(experiment: Experiment, cell: Cell, number: int, profile: Profile) -> dict[str, float]:
    """Match blocks of CIFAR-10 images exactly and by Sinkhorn's scaling, and compare time and result.

    Returns:
        Microseconds per block of k, the costs being there: ``exact`` (SciPy, one by one), ``sinkhorn_one`` (one by one) and
        ``sinkhorn`` (all blocks in one call). ``rounds`` of the scaling of all blocks together. ``excess`` (%), by how much
        the mean squared distance of the scaled plan exceeds the least; ``differs`` (%), samples whose most likely
        partner is not their optimal one; ``shared`` (%), samples that are nobody's most likely partner.
    """
    k, blocks = int(cell.value("k")), experiment["blocks"]
    x = torch.from_numpy(images(2 * k * blocks, number, profile))
    cost = squared_cost(*x.unflatten(0, (2, blocks, k)))
    level = cell.value("reg") * float(cost.mean())
    problems = cost.numpy()
    few = cost[: experiment["one_by_one"]]

    sides: list[Callable[[], object]] = [
        lambda: [linear_sum_assignment(problem) for problem in problems],
        lambda: sinkhorn(cost, level, tolerance=experiment["tolerance"]),
        lambda: [sinkhorn(problem[None], level, tolerance=experiment["tolerance"]) for problem in few],
    ]
    exact, together, alone = map(min, by_turns(sides, profile.epochs))
    plan, rounds = sinkhorn(cost, level, tolerance=experiment["tolerance"])
    best = assignment(cost)
    least = float(cost.gather(2, best[..., None]).mean())
    likely = plan.argmax(2)
    chosen = torch.zeros_like(plan[:, 0], dtype=torch.bool).scatter_(1, likely, True)
    return {
        "exact": 1e6 * exact / blocks,
        "sinkhorn": 1e6 * together / blocks,
        "sinkhorn_one": 1e6 * alone / len(few),
        "rounds": float(rounds),
        "excess": 100 * (float((plan * cost).sum(2).mean()) / least - 1),
        "differs": 100 * float((likely != best).float().mean()),
        "shared": 100 * float((~chosen).float().mean()),
    }
