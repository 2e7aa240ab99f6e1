import itertools

import pytest
import torch

from mixbook.mixing.pairing import OptimalTransport, RandomPairing

PAIRINGS = [RandomPairing(), OptimalTransport(1), OptimalTransport(4), OptimalTransport(7), OptimalTransport(22)]


@pytest.mark.parametrize("pairing", PAIRINGS, ids=str)
def test_nobody_is_chosen_twice_and_a_seed_gives_the_same_partners(pairing):
    x = torch.rand(22, 5, generator=torch.Generator().manual_seed(1))
    first, second = (pairing.pair(x, generator=torch.Generator().manual_seed(2)) for _ in range(2))
    assert sorted(first.tolist()) == list(range(22))
    assert torch.equal(first, second)


def test_blocks_of_one_are_mixup():
    x = torch.rand(22, 5)
    one, two = (torch.Generator().manual_seed(3) for _ in range(2))
    assert torch.equal(OptimalTransport(1).pair(x, generator=one), RandomPairing().pair(x, generator=two))


@pytest.mark.parametrize("other", [None, torch.rand(10, 3, generator=torch.Generator().manual_seed(9))])
def test_each_block_is_matched_at_the_least_cost_with_its_permuted_counterpart(other):
    k, x = 4, torch.rand(10, 3, generator=torch.Generator().manual_seed(4))
    partner = OptimalTransport(k).pair(x, other, torch.Generator().manual_seed(5))
    candidates = torch.randperm(10, generator=torch.Generator().manual_seed(5))
    source = x if other is None else other
    for block in (slice(0, 4), slice(4, 8), slice(8, 10)):  # the last one is what remains
        assert set(partner[block].tolist()) == set(candidates[block].tolist())
        paid = (x[block] - source[partner[block]]).square().sum()
        rivals = torch.stack(
            [
                (x[block] - source[candidates[block]][torch.tensor(p)]).square().sum()
                for p in itertools.permutations(range(len(x[block])))
            ]
        )
        assert paid <= rivals.min() + 1e-6


def test_a_whole_batch_matched_with_itself_is_not_mixed(generator):
    x = torch.rand(16, 3, generator=generator)
    assert torch.equal(OptimalTransport(16).pair(x, generator=generator), torch.arange(16))


@pytest.mark.parametrize(("dim", "least"), [(2, 0.03), (200, 0.11)])
def test_self_matches_within_a_batch_approach_k_over_b_in_high_dimension(dim, least, generator):
    k, size, repeats = 8, 64, 200
    x = torch.rand(size, dim, generator=generator)
    own = [(OptimalTransport(k).pair(x, generator=generator) == torch.arange(size)).float().mean() for _ in range(repeats)]
    assert least < torch.stack(own).mean() < k / size + 0.015


def test_half_precision_and_images_can_be_matched(generator):
    x = torch.rand(8, 3, 4, 4, generator=generator)
    one, two = (torch.Generator().manual_seed(6) for _ in range(2))
    x = x.half()
    assert torch.equal(OptimalTransport(4).pair(x, generator=one), OptimalTransport(4).pair(x.float(), generator=two))


def test_a_short_batch_is_refused_unless_it_may_be_one_block(generator):
    x = torch.rand(5, 2, generator=generator)
    with pytest.raises(ValueError, match=r"k=8 is larger than the batch of 5.*drop_last=True.*strict=False"):
        OptimalTransport(8).pair(x)
    assert sorted(OptimalTransport(8, strict=False).pair(x, generator=generator).tolist()) == list(range(5))


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        OptimalTransport(0)
    for pairing in (RandomPairing(), OptimalTransport(2)):
        with pytest.raises(ValueError, match="empty batch"):
            pairing.pair(torch.empty(0, 3))
        with pytest.raises(ValueError, match=r"second batch must have the shape.*\(4, 3\).*\(5, 3\)"):
            pairing.pair(torch.zeros(4, 3), torch.zeros(5, 3))
    with pytest.raises(ValueError, match="NaN"):
        OptimalTransport(2).pair(torch.full((4, 3), float("nan")))
