"""How fast mixing is, beside what others do: both sides in one run, by turns, on random numbers of CIFAR-10's shape.

``python -m mixbook.benchmarks.speed.mixing`` measures everything and stores it for the book's page on speed. With
``MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=17179869184`` before it (Linux with glibc), freed memory is kept for the next
array, on both sides; that is stored beside the other.
"""

import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from scipy.spatial import distance_matrix
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from mixbook import vision
from mixbook.benchmarks.home import stored_results
from mixbook.benchmarks.speed.stopwatch import Comparison, compare, store
from mixbook.mixing.blend.fmix import smooth_noise
from mixbook.mixing.blend.puzzlemix import PuzzleMix
from mixbook.mixing.block import plan_many
from mixbook.mixing.cost import step_flops
from mixbook.mixing.matching import solve
from mixbook.mixing.mixer import cutmix, kmixup, mixup, multimix
from mixbook.mixing.pairing import OptimalTransport
from mixbook.mixing.place import ManifoldMixer
from mixbook.mixing.transport import alpha_at_constant_xi, matching_cost
from mixbook.models import PreActResNet

EPOCH, BATCH = 50_000, 128
BLOCKS = (2, 4, 8, 16, 32, 64)
TOGETHER = 8  # batches in a block of batches
# How many times as fast as the loop of Figure 5 matching should be: what was measured when the project was planned, on
# another machine. Behind it the seconds of an epoch there, by one product a batch and by the loop.
WANTED = {2: 10, 4: 15, 8: 25, 16: 33, 32: 55, 64: 75}
PLANNED = {2: (0.190, 2.15), 4: (0.160, 2.74), 8: (0.166, 4.25), 16: (0.284, 9.99), 32: (0.369, 20.4), 64: (0.505, 39.1)}


def matching(batches: int = 48, rounds: int = 7, blocks: tuple[int, ...] = BLOCKS, device: str = "cpu") -> list[Comparison]:
    """Finding the partners of an epoch, against the loop of k-mixup's Figure 5 (TMLR), batch by batch and in blocks.

    Times are of ``batches`` batches, scaled to the 390 whole ones of an epoch. Both sides start from the batch and copy its
    rows in a random order; the loop's distances are Euclidean as printed, ours squared as in the text.
    """
    generator = torch.Generator().manual_seed(0)
    data = torch.randn(batches, BATCH, 3, 32, 32, generator=generator).to(device)
    rng = np.random.default_rng(0)
    scale = EPOCH // BATCH / batches

    def against(k: int) -> list[Comparison]:
        pairing = OptimalTransport(k)

        def loop() -> None:
            for x in data.flatten(2).cpu().numpy():
                figure_5(x, x[rng.permutation(BATCH)], k)

        def in_blocks() -> None:
            for start in range(0, batches, TOGETHER):
                solve([pairing.begin(x, generator=generator) for x in data[start : start + TOGETHER]])

        def one_by_one() -> None:
            for x in data:
                pairing.pair(x, generator=generator)

        what = f"matching an epoch of 50,000 x 3,072, k={k}"
        timed = [
            compare(what, "loop of Figure 5", one_by_one, loop, rounds),
            compare(f"{what}, {TOGETHER} batches together", "loop of Figure 5", in_blocks, loop, rounds),
        ]
        return [replace(comparison.scaled(scale), wanted=WANTED.get(k)) for comparison in timed]

    return [comparison for k in blocks for comparison in against(k)]


def figure_5(x: np.ndarray, other: np.ndarray, k: int) -> np.ndarray:
    """Partners as in Figure 5 of k-mixup (TMLR): a distance matrix and an assignment for each block."""
    partner = np.zeros(len(x), dtype=np.int64)
    for start in range(0, len(x) - k + 1, k):
        block = slice(start, start + k)
        partner[block] = start + linear_sum_assignment(distance_matrix(x[block], other[block]))[1]
    return partner


def mixing(rounds: int = 50, large: int = 256, device: str = "cpu") -> list[Comparison]:
    """A batch mixed, with its targets: against torchvision's transforms, and k-mixup against mixup, at two sizes."""
    vision.load()
    v2 = import_module("torchvision.transforms.v2")
    generator = torch.Generator().manual_seed(0)
    small = torch.rand(TOGETHER, BATCH, 3, 32, 32, generator=generator).to(device)
    labels = torch.randint(0, 10, (BATCH,), generator=generator).to(device)
    x, batches = small[0], [(batch, labels) for batch in small]
    plain, boxes = (make(num_classes=10, generator=generator) for make in (mixup, cutmix))
    their_mixup, their_cutmix = v2.MixUp(num_classes=10), v2.CutMix(num_classes=10)
    matched = kmixup(16, num_classes=10, generator=generator)

    def in_a_block() -> None:
        for (batch, y), plan in zip(batches, plan_many(matched, batches), strict=True):
            plan.apply(batch), plan.targets(y, 10)

    def one_by_one() -> None:
        for batch, y in batches:
            plain(batch, y)

    shape = "(128, 3, 32, 32)"
    found = [
        compare(
            f"mixup of {shape}", "torchvision's MixUp", lambda: plain(x, labels), lambda: their_mixup(x, labels), rounds
        ),
        compare(
            f"cutmix of {shape}", "torchvision's CutMix", lambda: boxes(x, labels), lambda: their_cutmix(x, labels), rounds
        ),
        compare(f"kmixup(16) of {shape}", "mixup", lambda: matched(x, labels), lambda: plain(x, labels), rounds),
        compare(f"kmixup(16) of {shape}, {TOGETHER} batches together", "mixup", in_a_block, one_by_one, rounds),
    ]
    wanted = [1.0, 1.0, 1 / 4, 1 / 2.5]
    if large:
        images = torch.rand(large, 3, 224, 224, generator=generator).to(device)
        classes = torch.randint(0, 10, (large,)).to(device)
        what = f"kmixup(16) of ({large}, 3, 224, 224)"
        found.append(compare(what, "mixup", lambda: matched(images, classes), lambda: plain(images, classes), 3))
        wanted.append(1 / 2)
    return [replace(comparison, wanted=least) for comparison, least in zip(found, wanted, strict=True)]


def masks(images: int = 100, rounds: int = 3, sizes: tuple[int, ...] = (32, 64)) -> list[Comparison]:
    """Exact masks of Puzzle Mix, milliseconds an image, saliency and moves aside: a batch at once against one by one.

    The saliency is smooth noise, for which masks are harder than for most photographs.
    """
    generator = torch.Generator().manual_seed(0)
    partner, lam = torch.randperm(images, generator=generator), torch.rand(1, images, generator=generator)

    def at(size: int, grid: int) -> Comparison:
        x = torch.rand(images, 3, size, size, generator=generator)
        maps = smooth_noise(images, size, size, 1.0, generator=generator).square().float()
        whole = PuzzleMix(lambda x, y: maps, grids=(grid,), transport=None)

        def each() -> None:
            for n in range(images):
                both = torch.stack([torch.tensor(n), partner[n]])
                alone = PuzzleMix(lambda x, y, both=both: maps[both], grids=(grid,), transport=None)
                alone.plan(x[both], torch.tensor([1]), lam[:, n : n + 1], generator)

        what = f"Puzzle Mix masks of an image of {size} x {size}, grid {grid}"
        timed = compare(what, "each image alone", lambda: whole.plan(x, partner, lam, generator), each, rounds)
        limit = 1.2e-3 if grid == 16 else 0.5e-3
        return replace(timed.scaled(1 / images), limit=limit)

    return [at(size, grid) for size in sizes for grid in (4, 8, 16)]


def small_network() -> nn.Sequential:
    """Three convolutions: so little to compute that reading and writing memory takes most of the time."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for number, io in enumerate(((3, 32), (32, 32)), start=1):
        layers[f"layer{number}"] = nn.Sequential(nn.Conv2d(*io, 3, padding=1), nn.BatchNorm2d(io[1]), nn.ReLU())
    last = nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU()
    layers["head"] = nn.Sequential(nn.AvgPool2d(2), *last, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    return nn.Sequential(layers)


# A network, its name, and how many images of CIFAR's size it gets.
SHARED = ((PreActResNet, "PreActResNet-18", 8), (small_network, "three convolutions", 32))


def prefix(
    draws: int = 5, rounds: int = 5, networks: Sequence[tuple[Callable[[], nn.Sequential], str, int]] = SHARED
) -> list[Comparison]:
    """A training step with K interpolations at a hidden layer, of which the layers before run once.

    Against K steps, and against the same step with the network taken apart by hand.
    """
    return [
        comparison
        for make, name, size in networks
        for layer in ("input", "layer1", "layer2")
        for comparison in _shared(make(), name, size, layer, draws, rounds)
    ]


def _shared(model: nn.Sequential, name: str, size: int, layer: str, draws: int, rounds: int) -> list[Comparison]:
    generator = torch.Generator().manual_seed(0)
    x, y = torch.rand(size, 3, 32, 32, generator=generator), torch.randint(0, 10, (size,), generator=generator)
    shared = ManifoldMixer(model, [layer], multimix(draws, num_classes=10, generator=generator))
    single = ManifoldMixer(model, [layer], mixup(num_classes=10, generator=generator))

    def step(mixer: ManifoldMixer) -> None:
        logits, targets = mixer(x, y)
        cross_entropy(logits, targets).backward()

    def repeat(mixer: ManifoldMixer) -> None:
        for _ in range(draws):
            step(mixer)

    parts = dict(model.named_children())
    cut = 0 if layer == "input" else list(parts).index(layer) + 1
    before, after = (nn.Sequential(*some) for some in (list(parts.values())[:cut], list(parts.values())[cut:]))

    def by_hand() -> None:
        hidden, order, lam = before(x), torch.randperm(size), torch.rand(draws, 1, 1, 1, 1)
        logits = after((lam * hidden + (1 - lam) * hidden[order]).flatten(0, 1))
        losses = [cross_entropy(logits, labels.repeat(draws), reduction="none") for labels in (y, y[order])]
        weights = lam.view(-1, 1).expand(draws, size).flatten()
        (weights * losses[0] + (1 - weights) * losses[1]).mean().backward()

    share = step_flops(model, x, layer, draws) / step_flops(model, x, "input", draws)
    where = "the input" if layer == "input" else layer
    what = f"step of {name}, {size} images, K={draws} mixtures at {where} ({share:.2f} of the FLOPs)"
    timed = compare(what, f"{draws} steps", lambda: step(shared), lambda: repeat(single), rounds)
    apart = compare(f"by hand: {what}", "the network taken apart", lambda: step(shared), by_hand, rounds)
    return [replace(timed, wanted=1 / share), apart]


def alpha(rounds: int = 5) -> list[Comparison]:
    """alpha at constant xi for k = 4 in the plane, the matching costs included on both sides."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(256, 2, generator=generator)
    timed = compare(
        "alpha at constant xi, k=4",
        "loop of Algorithm 1",
        lambda: alpha_at_constant_xi(x, 4, 0.2, trials=256, generator=generator),
        lambda: algorithm_1(x, 4, 0.2, trials=256, generator=generator),
        rounds,
    )
    return [replace(timed, wanted=30)]


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


def all_comparisons(device: str = "cpu") -> list[Comparison]:
    """Everything that is compared, a few minutes on a laptop; on a GPU what differs there: matching and mixing."""
    if device != "cpu":
        return [*matching(device=device), *mixing(device=device)]
    return [*matching(), *mixing(), *masks(), *prefix(), *alpha()]


if __name__ == "__main__":
    name = "cpu-kept.json" if os.environ.get("MALLOC_MMAP_MAX_") == "0" else "cpu.json"
    store(stored_results() / "speed" / name, all_comparisons())
