"""How sure a mean over repetitions is."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit  # the quantiles of scipy.stats.t, which is slow to import


def interval(values: ArrayLike, level: float = 0.95, axis: int = -1) -> tuple[np.ndarray, np.ndarray]:
    """Mean and half-width of Student's t interval of the mean over independent repetitions.

    Args:
        values: repetitions along ``axis``, at least two: (n,), or any shape.
        level: coverage of the interval.
        axis: where the repetitions are.

    Raises:
        ValueError: if there are fewer than two repetitions, which give no spread, or ``level`` is no share.

    Example:
        >>> from mixbook.evaluation import interval
        >>> mean, half = interval([1.0, 2.0, 3.0])
        >>> round(float(mean), 3), round(float(half), 3)
        (2.0, 2.484)
    """
    values = np.asarray(values, dtype=float)
    n = values.shape[axis]
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}: 0.95 is the usual one")
    if n < 2:
        raise ValueError(f"values must hold at least two repetitions along axis {axis}, got {n}")
    half = stdtrit(n - 1, (1 + level) / 2) * values.std(axis=axis, ddof=1) / np.sqrt(n)
    return values.mean(axis=axis), half
