import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from mixbook.theory import crossings, flattening, loss_floor, spectra

TRIANGLE = np.array([[0, 0], [1, 0], [0.5, 0.9], [0.5, 0.3]])


@given(st.integers(2, 6), st.integers(0, 4), st.floats(0, 10), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_a_solution_labels_every_mixture_right(num_classes, more, spread, seed):
    rng = np.random.default_rng(seed)
    labels = np.r_[np.arange(num_classes), rng.integers(num_classes, size=5)]
    found = flattening.solution(labels, num_classes - 1 + more, rng, spread)
    weights = rng.dirichlet(np.ones(len(labels)))  # of any number of samples, not only two
    output = weights @ found.states @ found.weight + found.bias
    np.testing.assert_allclose(output, weights @ np.eye(num_classes)[labels], atol=1e-10 * (1 + spread))


def test_the_reference_values_of_squared_loss_below_the_critical_dimension():
    for (num_classes, dim), expected in {
        (3, 1): 0.1666666667,
        (4, 1): 0.2777777778,
        (4, 2): 0.1388888889,
        (5, 1): 0.35,
        (5, 2): 0.2333333333,
        (5, 3): 0.1166666667,
        (5, 4): 0,
        (3, 9): 0,
    }.items():
        assert flattening.least_loss(num_classes, dim) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize(
    ("alpha", "floor", "straight"),
    [
        (0.2, 0.2276553520, 0.2465664619),
        (1.0, 0.5, 0.5049470056),
        (2.0, 0.5833333333, 0.5848063285),
    ],
)
def test_the_reference_values_of_cross_entropy(alpha, floor, straight):
    assert loss_floor.pair_entropy(alpha) == pytest.approx(floor, abs=1e-10)
    assert flattening.affine_cross_entropy(alpha) == pytest.approx(straight, abs=1e-9)


def test_with_more_classes_affine_logits_are_further_from_the_floor():
    least = [flattening.affine_cross_entropy(2.0, count) for count in (2, 3, 10)]
    assert least == pytest.approx([0.5848063, 0.6672043, 0.8315688], abs=1e-6)
    # Pairs of one class cost little, and something: c cannot be endless.
    same = flattening.affine_cross_entropy(2.0, 10, same=0.1)
    assert 0.9 * least[-1] + 1e-3 < same < least[-1]


@pytest.mark.parametrize(("dim", "alpha"), [(1, 1.0), (2, 0.4), (3, 3.0)])
def test_any_states_that_fill_the_dimensions_are_equally_good_and_others_are_worse(dim, alpha):
    states = np.random.default_rng(0).standard_normal((5, dim))
    least = flattening.least_loss(5, dim, alpha)
    assert flattening.affine_loss(states, np.arange(5), alpha) == pytest.approx(least, abs=1e-12)
    states[:, -1] = 1
    assert flattening.affine_loss(states, np.arange(5), alpha) > least + 0.01


def test_affine_loss_is_no_more_than_that_of_any_affine_function():
    rng = np.random.default_rng(1)
    states, labels = rng.standard_normal((6, 2)), np.array([0, 1, 2, 0, 1, 2])
    lam = rng.beta(0.7, 0.7, 4000)[:, None]
    i, j = rng.integers(6, size=(2, 4000))
    keep = i != j
    lam, i, j = lam[keep], i[keep], j[keep]
    mixed, target = (lam * a[i] + (1 - lam) * a[j] for a in (np.c_[states, np.ones(6)], np.eye(3)[labels]))
    loss = lambda f: ((mixed @ f.reshape(3, 3) - target) ** 2).sum(1).mean()  # noqa: E731
    sampled = optimize.minimize(loss, np.zeros(9)).fun
    assert flattening.affine_loss(states, labels, 0.7) == pytest.approx(sampled, rel=0.05)
    assert flattening.affine_loss(TRIANGLE, np.array([0, 0, 0, 1])) == pytest.approx(0.2083333333, abs=1e-10)


def test_confidence_in_the_hull_of_two_and_three_classes():
    assert flattening.hull_confidence(2) == 0.75  # max(u, 1 - u) of a uniform u
    assert flattening.hull_confidence(3) == pytest.approx(11 / 18)


def test_measures_of_flatness_do_what_they_say():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 50)
    means = np.array([[10, 0, 0], [0, 10, 0], [0, 0, 10]])[labels]
    line = rng.standard_normal((150, 1)) * [1, 0, 0]
    ball = rng.standard_normal((150, 3))
    flat, round_ = spectra.flatness(means + line, labels), spectra.flatness(means + ball, labels)
    assert flat.ranks == (1, 1, 1) and round_.ranks == (3, 3, 3)
    assert flat.directions == pytest.approx(1) and 2.7 < round_.directions < 3
    assert flat.share == pytest.approx(0, abs=1e-12) and 1.3 < round_.share < 2
    larger = spectra.flatness(7 * (means + ball) + 3, labels)
    assert larger.first == pytest.approx(7 * round_.first) and larger.others == pytest.approx(7 * round_.others)
    for name in ("share", "directions", "ratio", "ranks"):
        assert getattr(larger, name) == pytest.approx(getattr(round_, name))
    # 3 unit variances within, and three means at squared distance 200/3 from theirs.
    assert round_.ratio == pytest.approx(3 / (200 / 3), rel=0.15)
    assert spectra.flatness(means, labels).ranks == (0, 0, 0)
    collapsed = spectra.flatness(means.astype(float), labels)
    assert (collapsed.directions, collapsed.share, collapsed.ratio) == (0, 0, 0)


def test_segments_of_a_square_meet_in_its_middle():
    square = [[0, 0], [1, 1], [0, 1], [1, 0]]
    found = crossings.meetings(square, [0, 0, 1, 1])
    assert len(found) == 1 and found.disagreement[0] == 1
    np.testing.assert_allclose(found.lam, 0.5)
    assert crossings.meetings(square, [0, 1, 0, 1]).disagreement == pytest.approx([0])


def test_a_sample_on_a_segment_is_a_meeting_also_on_a_line():
    found = crossings.meetings([0.0, 1.0, 2.0], [0, 1, 0])
    assert len(found) == 1 and found.disagreement[0] == 1
    assert found.ends[0].tolist() == [[0, 2], [1, 1]]
    assert crossings.meetings([[0, 0, 0], [1, 0, 0], [2, 0, 0]], [0, 0, 0]).disagreement == pytest.approx([0])


@given(st.integers(0, 200), st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_the_gap_is_that_of_a_fine_search(seed, dim):
    points = np.random.default_rng(seed).standard_normal((4, dim))
    steps = np.linspace(0, 1, 201)[:, None]
    searched = np.inf
    for i, j, k, m in ((0, 1, 2, 3), (0, 2, 1, 3), (0, 3, 1, 2)):
        one = steps * points[i] + (1 - steps) * points[j]
        two = steps * points[k] + (1 - steps) * points[m]
        searched = min(searched, np.linalg.norm(one[:, None] - two, axis=2).min())
    gap = crossings.least_gap(points)
    assert gap <= searched + 1e-12
    # A sample may come closer to a segment that shares no end with it only if the pair of its own is that far too.
    assert gap >= min(searched - 0.05, _samples_to_segments(points) - 1e-9)


def _samples_to_segments(points):
    least = np.inf
    for k in range(4):
        for i, j in ((a, b) for a in range(4) for b in range(a) if k not in (a, b)):
            step = points[j] - points[i]
            at = np.clip((points[k] - points[i]) @ step / (step @ step), 0, 1)
            least = min(least, np.linalg.norm(points[i] + at * step - points[k]))
    return least


def test_the_planar_complete_graph_has_a_gap():
    assert crossings.least_gap(TRIANGLE) == pytest.approx(0.2913857588, abs=1e-10)
    assert len(crossings.meetings(TRIANGLE, [0, 1, 2, 3])) == 0
    # The moment curve: in three dimensions any number of samples can keep their segments apart.
    t = np.arange(1, 8) / 7
    assert crossings.least_gap(np.c_[t, t**2, t**3]) > 1e-4


def test_bad_input_is_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="dim must be at least C - 1 = 3, got 2"):
        flattening.solution([0, 1, 2, 3], 2, rng)
    with pytest.raises(ValueError, match="num_classes must be at least 2, got 1"):
        flattening.flat_dimension(1, 3)
    with pytest.raises(ValueError, match="labels must be integers"):
        flattening.affine_loss(rng.standard_normal((3, 2)), [0.0, 1.0, 0.0])
    with pytest.raises(ValueError, match="must be finite"):
        spectra.flatness([[0.0, np.nan], [1.0, 0.0]], [0, 1])
    with pytest.raises(ValueError, match="at least two classes"):
        spectra.flatness([[0.0, 1.0], [1.0, 0.0]], [0, 0])
    with pytest.raises(ValueError, match="alpha must be positive and finite, got 0"):
        flattening.affine_cross_entropy(0)
    with pytest.raises(ValueError, match="num_classes must be at least 2, got 1"):
        flattening.affine_cross_entropy(1.0, 1)
    with pytest.raises(ValueError, match=r"same must be in \[0, 1\), got 1"):
        flattening.affine_cross_entropy(1.0, 3, same=1.0)
    with pytest.raises(ValueError, match="at least 2 and dim at least 0, got 3 and -1"):
        flattening.least_loss(3, -1)
    with pytest.raises(ValueError, match="states must be at least 3, got 2"):
        crossings.least_gap([[0, 0], [1, 1]])
    with pytest.raises(ValueError, match="states must be at least 2"):
        flattening.affine_loss([[1.0, 2.0]], [0])
