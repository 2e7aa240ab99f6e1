"""Means over trials and their intervals."""

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from mixbook.benchmarks.estimate import Estimate, by_trial, half_width, rounded, widening, with_interval


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


@pytest.mark.parametrize(("trials", "share"), [(20, 1 / 3), (10, 1 / 5)])
def test_widened_intervals_hold_the_truth_of_trials_that_are_correlated_by_the_test_share(trials, share):
    """The correlation of two trials that Nadeau and Bengio take for granted; intervals that ignore it miss more often."""
    rng = np.random.default_rng(5)
    shared, own = rng.normal(0, share**0.5, (2000, 1)), rng.normal(0, (1 - share) ** 0.5, (2000, trials))
    off, half = np.abs((shared + own).mean(axis=1)), np.array([half_width(row) for row in shared + own])
    assert np.mean(off <= widening(trials, share) * half) == pytest.approx(0.95, abs=0.02)
    assert np.mean(off <= half) < 0.8


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


@pytest.mark.parametrize(("has", "counts"), [(3, 5), (2, 2)])
def test_where_gains_lack_trials_each_counts_once(has, counts):
    """Gain g is 10 g + n in trial n: a mean over those that a trial happens to have would be about others in each."""
    gains = [{n: 10.0 * g + n for n in range(5) if n < has or g == 3} for g in range(4)]
    assert by_trial(gains) == pytest.approx([15 + n for n in range(counts)])  # of gains with too few, those that all have
    more = [{n: value + 100 for n, value in gain.items()} for gain in gains]
    assert by_trial(more) == pytest.approx([115 + n for n in range(counts)])
    assert by_trial([{0: 0.5, 1: 0.6}, {2: 9.0, 3: 9.1, 4: 9.2}]) == pytest.approx([4.825])  # no trial links the two
    assert by_trial([{0: 1.0, 1: 2.0}, {2: 3.0, 3: 4.0}]) == pytest.approx([2.5])  # nor where each has exactly half
    full = np.random.default_rng(0).normal(size=(6, 5))
    assert by_trial([dict(enumerate(row)) for row in full]) == pytest.approx(full.mean(0))


@pytest.mark.parametrize("has", [(20, 3), (10, 2), (5, 5, 3)])
def test_the_interval_of_several_gains_holds_the_truth_however_many_trials_each_has(has):
    rng = np.random.default_rng(5)
    missed = []
    for _ in range(1000):
        values = by_trial([{n: rng.normal() for n in range(trials)} for trials in has])
        missed.append(abs(np.mean(values)) > half_width(values))
    assert np.mean(missed) == pytest.approx(0.05, abs=0.025)


@pytest.mark.parametrize("gain", [0.1, 0.3, 0.7, 1.1, 2 / 3])
def test_gains_that_cancel_are_zero(gain):
    assert by_trial([dict.fromkeys(range(3), value) for value in (gain, -gain, gain / 3, -gain / 3)]) == [0, 0, 0]
