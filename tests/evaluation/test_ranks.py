"""Ranks against Demšar's published tables, and against what chance gives."""

import numpy as np
import pytest

from mixbook.evaluation.ranks import average_ranks, critical_difference, friedman


# Demšar 2006, Table 5(a): critical values for Nemenyi's test, already divided by sqrt(2).
@pytest.mark.parametrize(("methods", "q"), [(2, 1.960), (3, 2.343), (5, 2.728), (10, 3.164)])
def test_nemenyi_is_the_published_one(methods, q):
    data_sets = methods * (methods + 1) / 6
    assert critical_difference(methods, 1) == pytest.approx(q * np.sqrt(data_sets), rel=1e-3)


def test_more_data_sets_tell_smaller_differences_apart():
    assert critical_difference(4, 36) == pytest.approx(critical_difference(4, 9) / 2)


def test_ranks_sum_to_what_they_must_and_ties_share():
    scores = np.array([[3.0, 1.0, 2.0], [5.0, 5.0, 9.0]])
    assert average_ranks(scores).tolist() == [(3 + 1.5) / 2, (1 + 1.5) / 2, (2 + 3) / 2]


def test_friedman_rejects_at_its_rate_and_sees_a_constant_order():
    rng = np.random.default_rng(0)
    chance = [friedman(rng.normal(size=(20, 4))) for _ in range(400)]
    assert 0.02 < np.mean(np.less(chance, 0.05)) < 0.09
    assert friedman(np.arange(4) + 0.1 * rng.random((20, 4))) < 1e-6


@pytest.mark.parametrize("scores", [[[1, 2, 3]], [[1], [2]], [[1, np.nan], [1, 2]], [1, 2]])
def test_what_cannot_be_ranked_is_refused(scores):
    with pytest.raises(ValueError, match="scores must be finite"):
        average_ranks(scores)


def test_counts_and_levels_are_checked():
    with pytest.raises(ValueError, match="three methods"):
        friedman([[1, 2], [2, 1]])
    with pytest.raises(ValueError, match="got 1 and 5"):
        critical_difference(1, 5)
    with pytest.raises(ValueError, match="level"):
        critical_difference(3, 5, 95)


@pytest.mark.filterwarnings("error")
def test_nothing_but_ties_is_no_difference():
    assert friedman(np.arange(3)[:, None] * np.ones(4)) == 1
