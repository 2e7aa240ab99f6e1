"""A mean over trials and how sure it is: what everything that has one value for each trial says of itself."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from mixbook.evaluation.intervals import interval


def half_width(values: Sequence[float]) -> float | None:
    """Half the width of the 95% interval of the mean (Student's t); None for fewer than two values.

    Example:
        >>> from mixbook.benchmarks.estimate import half_width
        >>> round(half_width([1.0, 2.0, 3.0]), 3), half_width([1.0])
        (2.484, None)
    """
    return float(interval(values)[1]) if len(values) > 1 else None


class _Values(Protocol):
    @property
    def values(self) -> Sequence[float]:
        """One for each trial."""
        ...


class Estimate:
    """Gives ``mean`` and ``half_width`` to a class with ``values``, one for each trial.

    Example:
        >>> from dataclasses import dataclass
        >>> from mixbook.benchmarks.estimate import Estimate
        >>> @dataclass(frozen=True)
        ... class Error(Estimate):
        ...     values: tuple[float, ...]
        >>> error = Error((1.0, 2.0, 3.0))
        >>> error.mean, round(error.half_width, 3)
        (2.0, 2.484)
    """

    @property
    def mean(self: _Values) -> float | None:
        """Mean over trials; None without any."""
        return float(np.mean(self.values)) if self.values else None

    @property
    def half_width(self: _Values) -> float | None:
        """Half the width of the 95% interval of the mean (Student's t); None for fewer than two trials."""
        return half_width(self.values)
