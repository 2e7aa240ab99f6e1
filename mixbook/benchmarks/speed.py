"""How fast mixing is, beside what others do: both sides in one run, by turns, on random numbers of CIFAR-10's shape."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from scipy.spatial import distance_matrix
from torch import Tensor

from mixbook import vision
from mixbook.mixing.mixer import kmixup, mixup
from mixbook.mixing.pairing import OptimalTransport
from mixbook.mixing.transport import alpha_at_constant_xi, matching_cost

EPOCH, BATCH = 50_000, 128
BLOCKS = (2, 4, 8, 16, 32, 64)


@dataclass(frozen=True)
class Comparison:
    """Medians of rounds in which the two sides took turns.

    Args:
        what: the task.
        reference: what it is compared with.
        ours, theirs: seconds.
    """

    what: str
    reference: str
    ours: float
    theirs: float

    @property
    def ratio(self) -> float:
        """Times as fast as the reference."""
        return self.theirs / self.ours

    def as_row(self) -> dict[str, Any]:
        """For a table, in milliseconds."""
        milliseconds = {"ours, ms": f"{1e3 * self.ours:.3g}", "reference, ms": f"{1e3 * self.theirs:.3g}"}
        return {"what": self.what, "reference": self.reference, **milliseconds, "times as fast": f"{self.ratio:.1f}"}


def compare(what: str, reference: str, ours: Callable[[], Any], theirs: Callable[[], Any], rounds: int) -> Comparison:
    """Time two functions by turns, so that a busy machine slows both; each once beforehand, to warm up."""
    seconds: tuple[list[float], list[float]] = ([], [])
    ours(), theirs()
    for _ in range(rounds):
        for side, taken in zip((ours, theirs), seconds, strict=True):
            start = perf_counter()
            side()
            taken.append(perf_counter() - start)
    return Comparison(what, reference, median(seconds[0]), median(seconds[1]))


def matching(batches: int = 16, rounds: int = 5, blocks: tuple[int, ...] = BLOCKS) -> list[Comparison]:
    """Finding the partners of an epoch, against the loop of k-mixup's Figure 5 (TMLR).

    Times are of ``batches`` batches, scaled to the 390 whole ones of an epoch. The loop is given its second batch; its
    distances are Euclidean as printed, ours squared as in the text.
    """
    generator = torch.Generator().manual_seed(0)
    data = torch.randn(batches, BATCH, 3, 32, 32, generator=generator)
    rows = data.flatten(2).numpy()
    partners = rows[:, np.random.default_rng(0).permutation(BATCH)]
    scale = EPOCH // BATCH / batches

    def against(k: int) -> Comparison:
        pairing = OptimalTransport(k)
        timed = compare(
            f"matching an epoch of 50,000 x 3,072, k={k}",
            "loop of Figure 5",
            lambda: [pairing.pair(x, generator=generator) for x in data],
            lambda: [figure_5(x, other, k) for x, other in zip(rows, partners, strict=True)],
            rounds,
        )
        return Comparison(timed.what, timed.reference, scale * timed.ours, scale * timed.theirs)

    return [against(k) for k in blocks]


def figure_5(x: np.ndarray, other: np.ndarray, k: int) -> np.ndarray:
    """Partners as in Figure 5 of k-mixup (TMLR): a distance matrix and an assignment for each block."""
    partner = np.zeros(len(x), dtype=np.int64)
    for start in range(0, len(x) - k + 1, k):
        block = slice(start, start + k)
        partner[block] = start + linear_sum_assignment(distance_matrix(x[block], other[block]))[1]
    return partner


def mixing(rounds: int = 50) -> list[Comparison]:
    """A batch of (128, 3, 32, 32) mixed, with its targets: mixup against torchvision's, k-mixup against mixup."""
    vision.load()
    v2 = import_module("torchvision.transforms.v2")
    generator = torch.Generator().manual_seed(0)
    x, y = torch.rand(BATCH, 3, 32, 32, generator=generator), torch.randint(0, 10, (BATCH,), generator=generator)
    ours, theirs = mixup(num_classes=10, generator=generator), v2.MixUp(num_classes=10)
    matched = kmixup(16, num_classes=10, generator=generator)
    return [
        compare("mixup of (128, 3, 32, 32)", "torchvision's v2.MixUp", lambda: ours(x, y), lambda: theirs(x, y), rounds),
        compare("kmixup(16) of (128, 3, 32, 32)", "mixup", lambda: matched(x, y), lambda: ours(x, y), rounds),
    ]


def alpha(rounds: int = 5) -> list[Comparison]:
    """alpha at constant xi for k = 4 in the plane, the matching costs included on both sides."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(256, 2, generator=generator)
    return [
        compare(
            "alpha at constant xi, k=4",
            "loop of Algorithm 1",
            lambda: alpha_at_constant_xi(x, 4, 0.2, trials=256, generator=generator),
            lambda: algorithm_1(x, 4, 0.2, trials=256, generator=generator),
            rounds,
        )
    ]


def algorithm_1(
    x: Tensor,
    k: int,
    alpha: float,
    *,
    trials: int,
    samples: int = 1_000_000,
    factor: float = 1.01,
    generator: torch.Generator | None = None,
) -> float:
    """Algorithm 1 of k-mixup (TMLR): alpha is multiplied by a constant until a sampled mean is large enough.

    The paper does not say how many samples, nor the constant: with these the result is right to about one part in 100.
    """
    draw = np.random.default_rng(0).beta

    def step(alpha: float) -> float:
        lam = draw(alpha, alpha, samples)
        return float((np.minimum(lam, 1 - lam) ** 2).mean())

    wanted = step(alpha) * matching_cost(x, 1)
    matched = matching_cost(x, k, trials=trials, generator=generator)
    while step(alpha) * matched < wanted:
        alpha *= factor
    return alpha


def all_comparisons() -> list[Comparison]:
    """Everything that is compared; seconds on a laptop."""
    return [*matching(), *mixing(), *alpha()]
