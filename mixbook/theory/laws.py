"""Laws of lambda, the weight of the original sample, as the theory needs them: masses and first moments of intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike
from scipy import linalg, special


class Law(Protocol):
    """A law of lambda on [0, 1] with a density. Any object with these five will do; arrays in, arrays of one shape out.

    A law that puts less on some part of [0, 1] than float64 can hold should have ``log_mass``, ``log_moment`` and
    ``log_density`` too, as :class:`BetaLaw` has: see :func:`logarithm`.
    """

    @property
    def knots(self) -> tuple[float, ...]:
        """Where the density breaks, or between which it has its bulk: hints for quadrature, each in [0, 1]."""
        ...

    def mass(self, lo: np.ndarray, hi: np.ndarray) -> np.ndarray:
        """P(lo < lambda < hi)."""
        ...

    def moment(self, lo: np.ndarray, hi: np.ndarray) -> np.ndarray:
        """E[lambda; lo < lambda < hi]: the integral of lambda over the interval, not divided by its mass."""
        ...

    def density(self, lam: np.ndarray) -> np.ndarray:
        """Density at lambda in (0, 1)."""
        ...

    def mirrored(self) -> "Law":
        """The law of 1 - lambda: what a pair sees that is taken in the other order."""
        ...


LawLike = float | tuple[float, float] | Law  # Beta(alpha, alpha), Beta(a, b), or a law of your own


def as_law(alpha: LawLike) -> Law:
    """Beta(alpha, alpha) of a number, Beta(a, b) of a pair, and a law itself.

    Raises:
        ValueError: if a number is not positive and finite.

    Example:
        >>> from mixbook.theory.laws import as_law
        >>> as_law(1.0), as_law((2.0, 1.0))
        (BetaLaw(a=1.0, b=1.0), BetaLaw(a=2.0, b=1.0))
    """
    if isinstance(alpha, tuple):
        return BetaLaw(*(float(shape) for shape in alpha))
    if isinstance(alpha, int | float | np.number | np.ndarray):
        return BetaLaw(float(alpha), float(alpha))
    return alpha


def logarithm(law: Law, what: Literal["mass", "moment", "density"], *where: np.ndarray) -> np.ndarray:
    """The log of what a law says somewhere, also where the number itself would be 0 for float64.

    It is the law's own ``log_mass``, ``log_moment`` or ``log_density``. For a law without these it is the log of the
    number, so that what is below float64 counts as nothing.

    Args:
        law: which.
        what: of its methods.
        where: what this method takes.

    Returns:
        float64 of the method's shape; -inf where there is nothing.

    Example:
        >>> from mixbook.theory.laws import BetaLaw, logarithm
        >>> law = BetaLaw(1024.0, 1024.0)
        >>> float(law.density(0.1)), round(float(logarithm(law, "density", 0.1)), 3)
        (0.0, -1041.563)
    """
    own = getattr(law, f"log_{what}", None)
    if own is not None:
        return np.asarray(own(*where))
    with np.errstate(divide="ignore"):
        return np.log(getattr(law, what)(*where))


def beta_rule(alpha: float | tuple[float, float], nodes: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Points in [0, 1] and weights, (nodes,) each, whose weighted sums are means under a Beta law (Gauss-Jacobi).

    They are exact for polynomials of degree below 2 nodes, and to rounding for what is smooth at that scale.

    Args:
        alpha: Beta(alpha, alpha), or a pair for Beta(a, b).
        nodes: how many points.

    Raises:
        ValueError: if a shape is not positive and finite, or ``nodes`` is less than 1.

    Example:
        >>> from mixbook.theory.laws import beta_rule
        >>> lam, weights = beta_rule(1.0, nodes=3)
        >>> round(float(weights @ lam**2), 6)  # E lambda^2 of the uniform law
        0.333333
    """
    a, b = alpha if isinstance(alpha, tuple) else (alpha, alpha)
    if not (0 < a < np.inf and 0 < b < np.inf):
        raise ValueError(f"alpha must be positive and finite, or a pair of such numbers, got {alpha}")
    if nodes < 1:
        raise ValueError(f"nodes must be at least 1, got {nodes}")
    # Golub and Welsch's way, the roots and the weights of Jacobi's polynomials as eigenvalues and eigenvectors. SciPy's
    # roots_jacobi multiplies the weights by the mass of (1 - x)^(b - 1) (1 + x)^(a - 1), which overflows from a = 1,000 on.
    n = np.arange(1, nodes)
    total = 2 * n + a + b - 2
    centre = np.concatenate([[(a - b) / (a + b)], (a + b - 2) * (a - b) / (total * (total + 2))])
    # The first without the factors a + b - 1, which cancel and may be 0.
    square = 4 * n * (n + a - 1) * (n + b - 1) / total**2
    square[:1] /= total[:1] + 1
    square[1:] *= (n[1:] + a + b - 2) / ((total[1:] + 1) * (total[1:] - 1))
    points, vectors = linalg.eigh_tridiagonal(centre, np.sqrt(square))
    return (1 + points) / 2, vectors[0] ** 2


@dataclass(frozen=True)
class BetaLaw:
    """Beta(a, b); mixup uses a = b = alpha (Zhang et al. 2018).

    Args:
        a, b: shapes, > 0.

    Raises:
        ValueError: if a shape is not positive and finite.

    Example:
        >>> from mixbook.theory.laws import BetaLaw
        >>> law = BetaLaw(1.0, 1.0)
        >>> round(float(law.mass(0.25, 0.75)), 4), round(float(law.density(0.5)), 4)
        (0.5, 1.0)
    """

    a: float
    b: float

    def __post_init__(self) -> None:
        if not (0 < self.a < np.inf and 0 < self.b < np.inf):
            raise ValueError(f"alpha must be positive and finite, or a pair of such numbers, got {(self.a, self.b)}")

    @property
    def knots(self) -> tuple[float, ...]:
        mean = self.a / (self.a + self.b)
        spread = np.sqrt(mean * (1 - mean) / (self.a + self.b + 1))
        # Six standard deviations hold all that float64 sees of a narrow law.
        return tuple(float(np.clip(mean + step * spread, 0, 1)) for step in (-6, -2, 0, 2, 6))

    def mass(self, lo: np.ndarray, hi: np.ndarray) -> np.ndarray:
        return _beta_mass(self.a, self.b, lo, hi)

    def moment(self, lo: np.ndarray, hi: np.ndarray) -> np.ndarray:
        # lambda f(lambda) is, up to the mean, the density of Beta(a + 1, b).
        return self.a / (self.a + self.b) * _beta_mass(self.a + 1, self.b, lo, hi)

    def density(self, lam: np.ndarray) -> np.ndarray:
        return np.exp(self.log_density(lam))

    def log_mass(self, lo: np.ndarray, hi: np.ndarray) -> np.ndarray:
        """Log of :meth:`mass`, also where that is below float64."""
        return _log_beta_mass(self, lo, hi)

    def log_moment(self, lo: np.ndarray, hi: np.ndarray) -> np.ndarray:
        """Log of :meth:`moment`, also where that is below float64."""
        return np.log(self.a / (self.a + self.b)) + _log_beta_mass(BetaLaw(self.a + 1, self.b), lo, hi)

    def log_density(self, lam: np.ndarray) -> np.ndarray:
        """Log of :meth:`density`, also where that is below float64."""
        log = special.xlogy(self.a - 1, lam) + special.xlog1py(self.b - 1, -np.asarray(lam))
        return log - special.betaln(self.a, self.b)

    def mirrored(self) -> "BetaLaw":
        return BetaLaw(self.b, self.a)


class StepLaw:
    """A density that is constant between edges: a histogram of the lambdas of any recipe, for instance of box areas.

    Args:
        edges: increasing, from 0 to 1, (m + 1,).
        weights: mass of each step, >= 0, (m,); normalised here.

    Raises:
        ValueError: if the edges do not increase from 0 to 1, or a weight is negative, or all are 0.

    Example:
        >>> from mixbook.theory.laws import StepLaw
        >>> law = StepLaw(edges=[0.0, 0.5, 1.0], weights=[1.0, 3.0])
        >>> round(float(law.mass(0.5, 1.0)), 4)
        0.75
    """

    def __init__(self, edges: ArrayLike, weights: ArrayLike) -> None:
        edges, weights = np.asarray(edges, dtype=float), np.asarray(weights, dtype=float)
        if edges.ndim != 1 or len(edges) < 2 or edges[0] != 0 or edges[-1] != 1 or not (np.diff(edges) > 0).all():
            raise ValueError(f"edges must increase from 0 to 1, got {edges}")
        if weights.shape != (len(edges) - 1,) or not (weights >= 0).all() or not 0 < weights.sum() < np.inf:
            raise ValueError(f"weights must be {len(edges) - 1} masses >= 0, not all 0, got {weights}")
        self.edges, self.weights = edges, weights / weights.sum()
        means = self.weights * (edges[1:] + edges[:-1]) / 2
        self._mass, self._moment = np.r_[0, np.cumsum(self.weights)], np.r_[0, np.cumsum(means)]

    @property
    def knots(self) -> tuple[float, ...]:
        return tuple(self.edges.tolist())

    def mass(self, lo: np.ndarray, hi: np.ndarray) -> np.ndarray:
        return np.interp(hi, self.edges, self._mass) - np.interp(lo, self.edges, self._mass)

    def moment(self, lo: np.ndarray, hi: np.ndarray) -> np.ndarray:
        return self._moment_below(hi) - self._moment_below(lo)

    def _moment_below(self, lam: np.ndarray) -> np.ndarray:
        step = self._step(lam)
        return self._moment[step] + (np.square(lam) - self.edges[step] ** 2) / 2 * self._height(step)

    def density(self, lam: np.ndarray) -> np.ndarray:
        return self._height(self._step(lam))

    def _step(self, lam: np.ndarray) -> np.ndarray:
        return np.clip(np.searchsorted(self.edges, lam, side="right") - 1, 0, len(self.weights) - 1)

    def _height(self, step: np.ndarray) -> np.ndarray:
        return (self.weights / np.diff(self.edges))[step]

    def mirrored(self) -> "StepLaw":
        return StepLaw((1 - self.edges)[::-1], self.weights[::-1])


@dataclass(frozen=True)
class MeanLaw:
    """The average of several laws: one of them is drawn at random, then lambda from it.

    Example:
        >>> from mixbook.theory.laws import BetaLaw, MeanLaw
        >>> law = MeanLaw([BetaLaw(2.0, 1.0), BetaLaw(1.0, 2.0)])
        >>> round(float(law.mass(0.0, 0.5)), 4)
        0.5
    """

    laws: Sequence[Law]

    @property
    def knots(self) -> tuple[float, ...]:
        return tuple(sorted({knot for law in self.laws for knot in law.knots}))

    def mass(self, lo: np.ndarray, hi: np.ndarray) -> np.ndarray:
        return np.mean([law.mass(lo, hi) for law in self.laws], axis=0)

    def moment(self, lo: np.ndarray, hi: np.ndarray) -> np.ndarray:
        return np.mean([law.moment(lo, hi) for law in self.laws], axis=0)

    def density(self, lam: np.ndarray) -> np.ndarray:
        return np.mean([law.density(lam) for law in self.laws], axis=0)

    def log_mass(self, lo: np.ndarray, hi: np.ndarray) -> np.ndarray:
        """Log of :meth:`mass`, also where that is below float64."""
        return self._log_mean("mass", lo, hi)

    def log_moment(self, lo: np.ndarray, hi: np.ndarray) -> np.ndarray:
        """Log of :meth:`moment`, also where that is below float64."""
        return self._log_mean("moment", lo, hi)

    def log_density(self, lam: np.ndarray) -> np.ndarray:
        """Log of :meth:`density`, also where that is below float64."""
        return self._log_mean("density", lam)

    def _log_mean(self, what: Literal["mass", "moment", "density"], *where: np.ndarray) -> np.ndarray:
        logs = [logarithm(law, what, *where) for law in self.laws]
        return np.logaddexp.reduce(logs, axis=0) - np.log(len(logs))

    def mirrored(self) -> "MeanLaw":
        return MeanLaw([law.mirrored() for law in self.laws])


def symmetrised(alpha: LawLike) -> MeanLaw:
    """The symmetric law with the density (f(lambda) + f(1 - lambda)) / 2.

    Both orders of a pair are mixed, so the mixup loss, and all of :mod:`mixbook.theory.vicinal` with it, is the same under
    a law and under this one. Formulas that ask for a symmetric law (Chidambaram et al. 2022, Corollary C.1) hold for it.

    Example:
        >>> from mixbook.theory.laws import symmetrised
        >>> round(float(symmetrised((2.0, 1.0)).mass(0.0, 0.5)), 4)
        0.5
    """
    law = as_law(alpha)
    return MeanLaw([law, law.mirrored()])


def _beta_mass(a: float, b: float, lo: np.ndarray, hi: np.ndarray) -> np.ndarray:
    """P(lo < U < hi) for U ~ Beta(a, b): a difference in the tail that is near, so that it does not cancel."""
    lo, hi = np.broadcast_arrays(lo, hi)
    mass, above = np.empty(lo.shape), lo > a / (a + b)
    mass[~above] = special.betainc(a, b, hi[~above]) - special.betainc(a, b, lo[~above])
    mass[above] = special.betaincc(a, b, lo[above]) - special.betaincc(a, b, hi[above])
    return mass


# Less than this may have lost digits to the bottom of float64, near 1e-308, or all of them.
TINY = 1e-280


def _log_beta_mass(law: BetaLaw, lo: np.ndarray, hi: np.ndarray) -> np.ndarray:
    """Log of P(lo < U < hi). What float64 cannot hold is integrated relative to the larger end of the density."""
    mass = law.mass(lo, hi)
    lo, hi, mass = (np.asarray(each, dtype=float) for each in np.broadcast_arrays(lo, hi, mass))
    log = np.full(mass.shape, -np.inf)
    np.log(mass, out=log, where=mass > 0)
    small = (mass < TINY) & (lo < hi)
    lo, hi = lo[small], hi[small]
    # A mass this small lies in a tail: the density falls from one end, with the slope there or more steeply.
    below = hi < law.a / (law.a + law.b)
    near, far = np.where(below, hi, lo), np.where(below, lo, hi)
    with np.errstate(divide="ignore"):
        steep = np.abs((law.a - 1) / near - (law.b - 1) / (1 - near))
        # Beyond 50 / steep less than exp(-50) is left.
        width = np.minimum(np.abs(far - near), 50 / steep)
    nodes, weights = special.roots_legendre(32)
    lam = near[:, None] + np.where(below, -1, 1)[:, None] * width[:, None] * (1 + nodes) / 2
    top = law.log_density(near)
    relative = np.exp(law.log_density(lam) - top[:, None]) @ weights / 2
    log[small] = top + np.log(width * relative)
    return log
