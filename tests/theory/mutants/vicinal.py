"""Broken formulas of `mixbook.theory.vicinal`, and the statements whose checks must notice them."""

from mutant import Mutant

MUTANTS = [
    Mutant(
        "datadep-theorem-2.7",
        "the ball reaches eps where a mixture of the outer samples moves twice as far",
        "mixbook.theory.vicinal.critical_alpha",
        lambda original: lambda eps: original(eps / 2),
    ),
]
