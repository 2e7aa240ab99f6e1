"""How low the mixup loss can get, whatever the network: the infimum of J_mix on a finite data set.

Source: Chidambaram et al. 2022, Proposition 2.2: the mixup-optimal classifier h is at least as good as any continuous one.
Its loss is the expected entropy of the target given where the mixture fell. Mixtures of two samples fill a segment, and
segments meet in single points unless they lie on one line, so all there is to integrate is line by line.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike
from scipy import integrate, special

from mixbook.theory.collinearity import lines
from mixbook.theory.laws import Law, LawLike, as_law
from mixbook.theory.samples import as_samples, on_segment
from mixbook.theory.vicinal import class_densities


def minimum_loss(points: ArrayLike, labels: ArrayLike, alpha: LawLike) -> float:
    """The least mixup loss (nats) that any classifier can reach on these samples: J_mix of the mixup-optimal one.

    It is positive as soon as two classes are mixed: no network, however large, gets below it, and a continuous one comes
    as close as you like without reaching it. Compare your training loss with it, not with 0. In general position it depends
    on the classes alone: the share of pairs of different classes times :func:`pair_entropy`.

    Args:
        points: samples, (n, d), or (n,) on a line.
        labels: their classes, int (n,), from 0.
        alpha: lambda ~ Beta(alpha, alpha), or a pair for Beta(a, b), or any :class:`~mixbook.theory.laws.Law`.

    Raises:
        ValueError: as for :func:`mixbook.theory.vicinal.optimal`.

    Example:
        >>> from mixbook.theory.loss_floor import minimum_loss
        >>> round(minimum_loss([0.0, 1.0], [0, 1], alpha=1.0), 4)  # half of the pairs mix two classes
        0.25
    """
    points, labels, num_classes = as_samples(points, labels)
    law = as_law(alpha)
    places, inverse = np.unique(points, axis=0, return_inverse=True)
    inverse = inverse.ravel()
    counts = np.zeros((len(places), num_classes))
    np.add.at(counts, (inverse, labels), 1)
    loss = sum(_entropy(here.sum() * here) for here in counts)  # a place with itself
    separate = np.triu(np.ones((len(places), len(places)), dtype=bool), 1)
    for rows in lines(points):
        on = np.unique(inverse[rows])
        separate[np.ix_(on, on)] = False
        loss += _line(points[rows], labels[rows], law, num_classes)
    # Of the pairs of places that share no line, most are of one sample each: they are counted, the others integrated.
    single = counts.sum(axis=1) == 1
    simple = separate & np.outer(single, single)
    own = counts.argmax(axis=1)
    loss += 2 * (simple & (own[:, None] != own)).sum() * pair_entropy(law)
    for i, j in np.argwhere(separate & ~simple):
        loss += _line(points[(inverse == i) | (inverse == j)], labels[(inverse == i) | (inverse == j)], law, num_classes)
    return float(loss / len(points) ** 2)


def pair_entropy(alpha: LawLike) -> float:
    """E[-lambda log lambda - (1 - lambda) log(1 - lambda)], the expected entropy of the target of two classes, in nats.

    For Beta(alpha, alpha) it is psi(2 alpha + 1) - psi(alpha + 1), psi the digamma function; by quadrature for any law.

    Example:
        >>> from mixbook.theory.loss_floor import pair_entropy
        >>> round(pair_entropy(1.0), 4)
        0.5
    """
    law = as_law(alpha)

    def integrand(lam: float) -> float:
        both = law.density(np.array(lam)) + law.density(np.array(1 - lam))
        return float(both * (special.entr(lam) + special.entr(1 - lam)))

    # Both halves as one, so that a singular end is 0, which quadrature resolves best.
    knots = np.unique(np.clip([0.0, 0.5, *law.knots, *law.mirrored().knots], 0, 0.5))
    knots = knots[np.r_[True, np.diff(knots) > 1e-12]]  # the same knot twice, up to rounding
    return float(sum(integrate.quad(integrand, lo, hi, limit=200)[0] for lo, hi in pairwise(knots)))


def _line(points: np.ndarray, labels: np.ndarray, law: Law, num_classes: int) -> float:
    """n^2 times the loss of mixtures of different places on one line."""
    way = points[-1] - points[0]
    if not way.any():
        way = points[np.abs(points - points[0]).sum(axis=1).argmax()] - points[0]
    line = (points - points[0]) @ way / np.sqrt(way @ way)
    tolerance = on_segment(line[:, None])

    def integrand(x: float) -> float:
        return _entropy(class_densities(line[:, None], labels, np.array([x]), law, num_classes, tolerance))

    # The integrand breaks at the samples and where the law of a pair does.
    start, end = (grid.ravel() for grid in np.meshgrid(line, line))
    breaks = np.unique(np.concatenate([line, *(start + knot * (end - start) for knot in law.knots)]))
    breaks = breaks[(breaks >= line.min()) & (breaks <= line.max())]
    breaks = breaks[np.r_[True, np.diff(breaks) > tolerance]]
    return float(sum(integrate.quad(integrand, lo, hi, limit=200)[0] for lo, hi in pairwise(breaks)))


def _entropy(masses: np.ndarray) -> float:
    """Total mass times the entropy of the normalised masses (C,)."""
    return float(special.entr(masses).sum() - special.entr(masses.sum()))
