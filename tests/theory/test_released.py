"""Faults of released code, and the moons on which one of them shows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixbook.theory.moons import bend, boundaries, separated_moons
from mixbook.theory.released import box_overlap, patches_by_rounds

box = st.tuples(*[st.floats(0, 10)] * 4).map(lambda b: [min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3])])


@given(box, box)
@settings(deadline=None)
def test_an_overlap_is_symmetric_between_zero_and_one(one, other):
    if (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1]) < 1e-6:
        return
    overlap = box_overlap(one, other)
    assert 0 <= overlap <= 1 + 1e-12
    assert overlap == pytest.approx(box_overlap(other, one))


def test_the_fault_is_there_only_where_boxes_are_apart_both_ways():
    square = np.array([0, 0, 10, 10])
    for step, faulty, right in (([5, 0], 1 / 3, 1 / 3), ([20, 20], 1, 0), ([15, 15], 25 / 175, 0)):
        moved = square + np.array([*step, *step])
        assert box_overlap(square, moved, clamped=False) == pytest.approx(faulty)
        assert box_overlap(square, moved) == pytest.approx(right)
    with pytest.raises(ValueError, match="left, top, right, bottom"):
        box_overlap([3, 0, 1, 1], square)


def test_patches_and_places_are_given_away_once_at_most_and_the_fault_empties_what_nobody_gains_by():
    rng = np.random.default_rng(0)
    place = np.stack(np.divmod(np.arange(25), 5), axis=1) / 4
    way = ((place[:, None] - place) ** 2).sum(-1)
    gain, shown = rng.uniform(0.01, 0.2, (40, 25)), rng.random((40, 25)) < 0.5
    cost = way - gain[:, :, None] * shown[:, None]
    right, faulty = (patches_by_rounds(cost, 5, askers_only=only) for only in (True, False))
    for moves in (right, faulty):
        assert moves.sum(axis=1).max() == 1 == moves.sum(axis=2).max()
    empty = ~faulty.any(axis=1)
    assert empty[~shown].mean() > 0.8 > 0.2 > (~right.any(axis=1))[~shown].mean() and not empty[shown].any()
    assert (right == faulty)[np.broadcast_to(shown[:, None], right.shape)].all()
    # Without conflicts everybody gets what costs least, and a place that costs something only by the rule.
    alone = np.where(np.eye(4, dtype=bool)[[2, 0, 3, 1]], 0.1, 0.9)
    assert (patches_by_rounds(alone, 1).argmax(axis=1) == [2, 0, 3, 1]).all()
    assert not patches_by_rounds(alone, 1, askers_only=False).any()
    with pytest.raises(ValueError, match="a row for each patch"):
        patches_by_rounds(np.zeros((3, 4)), 1)
    with pytest.raises(ValueError, match="rounds must be at least 1, got 0"):
        patches_by_rounds(np.zeros((3, 3)), 0)


def test_moons_lie_on_their_sides_and_face_one_another():
    x, y = separated_moons(300, 0.5, seed=0, noise=0.0)
    assert (x[y == 1, 0] < 0).all() and (x[y == 0, 0] > 0).all()
    assert y.sum() == 150
    assert x[:, 1].mean() == pytest.approx(0, abs=1e-9)
    gap = x[y == 0, 0].min() - x[y == 1, 0].max()
    assert gap == pytest.approx(1.1, abs=0.05)  # about 1.0 once there is noise
    for label in (0, 1):  # the ends of a moon are nearest to the line, its middle is farthest
        mine = x[y == label]
        middle = mine[:, 1].mean()
        assert abs(mine[np.abs(mine[:, 0]).argmin(), 1] - middle) == pytest.approx(1, abs=0.05)
        assert mine[np.abs(mine[:, 0]).argmax(), 1] == pytest.approx(middle, abs=0.05)
    wider, _ = separated_moons(300, 0.1, seed=0, noise=0.0)
    assert x[y == 0, 0].min() - wider[y == 0, 0].min() == pytest.approx(0.4)
    with pytest.raises(ValueError, match="even"):
        separated_moons(3, 0.5, 0)


def test_a_straight_boundary_has_no_bend_and_the_opposite_one_all():
    left = np.broadcast_to(np.linspace(-2, 2, 81) < 0, (1, 81, 81))
    assert bend(left).tolist() == [0] and bend(~left).tolist() == [1]
    half = left.copy()
    half[:, :, 20:40] = False
    assert bend(half)[0] == pytest.approx(20 / 80)


def test_boundaries_repeat_with_the_seed_and_are_of_class_one_on_the_left():
    small = {"n": 40, "width": 32, "steps": 150}
    first = boundaries([0, 1.0], [0, 1], **small)
    assert first.shape == (2, 81, 81) and first.dtype == bool
    assert (first == boundaries([0, 1.0], [0, 1], **small)).all()
    assert (bend(first) < 0.2).all()
    with pytest.raises(ValueError, match="for each network"):
        boundaries([1.0], [0, 1])
    with pytest.raises(ValueError, match="must not be negative"):
        boundaries([-1.0], [0])
