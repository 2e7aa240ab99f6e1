"""Linear classifiers with and without mixup, against solvers and closed forms of other people."""

import numpy as np
import pytest
import torch
from scipy import integrate, optimize
from sklearn.svm import SVC

import mixbook as mb
from mixbook.theory.linear import (
    angle,
    gradient_descent,
    interpolating,
    margins,
    max_margin,
    mixup_margin,
    mixup_objective,
    mixup_solution,
    support_weights,
)

SINE = np.sin([[1 + i * j**2 for j in range(1, 7)] for i in range(1, 5)])
LABELS = np.array([1.0, 1, 1, -1])


def gaussian(ones, others, dim, seed=0):
    x = np.random.default_rng(seed).standard_normal((ones + others, dim))
    return x, np.repeat([1.0, -1.0], [ones, others])


def test_the_reference_values_of_four_samples():
    theta = mixup_solution(SINE, LABELS, 1.0)
    expected = [0.6697642637, 2.3887855206, 1.2518986378, -1.6439219325, 4.9337816116, -1.5180999467]
    assert theta == pytest.approx(expected, abs=1e-9)
    assert margins(theta, SINE, LABELS) == pytest.approx([3.9570057008] * 3 + [3.5835993208], abs=1e-9)
    assert np.cos(np.radians(angle(theta, max_margin(SINE, LABELS)))) == pytest.approx(0.9995069938, abs=1e-9)
    across = mixup_solution(SINE, LABELS, 1.0, "across")
    assert margins(across, SINE, LABELS) == pytest.approx([2.5996819083] * 4, abs=1e-9)


def test_the_reference_values_of_one_pairs_curvature():
    x, y, theta = [[1, 2, -0.5], [0.3, -1, 0.8]], [1.0, -1], [0.4, -0.2, 0.7]
    hessian = mixup_objective(theta, x, y, 1.0, "across").hessian
    above = [[0.1131164648, 0.1254027235, 0.0033097025], [0.2436321424, -0.0584422121], [0.0369754839]]
    for row, expected in enumerate(above):
        assert hessian[row, row:] == pytest.approx(expected, abs=1e-10)
    flat, least, _ = np.linalg.eigvalsh(hessian)  # of rank 2: flat across the span of the two samples
    assert [flat, least] == pytest.approx([0, 0.0658765681], abs=1e-10)


@pytest.mark.parametrize(
    ("ones", "others", "alpha", "expected"),
    [
        (5, 5, 1.0, (3.5422833095, 3.5422833095)),
        (7, 3, 1.0, (3.8266397614, 3.5354260235)),
        (9, 1, 1.0, (4.6928116644, 3.9829560635)),
        (99, 1, 1.0, (6.7484992388, 5.3401199234)),
        (7, 3, 0.2, (4.4835656551, 4.1025116730)),
    ],
)
def test_margins_depend_on_the_sizes_of_the_classes_alone(ones, others, alpha, expected):
    # Where any margins can be had, those of a class are equal, so independent rows of the identity will do.
    y = np.repeat([1.0, -1.0], [ones, others])
    found = margins(mixup_solution(np.eye(len(y)), y, alpha), np.eye(len(y)), y)
    assert found[[0, -1]] == pytest.approx(expected, abs=1e-8)
    assert np.ptp(found[:ones]) < 1e-9 and np.ptp(found[ones:]) < 1e-9


@pytest.mark.parametrize(
    ("alpha", "expected"),
    [(0.1, 3.99679199), (0.5, 2.9264663212), (1, 2.5996819083), (2, 2.3630104562), (8, 2.1124128821), (128, 2.0077524710)],
)
def test_the_margin_of_one_pair(alpha, expected):
    assert mixup_margin(alpha) == pytest.approx(expected, abs=2e-9)


def test_the_margin_of_one_pair_for_alpha_one_fifth_by_adaptive_quadrature():
    def excess(k):  # lambda = s^5 takes the singularity of the density away
        f = lambda s: 5 * (1 - s**5) ** -0.8 * (1 - 2 * s**5) * (np.tanh(k * (1 - 2 * s**5) / 2) - (1 - 2 * s**5))  # noqa: E731
        return integrate.quad(f, 0, 0.5**0.2, epsabs=1e-13)[0]

    assert mixup_margin(0.2) == pytest.approx(optimize.brentq(excess, 2, 6, xtol=1e-12), abs=1e-9)


@pytest.mark.parametrize("law", [0.2, 1.0, 16.0, (2.0, 5.0)])
def test_equal_classes_and_an_interpolating_margin_make_one_direction(law):
    x, y = gaussian(6, 6, 300)
    assert angle(max_margin(x, y), interpolating(x, y)) < 1e-6
    assert angle(mixup_solution(x, y, law), interpolating(x, y)) < 1e-6


def test_mirrored_laws_have_one_loss():
    x, y = gaussian(4, 7, 3)
    theta = np.array([0.3, -1, 0.5])
    assert mixup_objective(theta, x, y, (2, 5)).value == pytest.approx(
        mixup_objective(theta, x, y, (5, 2)).value, abs=1e-14
    )


def test_copies_of_the_small_class_restore_the_theorem():
    x, y = gaussian(6, 2, 300)
    thrice = np.r_[np.arange(6), np.repeat([6, 7], 3)]
    assert angle(mixup_solution(x, y, 1.0), max_margin(x, y)) > 1
    assert angle(mixup_solution(x[thrice], y[thrice], 1.0), max_margin(x, y)) < 1e-6


def test_the_maximum_margin_is_that_of_a_support_vector_machine():
    # Mirrored samples make its bias 0.
    x, y = gaussian(20, 20, 5, seed=3)
    x += 3 * y[:, None]
    x, y = np.r_[x, -x], np.r_[y, -y]
    machine = SVC(kernel="linear", C=1e9, tol=1e-10).fit(x, y)
    assert machine.intercept_ == pytest.approx(0, abs=1e-6)
    assert angle(max_margin(x, y), machine.coef_[0]) < 1e-3
    assert margins(max_margin(x, y), x, y).min() == pytest.approx(1, abs=1e-9)


def test_the_objective_is_the_mean_loss_of_the_packages_own_mixtures():
    x, y = gaussian(3, 5, 2)
    theta = np.array([0.7, -0.4])
    mixer = mb.mixup(alpha=0.5, generator=torch.Generator().manual_seed(0))
    labels, samples = torch.tensor(y > 0).long(), torch.tensor(x)
    losses = []
    for _ in range(3000):
        plan = mixer.plan(samples)
        logits, target = plan.apply(samples) @ torch.tensor(theta), plan.targets(labels, 2)[:, 1]
        losses.append(torch.nn.functional.binary_cross_entropy_with_logits(logits, target.double()).item())
    error = np.std(losses) / len(losses) ** 0.5
    assert mixup_objective(theta, x, y, 0.5).value == pytest.approx(np.mean(losses), abs=4 * error)


@pytest.mark.parametrize("law", [0.7, (2.0, 0.7)])
def test_derivatives_of_the_objective(law):
    x, y = gaussian(3, 4, 5)
    theta, step = np.linspace(-1, 1, 5), 1e-5 * np.eye(5)
    here = mixup_objective(theta, x, y, law)
    around = [(mixup_objective(theta + s, x, y, law), mixup_objective(theta - s, x, y, law)) for s in step]
    assert here.gradient == pytest.approx([(up.value - down.value) / 2e-5 for up, down in around], abs=1e-9)
    assert here.hessian == pytest.approx(np.array([(up.gradient - down.gradient) / 2e-5 for up, down in around]), abs=1e-8)


@pytest.mark.parametrize("pairs", ["all", "across"])
def test_the_solution_is_a_minimum_also_where_classes_overlap(pairs):
    x, y = gaussian(30, 20, 3)
    x[:, 1] = x[:, 0]  # the span has fewer dimensions than there are features
    theta = mixup_solution(x, y, 1.0, pairs)
    assert np.abs(mixup_objective(theta, x, y, 1.0, pairs).gradient).max() < 1e-12
    assert theta[0] == pytest.approx(theta[1], abs=1e-10)


def test_rounding_of_centred_float32_features_is_no_direction():
    x, y = gaussian(10, 10, 30)
    x[:, 25:] = 0.3  # constant features, which centring leaves as rounding
    short = x.astype(np.float32)
    assert angle(mixup_solution(short - short.mean(0), y, 1.0), mixup_solution(x - x.mean(0), y, 1.0)) < 1e-2


def test_rounding_of_float32_features_makes_no_margins_equal():
    x = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, np.nextafter(np.float32(3), np.float32(4))]], dtype=np.float32)
    with pytest.raises(ValueError, match="no direction gives equal margins"):
        interpolating(x, [1.0, -1.0])


def test_gradient_descent_tends_to_the_maximum_margin():
    x, y = gaussian(5, 5, 240, seed=1)
    thetas = [gradient_descent(x, y, steps) for steps in (10, 1000, 100_000)]
    apart = [1 - np.cos(np.radians(angle(theta, max_margin(x, y)))) for theta in thetas]
    assert apart == pytest.approx([1.67e-3, 2.365e-4, 9.35e-5], rel=3e-3)
    smallest = [margins(theta, x, y).min() for theta in thetas]
    assert [a * m**2 for a, m in zip(apart, smallest, strict=True)][1:] == pytest.approx([0.01384, 0.01403], rel=2e-3)


def test_a_rate_that_is_given_is_used():
    first = gradient_descent(SINE, LABELS, 1, rate=0.3)
    assert first == pytest.approx(0.3 * (LABELS[:, None] * SINE).mean(axis=0) / 2)


def test_support_weights_say_when_the_margin_interpolates():
    seen = set()
    for seed in range(60):
        x, y = gaussian(4, 4, 20, seed)
        interpolates = np.ptp(margins(max_margin(x, y), x, y)) < 1e-9
        assert (support_weights(x, y) >= 0).all() == interpolates
        seen.add(bool(interpolates))
    assert seen == {True, False}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: max_margin(np.r_[SINE, SINE], np.r_[LABELS, -LABELS]), "not separable"),
        (lambda: interpolating(np.ones((3, 1)), [1, -1, -1]), "no direction gives equal margins"),
        (lambda: support_weights(np.r_[SINE, SINE], np.r_[LABELS, LABELS]), "linearly independent"),
        (lambda: mixup_solution(SINE, [1, 1, 1, 1], 1.0), "both of them"),
        (lambda: mixup_solution(SINE, [0, 1, 1, 0], 1.0), "labels \\+1 and -1"),
        (lambda: mixup_solution(SINE, LABELS, 0.0), "alpha must be positive"),
        (lambda: mixup_solution(SINE, LABELS, 1.0, "some"), "pairs must be one of"),
        (lambda: mixup_margin((1.0, -1.0)), "alpha must be positive"),
        (lambda: margins([1, 2], SINE, LABELS), "6 features"),
        (lambda: margins(np.ones(6), SINE * np.nan, LABELS), "finite"),
        (lambda: margins(np.ones(6), SINE, LABELS[:3]), "x must be"),
        (lambda: gradient_descent(SINE, LABELS, 0), "must be positive"),
        (lambda: gradient_descent(SINE, LABELS, 5, rate=-1.0), "must be positive"),
    ],
)
def test_nonsense_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("unit", [1e-9, 1e-4, 1e6])
def test_units_do_not_decide_what_is_separable(unit):
    assert unit * max_margin(unit * SINE, LABELS) == pytest.approx(max_margin(SINE, LABELS), rel=1e-6)
    x, y = gaussian(40, 40, 3)
    with pytest.raises(ValueError, match="not separable"):
        max_margin(unit * x, y)
