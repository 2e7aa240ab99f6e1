"""Checks of what k-mixup says of manifolds (Greenewald et al. 2023, section 3.1)."""

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from mixbook.theory import coupling, manifolds
from mixbook.theory.statement import Comparison, at_most, close, refuted, statement


@statement(
    "kmixup-tmlr",
    "Proposition 3.2",
    "For data on a manifold in X x Y and large k, any fixed share below 1 of the segments between partners stays within "
    "eps of it.",
    verdict="false as printed",
    page="who/clusters#thm-manifold",
    instead="False where the features leave the target open, for matching sees features only: with fair coins as labels "
    "half of the segments leave, on average, at any k and eps < 1/2. It holds on compact manifolds for every eps > 0 if "
    "the features determine the target, if the matched distances count targets too, or if the manifold is one of features "
    "alone, as the proof has it; in the last two at most W_2^2 / (4 eps^2) leave. The rate of the proof, W_2^2 = "
    "O(k^(-2/d)), is too fast: on an interval it is 1/(3(k + 1)), on two separate pieces at least of the order of "
    "k^(-1/2). No injectivity radius is needed.",
    also="kmixup-v1 Proposition 1",
)
def proposition_3_2() -> Iterator[Comparison]:
    yield from _targets()
    rng = np.random.default_rng(0)
    for k in (8, 32, 128):
        j = np.arange(1, k + 1)  # the j-th smallest of k is Beta(j, k + 1 - j), and the two are independent
        variance = j * (k + 1 - j) / ((k + 1) ** 2 * (k + 2))
        yield close(
            f"interval, k = {k}: variances of the order statistics", manifolds.interval_cost(k), 2 * variance.mean(), 1e-15
        )
    sampled = []
    for k in (8, 32, 128, 512):
        cost = ((np.sort(rng.random((1000, k))) - np.sort(rng.random((1000, k)))) ** 2).mean(axis=1)
        sampled.append(cost.mean())
        yield close(
            f"interval, k = {k}: sorted draws", manifolds.interval_cost(k), cost.mean(), 4 * cost.std() / np.sqrt(1000)
        )
    slope = _slope((8, 32, 128, 512), sampled)
    yield refuted(f"interval, d = 1: W_2^2 falls as k^{slope:.2f}, not k^-2", -2.0, slope, by=0.9)

    # Two intervals of length 1 in the plane, 2 apart: what crosses decides.
    sampled = []
    for k in (16, 64, 256):
        cost = []
        for _ in range(2000 // k):
            points = np.stack([rng.random((2, k)), 2.0 * rng.integers(2, size=(2, k))], axis=-1)
            cost.append(_matched(*points)[1].mean())
        sampled.append(np.mean(cost))
        floor = manifolds.pieces_floor(2.0, [0.5, 0.5], k)
        noise = 4 * np.std(cost) / np.sqrt(len(cost))
        yield at_most(f"two pieces, k = {k}: floor and W_2^2 of matched draws", floor, np.mean(cost) + noise)
    floors = [manifolds.pieces_floor(2.0, [0.5, 0.5], k) for k in (1000, 4000)]
    yield close("two pieces: exponent of k in the floor", _slope((1000, 4000), floors), -0.5, 0.01)
    slope = _slope((16, 64, 256), sampled)
    yield refuted(f"two pieces, d = 1: as k^{slope:.2f}", -2.0, slope, by=1.0)

    # Unit circle: the midpoint of a chord is what strays most, and it can be seen how far.
    eps, left = 0.1, []
    for k in (1, 16, 256):
        p, q, square = _circle(rng, k, 2048 // k)
        strayed = 1 - np.linalg.norm((p + q) / 2, axis=1)
        yield close(f"circle, k = {k}: how far chords stray", manifolds.sagitta(np.sqrt(square), 1.0), strayed, 1e-7)
        shortest = manifolds.leaving_length(eps, 1.0)
        left.append(np.mean(strayed >= eps))
        yield close(
            f"k = {k}: shares that leave, and that are long enough", left[-1], np.mean(np.sqrt(square) >= shortest), 0
        )
        yield at_most("at most W_2^2 over the square of that length", left[-1], square.mean() / shortest**2)
    yield at_most(f"circle, eps = 0.1: shares that leave, {np.round(left, 3)}, fall", left[1:], [0.3 * left[0], 0.001])

    angle = np.linspace(0, 2 * np.pi, 800, endpoint=False)
    circle, bar = np.c_[np.cos(angle), np.sin(angle)], np.linspace(0, 1, 300)
    shapes = {
        "a circle of radius 1": (circle, 1.0),
        "an ellipse with axes 2 and 1": (circle * [2, 1], 1.0),
        "two bars at distance 0.6": (np.r_[np.c_[bar, 0 * bar], np.c_[bar, 0 * bar + 0.6]], 0.3),
        "circles of radius 1 and 1.5": (np.r_[circle, 1.5 * circle], 0.25),
    }
    for name, (points, radius) in shapes.items():
        found = manifolds.injectivity_radius(points, 0.05, 1.3)
        yield close(f"injectivity radius of {name}, on a raster", found, radius, 0.03)
    tangent = np.stack([-2 * np.sin(angle), np.cos(angle)], axis=1)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    yield close("reach of the ellipse, b^2 / a", manifolds.reach(circle * [2, 1], tangent[:, None]), 1 / 2, 1e-3)


def _targets() -> Iterator[Comparison]:
    """A feature and a coin: S = [0, 1] x {0, 1}, of injectivity radius 1/2. Or the coin also moves the feature, by 2."""
    rng, eps = np.random.default_rng(1), 0.4

    def leave(two_halves: bool, columns: int) -> tuple[np.ndarray, np.ndarray]:
        """W_2^2 in the first ``columns`` columns, by which partners are found, and the share that leaves: for each k."""
        found = []
        for k in (16, 64, 256):
            feature, coin = rng.random((2, 8192 // k, k)), rng.integers(2, size=(2, 8192 // k, k))
            p, q = np.stack([feature + 2 * coin if two_halves else feature, coin], axis=-1)
            partner = coupling.match(p[..., :columns], q[..., :columns])
            square = coupling.lengths(p[..., :columns], q[..., :columns], partner) ** 2
            ends = p.reshape(-1, 2), coupling.matched(q, partner).reshape(-1, 2)
            # The targets alone can leave: between unlike ones, up to 1/2 from both.
            strays = manifolds.straying(*ends, lambda at: abs(at[..., 1] - at[..., 1].round()))
            found.append((square.mean(), (strays >= eps).mean()))
        square, left = np.transpose(found)
        return square, left

    square, left = leave(two_halves=False, columns=1)
    yield close("labels by a fair coin: half of the segments leave at every k", left, [0.5] * 3, 4 * 0.5 / np.sqrt(8192))
    yield refuted(
        f"features in [0, 1], fair coins as labels, eps = 0.4: at k = 256 partners are {np.sqrt(square[-1]):.3f} apart, "
        f"and {left[-1]:.1%} of the segments leave",
        0.0,
        left[-1],
        by=0.4,
    )
    square, left = leave(two_halves=False, columns=2)
    bound = square / manifolds.leaving_length(eps) ** 2
    yield at_most("targets count in the matching: shares that leave and W_2^2 / (4 eps^2)", left, bound)
    yield at_most(f"and they fall: {np.round(left, 3)}", left[1:], 0.7 * left[:2])
    _, left = leave(two_halves=True, columns=1)
    yield at_most(
        f"a feature that decides the label: shares that leave fall, {np.round(left, 3)}", left[1:], 0.7 * left[:2]
    )
    # Two points 2 eps apart: the midpoint strays as far as any segment of that length can.
    two = np.array([[0.0], [2 * eps]])
    strays = manifolds.straying(two[:1], two[1:], manifolds.to_nearest(two))
    yield close("two points 2 eps apart: how far their segment strays", strays, [eps], 1e-15)
    yield close("and a set that nothing is known of", manifolds.sagitta(2 * eps, 0.0), eps, 1e-15)
    yield close("the length from which on a segment can leave", manifolds.leaving_length(eps), 2 * eps, 1e-15)


def _matched(p: np.ndarray, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The partners of the rows of ``p`` and their squared distances."""
    cost = ((p[:, None] - q) ** 2).sum(axis=-1)
    rows, partner = linear_sum_assignment(cost)
    return q[partner], cost[rows, partner]


def _circle(rng: np.random.Generator, k: int, blocks: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    angle = rng.uniform(0, 2 * np.pi, (2, blocks, k))
    p, q = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    found = [_matched(*pair) for pair in zip(p, q, strict=True)]
    return p.reshape(-1, 2), np.concatenate([ends for ends, _ in found]), np.concatenate([square for _, square in found])


def _slope(sizes: Sequence[int], cost: list[float]) -> float:
    return float(np.polyfit(np.log(sizes), np.log(cost), 1)[0])
