"""Means over trials and their intervals."""

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from mixbook.benchmarks.estimate import Estimate, half_width


class Values(Estimate):
    def __init__(self, *values: float) -> None:
        self.values = values


def test_the_interval_is_students():
    values = np.random.default_rng(3).normal(5, 2, 7).tolist()
    expected = ttest_1samp(values, 0).confidence_interval(0.95)
    ours = Values(*values)
    assert (ours.mean - ours.half_width, ours.mean + ours.half_width) == pytest.approx((expected.low, expected.high))


def test_intervals_hold_the_truth_as_often_as_they_say():
    draws = np.random.default_rng(4).normal(0, 1, (2000, 5))
    held = np.mean([abs(row.mean()) <= half_width(row) for row in draws])
    assert held == pytest.approx(0.95, abs=0.02)


def test_one_trial_has_a_mean_and_no_interval_and_none_has_neither():
    assert (Values(2.0).mean, Values(2.0).half_width) == (2.0, None)
    assert (Values().mean, Values().half_width) == (None, None)
