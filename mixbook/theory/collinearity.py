"""When mixup can contradict a label: samples on segments that end in another class, exactly and by distances.

Source: Chidambaram et al. 2022, section 2.4: Assumption 2.9 and the procedure behind Table 2.
"""

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from mixbook.theory.laws import BetaLaw, LawLike, as_law
from mixbook.theory.samples import as_labels, as_points, as_samples, on_segment


def violations(points: ArrayLike, labels: ArrayLike, *, let_one_in: bool = False) -> np.ndarray:
    """All triples (x, u, v) of samples with x strictly between u and v, and v of another class than x. Exact.

    No such triple is Assumption 2.9 of the paper, with lambda in (0, 1). As it is printed, lambda > 0 lets u = x with
    lambda = 1 in (and triples with v between x and u), and every sample violates it as soon as there are two classes.

    Coordinates are taken as rational numbers: a float as the binary fraction that it is, a ``Fraction`` or a string such as
    ``"1/3"`` as itself. So (0.1, 0.3), (0.2, 0.6), (0.3, 0.9) are not on one line; pass fractions, or integers such as
    pixel values. A thousand samples take seconds.

    Args:
        points: samples, (n, d), or (n,) on a line; numbers, or an object array or nested lists of fractions or strings.
        labels: their classes, int (n,), from 0.
        let_one_in: count the triples (x, x, v) too: lambda in (0, 1].

    Returns:
        rows of x, u, v, int64 (m, 3), in increasing order. Both orders of a pair count when both ends are of other classes
        than x.

    Raises:
        ValueError: if shapes do not fit or a coordinate is not a finite rational number.

    Example:
        >>> from mixbook.theory.collinearity import violations
        >>> violations([0, 1, 2], labels=[0, 1, 0])  # sample 1 lies between 0 and 2
        array([[1, 0, 2],
               [1, 2, 0]])
    """
    grid = _as_integers(points)
    labels, _ = as_labels(labels, len(grid))
    found = []
    for x in range(len(grid)):
        if let_one_in:
            found += [(x, x, int(v)) for v in np.flatnonzero(labels != labels[x])]
        for behind, ahead in _opposite(grid - grid[x]):
            found += [(x, u, v) for u, v in product(behind, ahead) if labels[v] != labels[x]]
    return np.array(sorted(found), dtype=np.int64).reshape(-1, 3)


def lines(points: ArrayLike) -> list[np.ndarray]:
    """The lines that hold three or more different places of samples, up to rounding: rows on each, along the line.

    In general position there are none, and mixtures of different pairs then meet in single points only.

    Args:
        points: samples, (n, d), or (n,) on a line. Places that coincide exactly count once, all their rows are listed.

    Example:
        >>> from mixbook.theory.collinearity import lines
        >>> lines([[0, 0], [2, 2], [1, 1], [0, 3]])
        [array([0, 2, 1])]
    """
    points = as_points("points", points)
    places, inverse = np.unique(points, axis=0, return_inverse=True)
    rows = [np.flatnonzero(inverse.ravel() == place) for place in range(len(places))]
    found: list[np.ndarray] = []
    seen: set[tuple[int, int]] = set()
    for first in range(len(places) - 2):
        for others in _same_line(places, first, on_segment(places)):
            if (first, int(others[0])) in seen:
                continue
            # Rows of `places` are in lexicographic order, which is the order along every line.
            line = np.r_[first, others]
            seen |= {(int(a), int(b)) for at, a in enumerate(line) for b in line[at + 1 :]}
            found.append(np.concatenate([rows[place] for place in line]))
    return found


@dataclass(frozen=True)
class Conflicts:
    """Mixtures, and the nearest sample of a class that took no part in each.

    Args:
        distance: from each mixture to that sample, float64 (m,); infinite where every class took part.
        sample: its row, int64 (m,); -1 where there is none.
        ends: rows of the two samples mixed, int64 (m, 2).
        lam: weight of the first of them, float64 (m,).
    """

    distance: np.ndarray
    sample: np.ndarray
    ends: np.ndarray
    lam: np.ndarray

    @property
    def least(self) -> float:
        """The paper's estimate of how far the data are from violating Assumption 2.9: one number of its Table 2."""
        return float(self.distance.min())


def conflicts(
    points: ArrayLike,
    labels: ArrayLike,
    rng: np.random.Generator,
    alpha: LawLike = 1024.0,
    others: ArrayLike | None = None,
    other_labels: ArrayLike | None = None,
) -> Conflicts:
    """One epoch of mixtures, and the distance of each to the nearest sample of the classes that it does not mix.

    The procedure of Table 2: Beta(1024, 1024), so nearly midpoints, against the training samples or against others. Every
    sample is mixed once as the first, with a partner drawn uniformly, itself included. With two classes it compares
    mixtures within one class only; for a sample beside a segment that ends in its own class, use :func:`violations`, or
    :func:`steepest`, which weighs how far the labels are apart.

    Args:
        points, labels: samples that are mixed, (n, d) and int (n,).
        rng: source of partners and weights.
        alpha: law of lambda; one that can be sampled, so Beta.
        others, other_labels: samples that are compared with, (m, d) and int (m,); those that are mixed if None.

    Raises:
        ValueError: if shapes do not fit, labels come without points, or ``alpha`` is not a Beta law.

    Example:
        >>> import numpy as np
        >>> from mixbook.theory.collinearity import conflicts
        >>> found = conflicts([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]], [0, 1, 2], np.random.default_rng(0))
        >>> found.distance.shape, found.ends.shape
        ((3,), (3, 2))
    """
    points, labels, _ = as_samples(points, labels)
    against, classes = points, labels
    if others is not None and other_labels is not None:
        against, classes, _ = as_samples(others, other_labels)
    elif others is not None or other_labels is not None:
        raise ValueError("others and other_labels must be given together, or neither")
    if against.shape[1] != points.shape[1]:
        raise ValueError(f"others must have the {points.shape[1]} coordinates of points, got shape {against.shape}")
    law = as_law(alpha)
    if not isinstance(law, BetaLaw):
        raise ValueError(f"alpha must be a number or a pair, to be sampled as Beta, got {alpha!r}")
    first, second = np.arange(len(points)), rng.integers(len(points), size=len(points))
    lam = rng.beta(law.a, law.b, len(points))
    distance, sample = np.full(len(points), np.inf), np.full(len(points), -1)
    centre = points.mean(axis=0)  # distances from products lose digits far from the origin
    mixed = lam[:, None] * (points[first] - centre) + (1 - lam)[:, None] * (points[second] - centre)
    against = against - centre
    square = (against**2).sum(axis=1)
    for rows in np.array_split(first, math.ceil(len(points) * len(against) / 2**22)):
        gap = (mixed[rows] ** 2).sum(axis=1)[:, None] - 2 * mixed[rows] @ against.T + square
        gap[(classes == labels[first[rows], None]) | (classes == labels[second[rows], None])] = np.inf
        nearest = gap.argmin(axis=1)
        there = np.isfinite(gap[np.arange(len(rows)), nearest])
        sample[rows[there]] = nearest[there]
        # The least one is computed again as a difference, to its last digit.
        distance[rows[there]] = np.sqrt(((mixed[rows[there]] - against[nearest[there]]) ** 2).sum(axis=1))
    return Conflicts(distance, sample, np.stack([first, second], axis=1), lam)


def steepest(z: ArrayLike, targets: ArrayLike, points: ArrayLike, labels: ArrayLike) -> float:
    """The least Lipschitz constant that any function needs to give every z its target and every sample its one-hot label.

    It is ``max |target - label| / |z - sample|``, in Euclidean norms: below it no function fits both, above it some
    function does for any one pair (McShane's extension). So a mixture conflicts with a sample for a network with constant L
    if it is closer than ``|target - label| / L``, and cannot if the value here is at most L.

    Args:
        z: mixtures (or samples), (m, d). targets: what is asked for there, (m, C).
        points, labels: samples, (n, d) and int (n,), labels below C.

    Returns:
        per unit of distance; infinite if two targets differ at one place.

    Example:
        >>> from mixbook.theory.collinearity import steepest
        >>> slope = steepest([[0.5]], [[0.5, 0.5]], [[0.0], [1.0]], [0, 1])
        >>> round(float(slope), 4)  # sqrt(1/2) over half the way
        1.4142
    """
    points, labels, _ = as_samples(points, labels, np.shape(targets)[1])
    z, targets = as_points("z", z), np.asarray(targets, dtype=float)
    if len(z) != len(targets) or z.shape[1] != points.shape[1]:
        raise ValueError(
            f"z must have one row for each of {len(targets)} targets and {points.shape[1]} coordinates, got {z.shape}"
        )
    largest = 0.0
    for place, target in zip(z, targets, strict=True):
        apart = np.sqrt(((target - np.eye(targets.shape[1])[labels]) ** 2).sum(axis=1))
        distance = np.sqrt(((place - points) ** 2).sum(axis=1))
        differ = apart > 1e-12
        with np.errstate(divide="ignore"):
            largest = max(largest, float((apart[differ] / distance[differ]).max(initial=0.0)))
    return largest


def _as_integers(points: ArrayLike) -> np.ndarray:
    """The points (n, d) times their common denominator, int64 where they fit, else Python's own."""
    cells = np.array(points, dtype=object)
    cells = cells[:, None] if cells.ndim == 1 else cells
    if cells.ndim != 2 or 0 in cells.shape:
        raise ValueError(f"points must have shape (n, d), or (n,) on a line, none of them 0, got {cells.shape}")
    try:
        exact = [[Fraction(value) for value in row] for row in cells]
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"points must be finite rational numbers: {error}") from None
    scale = math.lcm(*(value.denominator for row in exact for value in row))
    grid = np.array([[int(value * scale) for value in row] for row in exact], dtype=object)
    fits = max(abs(grid.max()), abs(grid.min())) < 2**62  # then differences fit too, and all is many times faster
    return grid.astype(np.int64) if fits else grid


def _opposite(steps: np.ndarray) -> Iterator[tuple[list[int], list[int]]]:
    """Groups of rows of steps (n, d) of integers that point in exactly opposite directions; zero rows are left out."""
    divisor = np.gcd.reduce(steps, axis=1)
    moved = np.flatnonzero(divisor != 0)
    ways = steps[moved] // divisor[moved, None]  # directions in lowest terms
    # A product with fixed numbers (an overflow wraps around and stays odd) turns its sign with the direction: what has no
    # counterpart among these has none at all, which settles nearly all rows at once.
    key = ways @ np.random.default_rng(0).integers(-(2**31), 2**31, size=steps.shape[1])
    left = np.flatnonzero(np.isin(key, -key)) if key.dtype == np.int64 else np.arange(len(key))
    groups = defaultdict(list)
    for at in left:
        groups[tuple(ways[at].tolist())].append(int(moved[at]))
    for way, ahead in groups.items():
        behind = groups.get(tuple(-step for step in way))
        if behind:
            yield behind, ahead


def _same_line(places: np.ndarray, first: int, tolerance: float) -> list[np.ndarray]:
    """Groups of two or more later places on one line through the place ``first``, in increasing order."""
    step = places[first + 1 :] - places[first]
    length = np.sqrt((step**2).sum(axis=1))
    way = step / length[:, None]  # towards later places only: no two are opposite
    # Equal directions have equal projections: sort by one, then compare what is next to each other.
    key = way @ np.random.default_rng(0).normal(size=places.shape[1])
    order = np.argsort(key, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(key[order]) > 1e-6) + 1)
    found = []
    for group in groups:
        left = group[np.argsort(-length[group], kind="stable")]  # the longest step tells the direction best
        while len(left) > 1:
            along = step[left] @ way[left[0]]
            miss = np.sqrt(((step[left] - along[:, None] * way[left[0]]) ** 2).sum(axis=1))
            on = miss <= tolerance
            if on.sum() > 1:
                found.append(np.sort(left[on]) + first + 1)
            left = left[~on]
    return found
