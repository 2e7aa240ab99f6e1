"""How flat and how small the classes are in a representation of your own: singular values of centred states.

Source: Verma et al., "Manifold Mixup" (ICML 2019), section 3.2 and appendix G, which report the largest singular value of
a class and the sum of the others. Both follow the scale of the representation, which the next layer can undo, so here are
also measures without a scale.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mixbook.theory.samples import as_samples


@dataclass(frozen=True)
class Flatness:
    """What :func:`flatness` found: means over the classes, but for ``ranks`` and ``ratio``.

    Args:
        first: largest singular value, in the units of the states times the root of the samples of a class.
        others: sum of the other singular values.
        share: ``others`` over ``first``, class by class; from 0 for a line to r - 1 for r equal directions.
        directions: (sum rho^2)^2 / sum rho^4, which is r for r equal singular values.
        ratio: variance within classes over variance between class means: small classes have a small one.
        ranks: dimension of the affine hull of each class.
    """

    first: float
    others: float
    share: float
    directions: float
    ratio: float
    ranks: tuple[int, ...]


def flatness(states: ArrayLike, labels: ArrayLike, tolerance: float = 1e-6) -> Flatness:
    """Measure the classes of a representation.

    Args:
        states: what a layer makes of n samples, (n, D); flatten the maps of a convolutional layer.
        labels: classes, int (n,), from 0.
        tolerance: a singular value counts towards the rank if it exceeds this share of the largest of all states together.

    Raises:
        ValueError: if shapes do not fit, a state is not finite, or there are fewer than two classes.

    Example:
        >>> from mixbook.theory.spectra import flatness
        >>> states = [[0.0, 0.0], [2.0, 0.0], [0.0, 5.0], [2.0, 5.0], [1.0, 6.0]]
        >>> found = flatness(states, [0, 0, 1, 1, 1])
        >>> found.ranks, round(found.first, 4)
        ((1, 2), 1.4142)
    """
    rows, classes, _ = as_samples(states, labels)
    values = singular_values(rows, classes)
    if len(values) < 2:
        raise ValueError("labels must hold at least two classes: without a second, nothing says what small is")
    groups = [rows[classes == label] for label in np.unique(classes)]
    between = sum(len(group) * ((group.mean(0) - rows.mean(0)) ** 2).sum() for group in groups)
    scale = np.linalg.svd(rows - rows.mean(0), compute_uv=False)[0]
    within = sum((value**2).sum() for value in values)
    return Flatness(
        first=float(np.mean([value[0] for value in values])),
        others=float(np.mean([value[1:].sum() for value in values])),
        share=float(np.mean([others_over_first(value) for value in values])),
        directions=float(np.mean([directions(value) for value in values])),
        ratio=float(within / between) if between > 0 else float("inf"),
        ranks=tuple(int((value > tolerance * scale).sum()) for value in values),
    )


def singular_values(states: ArrayLike, labels: ArrayLike) -> list[np.ndarray]:
    """Singular values of the centred states of each class, largest first, in the order of the classes.

    Args:
        states, labels: as for :func:`flatness`.

    Returns:
        For each class float64 (min(n_c, D),).

    Raises:
        ValueError: if shapes do not fit or a state is not finite.

    Example:
        >>> from mixbook.theory.spectra import singular_values
        >>> states = [[0.0, 0.0], [2.0, 0.0], [0.0, 5.0], [0.0, 9.0]]
        >>> [float(values[0].round(4)) for values in singular_values(states, [0, 0, 1, 1])]
        [1.4142, 2.8284]
    """
    rows, classes, _ = as_samples(states, labels)
    groups = [rows[classes == label] for label in np.unique(classes)]
    return [np.linalg.svd(group - group.mean(0), compute_uv=False) for group in groups]


def directions(values: ArrayLike) -> float:
    """In how many directions states vary: (sum rho^2)^2 / sum rho^4 of their singular values (r,); 0 where they do not.

    Example:
        >>> from mixbook.theory.spectra import directions
        >>> directions([2.0, 2.0, 0.0]), directions([2.0, 0.0, 0.0])
        (2.0, 1.0)
    """
    square = np.asarray(values, dtype=float) ** 2
    return float(square.sum() ** 2 / (square**2).sum()) if square.any() else 0.0


def others_over_first(values: ArrayLike) -> float:
    """Sum of all singular values (r,) but the largest, over the largest: the paper's two numbers, without their scale.

    Example:
        >>> from mixbook.theory.spectra import others_over_first
        >>> others_over_first([4.0, 2.0, 1.0])
        0.75
    """
    value = np.asarray(values, dtype=float)
    return float(value[1:].sum() / value[0]) if value[0] > 0 else 0.0
