"""A mean over trials and how sure it is: what everything that has one value for each trial says of itself."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from mixbook.evaluation.intervals import interval

UNBROKEN = "\u00a0±\u00a0"


def half_width(values: Sequence[float]) -> float | None:
    """Half the width of the 95% interval of the mean (Student's t); None for fewer than two values.

    Example:
        >>> from mixbook.benchmarks.estimate import half_width
        >>> round(half_width([1.0, 2.0, 3.0]), 3), half_width([1.0])
        (2.484, None)
    """
    return float(interval(values)[1]) if len(values) > 1 else None


def with_interval(mean: float | None, half: float | None, digits: int = 2, *, sign: str = "", mark: str = " ±") -> str:
    """A mean with half its interval, as far as they are known.

    Args:
        mean, half: None where there are no trials, or just one.
        digits: decimals.
        sign: "+" writes the mean with its sign.
        mark: what stands between the two; :data:`UNBROKEN` keeps them on one line.

    Example:
        >>> from mixbook.benchmarks.estimate import with_interval
        >>> with_interval(1.234, 0.5), with_interval(1.234, None, digits=1, sign="+"), with_interval(None, None)
        ('1.23 ±0.50', '+1.2', '')
    """
    if mean is None:
        return ""
    return f"{mean:{sign}.{digits}f}" + ("" if half is None else f"{mark}{half:.{digits}f}")


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
