"""The mixup-optimal classifier against computations that share nothing with it but the data."""

import re

import numpy as np
import pytest
from scipy import integrate, optimize, special, stats

from mixbook.theory import laws
from mixbook.theory.checks.vicinal import Restless, theorem_2_7
from mixbook.theory.laws import StepLaw, symmetrised
from mixbook.theory.lines import alternating_line, critical_alpha
from mixbook.theory.loss_floor import minimum_loss, pair_entropy
from mixbook.theory.samples import on_segment
from mixbook.theory.vicinal import optimal, pair_masses

# Three samples on a line with classes A, B, A, and seven in the plane with three classes.
LINE, LINE_LABELS = np.array([0.0, 1.0, 2.0]), np.array([0, 1, 0])
INDEX = np.arange(7)
PLANE, PLANE_LABELS = np.c_[np.cos(INDEX) + 0.3 * INDEX, np.sin(2 * INDEX)], INDEX % 3


def ball_by_quadrature(points, labels, x, eps, law, num_classes):
    """Class masses of the mixtures in a ball: each ordered pair's interval of lambda by bisection, then quadrature."""
    masses = np.zeros(num_classes)
    for s, class_s in zip(points, labels, strict=True):
        for t, class_t in zip(points, labels, strict=True):

            def outside(lam, s=s, t=t):
                return np.linalg.norm(lam * s + (1 - lam) * t - x) - eps

            nearest = optimize.minimize_scalar(outside, bounds=(0, 1), method="bounded", options={"xatol": 1e-12}).x
            if outside(nearest) >= 0:
                continue
            lo = 0.0 if outside(0) < 0 else optimize.brentq(outside, 0, nearest, xtol=1e-15)
            hi = 1.0 if outside(1) < 0 else optimize.brentq(outside, nearest, 1, xtol=1e-15)
            mass = integrate.quad(law.pdf, lo, hi, epsabs=1e-13)[0]
            share = integrate.quad(lambda lam: lam * law.pdf(lam), lo, hi, epsabs=1e-13)[0]
            masses[class_s] += share
            masses[class_t] += mass - share
    return masses


def best_constant(masses):
    """Minimiser of the cross entropy over constant answers, by a solver that does not know that it is the mean."""
    found = optimize.minimize(
        lambda logits: -(masses * special.log_softmax(logits)).sum() / masses.sum(), np.zeros(len(masses)), tol=1e-14
    )
    return special.softmax(found.x)


@pytest.mark.parametrize("law", [(1, 1), (2, 2), (3, 5)])
@pytest.mark.parametrize(("x", "eps"), [((0.5, 0.2), 0.3), ((1.2, -0.1), 0.5)])
def test_optimum_on_a_ball_minimises_its_mixup_loss(law, x, eps):
    masses = ball_by_quadrature(PLANE, PLANE_LABELS, np.array(x), eps, stats.beta(*law), 3)
    ours = optimal(PLANE, PLANE_LABELS, [x], eps, law)[0]
    assert ours == pytest.approx(masses / masses.sum(), abs=1e-9)
    assert ours == pytest.approx(best_constant(masses), abs=1e-5)


def test_optimum_is_the_mean_target_of_sampled_mixtures():
    rng = np.random.default_rng(0)
    first, second = rng.integers(7, size=(2, 400_000))
    lam = rng.beta(0.5, 0.5, 400_000)[:, None]
    near = np.linalg.norm(lam * PLANE[first] + (1 - lam) * PLANE[second] - [0.2, 0.6], axis=1) < 0.25
    targets = lam * np.eye(3)[PLANE_LABELS[first]] + (1 - lam) * np.eye(3)[PLANE_LABELS[second]]
    error = 5 * targets[near].std(axis=0) / np.sqrt(near.sum())
    assert near.sum() > 2_000
    assert np.all(abs(optimal(PLANE, PLANE_LABELS, [[0.2, 0.6]], 0.25, 0.5, 3)[0] - targets[near].mean(axis=0)) <= error)


def _mass(a, b, lo, hi):
    return special.betainc(a, b, hi) - special.betainc(a, b, lo)


def test_masses_of_pairs_add_up_to_the_optimum_and_to_the_mixtures_in_the_ball():
    masses = pair_masses(PLANE, PLANE_LABELS, [0.5, 0.2], 0.3, (3.0, 5.0))
    theirs = ball_by_quadrature(PLANE, PLANE_LABELS, np.array([0.5, 0.2]), 0.3, stats.beta(3, 5), 3)
    assert masses.by_class == pytest.approx(theirs / 49, abs=1e-9)
    assert masses.total.sum() == pytest.approx(masses.by_class.sum(), abs=1e-14)
    assert pair_masses(PLANE, PLANE_LABELS, [0.0, 0.0], 50.0, (3.0, 5.0)).total.sum() == pytest.approx(1)


def test_reference_values_of_the_closed_form():
    """Digits of a second program, with intervals by bisection and Gauss's rule."""
    at = {1.0: (0.17261100722, 0.53765304988, 0.28973594290), 2.0: (0.17394831482, 0.53475005843, 0.29130162675)}
    for alpha, theirs in at.items():
        assert optimal(PLANE, PLANE_LABELS, [[0.5, 0.2]], 0.3, alpha)[0] == pytest.approx(theirs, abs=1e-10)
    theirs = (0.17422643344, 0.53434234875, 0.29143121782)
    assert optimal(PLANE, PLANE_LABELS, [[0.5, 0.2]], 0.3, (3, 5))[0] == pytest.approx(theirs, abs=1e-10)
    theirs = (0.55946848184, 0.12837526394, 0.31215625422)
    assert optimal(PLANE, PLANE_LABELS, [[1.2, -0.1]], 0.5, 2)[0] == pytest.approx(theirs, abs=1e-10)
    theirs = (0.35459450185, 0.64540549815, 0)
    assert optimal(PLANE, PLANE_LABELS, [[0.2, 0.6]], 0.25, 1)[0] == pytest.approx(theirs, abs=1e-10)
    for eps, alpha, ends in ((0.1, 1, 0.9923076923), (0.25, 8, 0.9927824426), (0.5, 8, 0.8025116700)):
        assert optimal(LINE, LINE_LABELS, [0.0], eps, alpha)[0, 0] == pytest.approx(ends, abs=1e-9)
    for eps, alpha, middle in ((0.1, 1, 0.1375), (0.1, 32, 0.5351621990), (0.25, 8, 0.5670534787), (0.5, 8, 0.5545590315)):
        assert optimal(LINE, LINE_LABELS, [1.0], eps, alpha)[0, 0] == pytest.approx(middle, abs=1e-9)


@pytest.mark.parametrize(("x", "eps", "meets"), [([0.5, 0.2], 0.3, False), ([1.2, -0.1], 0.5, True)])
def test_the_short_form_of_corollary_c1_adds_the_pairs_of_one_class_once(x, eps, meets):
    masses = pair_masses(PLANE, PLANE_LABELS, x, eps, 2.0)
    own, others = np.diag(masses.total), 2 * (masses.first.sum(axis=1) - np.diag(masses.first))
    right = optimal(PLANE, PLANE_LABELS, [x], eps, 2.0)[0]
    assert (own + others) / (own + others).sum() == pytest.approx(right, abs=1e-12)
    for wrong in (others, 2 * own + others):  # without j != i in its sum, the short form is the second
        assert (abs(wrong / wrong.sum() - right).max() > 0.1) == meets
    if meets:
        assert (2 * own + others) / (2 * own + others).sum() == pytest.approx(
            (0.66115877, 0.09874170, 0.24009952), abs=1e-7
        )


def test_the_short_form_of_corollary_c1_needs_a_symmetric_law():
    def short(alpha):
        masses = pair_masses(PLANE, PLANE_LABELS, [0.5, 0.2], 0.3, alpha)
        of_class = 2 * masses.first.sum(axis=1) + np.diag(masses.total) - 2 * np.diag(masses.first)
        return of_class / of_class.sum()

    right = optimal(PLANE, PLANE_LABELS, [[0.5, 0.2]], 0.3, (2, 1))[0]
    assert short(symmetrised((2, 1))) == pytest.approx(right, abs=1e-12)
    assert short((2, 1)) == pytest.approx((0.1739917, 0.5720691, 0.2539392), abs=1e-7)
    assert abs(short((2, 1)) - right).max() > 0.03


def test_a_histogram_of_lambda_serves_as_a_law():
    edges = np.linspace(0, 1, 2001)
    law = StepLaw(edges, np.diff(stats.beta.cdf(edges, 2, 3)))
    z = np.vstack([PLANE[:2], 0.3 * PLANE[1] + 0.7 * PLANE[2]])
    for eps in (0.0, 0.3):
        assert optimal(PLANE, PLANE_LABELS, z, eps, law) == pytest.approx(
            optimal(PLANE, PLANE_LABELS, z, eps, (2, 3)), abs=1e-3
        )
    assert pair_entropy(law) == pytest.approx(pair_entropy((2, 3)), abs=1e-5)


@pytest.mark.parametrize(
    "law",
    [laws.BetaLaw(0.5, 2.0), StepLaw([0, 0.3, 1], [1, 2]), symmetrised((5, 2)), Restless(), Restless(power=1)],
    ids=lambda law: type(law).__name__,
)
def test_a_law_agrees_with_its_own_density(law):
    lo, hi = np.array([0.0, 0.2, 0.31, 0.7]), np.array([0.1, 0.8, 0.9, 1.0])
    knots = [knot for knot in law.knots if 0 < knot < 1]
    for power, ours in ((0, law.mass(lo, hi)), (1, law.moment(lo, hi))):
        theirs = [
            integrate.quad(lambda lam, p=power: lam**p * law.density(np.array(lam)), a, b, points=knots, limit=200)[0]
            for a, b in zip(lo, hi, strict=True)
        ]
        assert ours == pytest.approx(theirs, abs=1e-7)
    assert law.mirrored().mass(lo, hi) == pytest.approx(law.mass(1 - hi, 1 - lo), abs=1e-14)
    assert law.mirrored().moment(lo, hi) == pytest.approx(law.mass(1 - hi, 1 - lo) - law.moment(1 - hi, 1 - lo), abs=1e-14)


@pytest.mark.parametrize("eps", [0.0, 0.05, 0.6])
@pytest.mark.parametrize("alpha", [0.1, 1.0, 64.0])
def test_rows_sum_to_one_where_mixtures_fall_and_are_nan_elsewhere(eps, alpha):
    z = np.vstack([PLANE, (PLANE[:-1] + PLANE[1:]) / 2, [[50.0, 50.0]]])
    h = optimal(PLANE, PLANE_LABELS, z, eps, alpha)
    assert h[:-1].sum(axis=1) == pytest.approx(1)
    assert (h[:-1] >= 0).all()
    assert np.isnan(h[-1]).all()


@pytest.mark.parametrize("points", [[[0.0, 0], [1, 0], [0, 1]], [0.0, 1.0, 1.0]])
def test_where_no_mixture_is_there_is_no_answer_also_where_all_are_such(points):
    away = [np.full(2, 0.7)] if np.ndim(points) == 2 else [2.0]
    assert np.isnan(optimal(points, [0, 1, 0], away, 0, 1.0)).all()


@pytest.mark.parametrize("alpha", [512, 1024, 4096, 1e6])
def test_a_mixture_too_rare_for_float64_has_its_own_target(alpha):
    """One pair of samples: at each place on its way there is one target, and no density or mass decides between any."""
    z = np.array([0.001, 0.05, 0.1, 0.4, 0.95])
    assert optimal([0.0, 1.0], [0, 1], z, 0, alpha) == pytest.approx(np.c_[1 - z, z], abs=1e-9)
    assert optimal([0.0, 1.0], [0, 1], z, 1e-6, alpha) == pytest.approx(np.c_[1 - z, z], abs=1e-5)


@pytest.mark.parametrize("law", [600.0, (900.0, 500.0), symmetrised((900.0, 500.0))], ids=str)
def test_rare_mixtures_of_several_pairs_are_weighed_against_each_other(law):
    points, labels, x, eps = np.array([0.0, 1.0, 1.003]), np.array([0, 1, 2]), 0.02, 0.004
    assert pair_masses(points, labels, x, eps, law).total.sum() == 0
    laws_ = law.laws if isinstance(law, laws.MeanLaw) else [laws.as_law(law)]
    shapes = [shapes for each in laws_ for shapes in ((each.a, each.b), (each.b, each.a))]
    share = {}  # of each pair: the log of the density on its way, relative to one number for all of them
    for j, end in ((1, 1.0), (2, 1.003)):
        share[j] = lambda z, end=end: sum(np.exp(stats.beta.logpdf(z / end, a, b) - shift) for a, b in shapes) / end
    shift = max(stats.beta.logpdf(x + eps, a, b) for a, b in shapes)
    weights = np.zeros(3)
    for j, end in ((1, 1.0), (2, 1.003)):
        of_j = integrate.quad(lambda z, j=j, end=end: z / end * share[j](z), x - eps, x + eps, epsabs=0, epsrel=1e-11)[0]
        all_ = integrate.quad(share[j], x - eps, x + eps, epsabs=0, epsrel=1e-11)[0]
        weights += np.eye(3)[j] * of_j + np.eye(3)[0] * (all_ - of_j)
    assert optimal(points, labels, [x], eps, law)[0] == pytest.approx(weights / weights.sum(), rel=1e-8)
    at_x = np.array([share[1](x), share[2](x)])
    limit = np.array([at_x @ [1 - x, 1 - x / 1.003], at_x[0] * x, at_x[1] * x / 1.003])
    assert optimal(points, labels, [x], 0, law)[0] == pytest.approx(limit / limit.sum(), rel=1e-8)
    assert 0.01 < weights[2] / weights[1] < 0.99  # both matter


def test_where_a_law_has_no_density_no_mixture_falls():
    law = StepLaw([0, 0.25, 0.75, 1], [1, 0, 1])
    for eps in (0.0, 0.01):
        h = optimal([0.0, 1.0], [0, 1], [0.1, 0.5], eps, law)
        assert h[0] == pytest.approx([0.9, 0.1])
        assert np.isnan(h[1]).all()


@pytest.mark.parametrize(
    "law",
    [laws.BetaLaw(700.0, 500.0), laws.BetaLaw(0.5, 3000.0), laws.BetaLaw(3000.0, 0.5), symmetrised((900.0, 700.0))],
    ids=str,
)
def test_logs_of_a_law_are_those_of_its_masses_and_go_on_where_these_end(law):
    lo, hi = np.array([0.0, 0.05, 0.2, 0.45, 0.5, 0.7, 0.9]), np.array([0.05, 0.06, 0.6, 0.5, 0.8, 1.0, 0.9001])
    ours = {what: laws.logarithm(law, what, lo, hi) for what in ("mass", "moment")}
    for what, logs in ours.items():
        linear = getattr(law, what)(lo, hi)
        assert np.exp(logs[linear > 1e-270]) == pytest.approx(linear[linear > 1e-270], rel=1e-9)
        assert np.isfinite(logs).all()
    for a, b, log in zip(lo[linear == 0], hi[linear == 0], ours["mass"][linear == 0], strict=True):
        grid = np.linspace(a, b, 400_001)
        middles = (grid[1:] + grid[:-1]) / 2
        theirs = special.logsumexp(laws.logarithm(law, "density", middles)) + np.log(grid[1] - grid[0])
        assert log == pytest.approx(theirs, abs=1e-3)


def test_mirroring_the_law_of_lambda_changes_nothing():
    for eps in (0.0, 0.3):
        one, other = (optimal(PLANE, PLANE_LABELS, (PLANE[:3] + PLANE[2:5]) / 2, eps, law) for law in [(3, 5), (5, 3)])
        assert one == pytest.approx(other, abs=1e-12)
    # Beta(2, 1) and its mirror image average to the uniform law.
    assert optimal(PLANE, PLANE_LABELS, [[0.5, 0.2]], 0.3, (2, 1)) == pytest.approx(
        optimal(PLANE, PLANE_LABELS, [[0.5, 0.2]], 0.3, 1), abs=1e-12
    )


@pytest.mark.parametrize("alpha", [0.5, 1.0, 8.0])
def test_small_balls_tend_to_the_limit(alpha):
    z = np.array([0.2, 0.7, 1.0, 1.3])
    limit = optimal(LINE, LINE_LABELS, z, 0, alpha)
    gaps = [abs(optimal(LINE, LINE_LABELS, z, eps, alpha) - limit).max() for eps in (1e-2, 1e-4, 1e-6)]
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[2] < 1e-4


@pytest.mark.parametrize(("alpha", "digits"), [(1, (5 / 6, 2 / 3, 1 / 2)), (8, (0.7528403066, 0.5312830782, 0.7783809618))])
def test_limit_on_the_line_is_a_ratio_of_densities(alpha, digits):
    z, f = np.array([0.25, 0.5, 0.75]), stats.beta(alpha, alpha).pdf
    expected = ((1 - z) * f(z) + f(z / 2) / 2) / (f(z) + f(z / 2) / 2)
    ours = optimal(LINE, LINE_LABELS, z, 0, alpha)[:, 0]
    assert ours == pytest.approx(expected, rel=1e-12)
    assert ours == pytest.approx(digits, abs=2e-10)


@pytest.mark.parametrize(("alpha", "eps"), [(0.5, 0.01), (1.0, 0.1), (4.0, 0.02)])
def test_samples_stay_right_in_small_balls(alpha, eps):
    """Proposition 2.8 and its rate: 1 - h of the middle sample falls like 2 f(1/2) eps, or like eps^alpha if slower."""
    small, smaller = (1 - optimal(LINE, LINE_LABELS, [1.0], e, alpha)[0, 1] for e in (eps, eps / 100))
    assert smaller < small / 5
    assert (optimal(LINE, LINE_LABELS, LINE, 0, alpha).argmax(axis=1) == LINE_LABELS).all()


def test_classifier_of_a_fixed_ball_jumps_where_the_ball_lets_a_sample_go():
    """Lemma 2.3 calls it continuous; on finite data it is not, since a sample mixed with itself is an atom."""
    alpha, eps = 1.0, 0.25
    left, right = optimal(LINE, LINE_LABELS, [1.25 - 1e-9, 1.25 + 1e-9], eps, alpha)[:, 1]
    law = stats.beta(alpha, alpha)
    inside = ball_by_quadrature(LINE[:, None], LINE_LABELS, np.array([1.25 - 1e-9]), eps, law, 2)
    outside = inside - [0, 1]  # the atom of sample 1 is gone, nothing else has moved
    assert left == pytest.approx((inside / inside.sum())[1], abs=1e-6)
    assert right == pytest.approx((outside / outside.sum())[1], abs=1e-6)
    assert left - right > 0.1


def test_duplicates_count_as_themselves():
    """Twice the same data set is the same data set."""
    twice, labels = np.concatenate([PLANE, PLANE]), np.concatenate([PLANE_LABELS, PLANE_LABELS])
    z = np.vstack([PLANE[:2], [[0.5, 0.2]]])
    assert optimal(twice, labels, z, 0.3, 2.0) == pytest.approx(optimal(PLANE, PLANE_LABELS, z, 0.3, 2.0), abs=1e-12)
    assert minimum_loss(np.r_[LINE, LINE], np.r_[LINE_LABELS, LINE_LABELS], 2.0) == pytest.approx(
        minimum_loss(LINE, LINE_LABELS, 2.0), abs=1e-8
    )


@pytest.mark.parametrize("alpha", [1.0, 2.0, 8.0])
def test_minimum_loss_is_the_loss_of_the_limit(alpha):
    law, (node, weight) = stats.beta(alpha, alpha), np.polynomial.legendre.leggauss(400)
    loss = 0.0
    for s in range(3):
        for t in range(3):
            for start in (0.0, 0.5):  # the classifier jumps at the middle sample
                lam = start + (node + 1) / 4
                h = optimal(LINE, LINE_LABELS, lam * LINE[s] + (1 - lam) * LINE[t], 0, alpha)
                own = lam * np.log(h[:, LINE_LABELS[s]]) + (1 - lam) * np.log(h[:, LINE_LABELS[t]])
                loss -= (weight / 4 * law.pdf(lam) * own).sum() / 9
    assert minimum_loss(LINE, LINE_LABELS, alpha) == pytest.approx(loss, abs=2e-5)


def test_no_step_function_goes_below_the_minimum_loss_and_fine_ones_come_close():
    """On the cells of a grid the best answer is the mean target; finer cells lose less."""
    rng, alpha = np.random.default_rng(1), 8.0
    first, second = rng.integers(3, size=(2, 400_000))
    lam = rng.beta(alpha, alpha, 400_000)
    z = lam * LINE[first] + (1 - lam) * LINE[second]
    target = lam * LINE_LABELS[first] + (1 - lam) * LINE_LABELS[second]

    def loss_of_cells(cells):
        cell = np.floor(z * cells).astype(int)
        cell[z == LINE[1]] = 2 * cells + 1  # a sample mixed with itself may be answered on its own
        count, total = np.bincount(cell), np.bincount(cell, target)
        mean = np.divide(total, count, out=np.zeros_like(total), where=count > 0)
        return (count * special.entr([mean, 1 - mean]).sum(axis=0)).sum() / len(z)

    best = minimum_loss(LINE, LINE_LABELS, alpha)
    coarse, fine = loss_of_cells(4), loss_of_cells(64)
    noise = 0.002
    assert coarse > fine + noise
    assert fine == pytest.approx(best, abs=2 * noise)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 2.0, 64.0])
def test_entropy_of_a_pair(alpha):
    theirs = special.digamma(2 * alpha + 1) - special.digamma(alpha + 1)
    assert pair_entropy(alpha) == pytest.approx(theirs, abs=1e-9)
    assert pair_entropy((2 * alpha, alpha)) == pytest.approx(
        special.digamma(3 * alpha + 1) - (2 * special.digamma(2 * alpha + 1) + special.digamma(alpha + 1)) / 3, abs=1e-9
    )


def test_reference_values_of_the_least_loss():
    # For uniform lambda it is the integral of the binary entropy from 0 to 2/3.
    by_entropy = integrate.quad(lambda q: special.entr(q) + special.entr(1 - q), 0, 2 / 3)[0]
    assert minimum_loss(LINE, LINE_LABELS, 1) == pytest.approx(by_entropy, abs=1e-9)
    assert by_entropy == pytest.approx(0.362402674654, abs=1e-12)
    assert minimum_loss(LINE, LINE_LABELS, 2) == pytest.approx(0.402049451054, abs=1e-9)
    assert minimum_loss(LINE, LINE_LABELS, 8) == pytest.approx(0.359354669611, abs=1e-9)


@pytest.mark.parametrize(("alpha", "digits", "least"), [(1, 0.38819392, 0.362402674654), (8, 0.52733240, 0.359354669611)])
def test_a_classifier_that_is_linear_between_0_a_half_and_1_stays_above_the_least_loss(alpha, digits, least):
    law = stats.beta(alpha, alpha)

    def loss(shares):  # of A at 1/2 and 1; it is 1 at 0, and the other half of the line mirrors this one
        def density(z):
            share = np.interp(z, [0, 0.5, 1], [1, *shares])
            ours = (1 - z) * law.pdf(z) + law.pdf(z / 2) / 2
            return -4 / 9 * (special.xlogy(ours, share) + special.xlogy(z * law.pdf(z), 1 - share))

        pieces = [integrate.quad(density, *ends, epsabs=1e-12)[0] for ends in ((0, 0.5), (0.5, 1))]
        return sum(pieces) - np.log(1 - shares[1]) / 9

    best = optimize.minimize(lambda u: loss(special.expit(u)), [1.0, -1.0], method="Nelder-Mead", options={"fatol": 1e-11})
    assert best.fun == pytest.approx(digits, abs=2e-8)
    assert best.fun > minimum_loss(LINE, LINE_LABELS, alpha) == pytest.approx(least, abs=1e-9)


@pytest.mark.parametrize("turn", [0.0, 0.7])
def test_least_loss_knows_lines_in_the_plane(turn):
    """A line keeps its loss when it is put into the plane, moved and turned; a far point adds pairs that meet nobody."""
    way = np.array([np.cos(turn), np.sin(turn)])
    points = 3 + 2 * LINE[:, None] * way
    assert minimum_loss(points, LINE_LABELS, 2.0) == pytest.approx(minimum_loss(LINE, LINE_LABELS, 2.0), abs=1e-8)
    more, labels = np.r_[points, [[3.0, 50.0]]], np.r_[LINE_LABELS, 1]
    # Of the three new pairs, two are of different classes, in both orders.
    theirs = (9 * minimum_loss(LINE, LINE_LABELS, 2.0) + 4 * pair_entropy(2.0)) / 16
    assert minimum_loss(more, labels, 2.0) == pytest.approx(theirs, abs=1e-8)


def test_least_loss_of_coinciding_samples():
    """Two samples in one place of two classes: their mixtures with each other stay there, so the target is a coin."""
    theirs = np.log(2)
    assert minimum_loss([[1.0, 2.0], [1.0, 2.0]], [0, 1], 1.0) == pytest.approx(theirs)
    # A, B in one place and B in another: by places, masses 4 x (1/2, 1/2) and 1 x B; between them two pairs.
    across, _ = integrate.quad(lambda u: 2 * 2 * (special.entr((1 - u) / 2) + special.entr(1 - (1 - u) / 2)), 0, 1)
    assert minimum_loss([[0.0, 0.0], [0.0, 0.0], [1.0, 1.0]], [0, 1, 1], 1.0) == pytest.approx(
        (4 * theirs + across) / 9, abs=1e-8
    )


def test_alternating_lines():
    points, labels = alternating_line(10, 3)
    assert points.tolist() == list(range(10))
    assert labels.tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 2, 0]
    with pytest.raises(ValueError, match="m and k must be at least 1, got 0 points and 2 classes"):
        alternating_line(0, 2)


def test_the_uniform_law_loses_no_sample_of_the_longer_lines_in_moderate_balls():
    """Appendix D.1 expects failure at alpha = 1 from the theory; the optimum on balls is right up to eps = 0.6."""
    for m, k in ((10, 2), (10, 10)):
        points, labels = alternating_line(m, k)
        for eps in (0.001, 0.1, 0.25, 0.5, 0.6):
            assert (optimal(points, labels, points, eps, 1.0).argmax(axis=1) == labels).all()
    points, labels = alternating_line(10, 2)
    assert (optimal(points, labels, points, 0.75, 1.0).argmax(axis=1) != labels).sum() == 2
    points, labels = alternating_line(10, 10)
    assert (optimal(points, labels, points, 0.99, 1.0).argmax(axis=1) != labels).sum() == 2


def wrong_by_quadrature(alpha, eps):
    """Class-A mass minus class-B mass on the ball around the middle sample, times 9."""
    masses = ball_by_quadrature(LINE[:, None], LINE_LABELS, np.array([1.0]), eps, stats.beta(alpha, alpha), 2)
    return masses[0] - masses[1]


@pytest.mark.parametrize("eps", [0.1, 0.25, 0.5, 0.9])
def test_critical_alpha_is_where_the_middle_sample_is_lost(eps):
    alpha = critical_alpha(eps)
    assert wrong_by_quadrature(0.99 * alpha, eps) < 0 < wrong_by_quadrature(1.01 * alpha, eps)
    assert optimal(LINE, LINE_LABELS, [1.0], eps, alpha)[0, 0] == pytest.approx(0.5, abs=1e-9)


def test_reference_values_of_the_critical_alpha():
    """Roots of the condition, which another program found with 30 digits."""
    theirs = {0.1: 22.8813067541, 0.4: 3.8463517709, 0.5: 3.1562082316, 0.75: 1.2710520449, 0.9: 0.6588103933}
    for eps, alpha in theirs.items():
        assert critical_alpha(eps) == pytest.approx(alpha, abs=1e-9)


@pytest.mark.parametrize(
    ("eps", "printed", "share", "without_slips"),
    [
        (0.1, 68.8147180560, 0.60304662, 138.1294361),
        (0.25, 10.5903548890, 0.59630028, 21.6807098),
        (0.4, 3.8321698785, 0.49959264, 8.1643398),
        (0.5, 2.2725887222, 0.47015735, 5.0451774),
        (0.75, 0.73226165, 0.44232436, 1.9645233),
        (0.9, 0.35573726, 0.42522921, 1.2114745),
    ],
)
def test_reference_values_at_the_printed_threshold(eps, printed, share, without_slips):
    """The middle sample's share of the other class there, and the threshold of the proof without its slips."""
    alpha = (np.log(4) / eps**2 - 1) / 2
    assert alpha == pytest.approx(printed, abs=1e-8)
    assert optimal(LINE, LINE_LABELS, [1.0], eps, alpha)[0, 0] == pytest.approx(share, abs=1e-8)
    assert np.log(4) / eps**2 - 0.5 == pytest.approx(without_slips, abs=1e-7)
    assert optimal(LINE, LINE_LABELS, [1.0], eps, without_slips)[0, 0] > 0.5


def test_the_threshold_without_the_slips_suffices_on_a_grid():
    """With the true variance and event the proof's tail bound gives (2 log 4 / eps^2 - 1) / 2: ample, though unproved."""
    share = [critical_alpha(eps) / (np.log(4) / eps**2 - 0.5) for eps in np.linspace(0.03, 0.999, 100)]
    assert 0.6 < max(share) < 0.7


def test_printed_threshold_fails_between_two_radii():
    """Theorem 2.7's proof: alpha > (log 4 / eps^2 - 1) / 2. It is enough below some eps near 0.4, and again close to 1."""

    def printed(eps):
        return (np.log(4) / eps**2 - 1) / 2

    crossing = optimize.brentq(lambda eps: wrong_by_quadrature(printed(eps), eps), 0.3, 0.5, xtol=1e-9)
    assert crossing == pytest.approx(0.399143955, abs=1e-7)  # recomputed on the line above, by quadrature
    assert critical_alpha(crossing) == pytest.approx(printed(crossing), rel=1e-5)
    assert critical_alpha(0.39) < printed(0.39)
    assert critical_alpha(0.41) > printed(0.41)
    again = optimize.brentq(lambda eps: wrong_by_quadrature(printed(eps), eps), 0.9, 0.9999, xtol=1e-9)
    assert again == pytest.approx(0.999130503, abs=1e-7)
    assert critical_alpha(0.9990) > printed(0.9990)
    assert critical_alpha(0.9995) < printed(0.9995)
    said = re.search(r"not sufficient for ([\d.]+) < eps < ([\d.]+)", theorem_2_7.instead)
    assert [float(each) for each in said.groups()] == pytest.approx([crossing, again], abs=1e-4)
    assert critical_alpha(1 - 1e-9) < 0.1 < printed(1)  # the exact one tends to 0


def test_one_alpha_is_critical():
    """Both sides of the condition are monotone in alpha, so that above the root every alpha fails."""
    for eps in (0.05, 0.5, 0.95):
        h = [optimal(LINE, LINE_LABELS, [1.0], eps, alpha)[0, 0] for alpha in np.geomspace(0.05, 2000, 60)]
        wrong = np.array(h) > 0.5
        assert not wrong[0]
        assert wrong[-1]
        assert (np.diff(wrong.astype(int)) >= 0).all()


def test_what_counts_as_on_a_segment_is_measured_by_the_extent_of_the_data_not_their_place():
    assert on_segment(np.array([[0.0, 1e6], [1.0, 1e6 + 2]])) == pytest.approx(2e-9)


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_units_of_the_data_do_not_matter(scale):
    z = np.vstack([(PLANE[0] + PLANE[1]) / 2, PLANE[3]])
    for eps in (0.0, 0.3):
        assert optimal(scale * PLANE, PLANE_LABELS, scale * z, scale * eps, 2.0) == pytest.approx(
            optimal(PLANE, PLANE_LABELS, z, eps, 2.0), abs=1e-9
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": [0.0, np.nan, 2.0]}, "points must be finite"),
        ({"points": []}, "points must have shape"),
        ({"labels": [0, 1]}, "labels must have shape"),
        ({"labels": [0.0, 1.0, 0.0]}, "labels must be integers"),
        ({"labels": [0, -1, 0]}, "labels must lie in"),
        ({"num_classes": 1}, r"labels must lie in \[0, 1\), got 0 to 1"),
        ({"z": [[0.0, 1.0]]}, "z must have the 1 coordinates"),
        ({"eps": -0.1}, "eps must be a radius >= 0, got -0.1"),
        ({"alpha": 0.0}, "alpha must be positive"),
        ({"alpha": (1.0, -2.0)}, "alpha must be positive"),
        ({"alpha": np.inf}, "alpha must be positive and finite"),
    ],
)
def test_bad_input_is_named(change, message):
    good = {"points": LINE, "labels": LINE_LABELS, "z": [1.0], "eps": 0.1, "alpha": 1.0}
    with pytest.raises(ValueError, match=message):
        optimal(**(good | change))


def test_bad_input_of_the_other_functions_is_named():
    with pytest.raises(ValueError, match=r"eps must be in \(0, 1\), got 1"):
        critical_alpha(1)
    with pytest.raises(ValueError, match="eps must be a radius > 0, got 0"):
        pair_masses(LINE, LINE_LABELS, 1.0, 0, 1.0)
    with pytest.raises(ValueError, match="x must have the 2 coordinates"):
        pair_masses(PLANE, PLANE_LABELS, 1.0, 0.1, 1.0)
    with pytest.raises(ValueError, match="edges must increase from 0 to 1"):
        StepLaw([0, 0.5, 0.5, 1], [1, 1, 1])
    with pytest.raises(ValueError, match="weights must be 1 masses"):
        StepLaw([0, 1], [0])


def test_a_sample_on_the_rim_is_not_in_the_open_ball():
    # From 0 to 1 and back, half of all pairs, and the sample at 1 with itself; not the one at 0 with itself.
    assert pair_masses([0.0, 1.0], [0, 1], [1.0], 1.0, 1.0).total.sum() == pytest.approx(0.75)


def test_a_small_mass_of_the_upper_tail_keeps_its_digits():
    found = laws.BetaLaw(2.0, 50.0).mass(np.array(0.9), np.array(1.0))
    assert found == pytest.approx(stats.beta.sf(0.9, 2, 50), rel=1e-9, abs=0) and found < 1e-40
