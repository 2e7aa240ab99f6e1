"""Couplings and clusters: brute force, other closed forms and fixed points of the plane, and what bad input is told."""

from itertools import permutations
from math import comb, factorial, prod

import numpy as np
import pytest
import torch
from scipy import special

import mixbook as mb
from mixbook.mixing import transport
from mixbook.theory import clusters, coupling
from mixbook.theory.checks.clusters import _compositions, _expected_crossings_on_a_line, _spread


def points(rng, *shape):
    return rng.normal(size=(2, *shape))


@pytest.mark.parametrize("power", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("k", [1, 2, 5])
def test_a_matching_is_best_of_all_permutations(k, power):
    p, q = points(np.random.default_rng(k), 20, k, 3)
    ours = (coupling.lengths(p, q, coupling.match(p, q, power)) ** power).sum(axis=1)
    every = [((np.linalg.norm(p - q[:, list(order)], axis=2)) ** power).sum(axis=1) for order in permutations(range(k))]
    assert ours == pytest.approx(np.min(every, axis=0), rel=1e-12)


def test_blocks_of_any_shape_are_matched_on_their_own_and_as_the_package_matches():
    p, q = points(np.random.default_rng(0), 2, 3, 8, 4)
    partner = coupling.match(p, q)
    assert partner.shape == (2, 3, 8)
    assert (partner[1, 2] == coupling.match(p[1, 2], q[1, 2])).all()
    flat = (torch.from_numpy(each.reshape(6, 8, 4)) for each in (p, q))
    assert (transport.assignment(transport.squared_cost(*flat)).numpy() == partner.reshape(6, 8)).all()
    assert (coupling.matched(q, partner)[1, 2] == q[1, 2][partner[1, 2]]).all()


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_our_matching_is_that_of_the_pairing(power):
    x, other = torch.randn(2, 64, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    generator = torch.Generator().manual_seed(1)
    shuffle = torch.randperm(64, generator=generator)
    pairing = mb.OptimalTransport(16, cost="squared" if power == 2 else "euclidean")
    ours = coupling.match(x.reshape(4, 16, 3), other[shuffle].reshape(4, 16, 3), power) + 16 * np.arange(4)[:, None]
    assert (shuffle[ours.ravel()] == pairing.pair(x, other, torch.Generator().manual_seed(1))).all()


def test_fewest_crossings_ask_nothing_of_the_names_of_clusters():
    rng = np.random.default_rng(0)
    first, second = rng.integers(4, size=(2, 100, 7))
    names = rng.permutation(4)
    ours = coupling.fewest_crossings(first, second)
    assert (ours == coupling.fewest_crossings(names[first], names[second])).all()
    assert (ours == coupling.fewest_crossings(second, first)).all()
    assert (ours <= coupling.crossings(first, second, rng.permuted(np.tile(np.arange(7), (100, 1)), axis=1))).all()


def test_the_sharp_gap_of_two_balls_is_where_the_margin_vanishes():
    assert clusters.sharp_gap(1.0) == pytest.approx(0.8284271247, abs=1e-10)
    for a, b in ((1.0, 1.0), (0.5, 2.0)):
        edge = a + b + clusters.sharp_gap(a, b)
        margin = [clusters.counting_margin([[0, 0], [s * edge, 0]], [a, b]) for s in (0.999, 1, 1.001)]
        assert margin[0] < 0 < margin[2]
        assert margin[1] == pytest.approx(0, abs=1e-9)


def test_margins_of_known_layouts():
    side = 2 / np.sin(np.radians(15))
    assert side == pytest.approx(7.7274066103, abs=1e-10)
    for m in (3, 4, 5):  # any regular simplex: 60 degrees between two ways
        corners = np.eye(m) / np.sqrt(2)
        assert clusters.counting_margin(side * corners, 1.0) == pytest.approx(0, abs=1e-9)
        assert clusters.counting_margin(corners, 0.0) == pytest.approx(30)
    assert clusters.counting_margin([[0.0], [9.0], [1000.0]], 1.0) == -90  # on a line, the middle one is in the way
    assert clusters.counting_margin([[0.0], [9.0]], 1.0) == 90  # two on a line: nothing tilts
    assert clusters.counting_margin([[0, 0], [1, 0]], 1.0) == -90  # balls that meet
    assert clusters.counting_margin([[0.0], [2.0]], 1.0) == -90  # and those that just touch
    assert clusters.counting_margin([[0, 0], [9, 0], [20, 0]], 1.0) == -90  # in line, however far they could tilt


def test_the_margin_knows_neither_unit_nor_place_nor_order():
    rng = np.random.default_rng(0)
    centres, radii = rng.uniform(-9, 9, (4, 3)), rng.uniform(0, 0.3, 4)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    order = rng.permutation(4)
    expected = clusters.counting_margin(centres, radii)
    assert clusters.counting_margin(1e6 * centres[order] @ turn + 7, 1e6 * radii[order]) == pytest.approx(
        expected, abs=1e-6
    )


def test_four_balls_in_the_plane_never_have_a_margin():
    for centres in np.random.default_rng(0).normal(size=(300, 4, 2)):
        assert clusters.counting_margin(centres, 0.0) <= 0


def test_covering_balls_cover_and_are_nearly_smallest():
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, 400)
    half = np.c_[np.cos(angle), np.sin(angle)] * rng.uniform(size=(400, 1))
    x, labels = np.r_[half, half + np.array([9, 0]), [[20.0, 20.0]]], np.repeat([0, 1, 2], [400, 400, 1])
    centres, radii = clusters.covering_balls(x, labels)
    assert (np.linalg.norm(x - centres[labels], axis=1) <= radii[labels] + 1e-12).all()
    assert radii == pytest.approx([1, 1, 0], abs=0.03)
    assert centres == pytest.approx(np.array([[0, 0], [9, 0], [20, 20]]), abs=0.06)


# E|r - s| for two binomial counts, recomputed with the hypergeometric function and by enumeration.
@pytest.mark.parametrize(
    ("k", "p", "digits"),
    [
        (8, 0.5, 1.5710449219),
        (8, 0.3, 1.4306390037),
        (8, 0.1, 0.8784522875),
        (32, 0.5, 3.1790961199),
        (32, 0.3, 2.9092746516),
        (32, 0.1, 1.8799042487),
        (64, 0.5, 4.5047098989),
        (64, 0.3, 4.1255351778),
        (64, 0.1, 2.6836989260),
    ],
)
def test_expected_shares_of_two_clusters(k, p, digits):
    law = np.array([comb(k, j) * p**j * (1 - p) ** (k - j) for j in range(k + 1)])
    number = law @ abs(np.arange(k + 1)[:, None] - np.arange(k + 1)) @ law
    assert number == pytest.approx(digits, abs=1e-10)
    assert k * clusters.expected_share([p, 1 - p], k) == pytest.approx(number, rel=1e-12)
    assert number == pytest.approx(2 * k * p * (1 - p) * special.hyp2f1(1 - k, 0.5, 2, 4 * p * (1 - p)), rel=1e-9)


def test_half_and_half_is_a_central_binomial_coefficient():
    for k in (1, 2, 7, 30):
        assert clusters.expected_share([0.5, 0.5], k) == pytest.approx(comb(2 * k, k) / 4**k, rel=1e-12)


@pytest.mark.parametrize(("k", "digits"), [(8, 0.3174135308), (32, 0.1630446275), (128, 0.0820247215)])
def test_expected_share_of_four_clusters(k, digits):
    masses = np.array([0.4, 0.3, 0.2, 0.1])
    sampled = np.random.default_rng(0).multinomial(k, masses, (2, 50_000))
    share = abs(sampled[0] - sampled[1]).sum(axis=1) / 2 / k
    ours = clusters.expected_share(masses, k)
    assert ours == pytest.approx(digits, abs=1e-10)
    assert ours == pytest.approx(share.mean(), abs=4 * share.std() / np.sqrt(50_000))
    assert ours < clusters.share_bound(masses, k) < 1.3 * ours


def test_subsets_vary_less_and_the_whole_set_not_at_all():
    assert 32 * clusters.expected_share_of_subsets([100, 100], 32) == pytest.approx(2.9170555607, abs=1e-10)
    assert clusters.expected_share_of_subsets([100, 100], 32) < clusters.expected_share([0.5, 0.5], 32)
    assert clusters.expected_share_of_subsets([10**7, 10**7], 8) == pytest.approx(
        clusters.expected_share([0.5, 0.5], 8), rel=1e-6
    )
    assert clusters.expected_share_of_subsets([3, 4, 5], 12) == pytest.approx(0, abs=1e-12)


# Three clusters of equal mass on a line, by enumeration: crossings, the fewest there could be, and the bound.
@pytest.mark.parametrize(
    ("k", "crossing", "least"),
    [
        (2, 1.1358024691, 1.0370370370),
        (8, 2.8082183542, 2.2124667753),
        (16, 4.1618547361, 3.1603001468),
        (32, 5.9817971811, 4.4914537184),
        (48, 7.3456136996, 5.5098987982),
    ],
)
def test_three_clusters_on_a_line_cross_more_than_they_must(k, crossing, least):
    third = np.full(3, 1 / 3)
    assert _expected_crossings_on_a_line(k) == pytest.approx(crossing, abs=1e-9)
    assert k * clusters.expected_share(third, k) == pytest.approx(least, abs=1e-9)
    assert (crossing > k * clusters.share_bound(third, k)) == (k >= 16)


@pytest.mark.parametrize(("k", "chance"), [(2, 0.0987654321), (8, 0.4485286580), (16, 0.5256481778)])
def test_how_often_the_count_is_wrong_on_a_line(k, chance):
    counts = _compositions(k, 3)
    weight = np.array([factorial(k) / prod(factorial(n) for n in c) for c in counts]) / 3**k
    label = np.stack([np.repeat(np.arange(3), c) for c in counts])
    first, second = label[:, None].repeat(len(label), 1), label[None].repeat(len(label), 0)
    more = (first != second).sum(axis=2) > coupling.fewest_crossings(first, second)
    assert weight @ more @ weight == pytest.approx(chance, abs=1e-10)


def test_crossing_pairs_of_a_fixed_block():
    discs = np.array([[0.0, 0], [4, 0]])
    label = (np.arange(64) >= 35).astype(int), (np.arange(64) >= 29).astype(int)
    p, q = (discs[each] + _spread(start, 64) for start, each in zip((1, 1001), label, strict=True))
    partner = coupling.match(p, q)
    length = coupling.lengths(p, q, partner)
    assert (length**2).mean() == pytest.approx(0.685656658055, abs=1e-11)
    crossing = np.sort(length[label[0] != label[1][partner]])
    expected = [2.397607955, 2.481923581, 2.533337045, 2.639049299, 2.665675536, 2.768636927]
    assert crossing == pytest.approx(expected, abs=1e-9)

    def from_disc(x, cluster):
        return np.maximum(np.linalg.norm(x - discs[cluster], axis=1) - 1, 0)

    needed = clusters.needed_eps(p, q, *label, from_disc, 2.0)
    assert 2 * (1 + needed.max()) == pytest.approx(2.432166226, abs=1e-9)
    assert needed.max() < clusters.printed_eps(1, 1, 2) == 0.25
    # Whoever crosses is at least as long as its farther end is away, and nothing depends on which block comes first.
    assert (2 * (1 + np.sort(needed)) <= crossing + 1e-12).all()
    swapped = clusters.needed_eps(q, p, *label[::-1], from_disc, 2.0)
    assert np.sort(swapped) == pytest.approx(np.sort(needed))


@pytest.mark.parametrize(("gap", "widest"), [(1, 1.3490737563), (2, 2.5455844123), (4, 4.9315312024)])
def test_facing_parts_are_wide(gap, widest):
    """Two unit discs: their parts within gap * 1.1 of the other hold points farther apart than gap * 1.2."""
    delta = 0.1
    # Where the rim of one disc leaves its facing part: at distance gap (1 + delta) + 1 from the other's centre.
    far, centre = gap * (1 + delta) + 1, gap + 2
    x = (centre**2 + 1 - far**2) / (2 * centre)
    y = np.sqrt(1 - x**2)
    assert np.hypot(centre - 2 * x, 2 * y) == pytest.approx(widest, abs=1e-9)
    assert widest > gap * (1 + 2 * delta)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: coupling.match([[0.0]], [[0.0], [1.0]]), "one shape"),
        (lambda: coupling.match(np.empty((0, 2)), np.empty((0, 2))), "one shape"),
        (lambda: coupling.match([[np.nan]], [[0.0]]), "finite"),
        (lambda: coupling.match([[0.0]], [[0.0]], power=0), "power must be positive, got 0"),
        (lambda: coupling.matched([1, 2, 3], [0, 1]), "start with the shape"),
        (lambda: coupling.crossings([0, 1], [0.0, 1.0], [0, 1]), "integers from 0"),
        (lambda: coupling.fewest_crossings([0, -1], [0, 1]), "integers from 0"),
        (lambda: coupling.fewest_crossings([0], [0, 1]), "one shape"),
        (lambda: clusters.sharp_gap(-1), "not negative"),
        (lambda: clusters.counting_margin([[0.0, 0]], 1), "m >= 2"),
        (lambda: clusters.counting_margin([[0.0, np.nan], [1, 0]], 0.1), "centres must be finite"),
        (lambda: clusters.counting_margin([[0.0], [1]], [1, 1, 1]), "radii must be"),
        (lambda: clusters.covering_balls([[0.0], [1]], [0, 2]), "none of cluster 1"),
        (lambda: clusters.covering_balls([[0.0], [1]], [0]), r"labels must have shape \(2,\)"),
        (lambda: clusters.covering_balls([0.0, 1], [0, 0]), "points must be finite"),
        (lambda: clusters.expected_share([0.5, 0.6], 4), "sum to 1"),
        (lambda: clusters.expected_share([0.5, 0.5], 0), "k must be at least 1, got 0"),
        (lambda: clusters.expected_share_of_subsets([1.0, 2.0], 2), "positive integers"),
        (lambda: clusters.expected_share_of_subsets([3, 3], 7), "between 1 and 6"),
        (lambda: clusters.share_bound([1.5, -0.5], 4), "probabilities"),
        (lambda: clusters.printed_eps(1, 1, 0), "gap must be positive"),
        (lambda: clusters.needed_eps([[0.0]], [[0.0]], [0], [0], lambda x, c: x[:, 0], 0), "gap must be positive"),
        (lambda: clusters.needed_eps([[0.0]], [[0.0]], [0, 1], [0, 1], lambda x, c: x[:, 0], 1), "one block"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
