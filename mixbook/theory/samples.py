"""Labelled samples as the theory takes them: arrays of any dimension, checked once."""

import numpy as np
from numpy.typing import ArrayLike

# A point this close to a segment, relative to the extent of the data, is taken to lie on it.
ON_SEGMENT = 1e-9


def as_points(name: str, values: ArrayLike) -> np.ndarray:
    """float64 (n, d) of values (n, d), or (n,) on a line.

    Raises:
        ValueError: if the shape is another, the array is empty, or a coordinate is not finite.

    Example:
        >>> from mixbook.theory.samples import as_points
        >>> as_points("z", [0, 1]).shape
        (2, 1)
    """
    array = np.asarray(values, dtype=float)
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(f"{name} must have shape (n, d), or (n,) on a line, none of them 0, got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got NaN or infinity in row {int(np.argwhere(~np.isfinite(array))[0, 0])}")
    return array


def as_point(name: str, value: ArrayLike, dim: int) -> np.ndarray:
    """One point, float64 (dim,), of a value (dim,), or a number on a line.

    Example:
        >>> from mixbook.theory.samples import as_point
        >>> as_point("x", 0.5, dim=1)
        array([0.5])
    """
    array = np.asarray(value, dtype=float).reshape(-1)
    if array.shape != (dim,):
        raise ValueError(f"{name} must have the {dim} coordinates of points, got shape {np.shape(value)}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got {array}")
    return array


def as_samples(points: ArrayLike, labels: ArrayLike, num_classes: int | None = None) -> tuple[np.ndarray, np.ndarray, int]:
    """Points float64 (n, d), labels int64 (n,), and the number of classes: the largest label plus one if None.

    Raises:
        ValueError: if the points are bad (see :func:`as_points`), or the labels do not fit them or are out of range.

    Example:
        >>> from mixbook.theory.samples import as_samples
        >>> points, labels, num_classes = as_samples([0, 1, 2], [0, 1, 0])
        >>> points.shape, num_classes
        ((3, 1), 2)
    """
    points = as_points("points", points)
    return points, *as_labels(labels, len(points), num_classes)


def as_labels(labels: ArrayLike, n: int, num_classes: int | None = None) -> tuple[np.ndarray, int]:
    """Labels int64 (n,) and the number of classes, checked as in :func:`as_samples`.

    Example:
        >>> from mixbook.theory.samples import as_labels
        >>> as_labels([0, 2], n=2)
        (array([0, 2]), 3)
    """
    labels = np.asarray(labels)
    if labels.shape != (n,):
        raise ValueError(f"labels must have shape ({n},) as points have rows, got {labels.shape}")
    if not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels must be integers, got {labels.dtype}")
    if num_classes is None:
        num_classes = int(labels.max()) + 1
    if labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError(f"labels must lie in [0, {num_classes}), got {labels.min()} to {labels.max()}")
    return labels.astype(np.int64), num_classes


def on_segment(points: np.ndarray) -> float:
    """How far from a segment a point may be to lie on it, in the units of points (n, d).

    Example:
        >>> import numpy as np
        >>> from mixbook.theory.samples import on_segment
        >>> on_segment(np.array([[0.0], [1.0]])) < 1e-6
        True
    """
    return float(ON_SEGMENT * np.ptp(points, axis=0).max())
