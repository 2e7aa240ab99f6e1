"""What manifold mixup's loss can reach, and what reaching it forces on the representations that are mixed.

Source: Verma et al., "Manifold Mixup" (ICML 2019), Theorem 1, Corollary 1 and section 3.3. The layers before the mixture
put each sample wherever they like, at its state h in D dimensions; the rest of the network is a function f of it. Where f
is affine the loss is a quadratic form of the errors f(h) - y at the samples, and all of this is linear algebra.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize
from scipy.special import logsumexp

from mixbook.theory.laws import beta_rule
from mixbook.theory.samples import as_labels, as_samples


@dataclass(frozen=True)
class Solution:
    """States and an affine f that give every mixture exactly its mixed label.

    Args:
        states: (n, D).
        weight, bias: f(h) = h @ weight + bias, of shapes (D, C) and (C,).
    """

    states: np.ndarray
    weight: np.ndarray
    bias: np.ndarray


def solution(labels: ArrayLike, dim: int, rng: np.random.Generator, spread: float = 1.0) -> Solution:
    """A minimum of the loss with an affine f: Theorem 1, and Corollary 1 for ``spread > 0``.

    Each class sits at a corner of a regular simplex, which takes C - 1 dimensions; the other D - C + 1, which f does not
    see, are filled with noise. All of it is turned at random.

    Args:
        labels: classes of the samples, int (n,), from 0; C is the largest plus one.
        dim: D, at least C - 1.
        rng: source of the noise and of the rotation.
        spread: standard deviation of the noise; 0 collapses each class into one state.

    Raises:
        ValueError: if ``labels`` are not integers from 0, or ``dim`` is less than C - 1: then no states reach loss zero.

    Example:
        >>> import numpy as np
        >>> from mixbook.theory.flattening import solution
        >>> labels = np.array([0, 1, 2, 0])
        >>> found = solution(labels, dim=5, rng=np.random.default_rng(0))
        >>> (found.states @ found.weight + found.bias).round(6) + 0.0  # + 0.0: no -0
        array([[1., 0., 0.],
               [0., 1., 0.],
               [0., 0., 1.],
               [1., 0., 0.]])
    """
    labels, num_classes = as_labels(labels, len(np.asarray(labels)))
    flat_dimension(num_classes, dim)  # which refuses what has no solution
    # The centring matrix has eigenvalue 0 for the vector of ones, and 1 for C - 1 others: rows of those are the corners.
    corners = np.linalg.eigh(np.eye(num_classes) - 1 / num_classes)[1][:, 1:]
    noise = spread * rng.standard_normal((len(labels), dim - num_classes + 1))
    states = np.c_[corners[labels], noise]
    turn = np.linalg.qr(rng.standard_normal((dim, dim)))[0]
    return Solution(states @ turn, turn[: num_classes - 1].T @ corners.T, np.full(num_classes, 1 / num_classes))


def flat_dimension(num_classes: int, dim: int) -> int:
    """The most dimensions that the states of one class can have where an affine f reaches loss zero: D - C + 1.

    That is Corollary 1, put right: for each class, for an affine subspace, and at most.

    Raises:
        ValueError: if there are fewer than 2 classes, or ``dim`` is less than C - 1.

    Example:
        >>> from mixbook.theory.flattening import flat_dimension
        >>> flat_dimension(num_classes=10, dim=12)
        3
    """
    _check_classes(num_classes)
    if dim < num_classes - 1:
        raise ValueError(
            f"dim must be at least C - 1 = {num_classes - 1}, got {dim}: below that no affine f reaches loss zero, and "
            "least_loss says what is left"
        )
    return dim - num_classes + 1


def least_loss(num_classes: int, dim: int, alpha: float = 1.0) -> float:
    """The least squared loss with an affine f and one state for each class, averaged over pairs of different classes.

    (C - 1 - D) (C - 1 + alpha (C - 2)) / (C (C - 1) (2 alpha + 1)), and 0 from D = C - 1 on. A map of rank D explains D of
    the C - 1 equal singular values of the centred labels, wherever the states are, as long as they fill the D dimensions.

    Args:
        num_classes: C, >= 2.
        dim: D, >= 0.
        alpha: lambda ~ Beta(alpha, alpha).

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> from mixbook.theory.flattening import least_loss
        >>> [round(least_loss(4, dim), 4) for dim in (1, 2, 3)]
        [0.2778, 0.1389, 0.0]
    """
    _check_alpha(alpha)
    if num_classes < 2 or dim < 0:
        raise ValueError(f"num_classes must be at least 2 and dim at least 0, got {num_classes} and {dim}")
    left = max(num_classes - 1 - dim, 0)
    return left * (num_classes - 1 + alpha * (num_classes - 2)) / (num_classes * (num_classes - 1) * (2 * alpha + 1))


def affine_loss(states: ArrayLike, labels: ArrayLike, alpha: float = 1.0) -> float:
    """The least squared loss with an affine f for states that stay where they are, averaged over pairs of two samples.

    How far your representation is from one that mixing has nothing more to ask of. With the errors m of f at the samples,
    the loss is ``2 (E lambda^2 sum |m|^2 + E lambda (1 - lambda) (|sum m|^2 - sum |m|^2) / (n - 1)) / n``; least squares
    with a bias minimises the sum of squares and makes the sum of the errors zero.

    Args:
        states: (n, D), n >= 2.
        labels: int (n,), from 0.
        alpha: lambda ~ Beta(alpha, alpha).

    Raises:
        ValueError: if shapes do not fit, a state is not finite, or ``alpha`` is not positive.

    Example:
        >>> from mixbook.theory.flattening import affine_loss
        >>> round(affine_loss([[0.0], [1.0]], [0, 1]), 6), affine_loss([[0.0], [0.0]], [0, 1]) > 0
        (0.0, True)
    """
    _check_alpha(alpha)
    states, labels, num_classes = as_samples(states, labels)
    if len(states) < 2:
        raise ValueError("states must be at least 2: there is nobody to mix one with")
    n, onehot = len(labels), np.eye(num_classes)[labels]
    design = np.c_[states, np.ones(n)]
    errors = design @ np.linalg.lstsq(design, onehot, rcond=None)[0] - onehot
    square, product = (alpha + 1) / (2 * (2 * alpha + 1)), alpha / (2 * (2 * alpha + 1))
    return float(2 / n * (square - product / (n - 1)) * (errors**2).sum())


def affine_cross_entropy(alpha: float, num_classes: int = 2, same: float = 0.0) -> float:
    """The least cross entropy (nats) of mixtures from C equally frequent classes if the logits are affine in the mixture.

    Along a segment between two classes their logits are straight lines, c lambda and c (1 - lambda) at best, and those of
    all other classes stay at 0: by convexity no other choice does better. So the others keep a share at every mixture, and
    with many classes this is far above the floor that a curved f can come close to,
    :func:`mixbook.theory.loss_floor.pair_entropy`.

    Args:
        alpha: lambda ~ Beta(alpha, alpha).
        num_classes: C, >= 2.
        same: share of the pairs whose two samples are of one class; the mixture's target is then that class.

    Raises:
        ValueError: if ``alpha`` is not positive, there are fewer than 2 classes, or ``same`` is not in [0, 1).

    Example:
        >>> from mixbook.theory.flattening import affine_cross_entropy
        >>> from mixbook.theory.loss_floor import pair_entropy
        >>> two, ten = affine_cross_entropy(2.0), affine_cross_entropy(2.0, 10)
        >>> round(two, 3), round(ten, 3), round(pair_entropy(2.0), 3)
        (0.585, 0.832, 0.583)
    """
    _check_alpha(alpha)
    _check_classes(num_classes)
    if not 0 <= same < 1:
        raise ValueError(f"same must be in [0, 1), got {same}: pairs of one class alone can cost nothing at all")
    lam, weights = beta_rule(alpha, 80)
    others = np.zeros((num_classes - 2, len(lam)))

    def loss(c: float) -> float:
        mixed = logsumexp(np.vstack([c * lam, c * (1 - lam), others]), axis=0) - c * (lam**2 + (1 - lam) ** 2)
        return float((1 - same) * (weights @ mixed) + same * np.log1p((num_classes - 1) * np.exp(-c)))

    return float(optimize.minimize_scalar(loss, bounds=(0, 50), method="bounded", options={"xatol": 1e-10}).fun)


def hull_confidence(num_classes: int) -> float:
    """Mean of the largest probability at a uniformly random point between C collapsed classes, for an f with loss zero.

    The probabilities are then the point's barycentric coordinates, and the mean of the largest of C coordinates that are
    uniform on the simplex is (1 + 1/2 + ... + 1/C) / C (section 3.3 says: low confidence).

    Raises:
        ValueError: if ``num_classes`` is less than 2.

    Example:
        >>> from mixbook.theory.flattening import hull_confidence
        >>> round(hull_confidence(10), 4)
        0.2929
    """
    _check_classes(num_classes)
    return float((1 / np.arange(1, num_classes + 1)).sum() / num_classes)


def _check_classes(num_classes: int) -> None:
    if num_classes < 2:
        raise ValueError(f"num_classes must be at least 2, got {num_classes}: one class alone asks for nothing")


def _check_alpha(alpha: float) -> None:
    if not 0 < alpha < np.inf:
        raise ValueError(f"alpha must be positive and finite, got {alpha}")
