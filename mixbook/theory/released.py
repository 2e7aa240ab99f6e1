"""What released code did where it differs from its paper, written again so that both can be run side by side."""

import numpy as np
from numpy.typing import ArrayLike


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

    Example:
        >>> from mixbook.theory.released import box_overlap
        >>> one, other = [0.0, 0.0, 1.0, 1.0], [2.0, 2.0, 3.0, 3.0]  # disjoint
        >>> float(box_overlap(one, other)), float(box_overlap(one, other, clamped=False))
        (0.0, 1.0)
    """
    one, other = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    for name, box in (("one", one), ("other", other)):
        if box.shape[-1:] != (4,) or (box[..., :2] > box[..., 2:]).any():
            raise ValueError(f"{name} must hold boxes (left, top, right, bottom) in this order, got {box}")
    sides = np.minimum(one[..., 2:], other[..., 2:]) - np.maximum(one[..., :2], other[..., :2])
    intersection = (np.maximum(sides, 0) if clamped else sides).prod(axis=-1)
    areas = [(box[..., 2:] - box[..., :2]).prod(axis=-1) for box in (one, other)]
    return np.asarray(intersection / (areas[0] + areas[1] - intersection))
