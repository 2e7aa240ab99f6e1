import itertools

import pytest
import torch
from scipy.optimize import linear_sum_assignment

import mixbook as mb
from mixbook.mixing.pairing import ByClass, NearestNeighbour, OptimalTransport, RandomPairing

PAIRINGS = [RandomPairing(), *(OptimalTransport(k) for k in (1, 4, 7, 21)), OptimalTransport(4, cost="euclidean")]


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


@pytest.mark.parametrize("power", [2, 1])
@pytest.mark.parametrize("other", [None, torch.rand(10, 3, generator=torch.Generator().manual_seed(9))])
def test_each_block_is_matched_at_the_least_cost_with_its_permuted_counterpart(other, power):
    k, x = 4, torch.rand(10, 3, generator=torch.Generator().manual_seed(4))
    pairing = OptimalTransport(k, cost="squared" if power == 2 else "euclidean")
    partner = pairing.pair(x, other, torch.Generator().manual_seed(5))
    candidates = torch.randperm(10, generator=torch.Generator().manual_seed(5))
    source = x if other is None else other
    for block in (slice(0, 4), slice(4, 8), slice(8, 10)):  # the last one is what remains
        assert set(partner[block].tolist()) == set(candidates[block].tolist())
        paid = (x[block] - source[partner[block]]).norm(dim=1).pow(power).sum()
        rivals = torch.stack(
            [
                (x[block] - source[candidates[block]][torch.tensor(p)]).norm(dim=1).pow(power).sum()
                for p in itertools.permutations(range(len(x[block])))
            ]
        )
        assert paid <= rivals.min() + 1e-6


def test_a_whole_batch_that_would_be_matched_with_itself_is_refused(generator):
    x, other = torch.rand(2, 16, 3, generator=generator)
    with pytest.raises(ValueError, match=r"k=16 makes one block of the whole batch.*nothing would be mixed"):
        OptimalTransport(16).pair(x, generator=generator)
    assert torch.equal(OptimalTransport(16, strict=False).pair(x, generator=generator), torch.arange(16))
    assert sorted(OptimalTransport(16).pair(x, other, generator=generator).tolist()) == list(range(16))
    assert OptimalTransport(1).pair(x[:1]).tolist() == [0]  # mixup of a single sample


@pytest.mark.parametrize("pairing", [OptimalTransport(4), NearestNeighbour(1)], ids=str)
def test_bytes_whole_numbers_and_rows_of_one_number_have_the_partners_of_floats(pairing, generator):
    x = torch.randint(0, 256, (32, 3, 4, 4), dtype=torch.uint8, generator=generator)
    seeded = lambda: torch.Generator().manual_seed(1)  # noqa: E731
    want = pairing.pair(x.float(), generator=seeded())
    for same in (x, x.long(), x.double()):
        assert torch.equal(pairing.pair(same, generator=seeded()), want)
    one = torch.randn(32, generator=generator)
    assert torch.equal(pairing.pair(one, generator=seeded()), pairing.pair(one[:, None], generator=seeded()))


@pytest.mark.parametrize("size", [32, 128])
@pytest.mark.parametrize("k", [2, 4, 16])
def test_one_sample_far_from_all_others_hides_nothing(k, size, generator):
    x = 1000 + 0.1 * torch.randn(size, 2, generator=generator)
    x[5] = 0
    found, want = (OptimalTransport(k).pair(each, generator=torch.Generator().manual_seed(1)) for each in (x, x.double()))
    far = [(x.double() - x.double()[each]).square().sum() for each in (found, want)]
    assert far[0] == pytest.approx(float(far[1]), rel=1e-6)
    near = (x[:, 0] > 0) & (x[found][:, 0] > 0) & (x[want][:, 0] > 0)  # where the far one is not most of the sum
    close = [(x.double() - x.double()[each]).square().sum(1)[near].sum() for each in (found, want)]
    assert close[0] == pytest.approx(float(close[1]), rel=0.01)


def test_neighbours_in_clusters_that_are_far_apart_are_the_nearest(generator):
    x = torch.cat([1000 + torch.randn(64, 2, generator=generator), -1000 + torch.randn(64, 2, generator=generator)])
    found = NearestNeighbour(1).pair(x, generator=generator)
    distances = torch.cdist(x.double(), x.double()).fill_diagonal_(torch.inf)
    assert torch.equal(found, distances.argmin(1))


@pytest.mark.parametrize(("dim", "least"), [(2, 0.03), (200, 0.11)])
def test_self_matches_within_a_batch_approach_k_over_b_in_high_dimension(dim, least, generator):
    k, size, repeats = 8, 64, 200
    x = torch.rand(size, dim, generator=generator)
    own = [(OptimalTransport(k).pair(x, generator=generator) == torch.arange(size)).float().mean() for _ in range(repeats)]
    assert least < torch.stack(own).mean() < k / size + 0.015


def test_the_two_costs_choose_different_partners_where_long_and_short_moves_compete():
    x, other = torch.tensor([[0.0, 0.0], [1.0, 0.0]]), torch.tensor([[1.0, 0.1], [2.0, 1.0]])
    squared, euclidean = (OptimalTransport(2, cost=cost).pair(x, other) for cost in ("squared", "euclidean"))
    assert squared.tolist() == [0, 1] and euclidean.tolist() == [1, 0]


@pytest.mark.parametrize("second", [False, True])
def test_a_nearest_neighbour_is_any_of_the_k_nearest_others(second, generator):
    k, x = 3, torch.rand(20, 4, generator=generator)
    other = torch.rand(20, 4, generator=generator) if second else None
    distance = (x[:, None] - (x if other is None else other)).norm(dim=2)
    if other is None:
        distance += 1e9 * torch.eye(20)
    rank = distance.argsort(dim=1).argsort(dim=1)
    chosen = torch.stack([NearestNeighbour(k).pair(x, other, generator) for _ in range(2000)])
    ranks = rank.gather(1, chosen.T)
    assert ranks.max() < k
    share = torch.stack([(ranks == r).float().mean(dim=1) for r in range(k)])
    torch.testing.assert_close(share, torch.full_like(share, 1 / k), atol=0.06, rtol=0)


def test_of_a_second_batch_all_rows_can_be_neighbours(generator):
    x, other = torch.rand(2, 4, 3, generator=generator)
    chosen = torch.stack([NearestNeighbour(4).pair(x, other, generator) for _ in range(100)])
    assert all(len(each.unique()) == 4 for each in chosen.T)
    with pytest.raises(ValueError, match="k=4 is larger than the 3 other samples"):
        NearestNeighbour(4).pair(x, generator=generator)


def test_nearest_neighbours_are_many_to_one_and_stay_in_their_cluster(generator):
    x = torch.rand(60, 2, generator=generator)
    x[:20] += 100.0  # the smaller of two clusters
    near, matched = NearestNeighbour(5).pair(x, generator=generator), OptimalTransport(20).pair(x, generator=generator)
    crossing = [((partner < 20) != (torch.arange(60) < 20)).sum().item() for partner in (near, matched)]
    assert len(near.unique()) < 60 and crossing[0] == 0
    assert len(matched.unique()) == 60 and crossing[1] > 0


@pytest.mark.parametrize("second", [False, True])
@pytest.mark.parametrize("classes", ["same", "different", "any"])
def test_by_class_draws_evenly_among_the_other_samples_that_fit(classes, second, generator):
    y, y2 = torch.tensor([0, 0, 0, 1, 1, 2, 2, 2]), torch.tensor([2, 1, 0, 0, 0, 1, 2, 1])
    x = torch.rand(8, 3, generator=generator)
    labels = y2 if second else y
    fits = {"same": y[:, None] == labels, "different": y[:, None] != labels, "any": torch.ones(8, 8, dtype=torch.bool)}[
        classes
    ]
    if not second:
        fits = fits & ~torch.eye(8, dtype=torch.bool)
    pairing = ByClass(classes)
    chosen = torch.stack([pairing.pair(x, x + 1 if second else None, generator, y, y2) for _ in range(3000)])
    share = torch.stack([(chosen == j).float().mean(dim=0) for j in range(8)], dim=1)
    expected = fits / fits.sum(dim=1, keepdim=True)
    assert (share[~fits] == 0).all()
    torch.testing.assert_close(share, expected, atol=0.06, rtol=0)


def test_the_control_pairings_are_reproducible(generator):
    x, y = torch.rand(12, 3, generator=generator), torch.arange(12) % 3
    for pairing in (NearestNeighbour(4), ByClass("same"), ByClass("different"), ByClass("any")):
        first, second = (pairing.pair(x, generator=torch.Generator().manual_seed(2), y=y) for _ in range(2))
        assert torch.equal(first, second)
        assert first.dtype == torch.int64 and (first != torch.arange(12)).all()


def test_a_sample_without_a_candidate_is_refused_or_stays_unmixed():
    x, y = torch.rand(5, 2), torch.tensor([0, 0, 7, 0, 0])
    with pytest.raises(
        ValueError, match=r"sample 2 of class 7 has no other sample of its class in the batch.*strict=False"
    ):
        ByClass("same").pair(x, y=y)
    assert ByClass("same", strict=False).pair(x, y=y)[2] == 2
    with pytest.raises(ValueError, match=r"sample 0 of class 0 has no other sample of another class"):
        ByClass("different").pair(x, y=torch.zeros(5, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"sample 2 of class 7 .* in the second batch"):
        ByClass("same", strict=False).pair(x, x, y=y, y2=torch.zeros(5, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"k=5 is larger than the 4 other samples.*strict=False"):
        NearestNeighbour(5).pair(x)
    assert (NearestNeighbour(5, strict=False).pair(x) != torch.arange(5)).all()
    one = torch.zeros(1, dtype=torch.int64)
    for pairing in (NearestNeighbour(2, strict=False), ByClass("any", strict=False), ByClass("same", strict=False)):
        assert torch.equal(pairing.pair(x[:1], y=one), one)


def test_by_class_needs_integer_labels():
    x, y = torch.rand(4, 2), torch.tensor([0, 1, 0, 1])
    with pytest.raises(ValueError, match="y is needed to pair by class, got None"):
        ByClass("same").pair(x)
    with pytest.raises(ValueError, match="y2 is needed to pair by class, got None"):
        ByClass("same").pair(x, x, y=y)
    with pytest.raises(ValueError, match=r"y must be integer labels of shape \(4,\).*float32 \(4, 2\)"):
        ByClass("different").pair(x, y=torch.rand(4, 2))


def test_half_precision_and_images_can_be_matched(generator):
    x = torch.rand(8, 3, 4, 4, generator=generator)
    one, two = (torch.Generator().manual_seed(6) for _ in range(2))
    x = x.half()
    assert torch.equal(OptimalTransport(4).pair(x, generator=one), OptimalTransport(4).pair(x.float(), generator=two))


@pytest.mark.parametrize("pairing", [*PAIRINGS[1:], NearestNeighbour(1)], ids=str)
def test_autocast_takes_no_digits_from_the_matching(pairing, generator):
    x, other = 1 + 0.01 * torch.rand(2, 22, 6, generator=generator)  # bfloat16 steps by 0.0078 there
    exact, half = (torch.Generator().manual_seed(1) for _ in range(2))
    expected = pairing.pair(x, other, exact)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(pairing.pair(x, other, half), expected)


def test_a_short_batch_is_refused_unless_it_may_be_one_block(generator):
    x = torch.rand(5, 2, generator=generator)
    with pytest.raises(ValueError, match=r"k=8 is larger than the batch of 5.*drop_last=True.*strict=False"):
        OptimalTransport(8).pair(x)
    assert sorted(OptimalTransport(8, strict=False).pair(x, generator=generator).tolist()) == list(range(5))


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        OptimalTransport(0)
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        NearestNeighbour(0)
    for make in (OptimalTransport, NearestNeighbour, mb.kmixup):
        with pytest.raises(ValueError, match=r"k must be a whole number, got 4.0: k=1"):
            make(4.0)
    with pytest.raises(ValueError, match=r"cost must be one of .* got 'cosine'"):
        OptimalTransport(2, cost="cosine")
    with pytest.raises(ValueError, match=r"classes must be one of .* got 'other'"):
        ByClass("other")
    for pairing in (RandomPairing(), OptimalTransport(2), NearestNeighbour(2), ByClass("any")):
        with pytest.raises(ValueError, match="empty batch"):
            pairing.pair(torch.empty(0, 3))
        with pytest.raises(ValueError, match=r"second batch must have the shape.*\(4, 3\).*\(5, 3\)"):
            pairing.pair(torch.zeros(4, 3), torch.zeros(5, 3))
    for pairing in (OptimalTransport(2), NearestNeighbour(2)):
        with pytest.raises(ValueError, match="NaN"):
            pairing.pair(torch.full((4, 3), float("nan")))


@pytest.mark.parametrize("offset", [0.0, 1e2, 1e4])
def test_blocks_stay_optimal_under_a_large_common_offset(offset):
    x = offset + torch.randn(64, 300, generator=torch.Generator().manual_seed(1))
    found = OptimalTransport(16).pair(x, generator=torch.Generator().manual_seed(2)).reshape(4, 16)
    candidates = torch.randperm(64, generator=torch.Generator().manual_seed(2)).reshape(4, 16)
    for block, ours, theirs in zip(x.double().split(16), found, candidates, strict=True):
        cost = (block[:, None] - x.double()[theirs]).square().sum(-1).numpy()
        least = cost[linear_sum_assignment(cost)].sum()
        assert (block - x.double()[ours]).square().sum().item() == pytest.approx(least, rel=1e-6)
