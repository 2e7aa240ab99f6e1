import numpy as np
import pytest
from scipy.stats import ttest_1samp

from mixbook.intervals import interval


def test_the_interval_is_student_s():
    values = np.random.default_rng(0).normal(3, 2, (5, 12))
    mean, half = interval(values)
    expected = ttest_1samp(values, 0, axis=1).confidence_interval(0.95)
    np.testing.assert_allclose([mean - half, mean + half], expected)
    np.testing.assert_allclose(interval(values.T, axis=0), [mean, half])


def test_it_holds_the_truth_as_often_as_it_says():
    draws = np.random.default_rng(1).normal(size=(20_000, 5))
    mean, half = interval(draws, level=0.8)
    assert (abs(mean) < half).mean() == pytest.approx(0.8, abs=0.015)


def test_one_repetition_has_no_spread():
    with pytest.raises(ValueError, match="at least two repetitions"):
        interval([1.0])
    with pytest.raises(ValueError, match="level must lie between 0 and 1, got 95"):
        interval([1.0, 2.0], level=95)
