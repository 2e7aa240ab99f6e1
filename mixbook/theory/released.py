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


def patches_by_rounds(cost: ArrayLike, rounds: int, *, askers_only: bool = True) -> np.ndarray:
    """Which patch of an image goes where: Puzzle Mix's approximation, which assigns each patch and each place once at most.

    In every round each patch asks for the place that costs it least, and a place goes to the patch that pays least for it.
    Who gets none will find that place dearer by 1. What is left open when the rounds are over stays empty.

    Args:
        cost: of each patch at each place, (..., patches, places), below 1.
        rounds: as many as there are patches along a side in the released code.
        askers_only: compare those that ask. The released code compares with zeros for all others, so that a patch that
            would have to pay, or pays nothing, hardly ever gets its place.

    Returns:
        bool (..., patches, places).

    Raises:
        ValueError: if there are not as many patches as places, or no rounds.

    Example:
        >>> from mixbook.theory.released import patches_by_rounds
        >>> cost = [[0.0, 0.2], [0.3, 0.1]]
        >>> patches_by_rounds(cost, rounds=2).tolist()
        [[True, False], [False, True]]
        >>> # Nobody gets the second place:
        >>> patches_by_rounds(cost, rounds=2, askers_only=False).any(axis=-2).tolist()
        [True, False]
    """
    cost = np.array(cost, dtype=float)
    if cost.ndim < 2 or cost.shape[-1] != cost.shape[-2] or not cost.size:
        raise ValueError(f"cost must have shape (..., n, n), a row for each patch, got {cost.shape}")
    if rounds < 1:
        raise ValueError(f"rounds must be at least 1, got {rounds}")
    for _ in range(rounds):
        asks = np.zeros(cost.shape, dtype=bool)
        np.put_along_axis(asks, cost.argmin(axis=-1)[..., None], True, axis=-1)
        offers = np.where(asks, cost, np.inf if askers_only else 0.0)
        gets = np.zeros(cost.shape, dtype=bool)
        np.put_along_axis(gets, offers.argmin(axis=-2)[..., None, :], True, axis=-2)
        gets &= asks
        cost += asks & ~gets
    return gets
