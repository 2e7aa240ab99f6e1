"""Many methods on many data sets: average ranks, Friedman's test, and the critical difference of Nemenyi's.

Source: Demšar, "Statistical Comparisons of Classifiers over Multiple Data Sets" (JMLR 2006). Data sets are the sample here:
however many trials each has, few data sets can show only large differences.
"""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import friedmanchisquare, rankdata, studentized_range


def average_ranks(scores: ArrayLike) -> np.ndarray:
    """Mean over data sets of each method's rank, 1 for the lowest score; ties share their mean rank.

    Args:
        scores: losses, (data sets, methods), finite.

    Returns:
        float64 (methods,), between 1 and the number of methods.

    Raises:
        ValueError: if there are fewer than two of either, or a score is not finite.

    Example:
        >>> from mixbook.evaluation.ranks import average_ranks
        >>> errors = [[5.0, 4.0, 3.0], [6.0, 5.5, 5.0], [9.0, 7.0, 8.0]]
        >>> average_ranks(errors)  # three methods on three data sets
        array([3.        , 1.66666667, 1.33333333])
    """
    return rankdata(_checked(scores), axis=1).mean(axis=0)


def friedman(scores: ArrayLike) -> float:
    """Probability of average ranks as far apart as these, if no method differed from another (chi-square approximation).

    Args:
        scores: losses, (data sets, methods), finite.

    Raises:
        ValueError: as :func:`average_ranks`, or if there are fewer than three methods.

    Example:
        >>> from mixbook.evaluation.ranks import friedman
        >>> round(friedman([[5.0, 4.0, 3.0], [6.0, 5.5, 5.0], [9.0, 7.0, 8.0]]), 3)
        0.097
    """
    scores = _checked(scores)
    if scores.shape[1] < 3:
        raise ValueError(f"scores must be of three methods at least for Friedman's test, got {scores.shape[1]}")
    if (scores == scores[:, :1]).all():  # all ties: the statistic is 0 / 0, and nothing differs
        return 1.0
    return float(friedmanchisquare(*scores.T).pvalue)


def critical_difference(methods: int, data_sets: int, level: float = 0.95) -> float:
    """By how much two average ranks must differ to be told apart, over all pairs of methods (Nemenyi).

    Args:
        methods: how many are compared, at least 2.
        data_sets: how many they were measured on, at least 1.
        level: chance of no false difference at all.

    Raises:
        ValueError: if a count is too small, or ``level`` is not between 0 and 1.

    Example:
        >>> from mixbook.evaluation.ranks import critical_difference
        >>> round(critical_difference(methods=5, data_sets=30), 2)
        1.11
    """
    if methods < 2 or data_sets < 1:
        raise ValueError(f"there must be 2 methods and 1 data set at least, got {methods} and {data_sets}")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    q = studentized_range.ppf(level, methods, np.inf) / math.sqrt(2)
    return float(q * math.sqrt(methods * (methods + 1) / (6 * data_sets)))


def _checked(scores: ArrayLike) -> np.ndarray:
    scores = np.asarray(scores, dtype=float)
    if scores.ndim != 2 or min(scores.shape) < 2 or not np.isfinite(scores).all():
        raise ValueError(f"scores must be finite, (data sets, methods) with two of each at least, got shape {scores.shape}")
    return scores
