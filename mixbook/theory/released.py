"""What released code did where it differs from its paper, written again so that both can be run side by side."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mixbook.mixing.blend.mincut import best_labels, grid_energy

Floats = NDArray[np.floating]


def box_overlap(one: ArrayLike, other: ArrayLike, *, clamped: bool = True) -> np.ndarray:
    """Intersection over union of boxes, by which localisation is scored.

    Args:
        one, other: boxes (..., 4): left, top, right, bottom, with left <= right and top <= bottom.
        clamped: cut a negative overlap off at 0. Co-Mixup's released evaluation does not: of boxes that are disjoint along
            both axes, two negative overlaps make a positive intersection.

    Returns:
        float64 (...).

    Raises:
        ValueError: if the last axis has not length 4, or a box ends before it begins.
    """
    one, other = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    for name, box in (("one", one), ("other", other)):
        if box.shape[-1:] != (4,) or (box[..., :2] > box[..., 2:]).any():
            raise ValueError(f"{name} must hold boxes (left, top, right, bottom) in this order, got {box}")
    sides = np.minimum(one[..., 2:], other[..., 2:]) - np.maximum(one[..., :2], other[..., :2])
    intersection = (np.maximum(sides, 0) if clamped else sides).prod(axis=-1)
    areas = [(box[..., 2:] - box[..., :2]).prod(axis=-1) for box in (one, other)]
    return np.asarray(intersection / (areas[0] + areas[1] - intersection))


def swap_labels(unary: Floats, down: Floats, across: Floats) -> np.ndarray:
    """Labels at which no swap of two labels saves anything, starting from label 0: int64 (h, w).

    A swap move takes all cells of two labels and gives each the better of the two, all at once. Puzzle Mix's released
    code makes such moves until none helps (alpha-beta swap, Boykov et al. 2001). The cost grows convexly with the
    difference of labels, so one minimum cut finds the minimum instead: :func:`mixbook.mixing.blend.mincut.best_labels`.

    Args:
        unary: cost of each label in each cell, (h, w, m).
        down, across: weights between a cell and the one below it, (h - 1, w), and the one to its right, (h, w - 1).
    """
    height, width, count = unary.shape
    labels = np.zeros((height, width), dtype=np.int64)

    def energy(candidate: NDArray[np.int64]) -> float:
        return float(grid_energy(candidate[None], unary[None], down[None], across[None])[0])

    least, pairs = energy(labels), [(a, b) for a in range(count) for b in range(a + 1, count)]
    waiting = len(pairs)
    while waiting:
        pair = pairs.pop(0)
        pairs.append(pair)
        candidate = _swap(labels, pair, unary, down, across)
        waiting -= 1
        if energy(candidate) < least - 1e-9:
            labels, least, waiting = candidate, energy(candidate), len(pairs)
    return labels


def _swap(
    labels: NDArray[np.int64], pair: tuple[int, int], unary: Floats, down: Floats, across: Floats
) -> NDArray[np.int64]:
    """The best labelling that moves cells of two labels only: a problem of two labels, the others being fixed."""
    level = labels / (unary.shape[-1] - 1)
    low, high = (label / (unary.shape[-1] - 1) for label in pair)
    free = (labels == pair[0]) | (labels == pair[1])
    own = unary[..., list(pair)] * free[..., None]
    joint = []
    for axis, weight in ((0, down), (1, across)):
        first, second = (slice(None),) * axis + (slice(None, -1),), (slice(None),) * axis + (slice(1, None),)
        for here, there in ((first, second), (second, first)):
            alone = weight * (free[here] & ~free[there])
            own[here] += alone[..., None] * (np.array([low, high]) - level[there][..., None]) ** 2
        joint.append(weight * (free[first] & free[second]) * (high - low) ** 2)
    chosen = best_labels(own[None], joint[0][None], joint[1][None])[0]
    return np.where(free, np.where(chosen == 1, pair[1], pair[0]), labels)
