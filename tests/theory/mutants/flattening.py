"""Broken formulas of `mixbook.theory.flattening`, `crossings` and `spectra`, and the statements that must notice them."""

from dataclasses import replace

import numpy as np
from mutant import Mutant

FLAT, CROSS = "mixbook.theory.flattening", "mixbook.theory.crossings"


def _one_more_dimension(original):
    def broken(labels, dim, rng, spread=1.0):
        found = original(labels, dim, rng, spread)
        moved = found.states + 0.1 * rng.standard_normal(found.states.shape)  # also where f sees it
        return replace(found, states=moved)

    return broken


def _half_as_wide(original):
    def broken(labels, dim, rng, spread=1.0):
        found = original(labels, dim, rng, spread)
        u, values, _ = np.linalg.svd(found.weight)  # the last of the directions that f does not see is emptied
        blind = u[:, len(values) - 1 :]
        return replace(found, states=found.states - np.outer(found.states @ blind[:, -1], blind[:, -1]))

    return broken


def _one_label_at_every_end(original):
    def broken(states, labels):
        found = original(states, labels)
        return replace(found, disagreement=np.zeros(len(found)))

    return broken


def _lines_instead_of_segments(original):
    return lambda p, q, r, u: original(p - (q - p), q + (q - p), r, u)


MUTANTS = [
    Mutant("manifold-theorem-1", "classes vary where f sees it", f"{FLAT}.solution", _one_more_dimension),
    Mutant(
        "manifold-theorem-1",
        "C units are needed, not C - 1",
        f"{FLAT}.least_loss",
        lambda original: lambda num_classes, dim, alpha=1.0: original(num_classes, max(dim - 1, 0), alpha),
    ),
    Mutant(
        "manifold-theorem-1",
        "lambda uniform whatever alpha is",
        f"{FLAT}.least_loss",
        lambda original: lambda num_classes, dim, alpha=1.0: original(num_classes, dim),
    ),
    Mutant(
        "manifold-theorem-1",
        "entropy of two lambdas instead of one",
        "mixbook.theory.loss_floor.pair_entropy",
        lambda original: lambda alpha: 2 * original(alpha),
    ),
    Mutant(
        "manifold-theorem-1",
        "affine log-odds reach the floor",
        f"{FLAT}.affine_cross_entropy",
        lambda original: lambda alpha, *more: original(alpha, *more) - 0.01,
    ),
    Mutant(
        "manifold-theorem-1",
        "other classes keep no share of a mixture",
        f"{FLAT}.affine_cross_entropy",
        lambda original: lambda alpha, num_classes=2, same=0.0: original(alpha, 2, same),
    ),
    Mutant(
        "manifold-theorem-1",
        "pairs of one class cost nothing with affine logits",
        f"{FLAT}.affine_cross_entropy",
        lambda original: lambda alpha, num_classes=2, same=0.0: (1 - same) * original(alpha, num_classes),
    ),
    Mutant(
        "manifold-theorem-1",
        "pairs of a sample with itself count",
        f"{FLAT}.affine_loss",
        lambda original: lambda states, labels, alpha=1.0: original(states, labels, alpha) * 3 / 4,
    ),
    Mutant(
        "manifold-corollary-1",
        "D - C, as if the labels spanned C dimensions",
        f"{FLAT}.flat_dimension",
        lambda original: lambda num_classes, dim: original(num_classes, dim) - 1,
    ),
    Mutant("manifold-corollary-1", "one free direction is lost", f"{FLAT}.solution", _half_as_wide),
    Mutant("manifold-corollary-1", "the sample inside is left out", f"{CROSS}.least_gap", lambda o: lambda x: o(x[:3])),
    Mutant(
        "manifold-section-3.3",
        "the mean of any coordinate, not of the largest",
        f"{FLAT}.hull_confidence",
        lambda original: lambda num_classes: 1 / num_classes,
    ),
    Mutant("manifold-appendix-f", "no label is looked at", f"{CROSS}.meetings", _one_label_at_every_end),
    Mutant("manifold-appendix-f", "segments go on behind their ends", f"{CROSS}._nearest", _lines_instead_of_segments),
]
