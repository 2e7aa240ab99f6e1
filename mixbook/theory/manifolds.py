"""Why optimal matching keeps manifolds: how fast matched points come together, and how far a chord strays from a set.

Sources: Greenewald et al., "k-Mixup Regularization for Deep Learning via Optimal Transport" (TMLR 2023): Definition 3.1 and
Proposition 3.2. Reach: Federer, "Curvature measures" (1959).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage
from scipy.spatial import cKDTree

from mixbook.theory.clusters import expected_share


def interval_cost(k: int) -> float:
    """E W_2^2 of two blocks of k uniform points on [0, 1]: 1 / (3 (k + 1)), exactly.

    The proof of Proposition 3.2 takes O(k^(-2/d)), which would be k^-2 here.

    Raises:
        ValueError: if ``k`` is less than 1.

    Example:
        >>> from mixbook.theory.manifolds import interval_cost
        >>> round(interval_cost(1), 4), round(interval_cost(16), 4)
        (0.1667, 0.0196)
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}: it is the number of points in a block")
    return 1 / (3 * (k + 1))


def pieces_floor(gap: float, masses: ArrayLike, k: int) -> float:
    """Least E W_2^2 of two blocks of k points on a set of pieces, each at ``gap`` or more from every other.

    Pairs must cross, a share :func:`mixbook.theory.clusters.expected_share` of them, and each costs at least ``gap``
    squared. It falls like k^(-1/2), slower than the k^(-2/d) in the proof of Proposition 3.2 where d < 4.

    Args:
        gap: least distance of two pieces, >= 0, in the units of the points; the result is in its square.
        masses: probabilities of the pieces, (m,), summing to 1.
        k: block size, >= 1.

    Raises:
        ValueError: if the gap is negative, or as for ``expected_share``.

    Example:
        >>> from mixbook.theory.manifolds import pieces_floor
        >>> round(pieces_floor(10.0, [0.5, 0.5], k=1), 4)  # half of the pairs cross
        50.0
    """
    if not gap >= 0:
        raise ValueError(f"gap must not be negative, got {gap}")
    return gap**2 * expected_share(masses, k)


def sagitta(length: ArrayLike, reach: float) -> np.ndarray:
    """Farthest that a segment between two points of a set can stray from the set, in the units of both arguments.

    It is ``reach - sqrt(reach^2 - length^2 / 4)`` for lengths up to twice the reach, which a circle attains, and half the
    length, which holds for any set, beyond.

    Args:
        length: distances of the two ends, >= 0, any shape.
        reach: of the set: up to this distance each point has one nearest point in the set. 0 if nothing is known, infinite
            for convex sets.

    Raises:
        ValueError: if ``reach`` or a length is negative.

    Example:
        >>> from mixbook.theory.manifolds import sagitta
        >>> sagitta([0.0, 2.0], reach=1.0)  # the diameter of a circle passes its centre
        array([0., 1.])
    """
    length = np.asarray(length, dtype=float)
    if not (reach >= 0 and (length >= 0).all()):
        raise ValueError(f"reach and length must not be negative, got {reach} and {length}")
    if np.isinf(reach):
        return np.zeros_like(length)
    half = length / 2
    # (reach - root) (reach + root) = half^2: a difference would cancel for short segments.
    root = np.sqrt(np.clip(reach**2 - half**2, 0, None))
    return np.where(half < reach, np.divide(half**2, reach + root, out=np.zeros_like(half), where=half < reach), half)


def leaving_length(eps: float, reach: float = 0.0) -> float:
    """Length below which a segment between two points of a set stays within eps of it: the inverse of :func:`sagitta`.

    So at most the share of matches that are longer, itself at most ``W_2^2 / leaving_length^2``, leaves the neighbourhood
    of Proposition 3.2. It is ``2 eps`` for any set; ``2 sqrt(eps (2 reach - eps))`` where ``eps`` is below the reach.

    Args:
        eps: radius of the neighbourhood, > 0, in the units of the points.
        reach: as for :func:`sagitta`.

    Raises:
        ValueError: if ``eps`` is not positive or ``reach`` is negative.

    Example:
        >>> from mixbook.theory.manifolds import leaving_length
        >>> leaving_length(0.1), round(leaving_length(0.1, reach=1.0), 4)
        (0.2, 0.8718)
    """
    if not (eps > 0 and reach >= 0):
        raise ValueError(f"eps must be positive and reach not negative, got {eps} and {reach}")
    return float(2 * np.sqrt(eps * (2 * reach - eps))) if eps < reach else 2.0 * eps


def straying(p: ArrayLike, q: ArrayLike, distance: Callable[[np.ndarray], np.ndarray], steps: int = 17) -> np.ndarray:
    """Farthest that each segment from a row of ``p`` to the same row of ``q`` gets from a set, at ``steps`` points of it.

    Args:
        p, q: ends, (n, d).
        distance: of points (..., d) from the set, (...); :func:`to_nearest` for data.
        steps: points looked at, both ends and, if odd, the midpoint among them.

    Returns:
        (n,), in the units of the points.

    Raises:
        ValueError: if shapes differ or there are fewer than two steps.

    Example:
        >>> import numpy as np
        >>> from mixbook.theory.manifolds import straying
        >>> circle = lambda points: np.abs(np.linalg.norm(points, axis=-1) - 1.0)
        >>> straying([[-1.0, 0.0]], [[1.0, 0.0]], circle)
        array([1.])
    """
    p, q = np.asarray(p, dtype=float), np.asarray(q, dtype=float)
    if p.ndim != 2 or p.shape != q.shape:
        raise ValueError(f"p and q must both have shape (n, d), got {p.shape} and {q.shape}")
    if steps < 2:
        raise ValueError(f"steps must be at least 2, got {steps}: the ends are two")
    lam = np.linspace(0, 1, steps)[:, None, None]
    return np.asarray(distance(lam * p + (1 - lam) * q)).max(axis=0)


def to_nearest(data: ArrayLike) -> Callable[[np.ndarray], np.ndarray]:
    """The distance of any points (..., d) from the nearest sample of a data set (n, d), as a function.

    ``(to_nearest(data)(mixtures) > eps).mean()`` is the share of mixtures farther than eps from the data.

    Raises:
        ValueError: if ``data`` is not of shape (n, d) with n >= 1.

    Example:
        >>> from mixbook.theory.manifolds import to_nearest
        >>> to_nearest([[0.0, 0.0], [1.0, 0.0]])([[0.25, 0.0], [3.0, 0.0]])
        array([0.25, 2.  ])
    """
    data = np.asarray(data, dtype=float)
    if data.ndim != 2 or not len(data):
        raise ValueError(f"data must have shape (n, d) with n >= 1, got {data.shape}")
    tree = cKDTree(data)
    return lambda points: tree.query(points)[0]


def tangents(points: ArrayLike, dim: int, neighbours: int | None = None) -> np.ndarray:
    """Tangent spaces of a sampled manifold: a quadratic surface through each point and its neighbours, (n, dim, d).

    Main directions alone would turn with a neighbourhood that lies more to one side; the quadratic terms take that up. The
    error falls like the square of the neighbourhood's width.

    Args:
        points: samples without noise, (n, d), all different.
        dim: dimension of the manifold, 1 to d.
        neighbours: nearest other samples that are looked at, from dim (dim + 3) / 2, the terms of a surface, to n - 1.
            Twice the terms, and 8 at least, if None.

    Returns:
        orthonormal bases, float64 (n, dim, d).

    Raises:
        ValueError: if ``dim`` or ``neighbours`` is out of range.

    Example:
        >>> import numpy as np
        >>> from mixbook.theory.manifolds import tangents
        >>> line = np.c_[np.linspace(0, 1, 20), np.zeros(20)]
        >>> np.abs(tangents(line, dim=1)[0]).round(4)
        array([[1., 0.]])
    """
    return _tangents(np.asarray(points, dtype=float), dim, neighbours)[0]


def _tangents(points: np.ndarray, dim: int, neighbours: int | None) -> tuple[np.ndarray, np.ndarray]:
    """The tangents, (n, dim, d), and how far the neighbours reach that they come from, (n,)."""
    if points.ndim != 2 or not 1 <= dim <= points.shape[1]:
        raise ValueError(f"dim must be between 1 and the number of coordinates of points {points.shape}, got {dim}")
    terms = dim * (dim + 3) // 2
    neighbours = max(8, 2 * terms) if neighbours is None else neighbours
    if not terms <= neighbours < len(points):
        raise ValueError(f"neighbours must be between {terms} and {len(points) - 1}, got {neighbours}")
    distance, nearest = cKDTree(points).query(points, neighbours + 1)
    width = distance[:, -1]
    step = points[nearest] - points[:, None]
    main = np.linalg.svd(step, full_matrices=False)[2][:, :dim]
    along = step @ main.transpose(0, 2, 1) / width[:, None, None]
    i, j = np.triu_indices(dim)
    surface = np.linalg.pinv(np.concatenate([along, along[..., i] * along[..., j]], axis=-1)) @ step
    return np.linalg.qr(surface[:, :dim].transpose(0, 2, 1))[0].transpose(0, 2, 1), width


def reach(
    points: ArrayLike, tangent: ArrayLike | None = None, *, dim: int | None = None, neighbours: int | None = None
) -> float:
    """Reach of a manifold from samples and their tangent spaces: the least of
    ``|y - x|^2 / (2 |normal part of y - x|)`` (Federer).

    With exact tangents this is an upper bound that falls to the reach as samples get dense. A radius of curvature and half
    the width of a bottleneck both bound it.

    If you do not know the tangents, give ``dim``: they are estimated, and pairs nearer than the neighbours that they came
    from are left out. At a distance h a tangent that is wrong by an angle t says h / (2 t), which for the nearest pairs is
    next to nothing whatever the reach. The estimate tends to the reach as samples get dense, mostly from below. Noise must
    be small against the square of a neighbourhood's width, divided by the reach.

    Args:
        points: samples, (n, d), n >= 2, all different.
        tangent: orthonormal bases, (n, dim, d), exact: those of :func:`tangents` are not.
        dim: dimension of the manifold, in place of ``tangent``.
        neighbours: as for :func:`tangents`.

    Returns:
        The reach, in the units of ``points``; infinite for samples of a flat piece.

    Raises:
        ValueError: if shapes do not fit, if neither or both of ``tangent`` and ``dim`` are given, or as for ``tangents``.

    Example:
        >>> import numpy as np
        >>> from mixbook.theory.manifolds import reach
        >>> angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 300)
        >>> circle = np.c_[np.cos(angle), np.sin(angle)]
        >>> tangent = np.c_[-np.sin(angle), np.cos(angle)][:, None]
        >>> round(reach(circle, tangent), 4), round(reach(circle, dim=1), 2)
        (1.0, 1.0)
    """
    points = np.asarray(points, dtype=float)
    if (tangent is None) == (dim is None):
        raise ValueError("give the exact tangents, or dim to have them estimated: one of the two")
    if dim is not None:
        bases, beyond = _tangents(points, dim, neighbours)
    else:
        bases, beyond = np.asarray(tangent, dtype=float), np.zeros(len(points))
        if points.ndim != 2 or len(points) < 2 or bases.ndim != 3 or bases.shape[::2] != points.shape:
            raise ValueError(f"points must be (n, d) and tangent (n, dim, d), got {points.shape} and {bases.shape}")
    least = np.inf
    for x, base, near in zip(points, bases, beyond, strict=True):
        step = points - x
        normal = np.linalg.norm(step - step @ base.T @ base, axis=1)
        square = (step**2).sum(axis=1)
        bends = (normal > 1e-9 * np.sqrt(square)) & (square >= near**2)  # less is rounding, also at x itself
        least = min(least, (square[bends] / (2 * normal[bends])).min(initial=np.inf))
    return float(least)


def thickening(points: ArrayLike, eps: float, cells: int = 200) -> tuple[int, int]:
    """How many pieces and how many holes the points closer than ``eps`` to a set in the plane form.

    Args:
        points: dense samples of the set, (n, 2).
        eps: radius of the neighbourhood, > 0, in the units of ``points``.
        cells: of a raster, along the longer side; pieces and holes smaller than a cell are not seen.

    Raises:
        ValueError: if ``points`` does not lie in the plane or ``eps`` is not positive.

    Example:
        >>> import numpy as np
        >>> from mixbook.theory.manifolds import thickening
        >>> angle = np.linspace(0, 2 * np.pi, 500, endpoint=False)
        >>> thickening(np.c_[np.cos(angle), np.sin(angle)], eps=0.2)  # one piece, one hole
        (1, 1)
    """
    distance, _ = _raster(points, eps, cells)
    return _pieces_and_holes(distance, eps)


def injectivity_radius(points: ArrayLike, start: float, stop: float, cells: int = 200) -> float:
    """Least eps at which the neighbourhood of a set in the plane changes its pieces or holes (Definition 3.1).

    A circle of radius r fills up at r; two pieces at distance g meet at g / 2. It is not the reach: an ellipse with axes
    a > b fills up at b, and its reach is b^2 / a.

    Args:
        points: dense samples of the set, (n, 2).
        start: an eps at which the neighbourhood has the shape of the set: more than the samples are apart.
        stop: where to give up.
        cells: as for :func:`thickening`; the answer is right to about a cell.

    Returns:
        The radius, in the units of ``points``; infinite if nothing changes up to ``stop``.

    Raises:
        ValueError: if ``points`` does not lie in the plane or not 0 < start < stop.

    Example:
        >>> import numpy as np
        >>> from mixbook.theory.manifolds import injectivity_radius
        >>> angle = np.linspace(0, 2 * np.pi, 500, endpoint=False)
        >>> round(injectivity_radius(np.c_[np.cos(angle), np.sin(angle)], start=0.2, stop=2.0), 1)
        1.0
    """
    if not 0 < start < stop:
        raise ValueError(f"start and stop must be 0 < start < stop, got {start} and {stop}")
    distance, cell = _raster(points, stop, cells)
    before = _pieces_and_holes(distance, start)
    for eps in np.arange(start, stop, cell):
        if _pieces_and_holes(distance, eps) != before:
            return float(eps)
    return float("inf")


def _raster(points: ArrayLike, margin: float, cells: int) -> tuple[np.ndarray, float]:
    """Distances from the nearest point on a raster that reaches beyond ``margin``, and the side of its cells."""
    points = np.asarray(points, dtype=float)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise ValueError(f"points must lie in the plane, (n, 2), got shape {points.shape}")
    if not margin > 0:
        raise ValueError(f"eps must be positive, got {margin}")
    low, high = points.min(axis=0) - margin, points.max(axis=0) + margin
    cell = float((high - low).max() / cells)
    axes = [np.arange(lo - 2 * cell, hi + 2 * cell, cell) for lo, hi in zip(low, high, strict=True)]
    return to_nearest(points)(np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)), cell


def _pieces_and_holes(distance: np.ndarray, eps: float) -> tuple[int, int]:
    inside = distance < eps
    # Cells that touch at a corner join inside, and so must not join outside.
    pieces = ndimage.label(inside, np.ones((3, 3)))[1]
    return pieces, ndimage.label(~inside)[1] - 1
