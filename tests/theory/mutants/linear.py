"""Broken formulas of `mixbook.theory.linear`, and the statements whose checks must notice them."""

from dataclasses import replace

import numpy as np
from mutant import Mutant

HERE = "mixbook.theory.linear"


def _with_decay(original):
    def objective(theta, *rest):
        found = original(theta, *rest)
        return replace(found, value=found.value + 0.01 * float(np.square(theta).sum()))

    return objective


def _both_orders_counted(original):
    def objective(*arguments):
        found = original(*arguments)
        return replace(found, hessian=2 * found.hessian)

    return objective


MUTANTS = [
    Mutant(
        "datadep-theorem-3.5",
        "same-class pairs are dropped, as in the printed proof",
        f"{HERE}.mixup_solution",
        lambda original: lambda x, y, alpha, pairs="all": original(x, y, alpha, "across"),
    ),
    Mutant(
        "datadep-theorem-3.5",
        "same-class pairs are not dropped where only unlike ones are mixed",
        f"{HERE}.mixup_solution",
        lambda original: lambda x, y, alpha, pairs="all": original(x, y, alpha, "all"),
    ),
    Mutant(
        "datadep-theorem-3.5",
        "the margin of midpoints for every law",
        f"{HERE}.mixup_margin",
        lambda original: lambda alpha: 2.0,
    ),
    Mutant("datadep-remark-3.6", "a penalty on theta", f"{HERE}.mixup_objective", _with_decay),
    Mutant(
        "datadep-lemma-3.7",
        "the labels are left out of the sign test",
        f"{HERE}.support_weights",
        lambda original: lambda x, y: np.linalg.solve(x @ x.T, np.ones(len(x))),
    ),
    Mutant(
        "datadep-corollary-3.8",
        "the mean over samples is a sum",
        f"{HERE}.gradient_descent",
        lambda original: lambda x, y, steps: original(x, y, steps, 4 * len(x) ** 2 / np.linalg.norm(x, 2) ** 2),
    ),
    Mutant(
        "datadep-corollary-3.8",
        "same-class pairs are dropped",
        f"{HERE}.mixup_solution",
        lambda original: lambda x, y, alpha: original(x, y, alpha, "across"),
    ),
    Mutant("datadep-lemma-e.1", "both orders of the pair are counted", f"{HERE}.mixup_objective", _both_orders_counted),
]
