import itertools
import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import beta as beta_law

import mixbook as mb
from mixbook.mixing import transport

SIX_POINTS = torch.tensor([[math.cos(i) + 0.3 * i, math.sin(2 * i)] for i in range(6)], dtype=torch.float64)


def cheapest(cost: np.ndarray) -> float:
    rows = range(len(cost))
    return min(sum(cost[i, p[i]] for i in rows) for p in itertools.permutations(rows))


@pytest.mark.parametrize("k", [1, 2, 3, 5, 6])
def test_assignment_costs_what_brute_force_costs(k, generator):
    x, y = torch.randn(20, k, 3, generator=generator), torch.randn(20, k, 3, generator=generator)
    cost = transport.squared_cost(x, y)
    torch.testing.assert_close(cost, torch.cdist(x, y).square(), atol=1e-4, rtol=1e-4)
    columns = transport.assignment(cost)
    for block in range(20):
        assert sorted(columns[block].tolist()) == list(range(k))
        found = cost[block].gather(1, columns[block][:, None]).sum()
        assert found == pytest.approx(cheapest(cost[block].numpy()), rel=1e-5)


def test_matchings_survive_a_large_common_offset(generator):
    x, y = torch.randn(50, 16, 64, generator=generator), torch.randn(50, 16, 64, generator=generator)
    near, far = (transport.assignment(transport.squared_cost(x + c, y + c)) for c in (0.0, 1e4))
    exact = transport.squared_cost(x.double(), y.double())
    for columns in (near, far):
        best = exact.gather(2, transport.assignment(exact)[..., None]).sum().item()
        assert exact.gather(2, columns[..., None]).sum().item() == pytest.approx(best, rel=1e-6)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_features_without_a_distance_are_refused(bad):
    x = torch.zeros(1, 4, 2)
    x[0, 1, 0] = bad
    with pytest.raises(ValueError, match="NaN or infinite"):
        transport.squared_cost(x, torch.zeros(1, 4, 2))
    with pytest.raises(ValueError, match="NaN or infinite"):
        transport.matching_cost(x[0], 1)


@pytest.mark.parametrize("alpha", [0.05, 0.2, 1.0, 8.0, 100.0])
def test_mean_square_ratio_is_the_integral_that_it_stands_for(alpha):
    # Twice the half towards which the density may be singular, where min(lambda, 1 - lambda) = lambda.
    integral = 2 * quad(lambda lam: lam**2 * beta_law.pdf(lam, alpha, alpha), 0, 0.5, limit=200)[0]
    assert transport.mean_square_ratio(alpha) == pytest.approx(integral, rel=1e-6)


def test_mean_square_ratio_grows_from_0_to_a_quarter():
    values = [transport.mean_square_ratio(a) for a in np.geomspace(1e-6, 1e9, 400)]
    assert all(a < b for a, b in itertools.pairwise(values))
    assert values[0] < 1e-6 and 0.2499 < values[-1] < 0.25


@pytest.mark.parametrize("alpha", [1e-3, 0.2, 1.0, 30.0, 1e6])
def test_alpha_of_ratio_is_the_inverse(alpha):
    assert transport.alpha_of_ratio(transport.mean_square_ratio(alpha)) == pytest.approx(alpha, rel=1e-6)


@pytest.mark.parametrize("ratio", [-0.1, 0.0, 0.25, 0.3, float("nan")])
def test_a_ratio_that_no_alpha_has_is_refused(ratio):
    with pytest.raises(ValueError, match="ratio must be between 0 and 1/4"):
        transport.alpha_of_ratio(ratio)


@pytest.mark.parametrize("k", [2, 4])
def test_matching_cost_is_the_mean_over_all_pairs_of_subsets(k, generator):
    subsets = [list(s) for s in itertools.combinations(range(6), k)]
    exact = np.mean(
        [cheapest(torch.cdist(SIX_POINTS[a], SIX_POINTS[b]).square().numpy()) / k for a in subsets for b in subsets]
    )
    sampled = transport.matching_cost(SIX_POINTS, k, trials=20_000, generator=generator)
    assert sampled == pytest.approx(exact, rel=0.03)


def test_matching_cost_at_k_1_is_the_mean_over_all_pairs():
    assert transport.matching_cost(SIX_POINTS, 1) == pytest.approx(torch.cdist(SIX_POINTS, SIX_POINTS).square().mean())


def by_hand(i: int, k: int) -> np.ndarray:
    """D_i of the six points: every pair of subsets, every permutation."""
    counts = np.zeros(6)
    for rest in itertools.combinations([j for j in range(6) if j != i], k - 1):
        ours = [*rest, i]  # here sample i comes last
        for theirs in itertools.permutations(range(6), k):
            rivals = itertools.permutations(theirs)
            best = min(rivals, key=lambda order: (SIX_POINTS[ours] - SIX_POINTS[list(order)]).square().sum().item())
            counts[best[-1]] += 1  # each subset comes up k! times
    return counts / counts.sum()


@pytest.mark.parametrize("k", [2, 3])
def test_matching_distribution_is_that_over_all_pairs_of_subsets(k, generator):
    exact = transport.matching_distribution(SIX_POINTS, 0, k, trials=None)
    assert exact.numpy() == pytest.approx(by_hand(0, k), abs=1e-12)
    sampled = transport.matching_distribution(SIX_POINTS, 0, k, trials=10_000, generator=generator)
    torch.testing.assert_close(sampled, exact, atol=0.02, rtol=0)


@pytest.mark.parametrize("k", [1, 2, 3, 6])
def test_matching_distributions_are_symmetric_and_from_global_to_none(k):
    D = torch.stack([transport.matching_distribution(SIX_POINTS, i, k, trials=None) for i in range(6)])
    torch.testing.assert_close(D, D.T)  # an optimal matching read backwards is one
    torch.testing.assert_close(D.sum(1), torch.ones(6, dtype=torch.float64))
    if k == 1:
        torch.testing.assert_close(D, torch.full_like(D, 1 / 6))
    if k == 6:
        assert torch.equal(D, torch.eye(6, dtype=torch.float64))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"i": 6, "k": 2}, "i must be a row of the data set, between 0 and 5, got 6"),
        ({"i": 0, "k": 7}, "k must be between 1 and 6.*got 7"),
        ({"i": 0, "k": 2, "trials": 0}, "trials must be at least 1, or None.*got 0"),
    ],
)
def test_a_matching_distribution_of_nothing_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        transport.matching_distribution(SIX_POINTS, **arguments)


def test_too_many_subsets_are_not_enumerated():
    with pytest.raises(ValueError, match="too many to enumerate: pass trials"):
        transport.matching_distribution(torch.rand(100, 2), 0, 10, trials=None)


def test_alpha_at_constant_xi_keeps_xi(generator):
    x = torch.rand(200, 4, generator=generator)
    for k in (2, 8):
        one, two = (torch.Generator().manual_seed(7) for _ in range(2))
        alpha = mb.alpha_at_constant_xi(x, k, 0.25, generator=one)
        assert alpha > 0.25
        assert transport.xi(x, k, alpha, generator=two) == pytest.approx(transport.xi(x, 1, 0.25), rel=1e-6)
    assert mb.alpha_at_constant_xi(x, 1, 0.25) == 0.25


def test_where_samples_match_themselves_no_alpha_is_enough_and_where_nothing_moves_each_is():
    x = torch.arange(8.0)
    assert transport.matching_cost(x, 1) == transport.matching_cost(x[:, None], 1)
    with pytest.raises(mb.InfeasibleXi, match="would have to be inf"):
        mb.alpha_at_constant_xi(x, 8, 0.5)
    assert mb.alpha_at_constant_xi(torch.ones(8, 2), 4, 0.5) == 0.5
    with pytest.raises(ValueError, match="trials must be at least 1, got 0"):
        transport.matching_cost(x, 2, trials=0)


def test_an_xi_out_of_reach_says_so(generator):
    with pytest.raises(mb.InfeasibleXi, match=r"alpha=1\.0 at k=1 cannot be reached at k=5"):
        mb.alpha_at_constant_xi(SIX_POINTS, 5, 1.0, generator=generator)


@pytest.mark.parametrize("k", [0, 7])
def test_a_block_that_does_not_fit_the_data_is_refused(k):
    with pytest.raises(ValueError, match=f"k must be between 1 and 6.*got {k}"):
        transport.matching_cost(SIX_POINTS, k)


@pytest.mark.parametrize("alpha", [0.0, -1.0, float("nan")])
def test_alpha_must_be_positive(alpha):
    with pytest.raises(ValueError, match="alpha must be positive"):
        transport.mean_square_ratio(alpha)


def test_the_cross_term_alone_decides_the_matching(generator):
    x, y = (torch.randn(20, 7, 5, generator=generator, dtype=torch.float64) for _ in range(2))
    cross, squared = transport.cross_cost(x, y), transport.squared_cost(x, y)
    assert torch.equal(transport.assignment(cross), transport.assignment(squared))
    shifted = cross - squared / 2  # what is left belongs to whole rows and columns
    rest = shifted - shifted[:, :1] - shifted[:, :, :1] + shifted[:, :1, :1]
    torch.testing.assert_close(rest, torch.zeros_like(rest))


def test_autocast_takes_no_digits_from_squared_costs(generator):
    x, other = torch.rand(2, 3, 8, 16, generator=generator)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = transport.squared_cost(x, other)
    torch.testing.assert_close(found, transport.squared_cost(x, other))
