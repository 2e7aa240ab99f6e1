"""The certificate of Theorem 3.2 and the margins between classes, against the optimum itself."""

import numpy as np
import pytest

from mixbook.theory.laws import StepLaw
from mixbook.theory.lines import alternating_line
from mixbook.theory.margins import certificate, sample_margins
from mixbook.theory.vicinal import optimal

# The origin on three segments, with shares 0.9, 0.6 and 0.75 of class 0.
WAYS = np.array([[1.0, 0.0], [0.0, 1.0], [0.5**0.5, 0.5**0.5]])
SHARES, LENGTHS = np.array([0.9, 0.6, 0.75]), np.array([1.0, 3.0, 2.0])
POINTS = np.r_[-((1 - SHARES) * LENGTHS)[:, None] * WAYS, (SHARES * LENGTHS)[:, None] * WAYS]
LABELS = np.array([0, 0, 0, 1, 1, 1])


def test_reference_values_at_the_crossing():
    for alpha, theirs in ((1, 0.804545454545), (4, 0.682600851937), ((1, 5), 0.854447745648), ((5, 1), 0.854447745648)):
        assert optimal(POINTS, LABELS, [[0.0, 0.0]], 0, alpha)[0, 0] == pytest.approx(theirs, abs=1e-11)


def test_a_certificate_bounds_the_optimum_wherever_it_is_given():
    """Points on segments of random sets: the certified class is the answer, with 1 - delta at least, for several laws."""
    rng = np.random.default_rng(0)
    given = 0
    for _ in range(40):
        points, labels = rng.integers(0, 5, size=(7, 2)).astype(float), rng.integers(3, size=7)
        points, first = np.unique(points, axis=0, return_index=True)
        labels = labels[first]
        i, j = rng.choice(len(points), 2, replace=False)
        x = points[i] + rng.choice([0.2, 0.25, 0.5]) * (points[j] - points[i])
        found = certificate(points, labels, x)
        if found:
            given += 1
            for alpha in (0.5, 1.0, 8.0, (1.0, 5.0)):
                h = optimal(points, labels, [x], 0, alpha, 3)[0]
                assert h.argmax() == found.label
                assert h[found.label] >= 1 - found.delta - 1e-12
    assert given > 10


def test_a_certificate_is_refused_where_a_segment_leans_to_another_class():
    points, labels = alternating_line(3, 2)
    assert certificate(points, labels, 0.25).label == 0
    assert certificate(points, labels, 0.75) is None  # the middle sample is nearer on one segment, absent on the other
    assert certificate(points, labels, 1.0) is None  # a segment of class 0 passes over a sample of class 1
    assert certificate(points, labels, 7.0) is None  # no mixture falls there
    assert certificate([[0.0, 0.0], [1.0, 0.0]], [0, 1], [0.5, 0.0]) is None  # a tie


def test_continuity_is_claimed_where_the_optimum_has_it():
    crossing = certificate(POINTS, LABELS, [0.0, 0.0])
    assert (crossing.label, crossing.segments, crossing.continuous) == (0, 3, False)
    assert crossing.delta == pytest.approx(0.4)
    beside = optimal(POINTS, LABELS, 1e-7 * WAYS, 0, 1.0)[:, 0]
    assert beside == pytest.approx(SHARES, abs=1e-6)
    alone = certificate(POINTS, LABELS, 0.05 * WAYS[0])
    assert (alone.segments, alone.continuous) == (1, True)
    # On a line, segments overlap, and the optimum is a ratio of continuous densities; but not at a sample between.
    points, labels = [0.0, 1.0, 10.0], [0, 0, 1]
    assert certificate(points, labels, 0.5).continuous
    assert not certificate(points, labels, 1.0).continuous
    at_it, beside = optimal(points, labels, [1.0, 1 - 1e-6], 0, 1.0)[:, 0]
    assert at_it == 1
    assert beside < 0.992  # the segment from 0 to 10 brings 0.9, the one from 0 to 1 brings 1
    # Samples at the ends of segments only are safe (Theorem 2.10).
    assert certificate(POINTS, LABELS, POINTS[0]).continuous


def test_the_margin_is_half_of_every_way_where_nothing_interferes():
    points, labels = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 10.0]]), np.array([0, 1, 1])
    found = sample_margins(points, labels, 0, 1.0, steps=40)
    assert found.kept == pytest.approx(0.5, abs=0.026)
    far = found.margin[(found.start == 0) & (found.end == 2)]
    assert far == pytest.approx(5, abs=0.26)  # ten times the half-distance of the nearest pair


def test_the_margin_is_lost_with_the_sample():
    points, labels = alternating_line(3, 2)
    kept = {alpha: sample_margins(points, labels, 0.12, alpha).kept for alpha in (1.0, 32.0)}
    assert (kept[1.0] > 0.2).all()
    from_middle = np.array([1, 2])  # the ways 0-1, 1-0, 1-2, 2-1
    assert (kept[32.0][from_middle] == 0).all()


@pytest.mark.parametrize("eps", [0, 0.01])
@pytest.mark.parametrize("alpha", [1.0, 1024.0, 1e5])
def test_the_margin_is_half_of_the_way_however_rare_mixtures_are_on_it(alpha, eps):
    for points in ([0.0, 1.0], [[0.0, 0.0], [0.6, 0.8]]):
        found = sample_margins(points, [0, 1], eps, alpha, steps=63)
        assert found.kept == pytest.approx(0.5)


def test_a_way_on_which_no_mixture_falls_is_refused():
    law = StepLaw([0, 0.25, 0.75, 1], [1, 0, 1])
    with pytest.raises(ValueError, match=r"no mixture falls 0\.3 of the way from sample 0 to sample 1"):
        sample_margins([0.0, 1.0], [0, 1], 0, law, steps=10)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="x must have the 2 coordinates of points"):
        certificate(POINTS, LABELS, 0.0)
    with pytest.raises(ValueError, match="x must be finite"):
        certificate(POINTS, LABELS, [0.0, np.nan])
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        sample_margins(POINTS, LABELS, 0, 1.0, steps=0)
    with pytest.raises(ValueError, match="labels must hold two classes"):
        sample_margins(POINTS, 0 * LABELS, 0, 1.0)


def test_the_middle_of_a_step_is_where_an_answer_is_lost():
    # Between two samples the answer changes halfway, in the middle of the second of three steps.
    assert sample_margins([0.0, 1.0], [0, 1], 0.1, 1.0, steps=3).kept == pytest.approx([0.5, 0.5])


def test_segments_that_begin_at_a_sample_do_not_pass_through_it():
    assert certificate([0.0, 1.0, 2.0], [0, 1, 1], [2.0]).segments == 0
