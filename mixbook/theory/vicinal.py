"""What mixup minimises: the mixup-optimal classifier of a finite data set, in closed form.

Source: Chidambaram et al., "Towards Understanding the Data Dependency of Mixup-style Training" (ICLR 2022), section 2.
Mixtures are lambda s + (1 - lambda) t over all ordered pairs (s, t) of samples, a sample with itself included. Both orders
of a pair are mixed, so a segment sees the law of lambda and its mirror image alike.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mixbook.theory.laws import TINY, Law, LawLike, as_law, logarithm
from mixbook.theory.samples import as_point, as_points, as_samples, on_segment


def optimal(
    points: ArrayLike, labels: ArrayLike, z: ArrayLike, eps: float, alpha: LawLike, num_classes: int | None = None
) -> np.ndarray:
    """The mixup-optimal classifier h_eps: the mean target of all mixtures that fall into a ball around z (Lemma 2.3).

    It is the best constant answer on that ball under the cross entropy of mixup. ``eps=0`` gives its limit h, the optimum
    at z itself: one-hot at the samples (Proposition 2.8), elsewhere the densities of all segments through z.

    Args:
        points: samples, (n, d), or (n,) on a line.
        labels: their classes, int (n,), from 0.
        z: where to answer, (m, d), or (m,) on a line.
        eps: radius of the open ball, in the units of ``points``; 0 for the limit. A positive radius much below 1e-8 of the
            data's extent is lost to rounding: use 0.
        alpha: lambda ~ Beta(alpha, alpha), or a pair for Beta(a, b), or any :class:`~mixbook.theory.laws.Law`.
        num_classes: C; the largest label plus one if None.

    Returns:
        float64 (m, C), rows summing to 1. A row is NaN where no mixture falls, because no segment meets the place or the
        law has no density on it: mixup asks nothing of a classifier there. However rare mixtures are, their mean target is
        found: masses below float64 are weighed by their logs. Only a law of your own that has no logs
        (:func:`~mixbook.theory.laws.logarithm`) gives NaN there too.

    Raises:
        ValueError: if shapes do not fit, a coordinate is not finite, a label is out of range, ``eps`` is negative or
            infinite, or ``alpha`` is not positive.

    Example:
        >>> from mixbook.theory.vicinal import optimal
        >>> x, y = [0.0, 1.0, 2.0], [0, 1, 0]
        >>> # At a midpoint, and at a sample:
        >>> optimal(x, y, z=[0.5, 1.0], eps=0, alpha=1.0).round(3)
        array([[0.667, 0.333],
               [0.   , 1.   ]])
        >>> optimal(x, y, z=[1.0], eps=0.25, alpha=64.0).argmax(1)  # ball, large alpha: lost
        array([0])
    """
    points, labels, num_classes = as_samples(points, labels, num_classes)
    z = as_points("z", z)
    if z.shape[1] != points.shape[1]:
        raise ValueError(f"z must have the {points.shape[1]} coordinates of points, got shape {z.shape}")
    if not 0 <= eps < np.inf:
        raise ValueError(f"eps must be a radius >= 0, got {eps}: 0 gives the limit of small balls")
    law = as_law(alpha)
    if eps > 0:
        segments = _Segments(points)
        masses = np.stack([_ball(segments, labels, x, eps, law, num_classes).by_class for x in z])
        for row in np.flatnonzero(masses.sum(axis=1) < TINY):
            masses[row] = _rare_ball(segments, labels, z[row], eps, law, num_classes)
    else:
        tolerance = on_segment(points)
        masses = np.stack([_limit(points, labels, x, law, num_classes, tolerance) for x in z])
        for row in np.flatnonzero(masses.sum(axis=1) < TINY):
            masses[row] = _rare_limit(points, labels, z[row], law, num_classes, tolerance)
    total = masses.sum(axis=1, keepdims=True)
    return np.divide(masses, total, out=np.full_like(masses, np.nan), where=total > 0)


@dataclass(frozen=True)
class PairMasses:
    """Mixtures in a ball, by the classes (i, j) of the first and the second sample of the pair: the xi of the paper.

    Args:
        first: E[lambda; in the ball], float64 (C, C): xi^{ij}_{x, eps, lambda}.
        second: E[1 - lambda; in the ball], float64 (C, C). Kept apart, since a small one is lost in a difference.
    """

    first: np.ndarray
    second: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """Probability that a mixture is of classes (i, j) and in the ball, (C, C): xi^{ij}_{x, eps}."""
        return self.first + self.second

    @property
    def by_class(self) -> np.ndarray:
        """E[target; in the ball], (C,). Divided by its sum it is h_eps (equation 1 of the paper)."""
        return self.first.sum(axis=1) + self.second.sum(axis=0)


def pair_masses(points: ArrayLike, labels: ArrayLike, x: ArrayLike, eps: float, alpha: LawLike) -> PairMasses:
    """Which mixtures fall into the open ball of radius eps > 0 around one point x (d,), or a number on a line.

    Arguments and errors otherwise as for :func:`optimal`, which is what these masses add up to. They are probabilities, and
    those below float64 are 0: there ``optimal`` compares their logs instead.

    Example:
        >>> from mixbook.theory.vicinal import pair_masses
        >>> masses = pair_masses([0.0, 1.0], [0, 1], x=0.0, eps=0.5, alpha=1.0)
        >>> # The sample with itself, and half of the way to the other, in both orders:
        >>> masses.total.round(3)
        array([[0.25 , 0.125],
               [0.125, 0.   ]])
    """
    points, labels, num_classes = as_samples(points, labels)
    place = as_point("x", x, points.shape[1])
    if not 0 < eps < np.inf:
        raise ValueError(f"eps must be a radius > 0, got {eps}")
    return _ball(_Segments(points), labels, place, eps, as_law(alpha), num_classes)


def segments_through(points: np.ndarray, x: np.ndarray, tolerance: float) -> tuple[np.ndarray, ...]:
    """The segments between samples (n, d) on which x (d,) lies, ends excluded.

    Returns:
        i, j: rows of the ends, i < j, int64 (m,); u: share of j at x, in (0, 1); length: of the segment.

    Example:
        >>> import numpy as np
        >>> from mixbook.theory.vicinal import segments_through
        >>> points = np.array([[0.0, 0.0], [2.0, 0.0], [1.0, 1.0]])
        >>> i, j, u, length = segments_through(points, np.array([0.5, 0.0]), tolerance=1e-9)
        >>> i, j, u, length
        (array([0]), array([1]), array([0.25]), array([2.]))
    """
    i, j = np.triu_indices(len(points), 1)
    step, offset = points[j] - points[i], x - points[i]
    length = np.sqrt((step**2).sum(-1))
    u = np.divide((step * offset).sum(-1), length**2, out=np.full_like(length, -1.0), where=length > 0)
    miss = np.sqrt(((offset - u[:, None] * step) ** 2).sum(-1))
    through = (miss <= tolerance) & (u > 0) & (u < 1)
    return i[through], j[through], u[through], length[through]


def class_densities(
    points: np.ndarray, labels: np.ndarray, x: np.ndarray, law: Law, num_classes: int, tolerance: float
) -> np.ndarray:
    """n^2 times the mean targets (C,) per unit of length of the segments through x; mixtures of equals left out.

    Example:
        >>> import numpy as np
        >>> from mixbook.theory.laws import BetaLaw
        >>> from mixbook.theory.vicinal import class_densities
        >>> points, labels = np.array([[0.0], [1.0]]), np.array([0, 1])
        >>> at, law = np.array([0.25]), BetaLaw(1.0, 1.0)
        >>> class_densities(points, labels, at, law, num_classes=2, tolerance=1e-9)
        array([1.5, 0.5])
    """
    i, j, u, length = segments_through(points, x, tolerance)
    density = (law.density(u) + law.mirrored().density(u)) / length
    found = np.bincount(labels[i], (1 - u) * density, num_classes) + np.bincount(labels[j], u * density, num_classes)
    return found.astype(float)  # where no segment passes, numpy counts in integers


class _Segments:
    """All ordered pairs (s, t) of samples (n, d), and which part of each lies in a ball."""

    def __init__(self, points: np.ndarray) -> None:
        self.points = points
        self.step = points[None] - points[:, None]  # (n, n, d): from s to t
        square = np.einsum("std,std->st", self.step, self.step)
        self.same = square == 0
        self.inverse = np.divide(1.0, square, out=np.zeros_like(square), where=~self.same)

    def in_ball(self, x: np.ndarray, eps: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Ordered pairs s, t that meet the ball, and between which shares lo < hi of t.

        Each order answers for the half of the segment that is next to its s, so that a small share keeps its digits.
        """
        # Nearest point of the line s-t to x, at share u of the way, and its distance. Solving the quadratic equation of
        # the sphere instead would lose a small eps against |x - s|.
        offset = x - self.points
        nearest = np.einsum("std,sd->st", self.step, offset) * self.inverse
        foot = offset[:, None] - nearest[..., None] * self.step
        reach = np.sqrt(np.clip(eps**2 - np.einsum("std,std->st", foot, foot), 0, None) * self.inverse)
        lo, hi = np.clip(nearest - reach, 0, None), np.clip(nearest + reach, None, 0.5)
        s, t = np.nonzero((lo < hi) & ~self.same)
        return s, t, lo[s, t], hi[s, t]


def _ball(segments: _Segments, labels: np.ndarray, x: np.ndarray, eps: float, law: Law, num_classes: int) -> PairMasses:
    first, second = np.zeros((2, num_classes, num_classes))
    s, t, lo, hi = segments.in_ball(x, eps)
    s, t = labels[s], labels[t]
    mirrored, whole = law.mirrored(), (np.zeros(1), np.ones(1))
    # The pair taken as (t, s): lambda is the share of t.
    mass, of_t = law.mass(lo, hi), law.moment(lo, hi)
    np.add.at(first, (t, s), of_t)
    np.add.at(second, (t, s), mass - of_t)
    # The pair taken as (s, t): lambda is the share of s, so that of t follows the mirrored law.
    if mirrored != law:
        mass, of_t = mirrored.mass(lo, hi), mirrored.moment(lo, hi)
    np.add.at(first, (s, t), mass - of_t)
    np.add.at(second, (s, t), of_t)
    # Atoms: a sample with itself and with its duplicates.
    inside = ((x - segments.points) ** 2).sum(-1) < eps**2
    s, t = (labels[rows] for rows in np.nonzero(segments.same & inside[:, None]))
    np.add.at(first, (s, t), law.moment(*whole))
    np.add.at(second, (s, t), mirrored.moment(*whole))
    return PairMasses(first / len(labels) ** 2, second / len(labels) ** 2)


def _limit(
    points: np.ndarray, labels: np.ndarray, x: np.ndarray, law: Law, num_classes: int, tolerance: float
) -> np.ndarray:
    """Class masses (C,) at x in the limit of small balls: atoms of samples where there are any, else densities."""
    here = ((points - x) ** 2).sum(-1) <= tolerance**2
    if here.any():
        return np.bincount(labels[here], minlength=num_classes).astype(float)
    return class_densities(points, labels, x, law, num_classes, tolerance)


def _rare_ball(
    segments: _Segments, labels: np.ndarray, x: np.ndarray, eps: float, law: Law, num_classes: int
) -> np.ndarray:
    """Class masses (C,) in a ball that holds no sample, relative to the largest: where the masses are below float64."""
    s, t, lo, hi = segments.in_ball(x, eps)
    logs = []
    for of_first in (law, law.mirrored()):
        mass, of_t = logarithm(of_first, "mass", lo, hi), logarithm(of_first, "moment", lo, hi)
        # The share of t is at most 1/2 here, so that of s does not cancel.
        with np.errstate(invalid="ignore"):
            rest = np.where(mass > -np.inf, np.log1p(-np.exp(of_t - mass)), 0)
        logs += [mass + rest, of_t]
    return _relative(np.concatenate(logs), labels[np.concatenate([s, t, s, t])], num_classes)


def _rare_limit(
    points: np.ndarray, labels: np.ndarray, x: np.ndarray, law: Law, num_classes: int, tolerance: float
) -> np.ndarray:
    """:func:`class_densities`, relative to the largest: where they are below float64."""
    i, j, u, length = segments_through(points, x, tolerance)
    density = np.logaddexp(logarithm(law, "density", u), logarithm(law.mirrored(), "density", u)) - np.log(length)
    return _relative(np.concatenate([density + np.log1p(-u), density + np.log(u)]), labels[np.r_[i, j]], num_classes)


def _relative(logs: np.ndarray, labels: np.ndarray, num_classes: int) -> np.ndarray:
    """Sums by class (C,) of the numbers with these logs, divided by the largest of them; zeros if there is none."""
    largest = logs.max(initial=-np.inf)
    if largest == -np.inf:
        return np.zeros(num_classes)
    return np.bincount(labels, np.exp(logs - largest), num_classes)
