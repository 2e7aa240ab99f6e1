"""Checks of the data-dependency paper's statements on the mixup-optimal classifier (Chidambaram et al. 2022, section 2)."""

from collections.abc import Iterator

import numpy as np

from mixbook.theory import vicinal
from mixbook.theory.statement import Comparison, close, refuted, statement

LINE, CLASSES = np.array([0.0, 1.0, 2.0]), np.array([0, 1, 0])  # alternating classes A, B, A


@statement(
    "datadep",
    "Theorem 2.7",
    "On three points 0, 1, 2 of classes A, B, A, a large enough alpha makes the optimum on a ball around 1 answer A.",
    verdict="holds with a correction",
    page="why/mixup#thm-critical",
    instead="The printed threshold (log 4 / eps^2 - 1) / 2 is not sufficient for eps > 0.3992; the exact one solves "
    "2 P(|Y - 1/2| < eps/2) = 1 + 4 (eps(1 - eps))^alpha / (alpha B(alpha, alpha)).",
)
def theorem_2_7() -> Iterator[Comparison]:
    rng = np.random.default_rng(0)
    first, second = rng.integers(3, size=(2, 400_000))
    for eps in (0.25, 0.5, 0.75):
        alpha = vicinal.critical_alpha(eps)
        lam = rng.beta(alpha, alpha, 400_000)
        near = abs(lam * LINE[first] + (1 - lam) * LINE[second] - 1) < eps
        share = (lam * (CLASSES[first] == 0) + (1 - lam) * (CLASSES[second] == 0))[near]
        error = share.std() / np.sqrt(near.sum())
        yield close(f"sampled share of A at the critical alpha is 1/2, eps = {eps}", share.mean(), 0.5, 4 * error)
    for eps in (0.4, 0.5, 0.75):
        printed = (np.log(4) / eps**2 - 1) / 2
        answer = vicinal.optimal(LINE, CLASSES, [1.0], eps, printed)[0, 0]
        yield refuted(
            f"at eps = {eps} and the printed threshold alpha = {printed:.4f}, the middle sample's share of A is only "
            f"{answer:.4f}",
            1.0,
            float(answer > 0.5),
            by=1.0,
        )
