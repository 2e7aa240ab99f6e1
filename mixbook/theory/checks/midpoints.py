"""Checks of what midpoints tell about the samples (Chidambaram et al. 2022, Theorem 2.11 and Lemma C.2)."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations, permutations
from math import comb

import numpy as np

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
    "cases were tried; for m = 4 it fails.",
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
