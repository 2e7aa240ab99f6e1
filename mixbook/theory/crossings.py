"""Where mixtures of two pairs of samples meet, and whether their labels agree there.

Source: Verma et al., "Manifold Mixup" (ICML 2019), Figure 3 and appendix F: one point of a representation can be reached by
several interpolations whose labels differ, and no network can satisfy both. Mixtures of a pair fill the segment between its
samples, so contradictions are meetings of segments; where there is none, some continuous f reaches loss zero.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from mixbook.theory.samples import as_samples

MEET = 1e-9  # segments closer than this, relative to the extent of the data, meet


@dataclass(frozen=True)
class Meetings:
    """Pairs of segments without a common end, and where they come closest.

    Args:
        ends: samples at the ends of the two segments, int64 (m, 2, 2); a segment may be a sample itself, twice.
        lam: weight of the first end of each, (m, 2).
        gap: distance of the closest points, (m,).
        disagreement: total variation distance of the two mixed labels there, in [0, 1], (m,).
    """

    ends: np.ndarray
    lam: np.ndarray
    gap: np.ndarray
    disagreement: np.ndarray

    def __len__(self) -> int:
        return len(self.gap)


def meetings(states: ArrayLike, labels: ArrayLike) -> Meetings:
    """All pairs of segments between samples that meet: there the labels must agree, or the loss stays above zero.

    Generic states meet only in the plane (and on a line); in more dimensions only if they are in special position.

    Args:
        states: (n, D), or (n,) on a line. The time grows like n^4: 30 samples take a tenth of a second.
        labels: int (n,), from 0.

    Raises:
        ValueError: if shapes do not fit, a state is not finite, or a label is negative.

    Example:
        >>> from mixbook.theory.crossings import meetings
        >>> square = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
        >>> found = meetings(square, [0, 1, 0, 1])  # the diagonals: one says 0 at the middle, one says 1
        >>> found.ends.tolist(), found.lam.round(3), found.disagreement.round(3)
        ([[[0, 2], [1, 3]]], array([[0.5, 0.5]]), array([1.]))
    """
    points, classes, num_classes = as_samples(states, labels)
    found = _closest(points, np.eye(num_classes)[classes])
    near = found.gap <= MEET * np.ptp(points, axis=0).max()
    return Meetings(found.ends[near], found.lam[near], found.gap[near], found.disagreement[near])


def least_gap(states: ArrayLike) -> float:
    """The least distance of two segments between samples that have no sample in common.

    Where it is positive no mixtures contradict each other, and a continuous f reaches loss zero for any labels, in any
    number of dimensions from two on.

    Args:
        states: (n, D), n >= 3.

    Raises:
        ValueError: if there are fewer than 3 states, or one is not finite.

    Example:
        >>> from mixbook.theory.crossings import least_gap
        >>> round(least_gap([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]), 6)  # the diagonals meet
        0.0
    """
    points, classes, _ = as_samples(states, np.zeros(len(np.asarray(states)), dtype=int))
    if len(points) < 3:
        raise ValueError(f"states must be at least 3, got {len(points)}: with fewer, segments have a sample in common")
    return float(_closest(points, np.ones((len(classes), 1))).gap.min())


def _closest(points: np.ndarray, onehot: np.ndarray) -> Meetings:
    """Where each two segments without a common end come closest."""
    n = len(points)
    # A sample itself is a segment too: where segments overlap along a line, one of their ends lies on the other.
    segments = np.array([*combinations(range(n), 2), *zip(range(n), range(n), strict=True)]).reshape(-1, 2)
    parts: list[Meetings] = []
    for index, segment in enumerate(segments):
        others = segments[index + 1 :]
        others = others[~np.isin(others, segment).any(axis=1)]
        if not len(others):
            continue
        s, t = _nearest(points[segment[0]], points[segment[1]], points[others[:, 0]], points[others[:, 1]])
        ends = np.stack([np.broadcast_to(segment, others.shape), others], axis=1)
        lam = np.stack([1 - s, 1 - t], axis=1)
        weights = np.stack([lam, 1 - lam], axis=2)
        gap, clash = (np.einsum("mse,msed->msd", weights, values[ends]) for values in (points, onehot))
        parts.append(
            Meetings(ends, lam, np.linalg.norm(gap[:, 0] - gap[:, 1], axis=1), abs(clash[:, 0] - clash[:, 1]).sum(1) / 2)
        )
    names = ("ends", "lam", "gap", "disagreement")
    if not parts:
        return Meetings(np.empty((0, 2, 2), dtype=int), np.empty((0, 2)), np.empty(0), np.empty(0))
    return Meetings(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _nearest(p: np.ndarray, q: np.ndarray, r: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far along p -> q, and along each r -> u, the two come closest: numbers in [0, 1], (m,) each."""
    along, across, apart = q - p, u - r, p - r
    a, e = along @ along, (across**2).sum(1)
    b, c, f = across @ along, apart @ along, (across * apart).sum(1)
    flat = a * e - b**2
    with np.errstate(divide="ignore", invalid="ignore"):
        s = np.where(flat > 1e-14 * a * e, np.clip((b * f - c * e) / flat, 0, 1), 0.0)
        t = np.clip(np.where(e > 0, (b * s + f) / e, 0.0), 0, 1)
        # The end of the other segment may have cut t short, or parallel segments left s open.
        s = np.clip(np.where(a > 0, (b * t - c) / a, 0.0), 0, 1)
    return s, t
