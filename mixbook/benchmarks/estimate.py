"""A mean over trials and how sure it is: what everything that has one value for each trial says of itself."""

from collections.abc import Mapping, Sequence
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


def rounded(number: float, digits: int = 2, *, sign: str = "") -> str:
    """A number with so many decimals, and with ``sign`` "+" always with its sign; what rounds to zero has none.

    Example:
        >>> from mixbook.benchmarks.estimate import rounded
        >>> rounded(-0.004), rounded(0.004, sign="+"), rounded(-0.006), rounded(1.25, digits=1, sign="+")
        ('0.00', '0.00', '-0.01', '+1.2')
    """
    text = f"{number:{sign}.{digits}f}"
    return text if float(text) else text.lstrip("+-")


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
    return rounded(mean, digits, sign=sign) + ("" if half is None else f"{mark}{half:.{digits}f}")


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


def by_trial(gains: Sequence[Mapping[int, float]]) -> list[float]:
    """What each trial says of the mean over several gains, some of which may lack trials that others have.

    The gain of comparison g in trial n is taken as m(g) + t(n), by least squares; trial n then says mean m + t(n). With all
    trials in all gains that is the mean over the gains. Where gains share no trials, directly or through others, nothing
    can be said trial by trial: then the mean over the gains is all there is, one value.

    Example:
        >>> from mixbook.benchmarks.estimate import by_trial
        >>> [round(each, 6) for each in by_trial([{0: 1.0, 1: 3.0}, {0: 5.0, 1: 7.0}])]
        [3.0, 5.0]
        >>> [round(each, 6) for each in by_trial([{0: 1.0, 1: 3.0}, {0: 5.0}])]  # not 3 and 3
        [3.0, 5.0]
        >>> by_trial([{0: 1.0}, {1: 5.0, 2: 7.0}])
        [3.5]
    """
    numbers = sorted({number for gain in gains for number in gain})
    found = [(g, numbers.index(n), value) for g, gain in enumerate(gains) for n, value in gain.items()]
    design = np.zeros((len(found) + 1, len(gains) + len(numbers)))
    design[-1, len(gains) :] = 1  # trials add nothing on average, which makes the fit unique where gains are linked
    for row, (g, n, _) in enumerate(found):
        design[row, [g, len(gains) + n]] = 1
    if np.linalg.matrix_rank(design) < design.shape[1]:
        return [float(np.mean([np.mean(list(gain.values())) for gain in gains]))]
    fitted = np.linalg.lstsq(design, np.array([value for *_, value in found] + [0.0]), rcond=None)[0]
    return [float(each) for each in fitted[: len(gains)].mean() + fitted[len(gains) :]]
