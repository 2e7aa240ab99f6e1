"""Chords, rates and radii against fixed points, sampling and shapes whose answer is known."""

import numpy as np
import pytest
from scipy import integrate, stats

from mixbook.theory import coupling, manifolds

ANGLE = np.linspace(0, 2 * np.pi, 800, endpoint=False)
CIRCLE = np.c_[np.cos(ANGLE), np.sin(ANGLE)]
APART = np.array([3, 0])
TANGENT = np.c_[-np.sin(ANGLE), np.cos(ANGLE)][:, None]


def test_cells_that_touch_at_a_corner_are_one_piece():
    along = np.linspace(0, 1, 2000)
    assert manifolds.thickening(np.c_[along, along], 0.03, cells=20) == (1, 0)  # only the diagonal of the raster is inside


@pytest.mark.parametrize(("k", "digits"), [(8, 0.0370370370), (32, 0.0101010101), (128, 0.00258397933)])
def test_interval_cost_by_quadrature(k, digits):
    # The squared distance of two quantile functions is an integral over them: E (U_(j) - V_(j))^2 = 2 Var U_(j).
    variance = [
        integrate.quad(lambda u, j=j: (u - j / (k + 1)) ** 2 * stats.beta.pdf(u, j, k + 1 - j), 0, 1, points=[j / (k + 1)])[
            0
        ]
        for j in range(1, k + 1)
    ]
    assert manifolds.interval_cost(k) == pytest.approx(2 * np.mean(variance), rel=1e-8)
    assert manifolds.interval_cost(k) == pytest.approx(digits, abs=1e-10)


# Points (cos i, sin i) and (cos sqrt2 i, sin sqrt2 i): W_2^2, the longest match, mean and largest sagitta.
@pytest.mark.parametrize(
    ("k", "square", "longest", "mean", "largest"),
    [
        (8, 0.1996381562, 0.8049402477, 0.02563947172, 0.0845668788),
        (16, 0.02434383612, 0.3113510506, 0.003054176523, 0.01219175402),
        (32, 0.008055437279, 0.1913227214, 0.001007976274, 0.004586063959),
        (64, 0.004260680659, 0.184132098, 0.0005329896147, 0.004247097608),
        (128, 0.002198331838, 0.1271458879, 0.000274890668, 0.002022805472),
        (256, 0.0004302672582, 0.06062366072, 5.378747507e-05, 0.0004595091043),
    ],
)
def test_fixed_points_on_the_circle(k, square, longest, mean, largest):
    i = np.arange(1, k + 1)
    p, q = (np.c_[np.cos(turn * i), np.sin(turn * i)] for turn in (1, np.sqrt(2)))
    partner = coupling.match(p, q)
    length = coupling.lengths(p, q, partner)
    stray = 1 - np.linalg.norm(p + q[partner], axis=1) / 2
    assert [(length**2).mean(), length.max()] == pytest.approx([square, longest], rel=1e-9)
    assert [stray.mean(), stray.max()] == pytest.approx([mean, largest], rel=1e-8)
    assert manifolds.sagitta(length, 1.0) == pytest.approx(stray, abs=1e-14)
    seen = manifolds.straying(p, q[partner], lambda x: abs(1 - np.linalg.norm(x, axis=-1)))
    assert seen == pytest.approx(stray, abs=1e-14)


def test_matched_points_on_a_circle_follow_the_law_of_the_brownian_bridge():
    """k E W_2^2 tends to 2 pi^2 / 3: the variance along a Brownian bridge, 1/12, times 2 (2 pi)^2."""
    k, rng = 128, np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, (2, 100, k))
    p, q = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    cost = k * (coupling.lengths(p, q, coupling.match(p, q)) ** 2).mean(axis=1)
    assert cost.mean() == pytest.approx(2 * np.pi**2 / 3, abs=4 * cost.std() / 10)


def test_two_pieces_cost_at_least_what_must_cross():
    rng = np.random.default_rng(0)
    for k, masses in ((4, [0.5, 0.5]), (32, [0.2, 0.8])):
        side = (rng.random((2, 200, k)) < masses[1]).astype(float)
        p, q = np.stack([rng.random((2, 200, k)), 3 * side], axis=-1)
        cost = (coupling.lengths(p, q, coupling.match(p, q)) ** 2).mean(axis=1)
        floor = manifolds.pieces_floor(3.0, masses, k)
        assert floor <= cost.mean() + 4 * cost.std() / np.sqrt(200)
        assert cost.mean() < 1.5 * floor


def test_sagitta_and_leaving_length_are_inverse_and_know_no_unit():
    eps = np.array([1e-9, 0.01, 0.3, 0.99])
    for reach in (1.0, 250.0):
        length = np.array([manifolds.leaving_length(reach * e, reach) for e in eps])
        assert manifolds.sagitta(length, reach) == pytest.approx(reach * eps, rel=1e-12)
    assert manifolds.leaving_length(0.5) == 1.0  # nothing known: a chord is within half its length
    assert manifolds.leaving_length(2.0, 1.0) == 4.0  # beyond the reach, the same
    assert manifolds.leaving_length(0.1, np.inf) == np.inf
    assert (manifolds.sagitta([0.0, 5.0], np.inf) == 0).all()
    assert manifolds.sagitta([3.0], 1.0) == 1.5
    assert manifolds.sagitta([3.0], 0.0) == 1.5
    assert manifolds.sagitta([1, 3], 1) == pytest.approx([1 - 0.75**0.5, 1.5])


def test_no_chord_strays_farther_than_its_sagitta():
    """On an ellipse, whose reach is that of its sharpest bend; and on a set that nothing is known of."""
    rng = np.random.default_rng(0)
    ellipse = CIRCLE * [2, 1]
    p, q = ellipse[rng.integers(800, size=(2, 500))]
    length, stray = np.linalg.norm(p - q, axis=1), manifolds.straying(p, q, manifolds.to_nearest(ellipse))
    spacing = 0.01  # the samples are an ellipse up to half of that
    assert (stray <= manifolds.sagitta(length, 0.5) + spacing).all()
    assert (stray > 0.9 * manifolds.sagitta(length, 0.5))[length < 0.3].any()
    cloud = rng.normal(size=(50, 3))
    p, q = cloud[rng.integers(50, size=(2, 500))]
    assert (manifolds.straying(p, q, manifolds.to_nearest(cloud)) <= np.linalg.norm(p - q, axis=1) / 2 + 1e-12).all()


@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_reach_of_known_shapes(scale):
    ellipse = CIRCLE * [2, 1]
    tangent = TANGENT[:, 0] * [2, 1]
    tangent = (tangent / np.linalg.norm(tangent, axis=1, keepdims=True))[:, None]
    assert manifolds.reach(scale * CIRCLE, TANGENT) == pytest.approx(scale, rel=1e-6)
    assert manifolds.reach(scale * ellipse, tangent) == pytest.approx(scale / 2, rel=1e-3)
    assert manifolds.reach(scale * ellipse, dim=1) == pytest.approx(scale / 2, rel=1e-3)
    two = np.r_[CIRCLE, CIRCLE + np.array([2.6, 0])]  # a bottleneck of width 0.6
    assert manifolds.reach(scale * two, np.r_[TANGENT, TANGENT]) == pytest.approx(0.3 * scale, rel=1e-6)
    line = np.linspace(0, scale, 50)[:, None] * [3, 4, 0]
    assert manifolds.reach(line, np.tile([[[0.6, 0.8, 0]]], (50, 1, 1))) == np.inf


def test_reach_of_a_sphere_in_space():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 3))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    planes = np.stack([np.linalg.svd(each[None])[2][1:] for each in x])
    assert manifolds.reach(2 * x, planes) == pytest.approx(2, rel=1e-6)


def _on_a_circle(rng, n):
    angle = rng.uniform(0, 2 * np.pi, n)
    return np.c_[np.cos(angle), np.sin(angle)]


def _on_a_sphere(rng, n):
    x = rng.normal(size=(n, 3))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def _on_a_torus(rng, n):
    p, q = _on_a_circle(rng, n), _on_a_circle(rng, n)
    return np.c_[(2 + 0.5 * q[:, :1]) * p, 0.5 * q[:, 1]]


def _on_two_circles(rng, n):
    return np.r_[_on_a_circle(rng, n // 2), _on_a_circle(rng, n // 2) + np.array([2.6, 0])]


@pytest.mark.parametrize(
    ("draw", "dim", "right", "off"),
    [
        (_on_a_circle, 1, 1.0, 0.01),
        (_on_a_sphere, 2, 1.0, 0.1),
        (_on_a_torus, 2, 0.5, 0.2),
        (_on_two_circles, 1, 0.3, 0.01),
    ],
)
def test_reach_from_random_samples_gets_better_with_more_of_them(draw, dim, right, off):
    """The nearest pairs, for which an estimated tangent is never good enough, must not decide."""
    rng = np.random.default_rng(0)
    few, many = ([manifolds.reach(draw(rng, n), dim=dim) for _ in range(3)] for n in (300, 1500))
    assert many == pytest.approx([right] * 3, rel=off)
    assert np.abs(np.subtract(many, right)).mean() < np.abs(np.subtract(few, right)).mean()


def test_tangents_of_random_samples_are_wrong_by_the_square_of_a_neighbourhood():
    rng, wrong = np.random.default_rng(0), []
    for n in (400, 1600):
        x = _on_a_sphere(rng, n)
        # On a sphere the point itself is the normal: the sine of the angle is what of it lies in the tangent plane.
        wrong.append(np.sqrt(np.mean((manifolds.tangents(x, 2) @ x[..., None]) ** 2)))
    assert wrong[1] < 0.4 * wrong[0]  # four times as many are half as far apart
    line = rng.uniform(size=(60, 1)) * [3, 4, 0]
    assert manifolds.reach(line, dim=1) == np.inf


def test_pieces_and_holes_of_a_thickened_set():
    assert manifolds.thickening(CIRCLE, 0.2) == (1, 1)
    assert manifolds.thickening(CIRCLE, 1.1) == (1, 0)
    assert manifolds.thickening(np.r_[CIRCLE, CIRCLE + APART], 0.2) == (2, 2)
    assert manifolds.thickening(np.r_[CIRCLE, CIRCLE + APART], 0.6) == (1, 2)


@pytest.mark.parametrize("scale", [0.01, 100.0])
def test_injectivity_radius_is_not_the_reach(scale):
    ellipse = scale * CIRCLE * [2, 1]
    assert manifolds.injectivity_radius(ellipse, 0.05 * scale, 1.3 * scale) == pytest.approx(scale, rel=0.03)
    assert manifolds.injectivity_radius(ellipse, 0.05 * scale, 0.9 * scale) == np.inf


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: manifolds.interval_cost(0), "k must be at least 1"),
        (lambda: manifolds.pieces_floor(-1, [1.0], 4), "gap must not be negative"),
        (lambda: manifolds.sagitta([-1.0], 1), "must not be negative"),
        (lambda: manifolds.leaving_length(0), "eps must be positive"),
        (lambda: manifolds.straying([[0.0]], [[0.0], [1.0]], abs), "shape"),
        (lambda: manifolds.straying([[0.0]], [[1.0]], abs, steps=1), "steps must be at least 2"),
        (lambda: manifolds.to_nearest([0.0, 1.0]), r"shape \(n, d\)"),
        (lambda: manifolds.tangents(CIRCLE, 3), "dim must be between 1"),
        (lambda: manifolds.tangents(CIRCLE, 1, neighbours=800), "neighbours must be between 2 and 799"),
        (lambda: manifolds.tangents(CIRCLE, 2, neighbours=4), "neighbours must be between 5 and 799"),
        (lambda: manifolds.reach(CIRCLE, TANGENT[:, 0]), "tangent"),
        (lambda: manifolds.reach(CIRCLE), "one of the two"),
        (lambda: manifolds.reach(CIRCLE, TANGENT, dim=1), "one of the two"),
        (lambda: manifolds.thickening(np.zeros((4, 3)), 0.1), "plane"),
        (lambda: manifolds.thickening(CIRCLE, 0), "eps must be positive"),
        (lambda: manifolds.injectivity_radius(CIRCLE, 0.5, 0.2), "start and stop"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
