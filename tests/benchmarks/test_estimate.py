"""Means over trials and their intervals."""

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from mixbook.benchmarks.estimate import Estimate, half_width, rounded, with_interval


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


@pytest.mark.parametrize("sign", ["", "+"])
@pytest.mark.parametrize("tiny", [-0.0, 0.0, -0.0049, 0.0049])
def test_what_rounds_to_zero_has_no_sign(tiny, sign):
    assert rounded(tiny, sign=sign) == "0.00"
    assert with_interval(tiny, 0.12, sign=sign) == "0.00 ±0.12"
    assert rounded(tiny, 4, sign=sign).strip("+-") == f"{abs(tiny):.4f}"


def test_all_else_keeps_its_sign_and_what_is_no_number_says_so():
    assert [rounded(x, 1, sign="+") for x in (-0.06, 0.06, -12.0)] == ["-0.1", "+0.1", "-12.0"]
    assert [rounded(x) for x in (float("nan"), -float("inf"))] == ["nan", "-inf"]
