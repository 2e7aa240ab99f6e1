"""Linear classifiers of two classes, trained with and without mixup: where both end, for your own data.

Source: Chidambaram et al., "Towards Understanding the Data Dependency of Mixup-style Training" (ICLR 2022), section 3.2
and appendix E. A classifier is a direction theta without a bias: the logit of x is x.theta, labels are +1 and -1, and the
margin of a sample is y x.theta. Mixup's loss here is logistic regression's, in expectation over lambda and the pairs.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy import linalg, optimize, special

from mixbook.theory.laws import beta_rule

Law = float | tuple[float, float]  # Beta(alpha, alpha), or Beta(a, b)
Pairs = Literal["all", "across"]  # every ordered pair, a sample with itself included; or samples of unlike class only
_NODES = 80  # of the Gauss quadrature in lambda, exact to rounding while logits stay within about 40


def margins(theta: ArrayLike, x: ArrayLike, y: ArrayLike) -> np.ndarray:
    """Margins y x.theta of all samples, float64 (n,): positive where theta is right.

    Args:
        theta: direction, (d,).
        x: samples, (n, d).
        y: their labels, +1 or -1, (n,), both present.

    Raises:
        ValueError: if shapes do not fit, a number is not finite, or labels are others than +1 and -1.

    Example:
        >>> from mixbook.theory.linear import margins
        >>> margins([1.0, 0.0], x=[[2.0, 1.0], [-1.0, 3.0]], y=[1, -1])
        array([2., 1.])
    """
    x, y = _check(x, y)
    theta = np.asarray(theta, dtype=float)
    if theta.shape != x.shape[1:]:
        raise ValueError(f"theta must have one number for each of the {x.shape[1]} features, got shape {theta.shape}")
    return y * (x @ theta)


def max_margin(x: ArrayLike, y: ArrayLike) -> np.ndarray:
    """The maximum-margin direction (Definition 3.4): the shortest theta (d,) with all margins at least 1.

    The smallest margin of ``theta / |theta|`` is ``1 / |theta|``, and no unit vector has a larger one. Gradient descent on
    the logistic loss tends to this direction on separable data (Soudry et al. 2018).

    Raises:
        ValueError: as for :func:`margins`, or if no direction without a bias separates the classes.

    Example:
        >>> from mixbook.theory.linear import max_margin
        >>> max_margin([[2.0, 0.0], [-2.0, 0.0]], [1, -1]).round(4)
        array([0.5, 0. ])
    """
    x, y = _check(x, y)
    size = float(np.linalg.norm(x, axis=1).max()) or 1.0  # whatever the units, the residual below is a share of the data
    signed = y[:, None] * x / size
    # The least distance problem of Lawson and Hanson, by non-negative least squares; the samples with positive weight
    # support the margin, and they alone say what theta is.
    equations = np.vstack([signed.T, np.ones(len(x))])
    weights, residual = optimize.nnls(equations, np.eye(x.shape[1] + 1)[-1], maxiter=30 * len(x))
    if residual < 1e-7:
        raise ValueError("x and y are not separable by a direction without a bias: no theta has only positive margins")
    support = weights > 1e-12 * weights.max()
    return np.linalg.lstsq(signed[support], np.ones(support.sum()), rcond=None)[0] / size


def interpolating(x: ArrayLike, y: ArrayLike) -> np.ndarray:
    """The interpolating direction (Definition 3.3) in the span of the samples: all margins are 1, theta (d,).

    Raises:
        ValueError: as for :func:`margins`, or if no theta has equal margins; linearly independent samples always have one.

    Example:
        >>> from mixbook.theory.linear import interpolating
        >>> interpolating([[2.0, 0.0], [0.0, -4.0]], [1, -1]).round(4)
        array([0.5 , 0.25])
    """
    digits = _precision(x)
    x, y = _check(x, y)
    theta = np.linalg.lstsq(y[:, None] * x, np.ones(len(x)), rcond=digits)[0]
    if np.abs(margins(theta, x, y) - 1).max() > 1e-8:
        raise ValueError(f"x has {len(x)} samples that no direction gives equal margins: more features may help")
    return theta


def support_weights(x: ArrayLike, y: ArrayLike) -> np.ndarray:
    """Weights c (n,) of the samples in the interpolating direction, theta = sum_i c_i y_i x_i.

    It is the maximum-margin direction if and only if none is negative (the Karush-Kuhn-Tucker conditions); Lemma 3.7 says
    that this is so for Gaussian samples, with probability 1 - 2 / n, if d > 10 n log n + n - 1.

    Raises:
        ValueError: as for :func:`margins`, or if the samples are linearly dependent.

    Example:
        >>> from mixbook.theory.linear import support_weights
        >>> support_weights([[2.0, 0.0], [0.0, -4.0]], [1, -1]).round(4)
        array([0.25  , 0.0625])
    """
    x, y = _check(x, y)
    signed = y[:, None] * x
    if np.linalg.matrix_rank(signed) < len(x):
        raise ValueError(f"x must have linearly independent rows, got {len(x)} samples of rank below that")
    return linalg.solve(signed @ signed.T, np.ones(len(x)), assume_a="pos")


@dataclass(frozen=True)
class Objective:
    """The mixup loss of a linear classifier at one theta.

    Args:
        value: nats per mixture.
        gradient: float64 (d,).
        hessian: float64 (d, d).
    """

    value: float
    gradient: np.ndarray
    hessian: np.ndarray


def mixup_objective(theta: ArrayLike, x: ArrayLike, y: ArrayLike, alpha: Law, pairs: Pairs = "all") -> Objective:
    """The expected mixup loss of theta over all ordered pairs and lambda, with derivatives (eq. 10 and 11).

    Only x @ theta counts: the part of theta that is orthogonal to all samples changes nothing (Remark 3.6).

    Args:
        theta: direction, (d,).
        x: samples, (n, d).
        y: their labels, +1 or -1, (n,).
        alpha: lambda ~ Beta(alpha, alpha), or a pair for Beta(a, b). Both orders of a pair are mixed, so a law and its
            mirror image give one loss.
        pairs: ``"all"`` as mixup is defined, or ``"across"`` for pairs of unlike class only.

    Raises:
        ValueError: as for :func:`margins`, or if ``alpha`` is not positive or ``pairs`` unknown.

    Example:
        >>> from mixbook.theory.linear import mixup_objective
        >>> found = mixup_objective([0.0, 0.0], [[2.0, 0.0], [-2.0, 0.0]], [1, -1], alpha=1.0)
        >>> round(float(found.value), 4), found.gradient.shape, found.hessian.shape
        (0.6931, (2,), (2, 2))
    """
    signed_logits = margins(theta, x, y)
    x, y = _check(x, y)
    value, gradient, hessian = _loss(y * signed_logits, y, alpha, pairs)
    return Objective(value, x.T @ gradient, x.T @ hessian @ x)


def mixup_solution(x: ArrayLike, y: ArrayLike, alpha: Law, pairs: Pairs = "all") -> np.ndarray:
    """The direction theta (d,), in the span of the samples, that minimises the mixup loss. There is exactly one.

    It has a length, where training without mixup runs off to infinity: targets between 0 and 1 punish large logits. It is
    a multiple of the maximum-margin direction if that one interpolates and the classes are equally large, or if only
    unlike samples are mixed (Theorem 3.5, corrected).

    Args:
        x: samples, (n, d).
        y: their labels, +1 or -1, (n,).
        alpha: lambda ~ Beta(alpha, alpha), or a pair for Beta(a, b).
        pairs: ``"all"`` as mixup is defined, or ``"across"`` for pairs of unlike class only.

    Raises:
        ValueError: as for :func:`mixup_objective`.
        RuntimeError: if Newton's method does not converge, as for a law that hardly mixes: take a larger ``alpha``.

    Example:
        >>> from mixbook.theory.linear import margins, mixup_margin, mixup_solution
        >>> x, y = [[2.0, 0.0], [-2.0, 0.0]], [1, -1]
        >>> theta = mixup_solution(x, y, alpha=1.0, pairs="across")
        >>> margins(theta, x, y).round(4), round(mixup_margin(1.0), 4)
        (array([2.5997, 2.5997]), 2.5997)
    """
    digits = _precision(x)
    x, y = _check(x, y)
    left, scale, right = np.linalg.svd(x, full_matrices=False)
    basis = left[:, scale > digits * scale[0]]  # logits are basis @ b: as many unknowns as the samples span
    b = np.zeros(basis.shape[1])
    value, gradient, hessian = _loss(basis @ b, y, alpha, pairs)
    for _ in range(100):
        step = linalg.solve(basis.T @ hessian @ basis, -(basis.T @ gradient), assume_a="pos")
        slope = float(gradient @ (basis @ step))
        if -slope < 1e-28:
            return right[: len(b)].T @ (b / scale[: len(b)])
        size = 1.0
        while _loss(basis @ (b + size * step), y, alpha, pairs)[0] > value + 0.25 * size * slope + 1e-15:
            size /= 2
        b = b + size * step
        value, gradient, hessian = _loss(basis @ b, y, alpha, pairs)
    raise RuntimeError(f"no minimum within 100 Newton steps for alpha={alpha}: take a larger alpha")


def mixup_margin(alpha: Law) -> float:
    """k(P_f), the margin of both samples when one of each class are mixed with one another (appendix E.2, eq. 8).

    With v = 2 lambda - 1 it is the root of E[v tanh(k v / 2)] = E[v^2]: 2.5997 for uniform lambda, towards 2 for midpoints,
    without bound for a law that hardly mixes.

    Args:
        alpha: lambda ~ Beta(alpha, alpha), or a pair for Beta(a, b).

    Raises:
        ValueError: if ``alpha`` is not positive.

    Example:
        >>> from mixbook.theory.linear import mixup_margin
        >>> round(mixup_margin(1.0), 4)
        2.5997
    """
    lam, weight = beta_rule(alpha, _NODES)
    v = 2 * lam - 1

    def excess(k: float) -> float:
        return float(weight @ (v * np.tanh(k * v / 2) - v**2))

    largest = 4.0
    while excess(largest) < 0:
        largest *= 2
    return float(optimize.brentq(excess, 0.5, largest, xtol=1e-14, rtol=1e-14))


def gradient_descent(x: ArrayLike, y: ArrayLike, steps: int, rate: float | None = None) -> np.ndarray:
    """Where gradient descent on the logistic loss, without mixup and from 0, is after some steps: theta (d,).

    On separable data theta grows like log(steps), and its direction tends to that of :func:`max_margin`.

    Args:
        x: samples, (n, d).
        y: their labels, +1 or -1, (n,).
        steps: number of full-batch steps, at least 1.
        rate: step size; the reciprocal of the loss's largest curvature if None.

    Raises:
        ValueError: as for :func:`margins`, or if ``steps`` or ``rate`` is not positive.

    Example:
        >>> from mixbook.theory.linear import angle, gradient_descent, max_margin
        >>> x, y = [[2.0, 0.0], [-2.0, 0.0]], [1, -1]
        >>> round(angle(gradient_descent(x, y, steps=10), max_margin(x, y)), 4)
        0.0
    """
    x, y = _check(x, y)
    if steps < 1 or (rate is not None and not rate > 0):
        raise ValueError(f"steps and rate must be positive, got {steps} and {rate}")
    signed = y[:, None] * x
    products = signed @ signed.T  # theta stays in the span, so n weights stand for it
    size = (rate or 4 * len(x) / float(np.linalg.eigvalsh(products)[-1])) / len(x)
    weights = np.zeros(len(x))
    for _ in range(steps):
        weights += size * special.expit(-(products @ weights))
    return signed.T @ weights


def angle(a: ArrayLike, b: ArrayLike) -> float:
    """Angle between two directions (d,), in degrees; precise for small ones, where the cosine has no digits left.

    Example:
        >>> from mixbook.theory.linear import angle
        >>> round(angle([1.0, 0.0], [1.0, 1.0]), 4)
        45.0
    """
    one, other = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    one, other = one / np.linalg.norm(one), other / np.linalg.norm(other)
    return float(np.degrees(2 * np.arctan2(np.linalg.norm(one - other), np.linalg.norm(one + other))))


def _loss(logits: np.ndarray, y: np.ndarray, alpha: Law, pairs: Pairs) -> tuple[float, np.ndarray, np.ndarray]:
    """Mixup loss as a function of the samples' logits (n,), with its gradient (n,) and Hessian (n, n)."""
    if pairs not in get_args(Pairs):
        raise ValueError(f"pairs must be one of {get_args(Pairs)}, got {pairs!r}")
    counted = np.ones((len(y), len(y))) if pairs == "all" else (y[:, None] != y).astype(float)
    counted /= counted.sum()
    share = (y + 1) / 2  # of class +1
    value, gradient, hessian = 0.0, np.zeros(len(y)), np.zeros((len(y), len(y)))
    for lam, weight in zip(*beta_rule(alpha, _NODES), strict=True):
        mixed = lam * logits[:, None] + (1 - lam) * logits
        target = lam * share[:, None] + (1 - lam) * share
        answer = special.expit(mixed)
        value += weight * float((counted * (np.logaddexp(0, mixed) - target * mixed)).sum())
        slope = weight * counted * (answer - target)
        bend = weight * counted * answer * (1 - answer)
        gradient += lam * slope.sum(axis=1) + (1 - lam) * slope.sum(axis=0)
        hessian += lam * (1 - lam) * (bend + bend.T)
        hessian[np.diag_indices_from(hessian)] += lam**2 * bend.sum(axis=1) + (1 - lam) ** 2 * bend.sum(axis=0)
    return value, gradient, hessian


def _precision(x: ArrayLike) -> float:
    """Singular values below this share of the largest are rounding: there are more of them in float32 data."""
    x = np.asarray(x)
    kept = np.finfo(x.dtype if x.dtype.kind == "f" else np.float64)
    return float(max(x.shape, default=1) * kept.eps)


def _check(x: ArrayLike, y: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if x.ndim != 2 or y.shape != x.shape[:1]:
        raise ValueError(f"x must be (n, d) and y (n,), got {x.shape} and {y.shape}")
    if not np.isfinite(x).all():
        raise ValueError("x must be finite, got NaN or infinity")
    if set(np.unique(y)) != {-1.0, 1.0}:
        raise ValueError(f"y must hold the labels +1 and -1, both of them, got {np.unique(y)[:5]}")
    return x, y
