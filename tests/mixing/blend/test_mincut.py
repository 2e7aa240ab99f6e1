import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixbook.mixing.blend import mincut
from mixbook.mixing.blend.mincut import GRAIN, best_labels
from mixbook.mixing.blend.swap import labelling_energy


def problems(seed, count, height, width, labels, smooth=0.3):
    rng = np.random.default_rng(seed)
    unary = rng.uniform(-1, 1, (count, height, width, labels))
    return unary, smooth * rng.random((count, height - 1, width)), smooth * rng.random((count, height, width - 1))


def energy_by_hand(labels, unary, down, across):
    height, width, m = unary.shape
    total = 0.0
    for i, j in itertools.product(range(height), range(width)):
        total += unary[i, j, labels[i, j]]
        if i + 1 < height:
            total += down[i, j] * ((labels[i, j] - labels[i + 1, j]) / (m - 1)) ** 2
        if j + 1 < width:
            total += across[i, j] * ((labels[i, j] - labels[i, j + 1]) / (m - 1)) ** 2
    return total


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    shape=st.sampled_from([(2, 2, 3), (3, 2, 3), (2, 3, 2), (1, 5, 3), (2, 2, 4), (1, 3, 6), (2, 2, 2), (1, 1, 4)]),
    smooth=st.sampled_from([0.0, 0.1, 1.0, 10.0]),
)
def test_no_labelling_costs_less(seed, shape, smooth):
    height, width, m = shape
    unary, down, across = problems(seed, 3, height, width, m, smooth)
    found = best_labels(unary, down, across)
    every = np.array(list(itertools.product(range(m), repeat=height * width))).reshape(-1, height, width)
    rounding = GRAIN * (unary.size + 4 * m * m * (down.size + across.size))
    for p in range(3):
        least = min(energy_by_hand(labels, unary[p], down[p], across[p]) for labels in every)
        assert energy_by_hand(found[p], unary[p], down[p], across[p]) <= least + rounding


def energy(labels, unary, down, across):
    levels = np.linspace(0, 1, unary.shape[-1])
    return labelling_energy(labels, unary, down, across, (levels - levels[:, None]) ** 2)


def test_the_energy_is_that_of_labellings_whose_distances_are_squares_of_many_grids():
    unary, down, across = problems(1, 4, 3, 5, 3)
    labels = np.random.default_rng(2).integers(0, 3, (4, 3, 5))
    expected = [energy_by_hand(*grid) for grid in zip(labels, unary, down, across, strict=True)]
    np.testing.assert_allclose(energy(labels, unary, down, across), expected)


def test_on_a_large_grid_no_single_cell_and_no_shift_of_all_improves_the_labels():
    unary, down, across = problems(3, 2, 16, 16, 3, smooth=0.5)
    labels = best_labels(unary, down, across)
    least = energy(labels, unary, down, across) - 1e-4
    assert len(np.unique(labels)) == 3
    for i, j, label in itertools.product(range(16), range(16), range(3)):
        other = labels.copy()
        other[:, i, j] = label
        assert (energy(other, unary, down, across) >= least).all()
    for step in (-1, 1):
        assert (energy((labels + step).clip(0, 2), unary, down, across) >= least).all()


def test_a_grid_is_labelled_the_same_whoever_is_beside_it():
    unary, down, across = problems(4, 30, 16, 16, 3)
    unary[5:] = np.round(unary[5:], 1)  # with ties
    assert unary[..., 1:].size > 2 * mincut._NODES  # so the batch is cut in parts
    together = best_labels(unary, down, across)
    order = np.random.default_rng(5).permutation(30)
    assert np.array_equal(best_labels(unary[order], down[order], across[order]), together[order])
    assert np.array_equal(best_labels(unary[7:8], down[7:8], across[7:8]), together[7:8])


def test_of_equally_good_labels_the_lowest_is_taken():
    unary, down, across = problems(6, 2, 4, 4, 3)
    assert (best_labels(0 * unary, down, across) == 0).all()


def test_no_grids_are_no_labels():
    assert best_labels(np.zeros((0, 4, 4, 3)), np.zeros((0, 3, 4)), np.zeros((0, 4, 3))).shape == (0, 4, 4)


def test_what_has_no_cut_is_refused():
    unary, down, across = problems(7, 2, 4, 4, 3)
    with pytest.raises(ValueError, match="must not be negative"):
        best_labels(unary, -down, across)
    with pytest.raises(ValueError, match=r"down and across must be \(2, 3, 4\) and \(2, 4, 3\)"):
        best_labels(unary, across, down)
    with pytest.raises(ValueError, match="at least m = 2 labels"):
        best_labels(unary[..., :1], down, across)
    with pytest.raises(ValueError, match="costs of a grid must sum to less than 1024"):
        best_labels(unary * 1000, down, across)
    with pytest.raises(ValueError, match="costs of a grid"):
        best_labels(unary * float("nan"), down, across)
