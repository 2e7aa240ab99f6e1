"""Why optimal matching keeps clusters: when a pair crosses, how many do, and where.

Sources: Greenewald et al., "k-Mixup Regularization for Deep Learning via Optimal Transport" (TMLR 2023): Lemma 3.3,
Theorems 3.4 and 3.5. Two of the three do not hold as printed; each function says what does.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from mixbook.theory.coupling import check_blocks, check_clusters, match, matched

Distance = Callable[[np.ndarray, int], np.ndarray]  # points (n, d) and a cluster, to the points' distances from it, (n,)


def sharp_gap(radius: float, other: float | None = None) -> float:
    """Gap between two balls above which the optimal matching crosses no more often than it must, whatever the points.

    It is (sqrt(2) - 1) times the sum of the radii; in two dimensions and more no smaller one suffices, in one any positive
    gap does. Lemma 3.3 asks for 2 ``radius``.

    Args:
        radius, other: radii of the balls, >= 0, in any unit, which the gap has too; ``other`` is ``radius`` if None.

    Raises:
        ValueError: if a radius is negative or not finite.

    Example:
        >>> from mixbook.theory.clusters import sharp_gap
        >>> round(sharp_gap(1.0), 4)
        0.8284
    """
    radii = np.array([radius, radius if other is None else other], dtype=float)
    _check_radii(radii)
    return float((np.sqrt(2) - 1) * radii.sum())


def counting_margin(centres: ArrayLike, radii: ArrayLike) -> float:
    """By how many degrees balls are placed well enough for Lemma 3.3: positive if and only if its count is always right.

    A path of two crossings, i to j to l, costs more than the direct way and a match inside j if the ways from j to i and
    from j to l make an angle below 90 degrees, for all points of the balls. The centres' angle opens by at most
    ``asin((radius_i + radius_j) / distance)`` on one side and the same for l on the other, so the margin is the least of
    90 degrees minus the three, over all i, l (i = l too, the two-cycle) and j. Where it is negative there are two points
    in each block that cross twice when once would do. At 0 there are ties.

    Args:
        centres: of the balls, (m, d) with m >= 2; on a line, d = 1, ways do not tilt.
        radii: of the balls, (m,) or one for all, >= 0, in the units of ``centres``.

    Returns:
        Degrees, below 90; -90 where a ball can lie in line between two others, or where balls meet.

    Raises:
        ValueError: if shapes do not fit, a value is not finite, or a radius is negative.

    Example:
        >>> from mixbook.theory.clusters import counting_margin
        >>> counting_margin([[0.0], [10.0]], [1.0, 1.0]) > 0  # two far clusters
        True
        >>> counting_margin([[0.0], [10.0], [20.0]], [1.0, 1.0, 1.0]) > 0  # three on a line
        False
    """
    centres = np.asarray(centres, dtype=float)
    if centres.ndim != 2 or len(centres) < 2 or not np.isfinite(centres).all():
        raise ValueError(f"centres must be finite, (m, d) with m >= 2, got shape {centres.shape}")
    radii = np.asarray(radii, dtype=float)
    _check_radii(radii)
    radii = np.broadcast_to(radii, len(centres)) if radii.ndim == 0 else radii
    if radii.shape != centres.shape[:1]:
        raise ValueError(f"radii must be one number or of shape {centres.shape[:1]}, got {radii.shape}")
    ways = centres[None] - centres[:, None]  # [j, i]: from centre j to centre i
    distance = np.linalg.norm(ways, axis=-1)
    away = ~np.eye(len(centres), dtype=bool)
    reach = radii[:, None] + radii
    if (distance[away] <= reach[away]).any():
        return -90.0
    unit = ways / np.where(away, distance, 1)[..., None]
    angle = np.degrees(np.arccos(np.clip(np.einsum("jid,jld->jil", unit, unit), -1, 1)))
    tilt = np.degrees(np.arcsin(reach / np.where(away, distance, np.inf)))
    if centres.shape[1] == 1:
        tilt = np.zeros_like(tilt)
    opened = np.minimum(angle + tilt[:, :, None] + tilt[:, None, :], 180)  # [j, i, l]
    return float(90 - opened[away[:, :, None] & away[:, None, :]].max())


def covering_balls(points: ArrayLike, labels: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """A nearly smallest ball around each cluster: centres (m, d) and radii (m,), for :func:`counting_margin`.

    The centre starts at the mean and moves by 1/(t + 1) towards the farthest point in step t (Badoiu and Clarkson
    2003), which comes within 4.5% of the smallest radius in 500 steps. The radius returned reaches every point.

    Args:
        points: (n, d).
        labels: their clusters, int (n,), 0 to m - 1, none of them empty.

    Raises:
        ValueError: if shapes do not fit, a coordinate is not finite, or a cluster is empty.

    Example:
        >>> from mixbook.theory.clusters import covering_balls
        >>> centres, radii = covering_balls([[0.0], [2.0], [9.0]], [0, 0, 1])
        >>> centres.round(2), radii.round(2)
        (array([[1.],
               [9.]]), array([1., 0.]))
    """
    points = np.asarray(points, dtype=float)
    if points.ndim != 2 or not len(points) or not np.isfinite(points).all():
        raise ValueError(f"points must be finite, (n, d), got shape {points.shape}")
    labels, _ = check_clusters(labels, labels)
    if labels.shape != points.shape[:1]:
        raise ValueError(f"labels must have shape {points.shape[:1]}, got {labels.shape}")
    missing = np.setdiff1d(np.arange(labels.max() + 1), labels)
    if len(missing):
        raise ValueError(f"labels must run from 0 without a hole, got none of cluster {missing[0]}")
    centres = []
    for cluster in range(labels.max() + 1):
        members = points[labels == cluster]
        centre = members.mean(axis=0)
        for step in range(1, 501):
            farthest = members[((members - centre) ** 2).sum(axis=1).argmax()]
            centre = centre + (farthest - centre) / (step + 1)
        centres.append(centre)
    radii = [np.linalg.norm(points[labels == c] - centre, axis=1).max() for c, centre in enumerate(centres)]
    return np.array(centres), np.array(radii)


def expected_share(masses: ArrayLike, k: int) -> float:
    """Share of the pairs that must cross, on average over two blocks of k independent draws: exact (Theorem 3.4).

    It is half of sum_c E|r_c - s_c| / k with r_c, s_c ~ Binomial(k, p_c), so the share that crosses between far clusters
    (where :func:`counting_margin` is positive), and the least that any matching of any data can do. For two clusters it is
    2 p (1 - p) 2F1(1 - k, 1/2; 2; 4 p (1 - p)); the paper gives the bound :func:`share_bound`.

    Args:
        masses: probabilities of the clusters or classes, (m,), summing to 1.
        k: block size, >= 1.

    Raises:
        ValueError: if the masses are no probabilities or ``k`` is less than 1.

    Example:
        >>> from mixbook.theory.clusters import expected_share
        >>> [round(expected_share([0.5, 0.5], k), 4) for k in (1, 2, 16)]
        [0.5, 0.375, 0.1399]
    """
    masses = _check_masses(masses)
    _check_k(k)
    return _share(stats.binom.cdf(np.arange(k), k, masses[:, None]), k)


def expected_share_of_subsets(counts: ArrayLike, k: int) -> float:
    """The same for two random k-subsets of a finite set, as in the loss of k-mixup (Section 2): the counts vary less.

    Args:
        counts: members of each cluster or class, int (m,).
        k: size of the subsets, from 1 to the size of the set. (The subsets are drawn independently and may overlap.)

    Raises:
        ValueError: if the counts are no positive integers or ``k`` is out of range.

    Example:
        >>> from mixbook.theory.clusters import expected_share_of_subsets
        >>> [round(expected_share_of_subsets([8, 8], k), 4) for k in (1, 2, 16)]
        [0.5, 0.3578, 0.0]
    """
    counts = np.asarray(counts)
    if counts.ndim != 1 or not np.issubdtype(counts.dtype, np.integer) or not len(counts) or counts.min() < 1:
        raise ValueError(f"counts must be positive integers of shape (m,), got {counts}")
    size = int(counts.sum())
    if not 1 <= k <= size:
        raise ValueError(f"k must be between 1 and {size}, the size of the set, got {k}")
    return _share(stats.hypergeom.cdf(np.arange(k), size, counts[:, None], k), k)


def share_bound(masses: ArrayLike, k: int) -> float:
    """Upper bound of :func:`expected_share`: (2 k)^(-1/2) sum_c sqrt(p_c (1 - p_c)) (Theorem 3.4, with the constant 1).

    Arguments as for :func:`expected_share`. By E|r - s| <= sqrt(E(r - s)^2). For m >= 3 clusters an optimal matching may
    cross more than it must, by a factor of up to m - 1, and so exceed this bound by that factor; between two far clusters,
    or more with a positive :func:`counting_margin`, it does not.

    Raises:
        ValueError: as for :func:`expected_share`.

    Example:
        >>> from mixbook.theory.clusters import share_bound
        >>> round(share_bound([0.5, 0.5], k=16), 4)
        0.1768
    """
    masses = _check_masses(masses)
    _check_k(k)
    return float(np.sqrt(masses * (1 - masses)).sum() / np.sqrt(2 * k))


def printed_eps(radius_a: float, radius_b: float, gap: float) -> float:
    """The epsilon of Theorem 3.5, max(R_A, R_B)^2 / D^2: see :func:`needed_eps`.

    Raises:
        ValueError: if a radius is negative or the gap, the distance D of the clusters, is not positive.

    Example:
        >>> from mixbook.theory.clusters import printed_eps
        >>> printed_eps(1.0, 2.0, gap=10.0)
        0.04
    """
    _check_radii(np.array([radius_a, radius_b]))
    if not gap > 0:
        raise ValueError(f"gap must be positive, got {gap}: it is the distance of the two clusters")
    return max(radius_a, radius_b) ** 2 / gap**2


def needed_eps(
    p: ArrayLike, q: ArrayLike, first: ArrayLike, second: ArrayLike, distance: Distance, gap: float
) -> np.ndarray:
    """How far from the facing sides the crossing pairs of an optimal matching end: the eps that each needs (Theorem 3.5).

    A point of cluster A lies in A_eps if its distance from the other cluster B is less than D (1 + eps). A pair needs the
    larger eps of its two ends. The theorem claims that :func:`printed_eps` is enough for all pairs of a large block. For
    connected clusters every eps > 0 is; for clusters of several pieces even the printed one may not be.

    Args:
        p, q: points of the two blocks, (k, d).
        first, second: their clusters, int (k,).
        distance: of points (n, d) from a cluster, (n,). For known shapes exact; for data, to the nearest sample of it.
        gap: D, the distance of the two clusters, in the units of the points.

    Returns:
        One number per crossing pair, in the order of ``p``; empty if none crosses.

    Raises:
        ValueError: if shapes do not fit or the gap is not positive.

    Example:
        >>> import numpy as np
        >>> from mixbook.theory.clusters import needed_eps
        >>> def distance(points, cluster):  # clusters [0, 1] and [10, 11]
        ...     return np.maximum(np.abs(points[:, 0] - (0.5, 10.5)[cluster]) - 0.5, 0.0)
        >>> p, q = [[0.2], [0.8], [10.0]], [[0.2], [10.0], [11.0]]  # one pair must cross
        >>> needed_eps(p, q, [0, 0, 1], [0, 1, 1], distance, gap=9.0).round(4)
        array([0.0222])
    """
    p, q = check_blocks(p, q)
    first, second = check_clusters(first, second)
    if p.ndim != 2 or first.shape != p.shape[:1]:
        raise ValueError(f"one block at a time: p (k, d) and first (k,), got {p.shape} and {first.shape}")
    if not gap > 0:
        raise ValueError(f"gap must be positive, got {gap}: it is the distance of the two clusters")
    partner = match(p, q)
    end, other = matched(q, partner), matched(second, partner)
    cross = np.flatnonzero(first != other)
    far = np.array([max(distance(p[[i]], other[i])[0], distance(end[[i]], first[i])[0]) for i in cross])
    return far / gap - 1


def _share(below: np.ndarray, k: int) -> float:
    """Half of sum_c E|r_c - s_c| / k from the distribution functions of the counts at 0, ..., k - 1, (m, k).

    E|r - s| = 2 sum_j F(j) (1 - F(j)) for independent r, s with distribution function F: j lies between them.
    """
    return float((below * (1 - below)).sum() / k)


def _check_masses(masses: ArrayLike) -> np.ndarray:
    masses = np.asarray(masses, dtype=float)
    if masses.ndim != 1 or not len(masses) or not (masses >= 0).all() or not np.isclose(masses.sum(), 1):
        raise ValueError(f"masses must be probabilities of shape (m,) that sum to 1, got {masses}")
    return masses


def _check_k(k: int) -> None:
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}: it is the number of samples in a block")


def _check_radii(radii: np.ndarray) -> None:
    if not (np.isfinite(radii).all() and (radii >= 0).all()):
        raise ValueError(f"radii must be finite and not negative, got {radii}")
