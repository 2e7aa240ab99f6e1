"""Checks of what midpoints tell about the samples (Chidambaram et al. 2022, Theorem 2.11, Lemma C.2 and its claims)."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations, permutations
from math import comb

import numpy as np
from numpy.typing import ArrayLike

from mixbook.theory import midpoints
from mixbook.theory.statement import Comparison, at_most, close, refuted, statement


@statement(
    "datadep",
    "Theorem 2.11",
    "With probability 1, m >= 6 samples from a density are determined by the midpoints of all pairs.",
    verdict="holds",
    page="why/midpoints#thm-midpoints",
)
def theorem_2_11() -> Iterator[Comparison]:
    rng = np.random.default_rng(0)
    for m in (6, 7, 8, 9, 10):
        points = rng.integers(-(2**20), 2**20, size=(m, 1 + m % 3)) / 2.0**10
        found = midpoints.recover(_shuffled_middles(points, rng))
        yield close(f"one set has the midpoints of {m} random samples", len(found), 1, 0)
        yield close(f"and it is those {m} samples", found[0], points[np.lexsort(points.T[::-1])], 1e-9)
    for m in (6, 7):  # not a power of 2: sums of powers of the midpoints give those of the samples, whatever they are
        numbers = [int(value) for value in rng.integers(-9, 10, size=m)]
        found = midpoints.recover(_shuffled_middles(np.array(numbers, dtype=float), rng))
        polynomial = _polynomial_of_the_samples([a + b for a, b in combinations(numbers, 2)], m)
        yield close(f"power sums name the same {m} numbers, repeated ones too", np.poly(found[0].ravel()), polynomial, 1e-4)
    special = np.array([1.0, 2, 4, 7, 8, 11, 13, 14])
    found = midpoints.recover(_shuffled_middles(special, rng))
    yield close("probability 1 is not certainty: three sets have the midpoints of 1 2 4 7 8 11 13 14", len(found), 3, 0)
    sums = sorted(a + b for a, b in combinations(special, 2))
    for points in found:
        ours = sorted(a + b for a, b in combinations(points.ravel(), 2))
        yield close(
            f"the same sums of two: {' '.join(f'{value:g}' for value in points.ravel().round(6))}", ours, sums, 1e-9
        )


@statement(
    "datadep",
    "Lemma C.2",
    "For m > 6, if P A does not have the columns of A in another order, then [A, P A] has a rank above m.",
    verdict="holds with a correction",
    page="why/midpoints#lem-rank",
    instead="Theorem 2.11 uses it at m = 6, which 'm > 6' leaves out. It holds for m = 6, and for m = 5, where all 30,239 "
    "cases were tried, since Claim 2 of the proof fails there; for m = 4 it fails.",
)
def lemma_c_2() -> Iterator[Comparison]:
    ranks = midpoints.joint_rank(5, _orders_of_five())
    yield close(
        "m = 5: of 30,240 permutations up to relabelling, one has rank 5", (len(ranks), (ranks <= 5).sum()), (30240, 1), 0
    )
    rng = np.random.default_rng(0)
    for m in (6, 7, 8):
        count = comb(m, 2)
        orders = [rng.permutation(count) for _ in range(400)] + [
            _swap(count, *pair) for pair in combinations(range(count), 2)
        ]
        ranks = midpoints.joint_rank(m, orders)
        yield at_most(f"m = {m}: {len(orders)} permutations have rank {m + 1} or more", m + 1, ranks.min())
        sums = _sums(m)
        dense = [np.linalg.matrix_rank(np.hstack([sums, sums[order]])) for order in orders[-60:]]
        yield close(f"m = {m}: elimination and singular values agree on 60 ranks", ranks[-60:], dense, 0)
    four = np.array(list(permutations(range(6))))
    ranks = midpoints.joint_rank(4, four)
    relabelled = [_relabelled(4, names) for names in permutations(range(4))]
    opposite = [order[::-1] for order in relabelled]  # pair number i of 4 samples lies opposite pair number 5 - i
    others = set(map(tuple, four[ranks == 4])) ^ set(map(tuple, relabelled + opposite))
    yield close("m = 4: rank 4 for the 24 relabellings and for their 24 opposites alone", len(others), 0, 0)
    points = rng.standard_normal((4, 2))
    twin = midpoints.twin(points)
    same = [rows[np.lexsort(rows.T[::-1])] for rows in (_sums(4) @ points, _sums(4) @ twin)]
    yield close("m = 4: samples reflected in their mean have the same midpoints", same[0], same[1], 1e-12)
    distance = np.abs(twin - points[np.lexsort(points.T[::-1])]).max()
    yield refuted("m = 4: four other samples have the same midpoints", 0.0, distance, by=0.1)


@statement(
    "datadep",
    "Claim 1",
    "Unless P A has the columns of A in another order, P sends the m - 1 pairs of some sample to pairs that share none.",
    verdict="holds",
    page="why/midpoints#lem-rank",
)
def claim_1() -> Iterator[Comparison]:
    four = list(permutations(range(6)))
    kept = {order for order, moved in zip(four, _moved(4, four), strict=True) if not moved.any()}
    relabelled = {tuple(_relabelled(4, names)) for names in permutations(range(4))}
    yield close("m = 4: the 24 relabellings alone tear no sample's pairs apart", len(kept ^ relabelled), 0, 0)
    five = _orders_of_five()
    torn = _moved(5, five).any(axis=1)
    what = "m = 5: of 30,240 permutations up to relabelling, those of a rank above 5"
    yield close(what, torn, midpoints.joint_rank(5, five) > 5, 0)
    rng = np.random.default_rng(0)
    for m in (6, 7, 8):
        count = comb(m, 2)
        orders = np.array(
            [rng.permutation(count) for _ in range(300)]
            + [_swap(count, *pair) for pair in combinations(range(count), 2)]
            + [_relabelled(m, tuple(rng.permutation(m))) for _ in range(50)]
        )
        columns = [{column.tobytes() for column in _sums(m)[order].T} for order in orders]
        another = [each != columns[-1] for each in columns]  # the last is a relabelling: it has the columns of A
        torn = _moved(m, orders).any(axis=1)
        yield close(f"m = {m}: of {len(orders)} permutations, those that change the set of columns", torn, another, 0)
        what = f"m = {m}: of {len(orders)} permutations, those of a rank above {m}"
        yield close(what, torn, midpoints.joint_rank(m, orders) > m, 0)


@statement(
    "datadep",
    "Claim 2",
    "For m > 6, if the images of a sample's m - 1 pairs share no sample, those of all other pairs have rank m.",
    verdict="holds",
    page="why/midpoints#lem-rank",
)
def claim_2() -> Iterator[Comparison]:
    # Any m - 1 pairs can be the images, but for those of one sample: the rest must have rank m.
    failing = {m: _failing(m) for m in (5, 6, 7)}
    for m in (6, 7):
        tried, failed = failing[m]
        yield close(f"m = {m}: of {tried:,} sets of {m - 1} pairs, no rest has a rank below {m}", len(failed), 0, 0)
    # A vector that the rest does not see has opposite entries at both ends of each pair: p of one sign, q of the other,
    # z zeros. The pairs that would see it must be among the m - 1.
    fewest = {
        m: min(
            comb(p, 2) + comb(q, 2) + (m - p - q) * (p + q)
            for p in range(1, m + 1)
            for q in range(m - p + 1)
            if (p, q) != (1, 0)  # one sample alone: its m - 1 pairs
        )
        for m in range(5, 41)
    }
    ours = [len(failing[m][1]) > 0 for m in failing]
    yield close("m = 5, 6, 7: ranks, and counts of pairs by signs", ours, [fewest[m] < m for m in failing], 0)
    more = [fewest[m] for m in range(6, 41)]
    yield at_most("by counts, m = 6 to 40: m - 1 pairs are too few, but for those of one sample", np.arange(6, 41), more)
    # At m = 5 it fails, so the proof ends there, where the lemma does not.
    tried, failed = failing[5]
    apart = sum(sorted(np.bincount(np.array(pairs).ravel(), minlength=5)) == [1, 1, 2, 2, 2] for pairs in failed)
    what = f"m = 5: of {tried} sets 10 fail, each one a pair and the three pairs of the other samples"
    yield close(what, [len(failed), apart], [10, 10], 0)
    opposite = np.array([0, 1, 2, 3, 9, 8, 7, 6, 5, 4])  # of samples 1 to 4; the pairs of sample 0 stay
    (moved,) = _moved(5, [opposite])
    rest = [opposite[_sums(5)[:, sample] == 0] for sample in np.flatnonzero(moved)]
    ranks = midpoints.known_rank(5, rest)
    yield close("m = 5: a permutation for which every choice of pairs leaves rank 4", ranks, [4] * 4, 0)
    yield at_most("where [A, P A] has a rank above 5 nevertheless", 6, midpoints.joint_rank(5, opposite))


def _moved(m: int, orders: ArrayLike) -> np.ndarray:
    """Whether the pairs of each sample become pairs that have no sample in common: bool (N, m)."""
    image = _sums(m).astype(bool)[np.asarray(orders)]
    return np.stack([~image[:, mine].all(axis=1).any(axis=1) for mine in _sums(m).astype(bool).T], axis=1)


def _failing(m: int) -> tuple[int, list[list[tuple[int, int]]]]:
    """How many sets of m - 1 pairs that share no sample there are, and those of them without which the rank is below m."""
    pairs = list(combinations(range(m), 2))
    gone = np.array(list(combinations(range(len(pairs)), m - 1)))
    gone = gone[~_sums(m)[gone].all(axis=1).any(axis=1)]
    left = np.ones((len(gone), len(pairs)), dtype=bool)
    np.put_along_axis(left, gone, False, axis=1)
    rest = np.nonzero(left)[1].reshape(len(gone), -1)
    return len(gone), [[pairs[row] for row in each] for each in gone[midpoints.known_rank(m, rest) < m]]


def _shuffled_middles(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return rng.permutation(np.array([(a + b) / 2 for a, b in combinations(points, 2)]))


def _polynomial_of_the_samples(sums: list[int], m: int) -> list[float]:
    """Coefficients of prod (t - x_i) from the sums x_i + x_j alone, exactly (Selfridge and Straus; Newton's identities).

    sum_{i<j} (x_i + x_j)^p = (m - 2^(p-1)) P_p + 1/2 sum_{0<l<p} C(p, l) P_l P_{p-l}, with P_p = sum_i x_i^p.
    """
    power = [Fraction(m)]
    for p in range(1, m + 1):
        mixed = sum((comb(p, part) * power[part] * power[p - part] for part in range(1, p)), Fraction(0)) / 2
        power.append((sum(Fraction(each) ** p for each in sums) - mixed) / (m - 2 ** (p - 1)))
    symmetric = [Fraction(1)]
    for p in range(1, m + 1):
        symmetric.append(sum((-1) ** (i - 1) * symmetric[p - i] * power[i] for i in range(1, p + 1)) / p)
    return [float((-1) ** p * each) for p, each in enumerate(symmetric)]


def _orders_of_five() -> np.ndarray:
    """Permutations of the 10 pairs of 5 samples, one of each class of 5! that differ by names of samples only."""
    pairs = list(combinations(range(5), 2))
    rest = np.array(list(permutations(range(8))))
    parts = []
    # Two first pairs that share a sample, or do not; then what is left of the symmetry decides which pair comes first.
    for lead, first, later in (((0, 1), (0, 2)), (0, 3), [(0, 4)]), (((0, 1), (2, 3)), (0, 2), [(0, 3), (1, 2), (1, 3)]):
        others = np.array([at for at, pair in enumerate(pairs) if pair not in lead])
        tail = others[rest]
        place = {pair: (tail == pairs.index(pair)).argmax(axis=1) for pair in [first, *later]}
        tail = tail[np.all([place[first] < place[pair] for pair in later], axis=0)]
        parts.append(np.hstack([np.broadcast_to([pairs.index(pair) for pair in lead], (len(tail), 2)), tail]))
    return np.vstack(parts)


def _relabelled(m: int, names: tuple[int, ...]) -> list[int]:
    pairs = list(combinations(range(m), 2))
    return [pairs.index((min(names[a], names[b]), max(names[a], names[b]))) for a, b in pairs]


def _sums(m: int) -> np.ndarray:
    return np.array([[float(sample in pair) for sample in range(m)] for pair in combinations(range(m), 2)])


def _swap(count: int, one: int, other: int) -> np.ndarray:
    order = np.arange(count)
    order[[one, other]] = other, one
    return order
