"""Broken formulas of `mixbook.theory.vicinal` and its neighbours, and the statements whose checks must notice them."""

from dataclasses import replace

import numpy as np
from mutant import Mutant

MUTANTS = [
    Mutant(
        "datadep-proposition-2.2",
        "the entropy of one label's weight, without the other's",
        "mixbook.theory.loss_floor.pair_entropy",
        lambda original: lambda alpha: original(alpha) / 2,
    ),
    Mutant(
        "datadep-proposition-2.2",
        "on a line, each pair is weighed as if it were alone",
        "mixbook.theory.loss_floor._entropy",
        lambda original: lambda masses: 0.9 * original(masses),
    ),
    Mutant(
        "datadep-lemma-2.3",
        "the moment of an interval without the shifted shape that it needs",
        "mixbook.theory.laws._beta_mass",
        lambda original: lambda a, b, lo, hi: original(min(a, 3), b, lo, hi),
    ),
    Mutant(
        "datadep-lemma-2.3",
        "the ball is half as large as it says",
        "mixbook.theory.vicinal._ball",
        lambda original: lambda segments, labels, x, eps, *rest: original(segments, labels, x, eps / 2, *rest),
    ),
    Mutant(
        "datadep-corollary-c.1",
        "the law is taken as it is, symmetric or not",
        "mixbook.theory.laws.symmetrised",
        lambda original: lambda alpha: original(alpha).laws[0],
    ),
    Mutant(
        "datadep-corollary-c.1",
        "pairs of one class count twice",
        "mixbook.theory.vicinal._ball",
        lambda original: (
            lambda *arguments: replace(
                original(*arguments), first=original(*arguments).first * (1 + np.eye(len(original(*arguments).first)))
            )
        ),
    ),
    Mutant(
        "datadep-remark-2.4",
        "a segment counts the same whatever its length",
        "mixbook.theory.vicinal.segments_through",
        lambda original: lambda *arguments: (*original(*arguments)[:3], 1.0 + 0 * original(*arguments)[3]),
    ),
    Mutant(
        "datadep-proposition-2.5",
        "the printed constant: the interval of lambda twice as long",
        "mixbook.theory.vicinal.pair_masses",
        lambda original: lambda points, labels, x, eps, alpha: original(points, labels, x, 2 * eps, alpha),
    ),
    Mutant(
        "datadep-theorem-2.7",
        "the ball reaches eps where a mixture of the outer samples moves twice as far",
        "mixbook.theory.lines.critical_alpha",
        lambda original: lambda eps: original(eps / 2),
    ),
    Mutant(
        "datadep-appendix-d.1",
        "the optimum of a law with most of its weight at one half",
        "mixbook.theory.vicinal.optimal",
        lambda original: lambda points, labels, x, eps, alpha: original(points, labels, x, eps, 32 * alpha),
    ),
    Mutant(
        "datadep-proposition-2.8",
        "one order of each pair only",
        "mixbook.theory.vicinal._ball",
        lambda original: lambda *arguments: replace(original(*arguments), second=0 * original(*arguments).second),
    ),
]
