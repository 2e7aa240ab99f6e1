"""What mixup minimises: the mixup-optimal classifier of a finite data set, in closed form.

Source: Chidambaram et al., "Towards Understanding the Data Dependency of Mixup-style Training" (ICLR 2022), section 2.
Mixtures are lambda s + (1 - lambda) t over all ordered pairs (s, t) of samples, a sample with itself included, and lambda
follows Beta(a, b). Both orders of a pair are mixed, so a pair of points sees the law of lambda and its mirror image alike;
below, a segment carries their sum.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike
from scipy import integrate, optimize, special

Law = float | tuple[float, float]  # Beta(alpha, alpha), or Beta(a, b)

# A point this close to a segment, relative to the extent of the data, is taken to lie on it when eps = 0.
ON_SEGMENT = 1e-9


def optimal(
    points: ArrayLike, labels: ArrayLike, z: ArrayLike, eps: float, alpha: Law, num_classes: int | None = None
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
        alpha: lambda ~ Beta(alpha, alpha), or a pair for Beta(a, b).
        num_classes: C; the largest label plus one if None.

    Returns:
        float64 (m, C), rows summing to 1. A row is NaN where no mixture falls: mixup asks nothing of a classifier there.

    Raises:
        ValueError: if shapes do not fit, a coordinate is not finite, a label is out of range, ``eps`` is negative or
            infinite, or ``alpha`` is not positive.
    """
    points, labels, num_classes = _check_data(points, labels, num_classes)
    z = _as_points("z", z)
    if z.shape[1] != points.shape[1]:
        raise ValueError(f"z must have the {points.shape[1]} coordinates of points, got shape {z.shape}")
    if not 0 <= eps < np.inf:
        raise ValueError(f"eps must be a radius >= 0, got {eps}: 0 gives the limit of small balls")
    a, b = _check_law(alpha)
    if eps > 0:
        step = points[None] - points[:, None]  # (n, n, d): from s to t
        square = np.einsum("std,std->st", step, step)
        masses = np.stack([_ball_masses(points, labels, step, square, x, eps, a, b, num_classes) for x in z])
    else:
        masses = np.stack([_point_masses(points, labels, x, a, b, num_classes) for x in z])
    total = masses.sum(axis=1, keepdims=True)
    return np.divide(masses, total, out=np.full_like(masses, np.nan), where=total > 0)


def minimum_loss(points: ArrayLike, labels: ArrayLike, alpha: Law) -> float:
    """The least mixup loss (nats) that any classifier can reach on samples on a line: the J_mix of h.

    It is the expected entropy of the target given where the mixture fell, so it is positive as soon as two classes are
    mixed: no network, however large, gets below it.

    Args:
        points: samples on a line, (n,) or (n, 1).
        labels: their classes, int (n,), from 0.
        alpha: lambda ~ Beta(alpha, alpha), or a pair for Beta(a, b).

    Raises:
        ValueError: if the samples are not on a line, or as for :func:`optimal`.
    """
    points, labels, num_classes = _check_data(points, labels, None)
    if points.shape[1] != 1:
        raise ValueError(f"points must lie on a line, shape (n,) or (n, 1), got {points.shape}")
    a, b = _check_law(alpha)
    line, tolerance = points[:, 0], ON_SEGMENT * np.ptp(points)

    def entropy(masses: np.ndarray) -> float:
        return float(special.entr(masses).sum() - special.entr(masses.sum()))

    def integrand(x: float) -> float:
        return entropy(_densities(points, labels, np.array([x]), a, b, num_classes, tolerance))

    # The integrand breaks at the samples, and each pair has a bump, narrow for large alpha, at the two means of the law.
    start, end = (grid.ravel() for grid in np.meshgrid(line, line))
    spread = np.sqrt(a * b / (a + b + 1)) / (a + b) * np.abs(end - start)
    centre = start + a / (a + b) * (end - start)
    breaks = np.unique(np.concatenate([line, centre, centre - 6 * spread, centre + 6 * spread]))
    breaks = breaks[(breaks >= line.min()) & (breaks <= line.max())]
    on_segments = sum(integrate.quad(integrand, lo, hi, limit=200)[0] for lo, hi in pairwise(breaks))
    at_samples = sum(
        entropy(len(here) * np.bincount(here, minlength=num_classes).astype(float))
        for here in (labels[line == x] for x in np.unique(line))
    )
    return (on_segments + at_samples) / len(points) ** 2


def critical_alpha(eps: float) -> float:
    """The alpha above which h_eps misclassifies the middle one of three samples 0, 1, 2 with classes A, B, A.

    Theorem 2.7 says that such an alpha exists and prints a sufficient one, (log 4 / eps^2 - 1) / 2, which is too small for
    eps > 0.4. This is the exact one. Weighing the two classes on the ball around 1 gives

        2 P(|Y - 1/2| < eps / 2)  >  1 + 4 (eps (1 - eps))^alpha / (alpha B(alpha, alpha)),   Y ~ Beta(alpha, alpha)

    for a wrong answer. The left side grows with alpha and the right side falls, so there is one crossing.

    Args:
        eps: radius of the ball, in (0, 1); the distance of neighbours is 1.

    Raises:
        ValueError: if ``eps`` is not in (0, 1). At 1 and above the answer is wrong for every alpha.
    """
    if not 0 < eps < 1:
        raise ValueError(f"eps must be in (0, 1), got {eps}: from 1 on, the ball reaches the neighbours")

    def margin(log_alpha: float) -> float:
        alpha = np.exp(log_alpha)
        across = 1 - 2 * special.betainc(alpha, alpha, (1 - eps) / 2)
        # The integral of (1 - 2 u) f(u) from 0 to eps: the pairs 0-1 and 1-2, what class B has over class A.
        beside = np.exp(alpha * np.log(eps * (1 - eps)) - log_alpha - special.betaln(alpha, alpha))
        return 2 * across - 1 - 4 * beside

    # Near eps = 1 the root tends to log 4 / log(1 / (1 - eps)), above 0.03 in float64; near 0 to 0.23 / eps^2.
    return float(np.exp(optimize.brentq(margin, np.log(1e-3), np.log(1 / eps**2 + 10), xtol=1e-14, rtol=1e-14)))


def _ball_masses(
    points: np.ndarray,
    labels: np.ndarray,
    step: np.ndarray,
    square: np.ndarray,
    x: np.ndarray,
    eps: float,
    a: float,
    b: float,
    num_classes: int,
) -> np.ndarray:
    """n^2 times the class masses (C,) of the mixtures with |mixture - x| < eps; step (n, n, d), square (n, n)."""
    offset = x - points  # (n, d): from s to x
    same = square == 0
    inverse = np.divide(1.0, square, out=np.zeros_like(square), where=~same)
    # Nearest point of the line s-t to x, at share u of the way, and its distance. Solving the quadratic equation of the
    # sphere instead would lose a small eps against |x - s|.
    nearest = np.einsum("std,sd->st", step, offset) * inverse
    foot = offset[:, None] - nearest[..., None] * step
    reach = np.sqrt(np.clip(eps**2 - np.einsum("std,std->st", foot, foot), 0, None) * inverse)
    # Each ordered pair answers for the half of the segment next to s, so that a share near an end keeps its digits.
    lo, hi = np.clip(nearest - reach, 0, None), np.clip(nearest + reach, None, 0.5)
    s, t = np.nonzero((lo < hi) & ~same)
    lo, hi = lo[s, t], hi[s, t]
    mass = _beta_mass(a, b, lo, hi) + _beta_mass(b, a, lo, hi)
    share = (a * _beta_mass(a + 1, b, lo, hi) + b * _beta_mass(b + 1, a, lo, hi)) / (a + b)  # integral of u
    atoms = same.sum(axis=1) * ((offset**2).sum(-1) < eps**2)  # mixtures of s with itself and with its duplicates
    return (
        np.bincount(labels[s], mass - share, num_classes)
        + np.bincount(labels[t], share, num_classes)
        + np.bincount(labels, atoms, num_classes)
    )


def _point_masses(
    points: np.ndarray, labels: np.ndarray, x: np.ndarray, a: float, b: float, num_classes: int
) -> np.ndarray:
    """Class masses (C,) at x in the limit of small balls: atoms of samples where there are any, else densities."""
    tolerance = ON_SEGMENT * np.ptp(points, axis=0).max()
    here = ((points - x) ** 2).sum(-1) <= tolerance**2
    if here.any():
        return np.bincount(labels[here], minlength=num_classes).astype(float)
    return _densities(points, labels, x, a, b, num_classes, tolerance)


def _densities(
    points: np.ndarray, labels: np.ndarray, x: np.ndarray, a: float, b: float, num_classes: int, tolerance: float
) -> np.ndarray:
    """n^2 times the class densities (C,) per unit of length of the segments through x; mixtures of equals left out."""
    i, j = np.triu_indices(len(points), 1)
    step, offset = points[j] - points[i], x - points[i]
    length = np.sqrt((step**2).sum(-1))
    u = np.divide((step * offset).sum(-1), length**2, out=np.full_like(length, -1.0), where=length > 0)
    miss = np.sqrt(((offset - u[:, None] * step) ** 2).sum(-1))
    through = (miss <= tolerance) & (u > 0) & (u < 1)
    u, i, j = u[through], i[through], j[through]
    density = (_beta_density(a, b, u) + _beta_density(b, a, u)) / length[through]
    return np.bincount(labels[i], (1 - u) * density, num_classes) + np.bincount(labels[j], u * density, num_classes)


def _beta_mass(a: float, b: float, lo: np.ndarray, hi: np.ndarray) -> np.ndarray:
    """P(lo < U < hi) for U ~ Beta(a, b): a difference in the tail that is near, so that it does not cancel."""
    lower = special.betainc(a, b, hi) - special.betainc(a, b, lo)
    upper = special.betaincc(a, b, lo) - special.betaincc(a, b, hi)
    return np.where(lo > a / (a + b), upper, lower)


def _beta_density(a: float, b: float, u: np.ndarray) -> np.ndarray:
    return np.exp(special.xlogy(a - 1, u) + special.xlog1py(b - 1, -u) - special.betaln(a, b))


def _check_law(alpha: Law) -> tuple[float, float]:
    a, b = alpha if isinstance(alpha, tuple) else (alpha, alpha)
    if not (0 < a < np.inf and 0 < b < np.inf):
        raise ValueError(f"alpha must be positive and finite, or a pair of such numbers, got {alpha}")
    return float(a), float(b)


def _as_points(name: str, values: ArrayLike) -> np.ndarray:
    array = np.asarray(values, dtype=float)
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(f"{name} must have shape (n, d), or (n,) on a line, none of them 0, got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got NaN or infinity in row {int(np.argwhere(~np.isfinite(array))[0, 0])}")
    return array


def _check_data(points: ArrayLike, labels: ArrayLike, num_classes: int | None) -> tuple[np.ndarray, np.ndarray, int]:
    points, labels = _as_points("points", points), np.asarray(labels)
    if labels.shape != (len(points),):
        raise ValueError(f"labels must have shape ({len(points)},) as points have rows, got {labels.shape}")
    if not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels must be integers, got {labels.dtype}")
    if num_classes is None:
        num_classes = int(labels.max()) + 1
    if labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError(f"labels must lie in [0, {num_classes}), got {labels.min()} to {labels.max()}")
    return points, labels.astype(np.int64), num_classes
