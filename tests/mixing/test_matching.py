"""Matchings that are set up first and solved together."""

import itertools

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

import mixbook as mb
from mixbook.mixing import matching, transport
from mixbook.mixing.block import plan_many
from mixbook.mixing.matching import solve


@pytest.mark.parametrize("cost", ["squared", "euclidean"])
@pytest.mark.parametrize("k", [1, 2, 3, 5, 16])
def test_batches_solved_together_have_the_partners_of_each_alone(k, cost, generator):
    pairing = mb.OptimalTransport(k, cost=cost)
    batches = [torch.rand(size, 7, generator=generator) for size in (33, 17, 20)]
    one, two = (torch.Generator().manual_seed(3) for _ in range(2))
    together = solve([pairing.begin(x, generator=one) for x in batches])
    alone = [pairing.pair(x, generator=two) for x in batches]
    for ours, theirs in zip(together, alone, strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("k", [2, 3, 4])
def test_comparing_all_permutations_finds_what_scipy_finds(k, generator):
    cost = torch.randn(500, k, k, generator=generator)
    ours = transport.assignment(cost)
    theirs = [linear_sum_assignment(problem)[1] for problem in cost.numpy()]
    np.testing.assert_array_equal(ours, theirs)


def test_forbidden_matches_are_avoided_and_nonsense_is_refused():
    cost = torch.zeros(1, 3, 3)
    cost[0, 0, :2] = cost[0, 1, 0] = float("inf")
    assert transport.assignment(cost).tolist() == [[2, 1, 0]]
    with pytest.raises(ValueError):
        transport.assignment(torch.full((1, 3, 3), float("nan")))


@pytest.mark.parametrize("k", [2, 4, 8])
@pytest.mark.parametrize("offset", [0.0, 1.0, 1e4])
def test_every_block_is_optimal_whatever_all_samples_have_in_common(k, offset, generator):
    x = (torch.randn(64, 40, generator=generator) + offset).float()
    candidates = torch.randperm(64, generator=generator.clone_state())
    partner = mb.OptimalTransport(k).pair(x, generator=generator)
    exact = x.double()
    for block in torch.arange(64).split(k):
        cost = torch.cdist(exact[block], exact[candidates[block]], compute_mode="donot_use_mm_for_euclid_dist").square()
        least = cost[linear_sum_assignment(cost.numpy())].sum()
        paid = (exact[block] - exact[partner[block]]).square().sum()
        assert paid <= least * (1 + 1e-5)


@pytest.mark.parametrize("size", [8, 16, 32, 64])
@pytest.mark.parametrize("k", [2, 4, 7])
@pytest.mark.parametrize(("common", "spread"), [((52.37, 4.9), 0.01), ((3e3, 3e3), 1), ((3e4, 3e4), 1), ((1013,), 3)])
def test_small_batches_are_matched_well_whatever_they_have_in_common(common, spread, k, size, generator):
    for _ in range(20):
        x = torch.tensor(common) + spread * torch.randn(size, len(common), generator=generator)
        candidates = torch.randperm(size, generator=generator.clone_state())
        partner, exact = mb.OptimalTransport(k).pair(x, generator=generator), x.double()
        for block in torch.arange(size).split(k):
            cost = (exact[block][:, None] - exact[candidates[block]]).square().sum(2)
            least = cost[linear_sum_assignment(cost.numpy())].sum()
            assert (exact[block] - exact[partner[block]]).square().sum() <= least * (1 + 1e-5)


@pytest.mark.parametrize("size", [8, 16, 32])
def test_a_large_cost_in_a_block_of_a_small_batch_hides_no_other(size, generator):
    for _ in range(20):
        x = torch.randn(size, 2, generator=generator)
        x[0] = 1e4
        few, many = (mb.OptimalTransport(4).pair(each, generator=generator.clone_state()) for each in (x, x.double()))
        assert torch.equal(few, many)


def test_of_partners_that_are_equally_good_the_first_stay(generator):
    x = 0.3 * torch.eye(5)[torch.randint(5, (32,), generator=generator)]  # with many digits another matching is as good
    pairing = mb.OptimalTransport(16)
    candidates = pairing.begin(x, generator=generator.clone_state()).candidates
    costs = matching.cross_cost(x.view(2, 16, 5), x[candidates].view(2, 16, 5))
    assert matching._unclear([costs[None]], [(0, 32, 16)], matching._order([costs], [(0, 32, 16)])) == [0]
    first = transport.assignment(costs) + torch.tensor([[0], [16]])
    assert torch.equal(pairing.pair(x, generator=generator), candidates[first.flatten()])


@pytest.mark.parametrize(("apart", "width"), [(10, 1e-3), (1000, 1), (1000, 0.1)])
@pytest.mark.parametrize("k", [2, 16, 30])
def test_every_block_is_optimal_within_tight_clusters_far_apart(k, apart, width, generator):
    side = (2.0 * (torch.arange(64) % 2) - 1)[:, None] * apart  # the same on both sides of each block
    x, other = ((side + width * torch.randn(64, 2, generator=generator)) for _ in range(2))
    candidates = torch.cat([block[torch.randperm(len(block), generator=generator)] for block in torch.arange(64).split(k)])
    partner = solve([matching.Matching(x, other, candidates, k, "squared")])[0]
    exact, others = x.double(), other.double()
    for block in torch.arange(64).split(k):
        cost = (exact[block][:, None] - others[candidates[block]]).square().sum(2)
        least = cost[linear_sum_assignment(cost.numpy())].sum()
        paid = (exact[block] - others[partner[block]]).square().sum()
        assert paid <= least * (1 + 1e-6)


@pytest.mark.parametrize("size", [32, 128])
def test_equal_samples_and_whole_numbers_need_no_more_digits(size, generator, monkeypatch):
    costs = matching._costs
    monkeypatch.setattr(
        matching, "_costs", lambda these, **how: pytest.fail("again") if how.get("many") else costs(these, **how)
    )
    x = torch.randint(-1, 2, (size, 5), generator=generator).float()
    mb.OptimalTransport(16).pair(x[torch.randint(0, 9, (size,), generator=generator)], generator=generator)
    mb.OptimalTransport(16).pair(x, generator=generator)


def test_only_a_large_offset_is_centred_away(generator, monkeypatch):
    asked = []
    costs = matching._costs
    monkeypatch.setattr(
        matching, "_costs", lambda these, **how: asked.append(how.get("many", False)) or costs(these, **how)
    )
    x = torch.randn(32, 50, generator=generator)
    for shift in (0.0, 1e3):
        mb.OptimalTransport(4).pair(x + shift, generator=generator)
    assert asked == [False, False, True]


@pytest.mark.parametrize("cost", ["squared", "euclidean"])
@pytest.mark.parametrize("k", [2, 5, 16])
@pytest.mark.parametrize("rows", [1, 7, 20])
def test_a_few_rows_at_a_time_have_the_partners_of_all_at_once(rows, k, cost, generator, monkeypatch):
    pairing, x = mb.OptimalTransport(k, cost=cost), torch.rand(37, 6, generator=generator) + 50  # which is centred away
    whole = pairing.pair(x, generator=generator.clone_state())
    monkeypatch.setattr(matching, "_BYTES", rows * 6 * 4)
    assert torch.equal(pairing.pair(x, generator=generator.clone_state()), whole)


@pytest.mark.parametrize("cost", ["squared", "euclidean"])
@pytest.mark.parametrize("k", [2, 5, 8])
@pytest.mark.parametrize("second", [False, True])
def test_several_batches_taken_for_one_have_the_partners_of_each(second, k, cost, generator, monkeypatch):
    pairing = mb.OptimalTransport(k, cost=cost)
    batches = [[torch.rand(40, 7, generator=generator) + far for _ in range(1 + second)] for far in (0, 50, 0)]

    def partners():
        draws = generator.clone_state()
        return solve([pairing.begin(*batch, generator=draws) for batch in batches])

    apart = partners()
    monkeypatch.setattr(matching, "_as_one", lambda first: len(first.x) % first.k == 0)
    for ours, theirs in zip(partners(), apart, strict=True):
        assert torch.equal(ours, theirs)


def test_a_second_batch_with_other_digits_is_matched_with_the_most(generator):
    pairing, x = mb.OptimalTransport(4), torch.rand(8, 3, generator=generator)
    other = torch.rand(8, 3, generator=generator, dtype=torch.float64)
    draws = [generator.clone_state() for _ in range(2)]
    assert torch.equal(pairing.pair(x, other, draws[0]), pairing.pair(x.double(), other, draws[1]))
    x, other = torch.tensor([[0.0], [1.0]]), torch.tensor([[1e8], [1e8 + 1]], dtype=torch.float64)  # in float32 the same
    for _ in range(8):
        assert mb.OptimalTransport(2).pair(x, other, generator).tolist() == [0, 1]


def test_second_batches_of_two_kinds_of_numbers_are_solved_together(generator):
    x, pairing = torch.rand(8, 3, generator=generator), mb.OptimalTransport(4, cost="euclidean")
    first, second = (pairing.begin(x, other, generator) for other in (x, x.double()))
    assert [len(partner) for partner in solve([first, second])] == [8, 8]


def test_batches_of_other_blocks_or_costs_are_solved_apart(generator):
    x, ways = torch.rand(32, 2, generator=generator), ((4, "squared"), (4, "euclidean"), (2, "squared"))
    batches = [mb.OptimalTransport(k, cost=cost).begin(x, generator=generator.clone_state()) for k, cost in ways]
    found = [solve([alone])[0] for alone in batches]
    assert not any(torch.equal(found[0], other) for other in found[1:])
    for together, alone in zip(solve(batches), found, strict=True):
        assert torch.equal(together, alone)


@pytest.mark.parametrize("k", [2, 6])
def test_no_problem_has_no_solution_and_half_precision_has_one(k):
    assert transport.assignment(torch.zeros(0, k, k)).shape == (0, k)
    cost = -torch.eye(k).flip(0)[None].to(torch.bfloat16)
    assert transport.assignment(cost).tolist() == [list(range(k - 1, -1, -1))]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("k", [2, 8])
def test_features_without_an_optimal_matching_are_refused(bad, k, generator):
    x = torch.rand(16, 4, generator=generator)
    x[3, 1] = bad
    with pytest.raises(ValueError, match="finite"):
        mb.OptimalTransport(k).pair(x, generator=generator)


MIXERS = {
    "transport, linear": lambda g: mb.kmixup(4, num_classes=3, generator=g),
    "transport, linear, K = 3": lambda g: mb.Mixer(mb.OptimalTransport(3), mb.Beta(1.0, 3), num_classes=3, generator=g),
    "transport, CutMix": lambda g: mb.Mixer(mb.OptimalTransport(4), mb.Beta(), mb.CutMix("pair"), 3, g),
    "transport, FMix": lambda g: mb.Mixer(mb.OptimalTransport(4), mb.Beta(1.0, 2), mb.FMix(), 3, g),
    "random": lambda g: mb.mixup(num_classes=3, generator=g),
}


@pytest.mark.parametrize("make", MIXERS.values(), ids=MIXERS)
def test_a_block_of_batches_has_the_plans_of_each_in_turn(make, generator):
    batches = [(torch.rand(size, 2, 8, 8, generator=generator), torch.randint(0, 3, (size,))) for size in (12, 9, 12)]
    one, two = (make(torch.Generator().manual_seed(5)) for _ in range(2))
    together, alone = plan_many(one, batches), [two.plan(x, y) for x, y in batches]
    assert torch.equal(one.generator.get_state(), two.generator.get_state())
    for (x, _), ours, theirs in zip(batches, together, alone, strict=True):
        assert torch.equal(ours.sources, theirs.sources) and torch.equal(ours.weights, theirs.weights)
        assert torch.equal(ours.apply(x), theirs.apply(x))


def test_a_block_refuses_targets_of_another_length():
    with pytest.raises(ValueError, match="same length, got 8 and 7"):
        plan_many(mb.kmixup(2), [(torch.rand(8, 3), torch.zeros(7, dtype=torch.int64))])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_plans_a_block_as_the_cpu_does(generator):
    batches = [(torch.rand(32, 3, 8, 8, generator=generator), None) for _ in range(3)]
    here = plan_many(mb.kmixup(8), batches, generator=torch.Generator().manual_seed(1))
    there = plan_many(mb.kmixup(8), [(x.cuda(), None) for x, _ in batches], generator=torch.Generator().manual_seed(1))
    for ours, theirs in itertools.zip_longest(here, there):
        assert torch.equal(ours.sources, theirs.sources.cpu())
