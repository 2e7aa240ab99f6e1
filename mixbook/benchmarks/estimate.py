"""A mean over trials and how sure it is: what everything that has one value for each trial says of itself."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from mixbook.intervals import interval

UNBROKEN = "\u00a0±\u00a0"
_ROUNDING = 1e-9  # of the numbers that a difference is taken of; far above what arithmetic leaves, far below any result


def half_width(values: Sequence[float], level: float = 0.95) -> float | None:
    """Half the width of the interval of the mean (Student's t), by default the 95% one; None for fewer than two values.

    Example:
        >>> from mixbook.benchmarks.estimate import half_width
        >>> round(half_width([1.0, 2.0, 3.0]), 3), half_width([1.0])
        (2.484, None)
    """
    return float(interval(values, level)[1]) if len(values) > 1 else None


def widening(trials: int, test_share: float) -> float:
    """By how much an interval over random splits of the same rows must be wider to be about other rows like them.

    Training parts of the splits share most of their rows, so that the trials are alike: their spread alone is about these
    rows. The factor is sqrt(1 + J t / (1 - t)), of Nadeau and Bengio (2003), "Inference for the generalization error".

    Args:
        trials: J, each with a split of its own.
        test_share: t, the share of the rows that is the test part.

    Example:
        >>> from mixbook.benchmarks.estimate import widening
        >>> round(widening(trials=20, test_share=1 / 3), 2)
        3.32
    """
    return float(np.sqrt(1 + trials * test_share / (1 - test_share)))


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
        >>> short = with_interval(1.234, None, digits=1, sign="+")
        >>> with_interval(1.234, 0.5), short, with_interval(None, None)
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


def less_rounding(value: float, scale: float) -> float:
    """A value computed from numbers as large as ``scale``, and 0 where it is no more than what rounding leaves of those.

    Example:
        >>> from mixbook.benchmarks.estimate import less_rounding
        >>> 0.1 + 0.2 - 0.3, less_rounding(0.1 + 0.2 - 0.3, scale=0.3), less_rounding(0.001, scale=100)
        (5.551115123125783e-17, 0.0, 0.001)
    """
    return 0.0 if abs(value) <= _ROUNDING * scale else value


def by_trial(gains: Sequence[Mapping[int, float]]) -> list[float]:
    """What each trial says of the mean over several gains, some of which may lack trials that others have.

    The gain of comparison g in trial n is taken as m(g) + t(n), by least squares; trial n then says mean m + t(n). With all
    trials in all gains that is the mean over the gains. The spread of t(n) knows nothing of how few trials an m(g) may come
    from, so that the interval would be too narrow: where a gain lacks half of the trials or more, only those that all have
    count. Where there are none, nothing can be said trial by trial: then the mean over the gains is all there is.

    Example:
        >>> from mixbook.benchmarks.estimate import by_trial
        >>> [round(each, 6) for each in by_trial([{0: 1.0, 1: 3.0}, {0: 5.0, 1: 7.0}])]
        [3.0, 5.0]
        >>> uneven = [{0: 1.0, 1: 3.0, 2: 5.0}, {0: 5.0, 1: 7.0}]
        >>> [round(each, 6) for each in by_trial(uneven)]  # not 3, 5 and 5
        [3.0, 5.0, 7.0]
        >>> [round(each, 6) for each in by_trial([{0: 1.0, 1: 3.0}, {0: 5.0}])]
        [3.0]
        >>> by_trial([{0: 1.0}, {1: 5.0, 2: 7.0}])
        [3.5]
    """
    numbers = sorted({number for gain in gains for number in gain})
    if 2 * min(map(len, gains)) <= len(numbers):
        numbers = [number for number in numbers if all(number in gain for gain in gains)]
    if not numbers:
        return [float(np.mean([np.mean(list(gain.values())) for gain in gains]))]
    found = [(g, numbers.index(n), value) for g, gain in enumerate(gains) for n, value in gain.items() if n in numbers]
    design = np.zeros((len(found) + 1, len(gains) + len(numbers)))
    # Trials add nothing on average, which makes the fit unique: any two gains share a trial, as both have more than half.
    design[-1, len(gains) :] = 1
    for row, (g, n, _) in enumerate(found):
        design[row, [g, len(gains) + n]] = 1
    fitted = np.linalg.lstsq(design, np.array([value for *_, value in found] + [0.0]), rcond=None)[0]
    scale = max(abs(value) for *_, value in found)
    return [less_rounding(float(each), scale) for each in fitted[: len(gains)].mean() + fitted[len(gains) :]]
