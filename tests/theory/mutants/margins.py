"""Broken formulas of `mixbook.theory.margins`, and the statements whose checks must notice them."""

from dataclasses import replace

import numpy as np
from mutant import Mutant


def _halved(original):
    def certificate(*arguments):
        found = original(*arguments)
        return found and replace(found, delta=found.delta / 2)

    return certificate


MUTANTS = [
    Mutant(
        "datadep-theorem-3.2",
        "the bound promises twice too much",
        "mixbook.theory.margins.certificate",
        _halved,
    ),
    Mutant(
        "datadep-theorem-3.2",
        "long segments weigh as much as short ones",
        "mixbook.theory.vicinal.segments_through",
        lambda original: lambda *arguments: (*original(*arguments)[:3], np.ones_like(original(*arguments)[3])),
    ),
    Mutant(
        "datadep-section-3.1-from-assumption-2.9-to-3.1",
        "a way counts as kept one sample of the grid too long",
        "mixbook.theory.margins.sample_margins",
        lambda original: (
            lambda *arguments, steps: replace(
                original(*arguments, steps=steps), kept=original(*arguments, steps=steps).kept + 2 / steps
            )
        ),
    ),
    Mutant(
        "datadep-section-3.1-from-assumption-2.9-to-3.1",
        "the bound promises twice too much",
        "mixbook.theory.margins.certificate",
        _halved,
    ),
]
