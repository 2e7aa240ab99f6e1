"""Broken formulas of alpha at constant xi, and the statements whose checks must notice them."""

import math

from mutant import Mutant
from scipy.special import betaln

MUTANTS = [
    Mutant(
        "kmixup-tmlr-supplement-a-closed-form",
        "the mean deviation is halved",
        "mixbook.mixing.transport.mean_square_ratio",
        lambda original: lambda alpha: original(alpha) + math.exp(-alpha * math.log(4) - betaln(alpha, alpha)) / alpha / 2,
    ),
    Mutant(
        "kmixup-tmlr-algorithm-1",
        "steps are averaged before they are squared",
        "mixbook.mixing.transport.mean_square_ratio",
        lambda original: lambda alpha: (0.5 - math.exp(-alpha * math.log(4) - betaln(alpha, alpha)) / alpha) ** 2,
    ),
    Mutant(
        "kmixup-tmlr-algorithm-1",
        "W_2 in place of its square",
        "mixbook.mixing.transport.matching_cost",
        lambda original: lambda x, k, **options: math.sqrt(original(x, k, **options)),
    ),
    Mutant(
        "kmixup-tmlr-algorithm-1",
        "midpoints move each end by half of the squared distance",
        "mixbook.theory.perturbation.largest_alpha",
        lambda original: lambda shrinkage: original(min(2 * shrinkage, 0.99)),
    ),
    Mutant(
        "kmixup-tmlr-released-code-rule-of-algorithm-1",
        "alpha that is off by a tenth",
        "mixbook.mixing.transport.alpha_of_ratio",
        lambda original: lambda ratio: 1.1 * original(ratio),
    ),
]
