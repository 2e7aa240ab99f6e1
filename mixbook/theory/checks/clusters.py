"""Checks of what k-mixup says of clusters (Greenewald et al. 2023, section 3.2 and Figure 5)."""

from collections.abc import Iterator
from itertools import permutations
from math import comb, factorial, prod

import numpy as np
from scipy import special
from scipy.optimize import linear_sum_assignment

from mixbook.theory import clusters, coupling
from mixbook.theory.statement import Comparison, at_most, close, refuted, statement


@statement(
    "kmixup-tmlr",
    "Lemma 3.3",
    "For clusters in balls of radius Delta with gaps of 2 Delta, the optimal matching has half of sum_c |r_c - s_c| pairs "
    "that cross.",
    verdict="false as printed",
    page="who/clusters#thm-many-clusters",
    instead="True for two clusters, and there for every gap above 2 (sqrt(2) - 1) Delta = 0.83 Delta. For three and more "
    "two short crossings can cost less than a long one, at any distance: the count is a lower bound, m - 1 times it an "
    "upper bound, and it is exact for all points if and only if, seen from each ball, no two others can be 90 degrees "
    "apart: never for four balls in the plane, for an equilateral triangle from sides of 2 Delta / sin 15 deg on.",
    also="kmixup-v1 Lemma 1",
)
def lemma_3_3() -> Iterator[Comparison]:
    rng = np.random.default_rng(0)
    first, second = rng.integers(3, size=(2, 40, 5))
    orders = np.array(list(permutations(range(5))))
    least = (first[:, None] != second[:, orders]).sum(axis=2).min(axis=1)
    yield close("fewest crossings of all 120 matchings, 40 blocks", coupling.fewest_crossings(first, second), least, 0)

    gap, label = clusters.sharp_gap(1.0), rng.integers(2, size=(300, 2, 16))
    balls = np.array([[0.0, 0.0], [2 + 1.001 * gap, 0.0]])
    found = [_crossings(*_on_rims(rng, balls, each), *each) for each in label]
    counted = coupling.fewest_crossings(label[:, 0], label[:, 1])
    yield close("two discs just above the sharp gap: crossings of 300 matchings and the count", found, counted, 0)
    yield close("just below it, points that cross twice", _crossings(*_steep_pairs(0.999 * gap)), 2, 0)
    yield close("and never just above it", _crossings(*_steep_pairs(1.001 * gap)), 0, 0)

    # Clusters at 0, L and 2L on a line: one block has points at 0 and L, its counterpart at L and 2L.
    p, q = np.array([[0.0], [4.0]]), np.array([[4.0], [8.0]])
    cost = {order: float(((p - q[list(order)]) ** 2).sum()) for order in permutations(range(2))}
    best = min(cost, key=cost.__getitem__)
    crossing = int((np.array([0, 1]) != np.array([1, 2])[list(best)]).sum())
    claimed = int(coupling.fewest_crossings([0, 1], [1, 2]))
    yield refuted(
        f"three clusters on a line: {claimed:g} pairs claimed to cross, {crossing:g} do (at cost {min(cost.values()):g}, "
        f"not {max(cost.values()):g})",
        claimed,
        crossing,
        by=1,
    )

    side = 2 / np.sin(np.radians(15))
    at = [clusters.counting_margin(_triangle(length), 1.0) for length in (4, 0.9999 * side, 1.0001 * side)]
    yield close("an equilateral triangle is far enough from a side of 2 / sin 15 deg on", np.sign(at), [-1, -1, 1], 0)
    for centres in (rng.uniform(-25, 25, (200, 3, 2)), rng.uniform(-9, 9, (100, 4, 2))):
        centres = centres[[_least_distance(each) > 4 for each in centres]]
        margin = [clusters.counting_margin(each, 1.0) for each in centres]
        worst = [_least_saving(each) for each in centres]
        m = centres.shape[1]
        yield close(
            f"{len(centres)} layouts of {m} balls at gaps above 2 Delta: the sign of the margin and of the least saving "
            f"of a swap, {np.mean(np.sign(margin) < 0):.0%} negative",
            np.sign(margin),
            np.sign(worst),
            0,
        )
        label = rng.integers(m, size=(len(centres), 2, 12))
        found = [_crossings(*_on_rims(rng, each, labels), *labels) for each, labels in zip(centres, label, strict=True)]
        counted = coupling.fewest_crossings(label[:, 0], label[:, 1])
        yield at_most(f"the count is a lower bound, {m} balls", counted, found)
        yield at_most(f"{m - 1} times the count is an upper bound, {m} balls", found, (m - 1) * counted)


@statement(
    "kmixup-tmlr",
    "Theorem 3.4",
    "The expected share of crossing pairs is of the order of (2k)^(-1/2) sum_c sqrt(p_c (1 - p_c)).",
    verdict="holds with a correction",
    page="who/clusters#thm-share",
    instead="As an order it holds, with a constant of at most m - 1. Its proof has the constant 1, which is right for two "
    "clusters, where the share is 2p(1-p) 2F1(1-k, 1/2; 2; 4p(1-p)) exactly, and too small for three on a line, at k = 9 "
    "as at 16. In the proof E[r_i = s_i] stands for E|r_i - s_i|.",
    also="kmixup-v1 Theorem 1",
)
def theorem_3_4() -> Iterator[Comparison]:
    grid = [(k, p) for k in (1, 8, 32, 64) for p in (0.1, 0.3, 0.5)]
    exact = [clusters.expected_share([p, 1 - p], k) for k, p in grid]
    closed = [2 * p * (1 - p) * special.hyp2f1(1 - k, 0.5, 2, 4 * p * (1 - p)) for k, p in grid]
    yield close("two clusters, sum over the binomial law and hypergeometric function", exact, closed, 1e-12)

    masses, k = np.array([0.5, 0.3, 0.2]), 5
    counts = _compositions(k, 3)
    weight = np.array([factorial(k) / prod(factorial(n) for n in c) * np.prod(masses**c) for c in counts])
    apart = abs(counts[:, None] - counts).sum(axis=-1) / 2 / k
    yield close("three clusters, all pairs of counts", clusters.expected_share(masses, k), weight @ apart @ weight, 1e-12)
    members = np.array([7, 4, 3])
    weight = np.array([prod(comb(n, c) for n, c in zip(members, each, strict=True)) for each in counts]) / comb(14, k)
    ours = clusters.expected_share_of_subsets(members, k)
    yield close("three clusters, all pairs of subsets of 14 points", ours, weight @ apart @ weight, 1e-12)

    rng = np.random.default_rng(0)
    label = (rng.random((600, 2, 32)) < 0.3).astype(int)
    crossed = [_crossings(*_on_rims(rng, np.array([[0.0, 0], [9, 0]]), each), *each) / 32 for each in label]
    error = 4 * np.std(crossed) / np.sqrt(600)
    yield close("600 matched blocks of 32", clusters.expected_share([0.3, 0.7], 32), np.mean(crossed), error)

    many = [([0.4, 0.3, 0.2, 0.1], k) for k in (2, 8, 128)] + [([0.5, 0.5], k) for k in (2, 8, 128)]
    shares = [clusters.expected_share(*each) for each in many]
    yield at_most("the expected least share and the bound", shares, [clusters.share_bound(*each) for each in many])
    far = [np.sqrt(k) * (clusters.expected_share([0.3, 0.7], k) - clusters.share_bound([0.3, 0.7], k)) for k in (400, 1600)]
    limit = (np.sqrt(2 / np.pi) - 1) * np.sqrt(2 * 0.3 * 0.7)
    yield close("for large k their ratio tends to sqrt(2 / pi)", far, [limit] * 2, 2e-3)

    third, size = np.full(3, 1 / 3), (8, 9, 16)
    bound = [k * clusters.share_bound(third, k) for k in size]
    crossing = [_expected_crossings_on_a_line(k) for k in size]
    numbers = "; ".join(f"{b:.4f} and {c:.4f}" for b, c in zip(bound, crossing, strict=True))
    what = f"three clusters on a line, bound and crossings, k = 8, 9, 16: {numbers}"
    yield at_most(f"{what}: within the bound at 8", crossing[0], bound[0])
    yield at_most("above it at 9 and 16", bound[1:], crossing[1:])
    words = f"three clusters on a line, k = 16: {crossing[2]:.4f} pairs cross on average, with the constant 1 at most"
    yield refuted(f"{words} {bound[2]:.4f} should", bound[2], crossing[2], by=0.1)
    yield at_most("always within m - 1 times the bound", crossing, [2 * each for each in bound])


@statement(
    "kmixup-tmlr",
    "Section 3.2 (number of crossing pairs)",
    "The absolute number of crossing pairs grows with k although their share falls.",
    verdict="holds",
    page="who/clusters#prop-number",
)
def section_3_2_number() -> Iterator[Comparison]:
    sizes = np.arange(1, 201)
    for masses in ([0.5, 0.5], [0.9, 0.1], [0.4, 0.3, 0.2, 0.1]):
        share = np.array([clusters.expected_share(masses, int(k)) for k in sizes])
        yield at_most(
            f"the expected number grows with k up to 200, masses {masses}", (sizes * share)[:-1], sizes[1:] * share[1:]
        )
        yield at_most("and its share falls", share[1:], share[:-1])
    few = np.array([2, 4, 8, 16])
    number = np.array([_expected_crossings_on_a_line(int(k)) for k in few])
    yield at_most(f"the number on three in a line grows too: {np.round(number, 2)}", number[:-1], number[1:])
    share = number / few
    yield at_most(f"and its share falls: {np.round(share, 2)}", share[1:], share[:-1])
    rng = np.random.default_rng(0)
    walk = abs((rng.random((20_000, 64)) < 0.3).cumsum(axis=1) - (rng.random((20_000, 64)) < 0.3).cumsum(axis=1))
    for k in (4, 16, 64):
        error = 4 * walk[:, k - 1].std() / np.sqrt(len(walk))
        expected = k * clusters.expected_share([0.3, 0.7], k)
        yield close(f"mean distance of two walks after {k} steps", expected, walk[:, k - 1].mean(), error)


@statement(
    "kmixup-tmlr",
    "Section 3.2 (real data)",
    "In real data more pairs cross than Theorem 3.4 indicates, which is made for the worst case of far clusters.",
    verdict="holds with a correction",
    page="who/clusters#thm-share",
    instead="More than the exact expectation of the count, always, for counting asks nothing of the data. More than the "
    "printed bound only from some k on: at k = 1 the bound is larger than any share can be expected to be.",
)
def section_3_2_real_data() -> Iterator[Comparison]:
    rng = np.random.default_rng(0)
    for k, spread in ((4, 2.0), (32, 2.0), (32, 0.3)):
        label = rng.integers(2, size=(400, 2, k))
        points = rng.normal(size=(400, 2, k, 2)) + label[..., None] / spread
        share = np.array([_crossings(*x, *y) / k for x, y in zip(points, label, strict=True)])
        noise = 4 * share.std() / np.sqrt(len(share))
        floor = clusters.expected_share([0.5, 0.5], k)
        yield at_most(f"overlapping classes {1 / spread:.1f} apart, k = {k}: floor and share", floor, share.mean() + noise)
        if k == 32 and spread == 2.0:
            yield at_most("here the share is above the bound, too", clusters.share_bound([0.5, 0.5], k), share.mean())
    single = clusters.share_bound([0.5, 0.5], 1)
    yield refuted(f"at k = 1 half of the pairs cross, the bound is {single:.3f}", single, 1 - 2 * 0.5**2, by=0.2)
    yield at_most("which is more", 1 - 2 * 0.5**2, single)


@statement(
    "kmixup-tmlr",
    "Theorem 3.5",
    "For large k all crossing pairs between two clusters end in the parts within D(1 + eps) of the other cluster, with "
    "eps = max(R_A, R_B)^2 / D^2.",
    verdict="false as printed",
    page="who/clusters#thm-facing",
    instead="False if a cluster has several pieces. If both are connected it holds for every eps > 0, so the lengths tend "
    "to D: a chain of short moves costs nothing in the limit. The proof has two slips: the cost of a match between the "
    "facing parts is not at most D^2 (1 + 2 delta)^2, for they are wide, and what a pair inside a cluster can gain is the "
    "square of its diameter, not of its radius.",
    also="kmixup-v1 Theorem 2",
)
def theorem_3_5() -> Iterator[Comparison]:
    rng = np.random.default_rng(0)
    discs, radius = np.array([[0.0, 0], [4, 0]]), 1.0  # D = 2

    def from_disc(points: np.ndarray, cluster: int) -> np.ndarray:
        return np.maximum(np.linalg.norm(points - discs[cluster], axis=1) - radius, 0)

    printed = clusters.printed_eps(1, 1, 2)
    yield close("eps of two unit discs at distance 2", printed, (1 / 2) ** 2, 0)
    largest, outside = [], []
    for k, repeats in ((16, 60), (64, 30), (256, 8)):
        crossing = round(np.sqrt(k / np.pi))  # as many as expected: drawing this number, too, would add noise
        first, second = (np.arange(k) >= k // 2 + extra for extra in (0, crossing))
        each = []
        for _ in range(repeats):
            p, q = (_in_discs(rng, discs, label.astype(int)) for label in (first, second))
            each.append(clusters.needed_eps(p, q, first.astype(int), second.astype(int), from_disc, 2.0))
        largest.append(np.mean([eps.max() for eps in each]))
        outside.append(np.mean(np.concatenate(each) > printed))
    names = f"connected: largest eps in a block for k = 16, 64, 256: {np.round(largest, 2)}, each 20% below the last"
    yield at_most(names, largest[1:], [0.8 * each for each in largest[:2]])
    yield at_most(f"connected: shares of pairs outside, k = 16, 64, 256: {np.round(outside, 3)}", outside[-1], 0)

    label = (np.arange(64) >= 35).astype(int), (np.arange(64) >= 29).astype(int)
    p, q = (discs[each] + _spread(start, 64) for start, each in zip((1, 1001), label, strict=True))
    cost = ((p[:, None] - q) ** 2).sum(axis=-1)
    partner = linear_sum_assignment(cost)[1]
    across = np.flatnonzero(label[0] != label[1][partner])
    ends = [from_disc(p[across], 1), from_disc(q[partner[across]], 0)]  # here all lead from the first disc to the second
    ours = clusters.needed_eps(p, q, *label, from_disc, 2.0)
    yield close(f"a fixed block: what its {len(across)} crossing pairs need", ours, np.maximum(*ends) / 2 - 1, 1e-12)

    # A is two small discs at distance 1. To go from its second one through the first costs 1 + 1, the direct way 1.8.
    pieces, small = np.array([[0, 0], [0, 1], [np.sqrt(0.99), 0.1]]), 0.01
    gap, r_a = 1 - 2 * small, 0.5 + small

    def from_cluster(points: np.ndarray, cluster: int) -> np.ndarray:
        home = pieces[:2] if cluster == 0 else pieces[2:]
        return np.linalg.norm(points[:, None] - home, axis=2).min(axis=1) - small

    for k in (16, 64):
        needed = []
        for _ in range(100):
            piece = rng.integers(3, size=(2, k))
            p, q = pieces[piece] + small * _in_unit_disc(rng, (2, k))
            first, second = (piece == 2).astype(int)
            eps = clusters.needed_eps(p, q, first, second, from_cluster, gap)
            needed.append(eps.max(initial=0) <= clusters.printed_eps(r_a, small, gap))
        yield refuted(
            f"A in two pieces, k = {k}: in only {np.mean(needed):.0%} of the blocks do all crossing pairs end in A_eps",
            1.0,
            np.mean(needed),
            by=0.3,
        )

    delta, angle = 0.1, np.linspace(-np.pi / 2, np.pi / 2, 4001)
    rim = np.c_[np.cos(angle), np.sin(angle)]
    facing = rim[from_disc(rim, 1) < 2 * (1 + delta)]
    widest = np.linalg.norm(facing[:, None] - (discs[1] + facing * [-1, 1]), axis=2).max()
    yield refuted(f"longest match of the facing parts, delta = 0.1: {widest:.4f}", 2 * (1 + 2 * delta), widest, by=0.1)
    yield at_most("which is longer", 2 * (1 + 2 * delta), widest)
    turn = np.linspace(0, 2 * np.pi, 360, endpoint=False)
    around = np.c_[np.cos(turn), np.sin(turn)]
    given_up, taken = (((around[:, None] - ends) ** 2).sum(axis=2) for ends in (around, facing))
    gain = (given_up.max(axis=1) - taken.min(axis=1)).max()
    yield refuted(
        f"most that a pair in a disc gains from a partner in its facing part: {gain:.4f}, R_A^2 is 1", 1, gain, by=1
    )
    yield close("it is the square of the diameter", gain, 2.0**2, 1e-9)


@statement(
    "kmixup-tmlr",
    "Figure 5",
    "The loop printed as an implementation of k-mixup.",
    kind="code",
    verdict="fault of released code",
    page="who/kmixup#figure-5",
    instead="Square the distances, make idx integer of shape (B,), and match or drop the rows that k does not divide: as "
    "printed it solves another problem (W_1), cannot index with an array of the targets' shape, and gives every left-over "
    "row the first row as its partner.",
)
def figure_5() -> Iterator[Comparison]:
    rng = np.random.default_rng(0)
    x1, x2 = rng.normal(size=(2, 64, 2))
    idx = _figure_5(x1, x2, 16, np.zeros(64, dtype=int))
    blocks1, blocks2 = x1.reshape(4, 16, 2), x2.reshape(4, 16, 2)
    offset = 16 * np.arange(4)[:, None]
    unsquared = (coupling.match(blocks1, blocks2, power=1) + offset).ravel()
    squared = (coupling.match(blocks1, blocks2) + offset).ravel()
    yield close("its matching is the one of unsquared distances", idx, unsquared, 0)
    excess = ((x1 - x2[idx]) ** 2).sum() / ((x1 - x2[squared]) ** 2).sum()
    yield refuted(
        f"{np.mean(idx != squared):.0%} of its partners are not the optimal ones, which cost {excess - 1:.1%} less",
        1.0,
        excess,
        by=0.01,
    )
    p, q = np.array([[0.0, 0], [1, 0]]), np.array([[1.0, 0.1], [2, 1]])
    two = [int(coupling.match(p, q, power)[0]) for power in (1, 2)]
    yield close("two points, partner of the first by distance and by its square", two, [1, 0], 0)

    for classes in (3, 16):  # a row of 16 partners fits into 16 columns, but floats are no index
        idx = np.zeros_like(np.eye(classes)[rng.integers(classes, size=64)])
        yield refuted(
            f"with one-hot targets of {classes} classes it does not run", 1.0, float(_runs(x1, x2, 16, idx)), by=1.0
        )
    yield close("with an integer array of shape (B,) it runs", float(_runs(x1, x2, 16, np.zeros(64, dtype=int))), 1.0, 0)
    left = _figure_5(x1, x2, 24, np.zeros(64, dtype=int))[48:]
    mended = 48 + coupling.match(x1[48:], x2[48:])
    yield close("64 rows in blocks of 24: the partners of the last 16 are all row 0", left, np.zeros(16), 0)
    yield refuted(
        f"so 16 rows share one partner, where a matched block has {len(np.unique(mended))}",
        1.0,
        len(np.unique(mended)),
        by=15,
    )


def _crossings(p: np.ndarray, q: np.ndarray, first: np.ndarray, second: np.ndarray) -> int:
    """Of the optimal matching by squared distance."""
    _, partner = linear_sum_assignment(((p[:, None] - q) ** 2).sum(axis=-1))
    return int((first != second[partner]).sum())


def _on_rims(rng: np.random.Generator, centres: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Points on the rims of unit discs, where it is hardest."""
    angle = rng.uniform(0, 2 * np.pi, label.shape)
    return centres[label] + np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def _in_unit_disc(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    angle, radius = rng.uniform(0, 2 * np.pi, shape), np.sqrt(rng.uniform(size=shape))
    return radius[..., None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def _spread(start: int, count: int) -> np.ndarray:
    """Points spread over the unit disc without chance, from van der Corput's sequences in bases 2 and 3."""

    def sequence(base: int) -> np.ndarray:
        digits = (np.arange(start, start + count)[:, None] // base ** np.arange(12)) % base
        return (digits / base ** np.arange(1.0, 13.0)).sum(axis=1)

    angle = 2 * np.pi * sequence(3)
    return np.sqrt(sequence(2))[:, None] * np.c_[np.cos(angle), np.sin(angle)]


def _in_discs(rng: np.random.Generator, centres: np.ndarray, label: np.ndarray) -> np.ndarray:
    return centres[label] + _in_unit_disc(rng, label.shape)


def _steep_pairs(gap: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Two unit discs at this gap; each block has a point in either, and the ways across tilt as far as they can."""
    sine = 2 / (gap + 2)
    rim = np.array([-sine, np.sqrt(1 - sine**2)])
    p = np.stack([rim + np.array([gap + 2, 0]), -rim])
    return p, p * [1, -1], np.arange(2), np.arange(2)


def _triangle(side: float) -> np.ndarray:
    return side * np.array([[0, 0], [1, 0], [0.5, np.sqrt(0.75)]])


def _least_distance(centres: np.ndarray) -> float:
    i, j = np.triu_indices(len(centres), 1)
    return float(np.linalg.norm(centres[i] - centres[j], axis=-1).min())


def _least_saving(centres: np.ndarray) -> float:
    """Least (p - p').(q' - q) over unit discs with p', q in one and p, q' not, on a grid of all directions of the two."""
    angle = np.linspace(0, 2 * np.pi, 181)[:-1]
    tilt = 2 * np.c_[np.cos(angle), np.sin(angle)]  # what two points of the discs can add to the way of their centres
    least = np.inf
    for j, centre in enumerate(centres):
        ways = (np.delete(centres, j, axis=0) - centre)[:, None] + tilt
        for i in range(len(ways)):
            least = min(least, float((ways[i] @ ways[i:].reshape(-1, 2).T).min()))
    return least


def _compositions(k: int, parts: int) -> np.ndarray:
    """All ways to write k as an ordered sum of ``parts`` numbers >= 0, (ways, parts)."""
    grid = np.stack(np.meshgrid(*[np.arange(k + 1)] * parts, indexing="ij"), axis=-1).reshape(-1, parts)
    return grid[grid.sum(axis=1) == k]


def _expected_crossings_on_a_line(k: int) -> float:
    """Mean crossings of three clusters of equal mass at 0, L, 2L, exactly: on a line the optimal matching is sorted."""
    counts = _compositions(k, 3)
    weight = np.array([factorial(k) / prod(factorial(n) for n in c) for c in counts]) / 3**k
    label = np.stack([np.repeat(np.arange(3), c) for c in counts])
    return float(weight @ (label[:, None] != label).sum(axis=2) @ weight)


def _figure_5(x1: np.ndarray, x2: np.ndarray, k: int, idx: np.ndarray) -> np.ndarray:
    """What Figure 5 does between the loaders and the mixing, with its index array as an argument: whom each row gets."""
    for start in range(0, len(x1) // k * k, k):
        rows = slice(start, start + k)
        distance = np.sqrt(((x1[rows, None] - x2[rows]) ** 2).sum(axis=-1))
        idx[rows] = linear_sum_assignment(distance)[1] + start
    return idx


def _runs(x1: np.ndarray, x2: np.ndarray, k: int, idx: np.ndarray) -> bool:
    try:
        return x2[_figure_5(x1, x2, k, idx)].shape == x2.shape
    except (ValueError, IndexError):
        return False
