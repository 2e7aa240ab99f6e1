"""Broken formulas of `mixbook.theory.manifolds`."""

import numpy as np
from mutant import Mutant

HOME, STATEMENT = "mixbook.theory.manifolds", "kmixup-tmlr-proposition-3.2"

MUTANTS = [
    Mutant(STATEMENT, "k for k + 1", f"{HOME}.interval_cost", lambda original: lambda k: 1 / (3 * k)),
    Mutant(STATEMENT, "the rate of the printed proof", f"{HOME}.interval_cost", lambda original: lambda k: 1 / k**2),
    Mutant(
        STATEMENT,
        "the gap is squared twice",
        f"{HOME}.pieces_floor",
        lambda original: lambda gap, masses, k: original(gap**2, masses, k),
    ),
    Mutant(
        STATEMENT,
        "the whole length instead of its half",
        f"{HOME}.sagitta",
        lambda original: lambda length, reach: original(2 * np.asarray(length), reach),
    ),
    Mutant(
        STATEMENT,
        "twice eps, which holds for any set, where the reach is known",
        f"{HOME}.leaving_length",
        lambda original: lambda eps, reach=0.0: original(eps),
    ),
    Mutant(
        STATEMENT,
        "the diameter for the radius where nothing is known of the set",
        f"{HOME}.leaving_length",
        lambda original: lambda eps, reach=0.0: original(eps, reach) * (1 if eps < reach else 2),
    ),
    Mutant(
        STATEMENT,
        "a quarter of the length beyond the reach",
        f"{HOME}.sagitta",
        lambda original: (
            lambda length, reach: original(length, reach) / (1 + (np.asarray(length) >= 2 * np.asarray(reach)))
        ),
    ),
    Mutant(
        STATEMENT,
        "random partners",
        "mixbook.theory.coupling.match",
        lambda original: lambda p, q: np.tile(np.arange(p.shape[-2]), (len(p), 1)),
    ),
    Mutant(
        STATEMENT,
        "holes are not seen",
        f"{HOME}._pieces_and_holes",
        lambda original: lambda distance, eps: original(distance, eps)[:1],
    ),
    Mutant(
        STATEMENT, "the diameter of the touching ball", f"{HOME}.reach", lambda original: lambda *args: 2 * original(*args)
    ),
]
