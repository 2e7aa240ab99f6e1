"""Samples from their midpoints: what is recovered, what cannot be, and how badly wrong input fails."""

from collections import Counter
from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixbook.theory.midpoints import joint_rank, known_rank, midpoints, mixing_matrix, recover, thue_morse, twin


def in_order(points):
    points = np.asarray(points, dtype=float).reshape(len(points), -1)
    return points[np.lexsort(points.T[::-1])]


def sums(points):
    return Counter(a + b for a, b in combinations(points, 2))


@pytest.mark.parametrize("m", [3, 5, 6, 7, 8, 9, 10, 17, 30])
@pytest.mark.parametrize("dim", [1, 2, 64])
def test_random_samples_are_recovered_from_shuffled_midpoints(m, dim):
    rng = np.random.default_rng(m + dim)
    points = 100 + rng.standard_normal((m, dim))
    (found,) = recover(rng.permutation(midpoints(points)))
    assert found == pytest.approx(in_order(points), abs=1e-9)


@given(st.lists(st.integers(-6, 6), min_size=3, max_size=9))
@settings(max_examples=200, deadline=None)
def test_whole_numbers_are_among_what_is_found_and_alone_unless_their_number_is_a_power_of_two(numbers):
    found = [points.ravel() for points in recover(midpoints(numbers))]
    assert any(points == pytest.approx(sorted(numbers), abs=1e-9) for points in found)
    for points in found:  # sums of two are compared exactly: doubled, all solutions of whole numbers are whole here
        assert sums(np.rint(2 * points).astype(int).tolist()) == sums([2 * number for number in numbers])
    if len(numbers) not in (4, 8):
        assert len(found) == 1
    assert len(found) <= len(numbers) - 2


def test_samples_on_a_grid_keep_their_order():
    rng = np.random.default_rng(0)
    points = rng.integers(0, 2, size=(20, 40)) / 3  # many equal coordinates, which rounding makes unequal
    (found,) = recover(midpoints(points))
    assert found == pytest.approx(in_order(points), abs=1e-9)


def test_four_samples_have_a_twin():
    assert [points.ravel().tolist() for points in recover(midpoints([0, 1, 3, 7]))] == [
        pytest.approx([0, 1, 3, 7]),
        pytest.approx([-1.5, 2.5, 4.5, 5.5]),
    ]
    points = np.random.default_rng(0).standard_normal((4, 3))
    assert midpoints(twin(points)) == pytest.approx(midpoints(points))
    assert twin(twin(points)) == pytest.approx(in_order(points))
    parallelogram = [[0, 0], [1, 2], [3, 1], [4, 3]]
    assert twin(parallelogram) == pytest.approx(in_order(parallelogram))


def test_three_sets_of_eight_share_their_midpoints():
    even, odd = thue_morse(3)
    assert even.tolist() == [0, 3, 5, 6, 9, 10, 12, 15] and odd.tolist() == [1, 2, 4, 7, 8, 11, 13, 14]
    found = {tuple(points.ravel().round(9) + 0.0) for points in recover(midpoints(odd))}
    assert found == {tuple(even), tuple(odd), (-0.5, 3.5, 5.5, 6.5, 8.5, 9.5, 11.5, 15.5)}


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_thue_and_morse_give_two_sets_with_one_list_of_sums(order):
    even, odd = thue_morse(order)
    assert sums(even.tolist()) == sums(odd.tolist())
    assert sorted([*even, *odd]) == list(range(2 ** (order + 1)))


def test_equal_samples_are_no_trouble():
    assert recover(midpoints([2, 2, 2]))[0].ravel() == pytest.approx([2, 2, 2])
    assert recover(midpoints([[1, 0], [1, 0], [0, 5], [0, 5], [7, 7]]))[0] == pytest.approx(
        in_order([[1, 0], [1, 0], [0, 5], [0, 5], [7, 7]])
    )


def test_midpoints_that_are_none_are_told():
    middle = midpoints(np.random.default_rng(0).standard_normal((7, 2)))
    middle[3] += 0.01
    assert recover(middle) == []


def test_rounded_midpoints_need_a_tolerance():
    points = np.random.default_rng(0).standard_normal((12, 8))
    middle = midpoints(points).round(4)
    assert recover(middle) == []
    (found,) = recover(middle, tolerance=1e-3)
    assert found == pytest.approx(in_order(points), abs=1e-4)  # the mean of many roundings, not the sum of three


def test_ranks_are_those_of_the_reals():
    rng = np.random.default_rng(0)
    for m in (3, 4, 5, 7):
        orders = rng.permuted(np.tile(np.arange(m * (m - 1) // 2), (50, 1)), axis=1)
        sums = mixing_matrix(m)
        assert joint_rank(m, orders).tolist() == [np.linalg.matrix_rank(np.hstack([sums, sums[order]])) for order in orders]


@pytest.mark.parametrize("m", [3, 5, 8])
def test_known_midpoints_determine_the_samples_where_every_part_of_their_graph_has_an_odd_cycle(m):
    rng, pairs = np.random.default_rng(m), list(combinations(range(m), 2))
    for _ in range(100):
        rows = rng.permutation(len(pairs))[: rng.integers(1, len(pairs) + 1)]
        # The kernel: a vector on each part of the graph, opposite at both ends of every edge, if that can be.
        side, halves = {}, 0
        for start in range(m):
            if start not in side:
                side[start], todo, odd = 1, [start], False
                while todo:
                    at = todo.pop()
                    for other in (sum(pairs[row]) - at for row in rows if at in pairs[row]):
                        odd |= side.get(other) == side[at]
                        if other not in side:
                            side[other] = -side[at]
                            todo.append(other)
                halves += not odd
        assert known_rank(m, rows) == m - halves
    many = np.stack([rng.permutation(len(pairs)) for _ in range(6)]).reshape(2, 3, -1)
    assert known_rank(m, many).tolist() == [[m] * 3] * 2


def test_ranks_of_four_samples():
    ranks = Counter(joint_rank(4, list(permutations(range(6)))).tolist())
    assert ranks == {4: 48, 5: 288, 6: 384}
    assert Counter(joint_rank(3, list(permutations(range(3)))).tolist()) == {3: 6}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: midpoints([1.0]), "m must be at least 2"),
        (lambda: midpoints([[1.0, np.nan], [0, 0]]), "row 0"),
        (lambda: recover([1.0, 2, 3, 4]), "3, 6, 10, 15, ..., got 4"),
        (lambda: recover([1.0]), "got 1"),
        (lambda: recover([1.0, 2, 3], tolerance=-1), "tolerance must be >= 0"),
        (lambda: twin([1, 2, 3]), "must hold 4 samples"),
        (lambda: thue_morse(0), "order must be at least 1"),
        (lambda: joint_rank(4, [0, 1, 2, 3, 4, 4]), "permutations of 0 ... 5"),
        (lambda: known_rank(4, [0, 6]), "from 0 to 5"),
        (lambda: known_rank(4, [0.0, 1.0]), "rows must be int"),
        (lambda: midpoints(np.zeros((2, 3, 4))), "shape"),
    ],
)
def test_nonsense_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
