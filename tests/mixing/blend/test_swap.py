import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixbook.mixing.blend import swap
from mixbook.mixing.blend.mincut import best_labels
from mixbook.mixing.blend.swap import labelling_energy, swap_labels

ROUNDING = 2 * swap.LEAST


def problem(seed, height, width, m, metric):
    rng = np.random.default_rng(seed)
    distance = rng.random((m, m))
    distance = {
        "any": distance + distance.T,
        "equal": np.ones((m, m)),
        "quadratic": (np.subtract.outer(np.arange(m), np.arange(m)) / (m - 1)) ** 2,
    }[metric]
    np.fill_diagonal(distance, 0)
    return rng.integers(0, m, (height, width)), rng.random((height, width, m)), distance


def energy_by_hand(labels, unary, weight, distance):
    height, width = labels.shape
    total = 0.0
    for i, j in itertools.product(range(height), range(width)):
        total += unary[i, j, labels[i, j]]
        if i + 1 < height:
            total += weight * distance[labels[i, j], labels[i + 1, j]]
        if j + 1 < width:
            total += weight * distance[labels[i, j], labels[i, j + 1]]
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
    start, unary, distance = problem(seed, height, width, m, metric)
    found = swap_labels(start, unary, weight, distance)
    energy = energy_by_hand(found, unary, weight, distance)
    assert energy <= energy_by_hand(start, unary, weight, distance) + 1e-9
    for a, b in itertools.combinations(range(m), 2):
        cells = np.nonzero((found == a) | (found == b))
        for choice in itertools.product((a, b), repeat=len(cells[0])):
            other = found.copy()
            other[cells] = choice
            assert energy_by_hand(other, unary, weight, distance) >= energy - ROUNDING


@settings(max_examples=30, deadline=None)
@given(**PROBLEMS)
def test_energy_is_the_sum_that_it_stands_for_of_one_labelling_or_many(seed, shape, weight, metric):
    labels, unary, distance = problem(seed, *shape, metric)
    many = np.stack([labels, (labels + 1) % shape[2]])
    expected = [energy_by_hand(each, unary, weight, distance) for each in many]
    np.testing.assert_allclose(labelling_energy(many, unary, weight, distance), expected)
    np.testing.assert_allclose(labelling_energy(labels, unary, weight, distance), expected[0])


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), weight=st.sampled_from([0.0, 0.2, 1.0]))
def test_with_two_labels_one_swap_finds_the_best(seed, weight):
    start, unary, distance = problem(seed, 3, 3, 2, "any")
    found = energy_by_hand(swap_labels(start, unary, weight, distance), unary, weight, distance)
    every = np.array(list(itertools.product(range(2), repeat=9))).reshape(-1, 3, 3)
    assert found <= labelling_energy(every, unary, weight, distance).min() + ROUNDING


def test_swaps_can_miss_what_one_minimum_cut_finds():
    missed = 0
    for seed in range(40):
        start, unary, distance = problem(seed, 8, 8, 3, "quadratic")
        weights = np.full((1, 7, 8), 1.5), np.full((1, 8, 7), 1.5)
        exact = labelling_energy(best_labels(unary[None], *weights)[0], unary, 1.5, distance)
        swapped = labelling_energy(swap_labels(0 * start, unary, 1.5, distance), unary, 1.5, distance)
        assert swapped >= exact - ROUNDING
        missed += swapped > exact + 1e-3
    assert missed > 0


@pytest.mark.parametrize("seed", range(5))
def test_turned_images_and_other_names_of_labels_change_nothing_else(seed):
    start, unary, distance = problem(seed, 4, 4, 6, "equal")
    found = swap_labels(start, unary, 0.1, distance)
    assert np.array_equal(swap_labels(start.T, unary.swapaxes(0, 1), 0.1, distance), found.T)
    names = np.random.default_rng(seed).permutation(6)  # label a is now called names[a]
    renamed = unary[..., names.argsort()]
    assert np.array_equal(swap_labels(names[start], renamed, 0.1, distance), names[found])
