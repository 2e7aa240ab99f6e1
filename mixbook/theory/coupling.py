"""Who is matched with whom between two blocks of points, and which of the pairs cross from one cluster to another.

Everything here works on one block, (k, d), or on many at once, (..., k, d): a block is matched with its counterpart alone.
Sources: Greenewald et al., "k-Mixup Regularization for Deep Learning via Optimal Transport" (TMLR 2023), sections 2 and 3.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist


def match(p: ArrayLike, q: ArrayLike, power: float = 2.0) -> np.ndarray:
    """The matching of least summed distance to a power, exactly: for each row of ``p`` its partner's row in ``q``.

    Args:
        p, q: points, both (..., k, d).
        power: 2 for the squared distance of the paper's text (W_2), 1 for the distance of its Figure 5 (W_1).

    Returns:
        int64 (..., k), a permutation in each block. Where several are optimal, one of them.

    Raises:
        ValueError: if shapes differ, there is no point, a coordinate is not finite, or ``power`` is not positive.

    Example:
        >>> from mixbook.theory.coupling import match
        >>> match([[0.0], [10.0]], [[11.0], [1.0]])
        array([1, 0])
    """
    p, q = check_blocks(p, q)
    if not power > 0:
        raise ValueError(f"power must be positive, got {power}: 2 is the squared distance")
    k, dim = p.shape[-2:]
    blocks = zip(p.reshape(-1, k, dim), q.reshape(-1, k, dim), strict=True)
    best = [linear_sum_assignment(cdist(a, b) ** power)[1] for a, b in blocks]
    return np.stack(best).reshape(p.shape[:-1])


def matched(values: ArrayLike, partner: ArrayLike) -> np.ndarray:
    """The partner's value for each row: ``values`` (..., k) or (..., k, d), rows of the second block, in the first's order.

    Raises:
        ValueError: if the leading shape of ``values`` is not that of ``partner``.

    Example:
        >>> from mixbook.theory.coupling import matched
        >>> matched([7, 8, 9], partner=[2, 0, 1])
        array([9, 7, 8])
    """
    values, partner = np.asarray(values), np.asarray(partner)
    if values.shape[: partner.ndim] != partner.shape:
        raise ValueError(f"values must start with the shape of partner, {partner.shape}, got {values.shape}")
    rows = partner.reshape(partner.shape + (1,) * (values.ndim - partner.ndim))
    return np.take_along_axis(values, rows, axis=partner.ndim - 1)


def lengths(p: ArrayLike, q: ArrayLike, partner: ArrayLike) -> np.ndarray:
    """Distances of matched points, (..., k), in the units of the points; their mean square is W_2^2.

    Example:
        >>> from mixbook.theory.coupling import lengths
        >>> lengths([[0.0], [10.0]], [[11.0], [1.0]], partner=[1, 0])
        array([1., 1.])
    """
    p, q = check_blocks(p, q)
    return np.linalg.norm(p - matched(q, partner), axis=-1)


def crossings(first: ArrayLike, second: ArrayLike, partner: ArrayLike) -> np.ndarray:
    """How many pairs join two clusters, int (...): ``first`` and ``second`` are the clusters of the rows, int (..., k).

    Raises:
        ValueError: if the clusters are not integers >= 0 or shapes differ.

    Example:
        >>> from mixbook.theory.coupling import crossings
        >>> int(crossings([0, 0, 1], [0, 1, 1], partner=[0, 1, 2]))
        1
    """
    first, second = check_clusters(first, second)
    return (first != matched(second, partner)).sum(axis=-1)


def fewest_crossings(first: ArrayLike, second: ArrayLike) -> np.ndarray:
    """How many pairs must join two clusters, whoever is matched with whom, int (...): half of ``sum_c |r_c - s_c|``.

    A block holds r_c points of cluster c and its counterpart s_c, so at most min(r_c, s_c) pairs stay in c. Lemma 3.3
    claims that an optimal matching of far clusters has no more; :func:`mixbook.theory.clusters.counting_margin` says when.
    For m equal balls with gaps above their diameter it has at most m - 1 times as many.

    Raises:
        ValueError: as for :func:`crossings`.

    Example:
        >>> from mixbook.theory.coupling import fewest_crossings
        >>> int(fewest_crossings([0, 0, 1], [0, 1, 1]))
        1
    """
    first, second = check_clusters(first, second)
    size = max(first.max(), second.max()) + 1
    return abs(_counts(first, size) - _counts(second, size)).sum(axis=-1) // 2


def check_blocks(p: ArrayLike, q: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Points of two blocks, (..., k, d), as float64, after a look at shapes and values.

    Example:
        >>> from mixbook.theory.coupling import check_blocks
        >>> check_blocks([[0], [1]], [[2], [3]])[0].dtype
        dtype('float64')
    """
    p, q = np.asarray(p, dtype=float), np.asarray(q, dtype=float)
    if p.ndim < 2 or p.shape != q.shape or 0 in p.shape:
        raise ValueError(f"p and q must be points of one shape (..., k, d), got {p.shape} and {q.shape}")
    if not (np.isfinite(p).all() and np.isfinite(q).all()):
        raise ValueError("p and q must be finite, for no matching is optimal otherwise")
    return p, q


def check_clusters(first: ArrayLike, second: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Clusters of the rows of two blocks, (..., k), as int64, after a look at shapes and values.

    Example:
        >>> from mixbook.theory.coupling import check_clusters
        >>> check_clusters([0, 1], [1, 1])
        (array([0, 1]), array([1, 1]))
    """
    first, second = np.asarray(first), np.asarray(second)
    if first.ndim < 1 or first.shape != second.shape or 0 in first.shape:
        raise ValueError(f"clusters must have one shape (..., k) in both blocks, got {first.shape} and {second.shape}")
    for clusters in (first, second):
        if not np.issubdtype(clusters.dtype, np.integer) or clusters.min() < 0:
            raise ValueError(f"clusters must be integers from 0, got {clusters.dtype} from {clusters.min()}")
    return first.astype(np.int64), second.astype(np.int64)


def _counts(clusters: np.ndarray, size: int) -> np.ndarray:
    """Members of each cluster in each block: (..., k) to (..., size)."""
    return (clusters[..., None] == np.arange(size)).sum(axis=-2)
