"""Samples from their midpoints: which sets have which midpoints, and an algorithm that finds all of them.

Source: Chidambaram et al., "Towards Understanding the Data Dependency of Mixup-style Training" (ICLR 2022), Theorem 2.11
and Lemma C.2: m >= 6 samples are determined by their midpoints, with probability 1. Which sets of numbers are determined by
their sums of two was known: all of them, unless m is a power of 2 (Selfridge and Straus, Pacific J. Math. 8, 1958).
"""

from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from mixbook.theory.samples import as_points

SAME = 1e-9  # midpoints that differ by less, as a share of the data's extent, are taken to be one and the same
_PRIME = 2**31 - 1  # ranks are found modulo this; a product of two residues fits into int64


def midpoints(points: ArrayLike) -> np.ndarray:
    """The midpoints of all pairs of samples, in lexicographic order, so that nothing tells whose midpoint is whose.

    Args:
        points: samples, (m, d), or (m,) on a line; at least 2.

    Returns:
        float64 (m (m - 1) / 2, d).

    Raises:
        ValueError: if there are fewer than 2 samples, or a coordinate is not finite.

    Example:
        >>> from mixbook.theory.midpoints import midpoints
        >>> midpoints([0.0, 1.0, 4.0]).ravel()
        array([0.5, 2. , 2.5])
    """
    points = as_points("points", points)
    return _sorted(mixing_matrix(len(points)) @ points / 2)


def mixing_matrix(m: int) -> np.ndarray:
    """The matrix that sums m samples pair by pair, A of Lemma C.2: float64 (m (m - 1) / 2, m), two ones in each row.

    Raises:
        ValueError: if ``m`` is less than 2.

    Example:
        >>> from mixbook.theory.midpoints import mixing_matrix
        >>> mixing_matrix(3)
        array([[1., 1., 0.],
               [1., 0., 1.],
               [0., 1., 1.]])
    """
    if m < 2:
        raise ValueError(f"m must be at least 2, got {m}: a pair needs two samples")
    first, second = np.array(list(combinations(range(m), 2))).T
    samples = np.arange(m)
    return ((samples == first[:, None]) | (samples == second[:, None])).astype(float)


def recover(middle: ArrayLike, tolerance: float = SAME) -> list[np.ndarray]:
    """All sets of samples that have these midpoints: most often one, at most m - 2, none if they are no such midpoints.

    Order the samples along some direction. The smallest sum of two is x_1 + x_2, the next is x_1 + x_3, and x_2 + x_3 is
    one of the next m - 2: guess which, and three equations give three samples. From then on, the smallest sum that is not
    explained yet is that of x_1 and the next sample. A wrong guess soon asks for a sum that is not there. Each guess costs
    O(m^2 log m) operations at most.

    Args:
        middle: midpoints of all pairs of m >= 3 samples, in any order, (m (m - 1) / 2, d), or (m (m - 1) / 2,) on a line.
        tolerance: how far apart two midpoints may be in a coordinate and yet count as one, as a share of the largest
            extent of ``middle`` along a coordinate. For rounded midpoints take a few times the grain.

    Returns:
        A list of float64 arrays (m, d), each in lexicographic order up to ``tolerance``.

    Raises:
        ValueError: if the number of midpoints is not m (m - 1) / 2 for an m >= 3, one of them is not finite, or
            ``tolerance`` is negative.

    Example:
        >>> from mixbook.theory.midpoints import midpoints, recover
        >>> [samples.ravel().round(3) for samples in recover(midpoints([0.0, 1.0, 4.0]))]
        [array([0., 1., 4.])]
    """
    middle = as_points("middle", middle)
    m = round((1 + np.sqrt(1 + 8 * len(middle))) / 2)
    if m < 3 or m * (m - 1) // 2 != len(middle):
        raise ValueError(f"middle must hold m (m - 1) / 2 midpoints, 3, 6, 10, 15, ..., got {len(middle)}")
    if not tolerance >= 0:
        raise ValueError(f"tolerance must be >= 0, got {tolerance}: it is a share of the data's extent")
    centre = middle.mean(axis=0)  # also the mean of the samples; without it a large common offset would eat the digits
    sums = 2 * (middle - centre)
    grain = tolerance * float(np.ptp(sums, axis=0).max())
    # Not a coordinate: samples on a grid share those, and what has equal height must be equal.
    direction = np.random.default_rng(0).uniform(1, 2, sums.shape[1])
    sums = sums[np.argsort(sums @ direction, kind="stable")]
    found: list[np.ndarray] = []
    for guess in range(2, m):
        points = _grow(sums, direction, m, guess, 4 * grain)
        if points is not None:
            points = _sorted(points + centre, grain)
            if not any(np.abs(points - other).max() <= 4 * grain for other in found):
                found.append(points)
    return found


def twin(points: ArrayLike) -> np.ndarray:
    """The other four samples with the same midpoints: each one reflected in the mean of the four.

    With p + q + r + s = 2 c, the sum (c - p) + (c - q) is r + s: every midpoint is again one, that of the opposite pair.
    So four samples are never determined by their midpoints, unless they are their own reflection.

    Args:
        points: samples, (4, d), or (4,) on a line.

    Returns:
        float64 (4, d), in lexicographic order.

    Raises:
        ValueError: if there are not four samples, or a coordinate is not finite.

    Example:
        >>> import numpy as np
        >>> from mixbook.theory.midpoints import midpoints, twin
        >>> points = [0.0, 1.0, 2.0, 5.0]
        >>> twin(points).ravel()
        array([-1.,  2.,  3.,  4.])
        >>> bool(np.allclose(midpoints(twin(points)), midpoints(points)))
        True
    """
    points = as_points("points", points)
    if len(points) != 4:
        raise ValueError(f"points must hold 4 samples, got {len(points)}: only four have a twin whatever they are")
    return _sorted(points.sum(axis=0) / 2 - points)


def thue_morse(order: int) -> tuple[np.ndarray, np.ndarray]:
    """Two sets of 2^order whole numbers with the same midpoints (Prouhet, Thue and Morse).

    The numbers 0 ... 2^(order + 1) - 1 whose binary digits have an even sum, and those with an odd sum, float64 of shape
    ``(2**order,)`` each.

    Raises:
        ValueError: if ``order`` is less than 1.

    Example:
        >>> from mixbook.theory.midpoints import thue_morse
        >>> [numbers.tolist() for numbers in thue_morse(2)]
        [[0.0, 3.0, 5.0, 6.0], [1.0, 2.0, 4.0, 7.0]]
    """
    if order < 1:
        raise ValueError(f"order must be at least 1, got {order}: two numbers are the smallest such sets")
    numbers = np.arange(2 ** (order + 1))
    odd = np.array([int(number).bit_count() % 2 for number in numbers], dtype=bool)
    return numbers[~odd].astype(float), numbers[odd].astype(float)


def joint_rank(m: int, orders: ArrayLike) -> np.ndarray:
    """Rank of [A, P A], for permutations P of the pairs of m samples (Lemma C.2).

    Samples w have the midpoints of other samples w', in the order P, if A w = P A w'. Such w make up a space of
    2 m - rank dimensions: almost none, if the rank is above m, and all of them, if it is m.

    Args:
        m: number of samples, at least 2.
        orders: row of A that each row of P A is, int (..., m (m - 1) / 2), each a permutation.

    Returns:
        int64 (...). Ranks are found by elimination modulo a prime near 2^31, so without rounding. They are never above the
        rank over the reals, and below it only if the prime divides every minor of that size.

    Raises:
        ValueError: if ``orders`` are not permutations of the pairs.

    Example:
        >>> from mixbook.theory.midpoints import joint_rank
        >>> joint_rank(4, [[0, 1, 2, 3, 4, 5], [1, 0, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0]])
        array([4, 5, 4])
    """
    matrix = mixing_matrix(m).astype(np.int64)
    orders = np.asarray(orders)
    if orders.shape[-1:] != (len(matrix),) or not (np.sort(orders, axis=-1) == np.arange(len(matrix))).all():
        raise ValueError(f"orders must be permutations of 0 ... {len(matrix) - 1}, the pairs of {m}, got {orders.shape}")
    flat = orders.reshape(-1, len(matrix))
    both = np.concatenate([np.broadcast_to(matrix, (len(flat), *matrix.shape)), matrix[flat]], axis=2)
    return _ranks(both).reshape(orders.shape[:-1])


def known_rank(m: int, rows: ArrayLike) -> np.ndarray:
    """Rank of some rows of A: m where the midpoints of these pairs determine m samples, if it is known whose they are.

    So it is if and only if, with pairs for edges, each connected part of the graph has a cycle of odd length.

    Args:
        m: number of samples, at least 2.
        rows: which rows of :func:`mixing_matrix`, int (..., r).

    Returns:
        int64 (...). As in :func:`joint_rank`, without rounding.

    Raises:
        ValueError: if ``rows`` are no rows of A.

    Example:
        >>> from mixbook.theory.midpoints import known_rank
        >>> known_rank(4, [[0, 1, 2, 3], [0, 2, 3, 5]])  # a triangle with one more pair, and a ring of four
        array([4, 3])
    """
    matrix = mixing_matrix(m).astype(np.int64)
    rows = np.asarray(rows)
    if not (rows.ndim and np.issubdtype(rows.dtype, np.integer) and np.isin(rows, np.arange(len(matrix))).all()):
        raise ValueError(f"rows must be int (..., r) from 0 to {len(matrix) - 1}, the pairs of {m}, got {rows}")
    flat = rows.reshape(-1, rows.shape[-1])
    return _ranks(matrix[flat]).reshape(rows.shape[:-1])


def _grow(sums: np.ndarray, direction: np.ndarray, m: int, guess: int, allowed: float) -> np.ndarray | None:
    """The samples if sum number ``guess`` is x_2 + x_3, or None if that leads to a sum that is not there."""
    height = sums @ direction
    reach = allowed * direction.sum()
    free = np.ones(len(sums), dtype=bool)
    pairs = np.zeros((len(sums), m))  # whose sum each sum is
    points = [(sums[0] + sums[1] - sums[guess]) / 2]
    while len(points) < m:
        new = sums[np.argmax(free)] - points[0]
        for known, point in enumerate(points):
            wanted = new + point
            lo = np.searchsorted(height, wanted @ direction - reach, side="left")
            hi = np.searchsorted(height, wanted @ direction + reach, side="right")
            near = lo + np.flatnonzero(free[lo:hi] & (np.abs(sums[lo:hi] - wanted) <= allowed).all(axis=1))
            if not len(near):
                return None
            free[near[0]], pairs[near[0], [known, len(points)]] = False, 1
        points.append(new)
    # The rounding of three sums is in all samples: let all equations have their say.
    return np.linalg.lstsq(pairs, sums, rcond=None)[0]


def _ranks(matrices: np.ndarray) -> np.ndarray:
    """Ranks of int64 matrices (N, rows, columns) modulo the prime, all eliminated at once."""
    matrices = matrices % _PRIME
    count, rows, columns = matrices.shape
    rank = np.zeros(count, dtype=np.int64)
    each = np.arange(count)
    for column in range(columns):
        usable = (matrices[:, :, column] != 0) & (np.arange(rows) >= rank[:, None])
        has = usable.any(axis=1)
        pivot, target = usable.argmax(axis=1)[has], rank[has]
        some = each[has]
        top = matrices[some, pivot]
        matrices[some, pivot] = matrices[some, target]
        inverse = _inverse(top[:, column])
        top = top * inverse[:, None] % _PRIME
        below = np.where(np.arange(rows) > target[:, None], matrices[some, :, column], 0)
        matrices[some] = (matrices[some] - below[:, :, None] * top[:, None, :]) % _PRIME
        rank[has] += 1
    return rank


def _inverse(residue: np.ndarray) -> np.ndarray:
    """Inverses modulo the prime, by Fermat: the power of the prime minus 2."""
    result, power = np.ones_like(residue), residue
    for digit in reversed(bin(_PRIME - 2)[2:]):
        if digit == "1":
            result = result * power % _PRIME
        power = power * power % _PRIME
    return result


def _sorted(rows: np.ndarray, grain: float = 0.0) -> np.ndarray:
    """In lexicographic order; numbers within a grain are taken to be equal, lest rounding decides the order."""
    keys = np.round(rows / grain) if grain else rows
    return rows[np.lexsort(keys.T[::-1])]
