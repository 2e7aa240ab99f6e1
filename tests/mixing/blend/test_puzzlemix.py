import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from torch import nn

import mixbook as mb
from mixbook.mixing.blend import puzzlemix
from mixbook.mixing.blend.saliency import GradientSaliency, magnitude


def images(generator, size=6, side=16, channels=3):
    return torch.rand(size, channels, side, side, generator=generator)


def plan_of(blend, x, lam=(0.4,), seed=1, **options):
    return mb.Mixer(ratio=mb.Fixed(*lam), blend=blend, generator=torch.Generator().manual_seed(seed)).plan(x, **options)


def cost(share, x1, x2, s1, s2, lam, beta, gamma, eta):
    """The published energy of one mask on a 2 x 2 grid of 3 labels, from its words: no tables of pair costs."""
    half = x1.shape[1] // 2
    total = 0.0
    for i, j in itertools.product(range(2), range(2)):
        block = (slice(half * i, half * (i + 1)), slice(half * j, half * (j + 1)))
        weight = share[i, j]
        total += (1 - weight) * s1[block].sum() / s1.sum() + weight * s2[block].sum() / s2.sum()
        lost = round(2 * (1 - weight))
        total -= eta / 4 * math.log(math.comb(2, lost) * lam ** (2 - lost) * (1 - lam) ** lost)
    scale = beta / 2 / 16
    for one, two in [((0, 0), (1, 0)), ((0, 1), (1, 1)), ((0, 0), (0, 1)), ((1, 0), (1, 1))]:
        total += scale * (share[one] - share[two]) ** 2

        def seam(a, b, one=one, two=two):
            if one[1] == two[1]:
                columns = slice(half * one[1], half * (one[1] + 1))
                return np.abs(a[:, half - 1, columns] - b[:, half, columns]).mean()
            rows = slice(half * one[0], half * (one[0] + 1))
            return np.abs(a[:, rows, half - 1] - b[:, rows, half]).mean()

        pair = {(a, b): seam(a_, b_) for (a, a_), (b, b_) in itertools.product([(0, x1), (1, x2)], repeat=2)}
        # Whole labels pay their seam. In between, the released code's quadratic form; its constant is left out.
        t, u = 1 - share[one], 1 - share[two]
        form = (1 - t) * (pair[0, 1] + pair[0, 0]) / 2 + t * (pair[1, 0] + pair[1, 1]) / 2
        form += (1 - u) * (pair[1, 0] + pair[0, 0]) / 2 + u * (pair[0, 1] + pair[1, 1]) / 2
        form += (t - u) ** 2 * (pair[1, 0] + pair[0, 1] - pair[1, 1] - pair[0, 0]) / 2
        if {t, u} <= {0, 1}:
            constant = (pair[1, 0] + pair[0, 1]) / 2
            assert form - constant == pytest.approx(pair[round(t), round(u)], abs=1e-6)
        total += scale * gamma * form
    return total


@pytest.mark.parametrize("strength", [(1.2, 0.5, 0.2), (5.0, 1.0, 0.2), (10.0, 1.0, 0.0), (0.0, 0.5, 0.5)])
@pytest.mark.parametrize("lam", [0.15, 0.5, 0.8])
def test_no_mask_of_a_2_x_2_grid_costs_less(strength, lam, generator):
    beta, gamma, eta = strength
    # Some dark and some bright images, so that seams between the two of a pair are worse than those within one.
    x = 0.3 * images(generator, 8, 8) + 0.7 * torch.rand(8, 1, 1, 1, generator=generator).round()
    saliency = torch.rand(8, 2, 2, generator=generator).repeat_interleave(4, 1).repeat_interleave(4, 2) ** 2
    blend = mb.PuzzleMix(lambda x, y: saliency, (2,), beta=beta, gamma=gamma, eta=eta, neighbourhood=1, transport=None)
    plan = plan_of(blend, x, (lam,))
    masks = [np.array(m).reshape(2, 2) for m in itertools.product([0, 0.5, 1], repeat=4)]
    for n, (one, two) in enumerate(plan.sources.tolist()):
        pair = [v.numpy().astype(np.float64) for v in (x[one], x[two], saliency[one], saliency[two])]
        energies = [cost(mask, *pair, lam, beta, gamma, eta) for mask in masks]
        found = plan.masks[n, 0, 0, ::4, ::4].numpy()
        assert cost(found, *pair, lam, beta, gamma, eta) <= min(energies) + 2e-5


def two_spots():
    """One image salient in its top left corner, the other in its bottom right one."""
    saliency = torch.full((2, 16, 16), 1e-3)
    saliency[0, :4, :4] = saliency[1, -4:, -4:] = 1
    return lambda x, y: saliency


def test_what_is_salient_stays():
    x = torch.full((2, 1, 16, 16), 0.5)
    blend = mb.PuzzleMix(two_spots(), (4,), transport=None)
    plan = plan_of(blend, x, (0.5,), seed=next(s for s in range(9) if plan_of(blend, x, seed=s).sources[0, 1] == 1))
    first, second = plan.masks[:, 0, 0]
    assert first[0, 0] == 1 and first[-1, -1] == 0
    assert second[0, 0] == 0 and second[-1, -1] == 1


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    size=st.sampled_from([1, 2, 5]),
    shape=st.sampled_from([(1, 8, 8), (3, 16, 16), (2, 16, 8), (3, 28, 28)]),
    lam=st.sampled_from([(0.3,), (0.0, 1.0), (0.1, 0.5, 0.9)]),
    labels=st.sampled_from([2, 3, 4]),
    transport=st.sampled_from([None, 0.8]),
)
def test_a_plan_is_consistent_whatever_it_is_made_of(seed, size, shape, lam, labels, transport):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(size, *shape, generator=generator)
    before = x.clone()
    plan = plan_of(mb.PuzzleMix(labels=labels, transport=transport), x, lam, seed)
    assert torch.equal(x, before)
    assert len(plan) == len(lam) * size
    assert torch.equal(plan.sources[:, 0], torch.arange(size).repeat(len(lam)))
    torch.testing.assert_close(plan.masks.sum(1), torch.ones(len(plan), 1, *shape[1:]))
    torch.testing.assert_close(plan.masks.mean((2, 3, 4)), plan.weights)
    assert torch.isclose((plan.masks * (labels - 1)).round(), plan.masks * (labels - 1), atol=1e-5).all()
    mixed = plan.apply(x)
    assert mixed.shape == (len(plan), *shape)
    for draw, value in enumerate(lam):
        if value in (0, 1):
            rows = slice(draw * size, (draw + 1) * size)
            assert torch.equal(mixed[rows], x[plan.sources[rows, 0 if value else 1]])
    if transport:
        assert torch.equal(plan.moves.sort(-1).values, torch.arange(plan.moves.shape[2]).expand_as(plan.moves))


def test_more_weight_on_the_original_shows_more_of_it(generator):
    x = images(generator, 32)
    plan = plan_of(mb.PuzzleMix(grids=(4,)), x, (0.05, 0.3, 0.7, 0.95))
    assert (plan.weights[:, 0].reshape(4, 32).diff(dim=0) >= 0).all()
    shown = plan.weights[:, 0].reshape(4, 32).mean(1)
    assert shown[0] < 0.3 < 0.7 < shown[3]


def test_masks_of_more_weight_contain_those_of_less(generator):
    x = images(generator, 12)
    for labels, grid in ((2, 4), (3, 8), (5, 4)):
        blend = mb.PuzzleMix(grids=(grid,), labels=labels, beta=4.0, gamma=0.8)
        masks = plan_of(blend, x, (0.05, 0.3, 0.45, 0.55, 0.8)).masks[:, 0].reshape(5, 12, 16, 16)
        assert (masks.diff(dim=0) >= 0).all() and (masks.diff(dim=0) > 0).any()


def test_the_prior_rules_where_it_is_strong(generator):
    x = images(generator, 16)
    plan = plan_of(mb.PuzzleMix(grids=(4,), eta=20.0), x, (0.2, 0.5, 0.9))
    likeliest = torch.tensor([0.0, 0.5, 1.0])  # of two draws: 64% none, 50% one, 81% both
    torch.testing.assert_close(plan.weights[:, 0].reshape(3, 16), likeliest[:, None].expand(3, 16))


@pytest.mark.parametrize(("transport", "worth_it"), [(0.05, True), (0.8, True), (3.0, False)])
def test_no_exchange_of_patches_improves_the_transport(transport, worth_it, generator):
    spots = 0.1 * torch.rand(4, 4, 4, generator=generator)
    spots[:, 1, 1] = 1  # all are salient at the same place, and with 2 labels only one of a pair can keep it
    x, saliency = images(generator, 4), spots.repeat_interleave(4, 1).repeat_interleave(4, 2)
    plan = plan_of(mb.PuzzleMix(lambda x, y: saliency, (4,), labels=2, transport=transport), x, (0.5,))
    blocks = saliency.reshape(4, 4, 4, 4, 4).mean((2, 4)).flatten(1)
    blocks = blocks / blocks.sum(1, keepdim=True)

    def price(n, s, moves):
        total = 0.0
        for place, patch in enumerate(moves):
            shown = plan.masks[n, s, 0, 4 * (place // 4), 4 * (place % 4)] > 0
            way = (place // 4 - patch // 4) ** 2 + (place % 4 - patch % 4) ** 2
            total += transport * way / 9 - shown * blocks[plan.sources[n, s], patch].item()
        return float(total)

    moved = 0
    for n, s in itertools.product(range(4), range(2)):
        moves = plan.moves[n, s].tolist()
        moved += moves != list(range(16))
        least = price(n, s, moves) - 1e-6
        assert price(n, s, range(16)) >= least
        for a, b in itertools.combinations(range(16), 2):
            other = list(moves)
            other[a], other[b] = other[b], other[a]
            assert price(n, s, other) >= least
    assert (moved > 0) == worth_it


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    grid=st.sampled_from([2, 4, 8]),
    price=st.sampled_from([0.02, 0.2, 0.8, 3.0]),
    peaks=st.sampled_from([1, 4, 12]),
)
def test_moves_cost_as_little_as_an_assignment_of_the_whole_table(seed, grid, price, peaks):
    """Also where no search is made because no circle of moves can pay."""
    rng = np.random.default_rng(seed)
    salient = rng.random((3, 2, grid, grid)) ** peaks
    salient /= salient.sum((2, 3), keepdims=True)
    share = rng.choice([0, 0.5, 1], (3, grid, grid))
    moves = puzzlemix._move(*map(torch.from_numpy, (salient, np.stack([share, 1 - share], axis=1))), price).numpy()
    place = np.stack(np.divmod(np.arange(grid**2), grid), axis=1)
    way = price * ((place[:, None] - place) ** 2).sum(-1) / (grid - 1) ** 2
    for n, source in itertools.product(range(3), range(2)):
        shown = (share[n] if source == 0 else 1 - share[n]).ravel() > 0
        cost = way - shown[:, None] * salient[n, source].ravel()
        rows, columns = linear_sum_assignment(cost)
        assert cost[rows, moves[n, source]].sum() == pytest.approx(cost[rows, columns].sum(), abs=1e-12)


def test_the_grid_is_drawn_from_those_that_divide_the_image():
    blend = mb.PuzzleMix(transport=0.8)
    sizes = {plan_of(blend, torch.rand(2, 1, 28, 28), seed=s).moves.shape[2] for s in range(30)}
    assert sizes == {2**2, 4**2}
    with pytest.raises(ValueError, match=r"no grid of \(2, 4, 8, 16\) divides images of 9 x 9"):
        plan_of(blend, torch.rand(2, 1, 9, 9))


def test_standardised_images_get_the_masks_of_their_pixels(generator):
    x = images(generator, 6)
    x[0, :, 0, 0], x[0, :, 0, 1] = 0, 1  # so that the range of the batch is that of the pixels
    mean, deviation = torch.rand(3, 1, 1, generator=generator), 0.1 + torch.rand(3, 1, 1, generator=generator)
    blend = mb.PuzzleMix(lambda _, y: magnitude(x), (4,), beta=10.0, gamma=1.0)
    assert torch.equal(plan_of(blend, (x - mean) / deviation).masks, plan_of(blend, x).masks)


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 256, 5))


def test_the_preset_asks_the_model_and_trains_it(generator):
    model, x, y = network(), images(generator), torch.randint(0, 5, (6,), generator=generator)
    mix = mb.puzzlemix(model, 1.0, 5, draws=2, generator=torch.Generator().manual_seed(3))
    logits, targets = mix.outputs(model, x, y)
    assert logits.shape == targets.shape == (12, 5)
    assert all(parameter.grad is None for parameter in model.parameters())
    mb.mixed_cross_entropy(logits, targets).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    with pytest.raises(ValueError, match="y is needed"):
        mix.plan(x)


def test_partners_from_a_second_batch_bring_their_own_saliency(generator):
    model = network()
    (x, y), (x2, y2) = ((images(generator), torch.randint(0, 5, (6,), generator=generator)) for _ in range(2))
    blend = mb.PuzzleMix(GradientSaliency(model), (4,))
    plan = plan_of(blend, x, y=y, x2=x2, y2=y2)
    both = blend.plan(torch.cat([x, x2]), plan.sources[:, 1], torch.full((1, 6), 0.4), None, torch.cat([y, y2]))
    assert (plan.sources[:, 1] >= 6).all() and torch.equal(plan.masks, both.masks)


def test_it_combines_with_transport_pairing_draws_and_hidden_layers(generator):
    model, x, y = network(), images(generator, 8), torch.randint(0, 5, (8,), generator=generator)
    mix = mb.Mixer(mb.OptimalTransport(4), mb.Beta(1.0, draws=3), mb.PuzzleMix(), num_classes=5, generator=generator)
    logits, targets = mb.ManifoldMixer(model, ["1"], mix)(x, y)
    assert logits.shape == (24, 5)
    torch.testing.assert_close(targets.sum(1), torch.ones(24))


def test_the_same_seed_gives_the_same_plan_and_leaves_the_global_generator_alone(generator):
    x, before = images(generator), torch.get_rng_state()
    one, two = (plan_of(mb.PuzzleMix(), x, seed=5) for _ in range(2))
    assert torch.equal(one.masks, two.masks) and torch.equal(one.moves, two.moves)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_gets_the_plan_of_the_cpu(generator):
    x = images(generator)
    here, there = plan_of(mb.PuzzleMix(), x), plan_of(mb.PuzzleMix(), x.cuda())
    assert there.masks.is_cuda and there.moves.is_cuda
    torch.testing.assert_close(there.apply(x.cuda()).cpu(), here.apply(x))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"grids": ()}, "grids must be"),
        ({"grids": (1, 2)}, "at least 2"),
        ({"labels": 1}, "labels must be at least 2, got 1"),
        ({"beta": -1.0}, "beta and eta must not be negative"),
        ({"gamma": 1.5}, r"gamma must lie in \[0, 1\], got 1.5"),
        ({"neighbourhood": 0}, "neighbourhood"),
        ({"transport": 0.0}, "None moves no patches"),
    ],
)
def test_bad_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        mb.PuzzleMix(**options)
