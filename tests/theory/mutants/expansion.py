"""Broken formulas of what k-mixup regularises, and the statements whose checks must notice them."""

import torch
from mutant import Mutant

MUTANTS = [
    Mutant(
        "kmixup-tmlr-theorem-4.1",
        "R2 and R3 without their 1/2",
        "mixbook.theory.expansion.one_minus_lambda",
        lambda original: lambda alpha: (original(alpha)[0], 2 * original(alpha)[1]),
    ),
    Mutant(
        "kmixup-tmlr-theorem-4.1",
        "lambda ~ Beta(alpha, alpha) where one label is kept",
        "mixbook.theory.expansion.beta_rule",
        lambda original: lambda alpha, nodes=40: original(alpha[1] if isinstance(alpha, tuple) else alpha, nodes),
    ),
    Mutant(
        "kmixup-tmlr-theorem-4.1",
        "partners from all samples alike, not from D_i",
        "mixbook.theory.partners.matching_law",
        lambda original: lambda x, k: torch.full((len(x), len(x)), 1 / len(x), dtype=torch.float64),
    ),
    Mutant(
        "kmixup-tmlr-theorem-h.1",
        "theta has the mean of lambda",
        "mixbook.theory.reversion.truncated_beta",
        lambda original: lambda alpha: (0.5, original(alpha)[1]),
    ),
    Mutant(
        "kmixup-tmlr-theorem-h.1",
        "blocks meet all samples alike",
        "mixbook.theory.partners.block_laws",
        lambda original: lambda x, k: (original(x, k)[0], torch.full_like(original(x, k)[1], 1 / len(x))),
    ),
    Mutant(
        "kmixup-tmlr-lemma-h.2",
        "the second term without (1 - E theta)^2",
        "mixbook.theory.reversion.mean_square_ratio",
        lambda original: lambda alpha: 1 / (4 * (2 * alpha + 1)) - (0.25 - original(alpha)),
    ),
    Mutant(
        "kmixup-tmlr-lemma-h.2",
        "variance of lambda for that of theta",
        "mixbook.theory.reversion.truncated_beta",
        lambda original: lambda alpha: (original(alpha)[0], 1 / (4 * (2 * alpha + 1))),
    ),
]
