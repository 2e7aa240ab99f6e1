"""How far a class extends under mixup: the certificate of Theorem 3.2, and margins of the optimum on your own data.

Source: Chidambaram et al. 2022, section 3.1: Assumption 3.1 and Theorem 3.2.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mixbook.theory.laws import LawLike
from mixbook.theory.samples import as_point, as_samples, on_segment
from mixbook.theory.vicinal import optimal, segments_through


@dataclass(frozen=True)
class Certificate:
    """Why the mixup-optimal classifier answers with a class at a point, for any continuous, positive density of lambda.

    Args:
        label: the class.
        delta: the largest share that another class has on a segment through the point, in [0, 1/2). The optimum gives
            ``label`` at least 1 - delta there.
        segments: how many segments pass through the point.
        continuous: whether the optimum, on the set of mixtures, is continuous there for every continuous law: all segments
            through the point bring the same target, or all lie on one line and no sample is there.
    """

    label: int
    delta: float
    segments: int
    continuous: bool


def certificate(points: ArrayLike, labels: ArrayLike, x: ArrayLike) -> Certificate | None:
    """Theorem 3.2, applied: does every segment through x end in one class, and is x nearer to that end on all of them?

    This is Assumption 3.1 without its clause on the measures of both orders, which nothing needs. Under it the optimum h
    has h^i(x) >= 1 - delta for every law of lambda whose density is continuous and positive on (0, 1), symmetric or not.
    The paper asks for a density only, under which h_eps may have no limit, though it keeps to the bound. The optimum need
    not be continuous at x, though the paper says so: two segments that cross with different shares bring two targets, and
    h averages them at x alone.

    Args:
        points, labels: samples, (n, d) or (n,) on a line, and int (n,).
        x: one point, (d,), or a number on a line.

    Returns:
        None if the assumption fails at x, or no mixture falls there.

    Raises:
        ValueError: if shapes do not fit or a coordinate is not finite.

    Example:
        >>> from mixbook.theory.margins import certificate
        >>> found = certificate([0.0, 1.0], [0, 1], x=0.25)
        >>> found.label, found.delta, found.segments
        (0, 0.25, 1)
    """
    points, labels, num_classes = as_samples(points, labels)
    place = as_point("x", x, points.shape[1])
    tolerance = on_segment(points)
    i, j, u, length = segments_through(points, place, tolerance)
    targets = np.zeros((len(u), num_classes))
    np.add.at(targets, (np.arange(len(u)), labels[i]), 1 - u)
    np.add.at(targets, (np.arange(len(u)), labels[j]), u)
    here = ((points - place) ** 2).sum(-1) <= tolerance**2
    targets = np.concatenate([targets, np.eye(num_classes)[labels[here]]])
    if not len(targets):
        return None
    label = int(targets.sum(axis=0).argmax())
    delta = float(1 - targets[:, label].min())
    if delta >= 0.5:
        return None
    ways = (points[j] - points[i]) / length[:, None]
    one_line = not here.any() and bool((1 - abs(ways @ ways[0]) < 1e-12).all())
    same_target = bool(np.ptp(targets, axis=0).max() <= 1e-9)
    return Certificate(label, max(delta, 0.0), len(u), same_target or one_line)


@dataclass(frozen=True)
class SampleMargins:
    """How far the optimum keeps the class of a sample on the way to samples of other classes.

    Args:
        start, end: rows of the two samples of each way, of different classes, int64 (m,).
        length: of the way, float64 (m,).
        kept: share of the way on which the answer is the class of its start, from the start on, in [0, 1].
    """

    start: np.ndarray
    end: np.ndarray
    length: np.ndarray
    kept: np.ndarray

    @property
    def margin(self) -> np.ndarray:
        """The distance that can be moved from the start before the answer changes, (m,)."""
        return self.length * self.kept


def sample_margins(points: ArrayLike, labels: ArrayLike, eps: float, alpha: LawLike, steps: int = 64) -> SampleMargins:
    """Margins of the mixup-optimal classifier along all ways between samples of different classes.

    Where no other mixture interferes, each way is kept up to its middle, 0.5, whatever its length. Less says that mixtures
    of other pairs take a sample's surroundings; 0 that the sample itself is lost.

    Args:
        points, labels: samples, (n, d) or (n,) on a line, and int (n,). The cost grows like n^4: for a hundred or so.
        eps: radius of the balls, as for :func:`~mixbook.theory.vicinal.optimal`.
        alpha: law of lambda.
        steps: answers asked for on each way, evenly spaced from its start to its end.

    Raises:
        ValueError: if there is one class only, ``steps`` is less than 1, no mixture falls somewhere on a way (the law has
            no density there, or one of your own is below float64 there), or as for ``optimal``.

    Example:
        >>> from mixbook.theory.margins import sample_margins
        >>> found = sample_margins([0.0, 1.0], [0, 1], eps=0.01, alpha=1.0)
        >>> found.start, found.end, round(float(found.kept.sum()), 2)  # both ways are kept up to the middle
        (array([0, 1]), array([1, 0]), 1.0)
    """
    points, labels, num_classes = as_samples(points, labels)
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    start, end = np.nonzero(labels[:, None] != labels)
    if not len(start):
        raise ValueError("labels must hold two classes at least: there is no way from one to another")
    share = np.arange(steps + 1) / steps
    # One direction is enough: the other is the same way read backwards.
    forth = start < end
    z = points[start[forth], None] + share[:, None] * (points[end[forth]] - points[start[forth]])[:, None]
    targets = optimal(points, labels, z.reshape(-1, points.shape[1]), eps, alpha, num_classes)
    if np.isnan(targets).any():
        way, step = divmod(int(np.isnan(targets).any(axis=1).argmax()), steps + 1)
        i, j = start[forth][way], end[forth][way]
        raise ValueError(
            f"no mixture falls {share[step]:.3g} of the way from sample {i} to sample {j}, so no class is kept or lost "
            "there: the law of lambda must have mass on all of (0, 1), and logs below float64 (theory.laws.logarithm)"
        )
    answer = targets.argmax(axis=1)
    ways, row = np.empty((len(start), steps + 1), dtype=np.int64), np.empty((len(points), len(points)), dtype=np.int64)
    row[start, end] = np.arange(len(start))
    ways[forth] = answer.reshape(-1, steps + 1)
    ways[~forth] = ways[row[end[~forth], start[~forth]], ::-1]
    lost = ways != labels[start, None]
    # Half a step is what the grid does not see; a way that is lost at its start keeps nothing.
    first = np.where(lost.any(axis=1), lost.argmax(axis=1), steps + 1)
    kept = np.clip((first - 0.5) / steps, 0, 1)
    return SampleMargins(start, end, np.sqrt(((points[end] - points[start]) ** 2).sum(-1)), kept)
