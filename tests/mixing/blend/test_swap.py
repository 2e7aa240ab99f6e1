import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixbook.mixing.blend import swap
from mixbook.mixing.blend.mincut import best_labels
from mixbook.mixing.blend.swap import labelling_energy, swap_labels

ROUNDING = 2 * swap.LEAST


def problem(seed, height, width, m, metric, weight):
    rng = np.random.default_rng(seed)
    distance = rng.random((m, m))
    distance = {
        "any": distance + distance.T,
        "equal": np.ones((m, m)),
        "quadratic": (np.subtract.outer(np.arange(m), np.arange(m)) / (m - 1)) ** 2,
    }[metric]
    np.fill_diagonal(distance, 0)
    weights = 2 * weight * rng.random((height - 1, width)), 2 * weight * rng.random((height, width - 1))
    return rng.integers(0, m, (height, width)), (rng.random((height, width, m)), *weights, distance)


def energy_by_hand(labels, unary, down, across, distance):
    height, width = labels.shape
    total = 0.0
    for i, j in itertools.product(range(height), range(width)):
        total += unary[i, j, labels[i, j]]
        if i + 1 < height:
            total += down[i, j] * distance[labels[i, j], labels[i + 1, j]]
        if j + 1 < width:
            total += across[i, j] * distance[labels[i, j], labels[i, j + 1]]
    return total


PROBLEMS = {
    "seed": st.integers(0, 10**6),
    "shape": st.sampled_from([(2, 2, 4), (2, 3, 3), (1, 4, 5), (3, 3, 3), (1, 1, 3)]),
    "weight": st.sampled_from([0.0, 0.1, 0.4, 2.0]),
    "metric": st.sampled_from(["any", "equal", "quadratic"]),
}


@settings(max_examples=60, deadline=None)
@given(**PROBLEMS)
def test_no_swap_of_two_labels_improves_the_result_and_none_made_it_worse(seed, shape, weight, metric):
    height, width, m = shape
    start, costs = problem(seed, height, width, m, metric, weight)
    found = swap_labels(start, *costs)
    energy = energy_by_hand(found, *costs)
    assert energy <= energy_by_hand(start, *costs) + 1e-9
    for a, b in itertools.combinations(range(m), 2):
        cells = np.nonzero((found == a) | (found == b))
        for choice in itertools.product((a, b), repeat=len(cells[0])):
            other = found.copy()
            other[cells] = choice
            assert energy_by_hand(other, *costs) >= energy - ROUNDING


@settings(max_examples=30, deadline=None)
@given(**PROBLEMS)
def test_energy_is_the_sum_that_it_stands_for_of_one_labelling_or_many(seed, shape, weight, metric):
    labels, costs = problem(seed, *shape, metric, weight)
    many = np.stack([labels, (labels + 1) % shape[2]])
    expected = [energy_by_hand(each, *costs) for each in many]
    np.testing.assert_allclose(labelling_energy(many, *costs), expected)
    np.testing.assert_allclose(labelling_energy(labels, *costs), expected[0])


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), weight=st.sampled_from([0.0, 0.2, 1.0]))
def test_with_two_labels_one_swap_finds_the_best(seed, weight):
    start, costs = problem(seed, 3, 3, 2, "any", weight)
    found = energy_by_hand(swap_labels(start, *costs), *costs)
    every = np.array(list(itertools.product(range(2), repeat=9))).reshape(-1, 3, 3)
    assert found <= labelling_energy(every, *costs).min() + ROUNDING


def test_swaps_can_miss_what_one_minimum_cut_finds():
    missed = 0
    for seed in range(40):
        start, costs = problem(seed, 8, 8, 3, "quadratic", 1.5)
        unary, down, across, _ = costs
        exact = labelling_energy(best_labels(unary[None], down[None], across[None])[0], *costs)
        swapped = labelling_energy(swap_labels(0 * start, *costs), *costs)
        assert swapped >= exact - ROUNDING
        missed += swapped > exact + 1e-3
    assert missed > 0


@pytest.mark.parametrize("seed", range(5))
def test_turned_images_and_other_names_of_labels_change_nothing_else(seed):
    start, costs = problem(seed, 4, 4, 6, "equal", 0.1)
    unary, down, across, distance = costs
    found = swap_labels(start, *costs)
    assert np.array_equal(swap_labels(start.T, unary.swapaxes(0, 1), across.T, down.T, distance), found.T)
    names = np.random.default_rng(seed).permutation(6)  # label a is now called names[a]
    renamed = unary[..., names.argsort()]
    assert np.array_equal(swap_labels(names[start], renamed, down, across, distance), names[found])
