"""The variance of a mixup gradient: what more interpolations divide by K, and what they leave (multi-mix, section III).

A gradient has as many variances as it has coordinates; here they are summed, so that Var v = E|v - E v|^2 for a vector v.
Arrays of gradients have the ratios first: shape (R, M, ...) for M pairs or batches, each at R ratios.
:mod:`mixbook.theory.gradient_noise` makes them from a network.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations, permutations
from math import ceil, comb, factorial, inf

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc

from mixbook.mixing.scope import Scope, check_scope
from mixbook.theory.laws import beta_rule

Array = NDArray[np.float64]
Gradient = Callable[[Array, Array], ArrayLike]


@dataclass(frozen=True)
class Split:
    """The variance of the gradient of one batch, for any pairing: P + Q / K with K interpolations.

    Everything random about a batch but its ratios, p, is shared by the K interpolations; G(p, lam) is the gradient.

    Args:
        P: Var_p E_lam G, which no number of interpolations reduces.
        Q: E_p Var_lam G, which K interpolations divide by K.

    Example:
        >>> from mixbook.theory.variance import Split
        >>> Split(P=3.0, Q=2.0).variance(4)  # with four interpolations
        3.5
    """

    P: float
    Q: float

    def variance(self, draws: int = 1) -> float:
        """Variance with ``draws`` = K interpolations of each pair (multi-mix, Proposition III.1)."""
        return self.P + self.Q / _positive("draws", draws)

    def enough(self, excess: float = 0.05) -> int:
        """The least K whose variance is at most ``1 + excess`` times the floor P: ceil(Q / (P excess)), at least 1.

        Raises:
            ValueError: if ``excess`` is not positive, or the floor is 0, so that no K comes close to it.
        """
        if not (excess > 0 and self.P > 0):
            raise ValueError(f"excess and P must be positive, got {excess} and {self.P}: the share is one of the floor")
        return max(1, ceil(self.Q / (self.P * excess)))


@dataclass(frozen=True)
class Components:
    """Where the variance of one mixture's gradient comes from, for independent pairs (multi-mix, eqs. 11 and 12).

    With a(p) = E_lam g - E g and c(lam) = E_p g - E g, the gradient is g = E g + a + c + e.

    Args:
        V1: Var a, of the pair alone.
        V2: Var c, of the ratio alone.
        VI: Var e, the interaction.

    Example:
        >>> from mixbook.theory.variance import Components
        >>> parts = Components(V1=3.0, V2=1.0, VI=2.0)
        >>> parts.split(batch_size=4)
        Split(P=0.75, Q=1.5)
    """

    V1: float
    V2: float
    VI: float

    @property
    def threshold(self) -> float:
        """B0 = V1 / V2 (multi-mix, Proposition III.2); infinite where the ratio alone changes nothing.

        From B0 pairs on, K interpolations of B pairs vary no more than K B pairs at *one* ratio for all. Against K B pairs
        with a ratio each they always vary at least as much.
        """
        return self.V1 / self.V2 if self.V2 > 0 else inf

    def split(self, batch_size: int, per: Scope = "batch") -> Split:
        """P and Q of a batch of independent pairs, which share each ratio or (``per="pair"``) draw their own."""
        check_scope(per)
        shared = self.V2 if per == "batch" else self.V2 / _positive("batch_size", batch_size)
        return Split(self.V1 / _positive("batch_size", batch_size), shared + self.VI / batch_size)

    def variance(self, batch_size: int, draws: int = 1, per: Scope = "batch") -> float:
        """V1/B + V2/K + VI/(B K), or V1/B + (V2 + VI)/(B K) with ``per="pair"``."""
        return self.split(batch_size, per).variance(draws)


def split(gradients: ArrayLike, weights: ArrayLike | None = None) -> Split:
    """P and Q exactly, from the gradients of every batch at every ratio.

    Args:
        gradients: (R, M, ...), of M equally likely batches at R ratios.
        weights: chances of the ratios, or weights of a quadrature such as ``laws.beta_rule``, (R,); equal if None.

    Raises:
        ValueError: if the shapes do not fit, or the weights do not sum to 1.

    Example:
        >>> from mixbook.theory.variance import split
        >>> split([[1.0, 3.0], [2.0, 4.0]])  # two batches (columns) at two ratios (rows)
        Split(P=1.0, Q=0.25)
    """
    G, w = _table(gradients, weights)
    inner = np.einsum("r,rmd->md", w, G)
    return Split(float(_square(inner - inner.mean(0)).mean()), float((w @ _square(G - inner)).mean()))


def components(gradients: ArrayLike, weights: ArrayLike | None = None) -> Components:
    """V1, V2 and VI exactly, from the gradients of every pair at every ratio. Arguments as for :func:`split`.

    Example:
        >>> from mixbook.theory.variance import components
        >>> components([[1.0, 3.0], [2.0, 4.0]])  # two pairs at two ratios: no interaction
        Components(V1=1.0, V2=0.25, VI=0.0)
    """
    G, w = _table(gradients, weights)
    a, c, e = _effects(G, w)
    return Components(float(_square(a).mean()), float(w @ _square(c)), float((w @ _square(e)).mean()))


def estimate_split(gradients: ArrayLike) -> Split:
    """P and Q without bias, from the gradients of M random batches at R random ratios each. Both may come out below 0.

    A one-way analysis of variance: the scatter within batches is Q, and that between their means P + Q / R.

    Args:
        gradients: (R, M, ...), R and M at least 2; the draws of a batch in any order.

    Raises:
        ValueError: if there are fewer than two ratios or batches.

    Example:
        >>> from mixbook.theory.variance import estimate_split
        >>> estimate_split([[1.0, 3.0], [2.0, 4.0]])
        Split(P=1.75, Q=0.5)
    """
    G, _ = _table(gradients, None, least=2)
    inner = G.mean(0)
    Q = float(_square(G - inner).sum() / (G.shape[1] * (len(G) - 1)))
    return Split(float(_square(inner - inner.mean(0)).sum() / (len(inner) - 1)) - Q / len(G), Q)


def estimate_components(gradients: ArrayLike) -> Components:
    """V1, V2 and VI without bias, from M random pairs that all have the same R random ratios. Any may come out below 0.

    A two-way analysis of variance. Arguments and errors as for :func:`estimate_split`.

    Example:
        >>> from mixbook.theory.variance import estimate_components
        >>> estimate_components([[1.0, 3.0], [2.0, 4.0]])
        Components(V1=2.0, V2=0.5, VI=0.0)
    """
    G, w = _table(gradients, None, least=2)
    a, c, e = _effects(G, w)
    R, M = G.shape[:2]
    VI = float(_square(e).sum() / ((R - 1) * (M - 1)))
    return Components(float(_square(a).sum() / (M - 1)) - VI / R, float(_square(c).sum() / (R - 1)) - VI / M, VI)


def independent_pairs(gradient: Gradient, x: ArrayLike, y: ArrayLike, alpha: float = 1.0, nodes: int = 24) -> Components:
    """V1, V2 and VI of all n^2 pairs of a finite data set, lam ~ Beta(alpha, alpha), by quadrature.

    Args:
        gradient: from m mixtures (m, d) and their targets (m, C) to one gradient each, (m, ...).
        x, y: samples (n, d) and their targets (n, C); labels of two classes may be (n,), as numbers.
        alpha, nodes: as for ``laws.beta_rule``. A gradient with kinks in lam, such as a ReLU network's, needs more nodes.

    Raises:
        ValueError: if ``x`` and ``y`` differ in length, or ``gradient`` gives another number of gradients.

    Example:
        >>> from mixbook.theory.variance import independent_pairs
        >>> gradient = lambda x, y: x**2  # a square plays the gradient
        >>> found = independent_pairs(gradient, [[0.0], [1.0]], [0.0, 1.0])
        >>> round(found.V1, 4), round(found.V2, 4), round(found.VI, 4)
        (0.1319, 0.0014, 0.0431)
    """
    G, weights = _gradients_of_all_pairs(gradient, x, y, alpha, nodes)
    return components(G.reshape(len(G), -1, G.shape[-1]), weights)


def permuted_pairs(
    gradient: Gradient, x: ArrayLike, y: ArrayLike, batch_size: int, alpha: float = 1.0, nodes: int = 24
) -> Split:
    """P and Q of mixup within batches drawn without replacement from a finite data set: the pairs are a permutation.

    In closed form, with work that grows as n^2 and not with the number of batches. Two rows of a batch, i and j with
    partners s(i) and s(j), share none, one or two samples in seven ways; each has its chance, and the mean of the product
    of two gradients over distinct samples follows from sums over rows and columns of the table of all pairs.

    Args:
        gradient, x, y, alpha, nodes: as for :func:`independent_pairs`.
        batch_size: B, in 1..n; the pairs of a batch share each ratio.

    Raises:
        ValueError: if ``batch_size`` is not in 1..n, and as for :func:`independent_pairs`.

    Example:
        >>> from mixbook.theory.variance import permuted_pairs
        >>> x, y = [[0.0], [1.0], [2.0]], [0.0, 1.0, 1.0]
        >>> found = permuted_pairs(lambda x, y: x**2, x, y, batch_size=2)  # a square plays the gradient
        >>> round(found.P, 4), round(found.Q, 4)
        (0.7222, 0.0167)
    """
    G, weights = _gradients_of_all_pairs(gradient, x, y, alpha, nodes)
    _check_batch_size(batch_size, len(G[0]))
    inner = np.einsum("r,rijd->ijd", weights, G)
    P = _second_moment(inner - _mean(inner, batch_size), batch_size)
    Q = sum(weight * _second_moment(h - inner, batch_size) for weight, h in zip(weights, G, strict=True))
    return Split(P, float(Q))


def any_pairing(
    gradient: Gradient,
    x: ArrayLike,
    y: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    alpha: float = 1.0,
    nodes: int = 24,
) -> Split:
    """P and Q of equally likely batches, whatever made their pairs; the pairs of a batch share each ratio.

    Args:
        gradient, x, y, alpha, nodes: as for :func:`independent_pairs`.
        first, second: the originals and the partners of M batches, row numbers (M, B) each, listed or sampled;
            :func:`all_permutations` lists those of mixup within a batch, :func:`permuted_pairs` needs no list.

    Example:
        >>> from mixbook.theory.variance import all_permutations, any_pairing
        >>> x, y = [[0.0], [1.0], [2.0]], [0.0, 1.0, 1.0]
        >>> within = all_permutations(3, batch_size=2)  # mixup within batches of two
        >>> found = any_pairing(lambda x, y: x**2, x, y, *within)
        >>> round(found.P, 4), round(found.Q, 4)
        (0.7222, 0.0167)
    """
    G, weights = _gradients_of_pairs(gradient, x, y, np.asarray(first), np.asarray(second), alpha, nodes)
    return split(G.mean(2), weights)


def mean_gradient(
    gradient: Gradient,
    x: ArrayLike,
    y: ArrayLike,
    batch_size: int | None = None,
    alpha: float = 1.0,
    nodes: int = 24,
) -> Array:
    """E g over permuted batches of ``batch_size``, or over independent pairs if None. Flat, (D,).

    A permutation leaves a sample alone with chance 1/B, so E g = self / B + (1 - 1/B) other, the means over pairs of one
    sample and over pairs of two. It is the gradient of the mixup loss, which independent pairs give, at B = n, and the
    number of interpolations does not enter.

    Raises:
        ValueError: if ``batch_size`` is not in 1..n.

    Example:
        >>> from mixbook.theory.variance import mean_gradient
        >>> mean_gradient(lambda x, y: x, [[0.0], [1.0]], [0.0, 1.0]).round(4)
        array([0.5])
    """
    G, weights = _gradients_of_all_pairs(gradient, x, y, alpha, nodes)
    n = len(G[0])
    return _mean(np.einsum("r,rijd->ijd", weights, G), _check_batch_size(n if batch_size is None else batch_size, n))


def all_permutations(n: int, batch_size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Originals and partners, int64 (M, B) each, of every batch of B among n samples in every permutation of it.

    Raises:
        ValueError: if ``batch_size`` is not in 1..n, or there are more than a million of them.

    Example:
        >>> from mixbook.theory.variance import all_permutations
        >>> first, second = all_permutations(3, batch_size=2)
        >>> first.shape, second.shape
        ((6, 2), (6, 2))
    """
    _check_batch_size(batch_size, n)
    if (count := comb(n, batch_size) * factorial(batch_size)) > 1_000_000:
        raise ValueError(f"{count} permuted batches of {batch_size} among {n} are too many to list: sample some")
    subsets = np.array(list(combinations(range(n), batch_size)), dtype=np.int64)
    orders = np.array(list(permutations(range(batch_size))), dtype=np.int64)
    return subsets.repeat(len(orders), axis=0), subsets[:, orders].reshape(-1, batch_size)


def rounds_to_one(alpha: float, digits: int = 53) -> float:
    """Chance that lam ~ Beta(alpha, alpha) is exactly 1.0 in floating point: it is when 1 - lam <= 2^-(digits + 1).

    Args:
        alpha: shape of the law, > 0.
        digits: binary digits of a number: 53 in float64, 24 in float32.

    Example:
        >>> from mixbook.theory.variance import rounds_to_one
        >>> rounds_to_one(1.0) < 1e-15, round(rounds_to_one(0.02), 2)
        (True, 0.24)
    """
    return float(betainc(_positive("alpha", alpha), alpha, 2.0 ** -(digits + 1)))


def _gradients_of_pairs(
    gradient: Gradient,
    x: ArrayLike,
    y: ArrayLike,
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    alpha: float,
    nodes: int,
) -> tuple[Array, Array]:
    """Gradients (R, *shape of first, D) of mixtures of rows ``first`` and ``second``, and weights of the ratios (R,)."""
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if len(x) != len(y):
        raise ValueError(f"x and y must have the same length, got {len(x)} and {len(y)}")
    lam, weights = beta_rule(alpha, nodes)
    # Each pair once, however many batches it is in.
    pairs, where = np.unique(first * len(x) + second, return_inverse=True)
    i, j = np.divmod(pairs, len(x))

    def mix(v: Array) -> Array:
        at = lam.reshape(-1, *[1] * v.ndim)
        return (at * v[i] + (1 - at) * v[j]).reshape(len(lam) * len(i), *v.shape[1:])

    G = np.asarray(gradient(mix(x), mix(y)), dtype=float)
    if G.shape[:1] != (len(lam) * len(i),):
        raise ValueError(f"gradient must give {len(lam) * len(i)} gradients, one for each mixture, got shape {G.shape}")
    return G.reshape(len(lam), len(i), -1)[:, where.reshape(first.shape)], weights


def _gradients_of_all_pairs(
    gradient: Gradient, x: ArrayLike, y: ArrayLike, alpha: float, nodes: int
) -> tuple[Array, Array]:
    """Gradients (R, n, n, D) of originals (rows) with partners (columns), and weights of the ratios (R,)."""
    n = len(np.asarray(x))
    first, second = np.indices((n, n))
    return _gradients_of_pairs(gradient, x, y, first, second, alpha, nodes)


def _mean(h: Array, batch_size: int) -> Array:
    """E of the mean of h (n, n, D) over the pairs of a permuted batch, (D,)."""
    n, alone, everything = len(h), h.diagonal().sum(1), h.sum((0, 1))
    other = (everything - alone) / (n * (n - 1)) if n > 1 else 0.0
    return np.asarray(alone / n / batch_size + (1 - 1 / batch_size) * other)


def _second_moment(h: Array, batch_size: int) -> float:
    """E of the squared norm of the mean of h (n, n, D) over the pairs of a permuted batch."""
    n, B = len(h), batch_size
    alone = h.diagonal().T
    off = h - np.eye(n)[..., None] * h
    rows, columns, total = off.sum(1), off.sum(0), off.sum((0, 1))
    squares, swapped = _square(off).sum(), (off * off.swapaxes(0, 1)).sum()
    one = (_square(alone).mean() + (B - 1) * squares / max(1, n * (n - 1))) / B
    if B == 1:
        return float(one)
    # Sums of products over two different rows i, j of a batch, by where their partners lie; and in how many ways.
    left_alone = _square(alone.sum(0)) - _square(alone).sum()  # s(i) = i, s(j) = j
    one_alone = (alone * (total - rows - columns)).sum()  # s(i) = i, s(j) elsewhere; or the other way round
    chained = (columns * rows).sum() - swapped  # s(i) = j, s(j) elsewhere; or the other way round
    apart = _square(total) - _square(rows).sum() - _square(columns).sum() - 2 * (rows * columns).sum() + squares + swapped
    two = (left_alone + swapped) / (n * (n - 1))
    if B > 2:
        two += 2 * (B - 2) * (one_alone + chained) / (n * (n - 1) * (n - 2))
    if B > 3:
        two += (B - 2) * (B - 3) * apart / (n * (n - 1) * (n - 2) * (n - 3))
    return float(one / B + two / B**2)


def _table(gradients: ArrayLike, weights: ArrayLike | None, least: int = 1) -> tuple[Array, Array]:
    G = np.asarray(gradients, dtype=float)
    if G.ndim < 2 or min(G.shape[:2]) < least:
        raise ValueError(f"gradients must have shape (R, M, ...) with R and M at least {least}, got {G.shape}")
    w = np.full(len(G), 1 / len(G)) if weights is None else np.asarray(weights, dtype=float)
    if w.shape != G.shape[:1] or not np.isclose(w.sum(), 1):
        raise ValueError(f"weights must be {len(G)} numbers that sum to 1, got shape {w.shape} and sum {w.sum()}")
    return G.reshape(*G.shape[:2], -1), w


def _effects(G: Array, w: Array) -> tuple[Array, Array, Array]:
    """What depends on the pair (M, D), on the ratio (R, D), and on both (R, M, D)."""
    of_pair, of_ratio = np.einsum("r,rmd->md", w, G), G.mean(1)
    mean = of_pair.mean(0)
    return of_pair - mean, of_ratio - mean, G - of_pair - of_ratio[:, None] + mean


def _square(v: Array) -> Array:
    return np.square(v).sum(-1)


def _check_batch_size(batch_size: int, n: int) -> int:
    if not 1 <= batch_size <= n:
        raise ValueError(f"batch_size must lie in [1, {n}], the number of samples, got {batch_size}")
    return batch_size


def _positive(name: str, value: float) -> float:
    if not value > 0:
        raise ValueError(f"{name} must be positive, got {value}")
    return value
