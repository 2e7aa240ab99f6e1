"""Broken formulas of `mixbook.theory.collinearity` and of the limit h beside a sample."""

import numpy as np
from mutant import Mutant

MUTANTS = [
    Mutant(
        "datadep-assumption-2.9",
        "both ends must be of other classes than the sample between",
        "mixbook.theory.collinearity.violations",
        lambda original: (
            lambda points, labels, let_one_in=False: np.array(
                [row for row in original(points, labels, let_one_in=let_one_in) if labels[row[0]] != labels[row[1]]]
            )
        ),
    ),
    Mutant(
        "datadep-assumption-2.9",
        "opposite directions are compared by their last coordinate alone",
        "mixbook.theory.collinearity._opposite",
        lambda original: lambda steps: original(np.where(np.arange(steps.shape[1]) < steps.shape[1] - 1, 0, steps)),
    ),
    Mutant(
        "datadep-theorem-2.10",
        "the shares of a mixture are squared",
        "mixbook.theory.vicinal.segments_through",
        lambda original: (
            lambda *arguments: (
                *original(*arguments)[:2],
                original(*arguments)[2] ** 2,
                original(*arguments)[3],
            )
        ),
    ),
]
