"""Broken formulas of `mixbook.theory.midpoints`, and the statements whose checks must notice them."""

import numpy as np
from mutant import Mutant

HERE = "mixbook.theory.midpoints"

MUTANTS = [
    Mutant(
        "datadep-theorem-2.11",
        "sums are taken for midpoints",
        f"{HERE}.recover",
        lambda original: lambda middle: [2 * points for points in original(middle)],
    ),
    Mutant(
        "datadep-theorem-2.11",
        "stops at the first set that fits",
        f"{HERE}.recover",
        lambda original: lambda middle: original(middle)[:1],
    ),
    Mutant(
        "datadep-lemma-c.2",
        "the rank of A alone",
        f"{HERE}.joint_rank",
        lambda original: lambda m, orders: np.full(np.shape(orders)[:-1], m),
    ),
    Mutant(
        "datadep-claim-1",
        "the rank of A alone",
        f"{HERE}.joint_rank",
        lambda original: lambda m, orders: np.full(np.shape(orders)[:-1], m),
    ),
    Mutant(
        "datadep-claim-2",
        "the rank of a graph that has no odd cycle",
        f"{HERE}.known_rank",
        lambda original: lambda m, rows: np.minimum(original(m, rows), m - 1),
    ),
    Mutant(
        "datadep-claim-2",
        "the last pair that is left is not looked at",
        f"{HERE}.known_rank",
        lambda original: lambda m, rows: original(m, np.asarray(rows)[..., :-1]),
    ),
    Mutant(
        "datadep-lemma-c.2",
        "reflected in the sum instead of the mean",
        f"{HERE}.twin",
        lambda original: lambda points: np.sort(points, axis=0).sum(axis=0) - points,
    ),
]
