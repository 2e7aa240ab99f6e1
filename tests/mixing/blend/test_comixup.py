import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from torch import nn

import mixbook as mb
from mixbook.mixing.blend import comixup
from mixbook.mixing.blend.comixup import comixup_energy, joint_shares, repetition


def images(generator, size=12, side=16, channels=3):
    return torch.rand(size, channels, side, side, generator=generator)


def spots(size, side, seed):
    """Saliency with one or a few bright blocks in each image."""
    coarse = torch.rand(size, 1, 4, 4, generator=torch.Generator().manual_seed(seed)) ** 6 + 1e-3
    return coarse[:, 0].repeat_interleave(side // 4, 1).repeat_interleave(side // 4, 2)


def plan_of(blend, x, lam=(0.4,), seed=1, **options):
    return mb.Mixer(ratio=mb.Fixed(*lam), blend=blend, generator=torch.Generator().manual_seed(seed)).plan(x, **options)


def group(seed, n, grid, m):
    rng = np.random.default_rng(seed)
    unary = -rng.dirichlet(np.full(grid**2, 0.5), m).reshape(m, grid, grid).transpose(1, 2, 0)
    compat = repetition(rng.integers(0, 9, (m, 2)), 0.05)
    return rng.integers(0, m, (n, grid, grid)), unary, compat


def energy_by_hand(shares, unary, beta, gamma, compat):
    """The objective from its words: blocks, neighbours, ordered pairs of mixtures."""
    n, grid, _, _ = shares.shape
    total = 0.0
    for k, i, j in itertools.product(range(n), range(grid), range(grid)):
        total += unary[i, j] @ shares[k, i, j]
        for other in ((i + 1, j), (i, j + 1)):
            if max(other) < grid:
                total += beta / 2 * ((shares[k, i, j] - shares[k][other]) ** 2).sum()
    shown = shares.reshape(n, grid**2, -1).sum(1)
    for a, b in itertools.permutations(range(n), 2):
        total += gamma * shown[a] @ compat @ shown[b]
    return total


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_energy_is_the_objective_in_its_words(seed):
    start, unary, compat = group(seed, 3, 3, 4)
    shares = np.random.default_rng(seed).dirichlet(np.ones(4), (3, 3, 3))
    for each in (np.eye(4)[start], shares):
        expected = energy_by_hand(each, unary, 0.3, 0.2, compat)
        assert comixup_energy(each, unary, 0.3, 0.2, compat) == pytest.approx(expected)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), beta=st.sampled_from([0.0, 0.05, 0.3]), gamma=st.sampled_from([0.0, 0.02, 0.2]))
def test_without_a_threshold_no_pass_raises_the_joint_energy(seed, beta, gamma):
    start, unary, compat = group(seed, 5, 3, 4)
    energy = comixup_energy(np.eye(4)[start], unary, beta, gamma, compat)
    for _ in range(4):
        shares = joint_shares(start, unary, beta, gamma, compat, passes=1)
        lower = comixup_energy(shares, unary, beta, gamma, compat)
        assert lower <= energy + 1e-9
        start, energy = shares.argmax(-1), lower


def test_every_improvement_of_a_mixture_lowers_its_own_cost(monkeypatch):
    """Also with the threshold, with halves, and when mixtures are told apart: given the others, nothing gets dearer."""
    steps, improve = [], comixup._improve

    def watch(shares, cost, beta, soft):
        after = improve(shares, cost, beta, soft)
        steps.append([own_cost(z, cost, beta) for z in (shares, after)])
        return after

    def own_cost(z, cost, beta):
        halves = ((z > 0).sum(-1) == 2).sum()
        rough = sum((np.diff(z, axis=axis) ** 2).sum() for axis in (0, 1))
        return (cost * z).sum() + beta / 2 * rough - comixup._SOFT_BONUS * halves

    monkeypatch.setattr(comixup, "_improve", watch)
    for seed in range(4):
        start, unary, compat = group(seed, 8, 4, 8)
        joint_shares(start, unary, 0.02, 1 / 16, compat, tau=0.83 * 16)
    before, after = np.array(steps).T
    assert len(steps) >= 4 * 8 * 3 and (after <= before + 1e-9).all() and (after < before - 1e-4).any()


def test_energy_lies_close_to_the_best_of_all_on_tiny_problems():
    """Two mixtures of three images on 2 x 2 blocks: all 3^8 pairs of masks, without halves. Also never below it."""
    every = np.array(list(itertools.product(range(3), repeat=8))).reshape(-1, 2, 2, 2)
    reached = 0
    for seed in range(10):
        start, unary, compat = group(seed, 2, 2, 3)
        weights = (0.02, 0.05, compat)
        best = min(comixup_energy(np.eye(3)[each], unary, *weights) for each in every)
        energy = comixup_energy(joint_shares(start, unary, *weights, passes=1), unary, *weights)
        again = [np.random.default_rng(s).integers(0, 3, (2, 2, 2)) for s in range(20)]
        energies = [comixup_energy(joint_shares(s, unary, *weights, passes=1), unary, *weights) for s in again]
        assert min([energy, *energies]) >= best - 1e-6
        reached += min(energies) <= best + 1e-4
    assert reached >= 7


def test_images_that_are_shown_too_often_become_dear(generator):
    x, saliency = images(generator, 40), spots(40, 16, 3)
    saliency[0] *= 0  # nothing stands out: the share is equal everywhere
    spread = {}
    for gamma in (0.0, 1.0):
        plan = plan_of(mb.CoMixup(lambda x, y: saliency, gamma=gamma), x)
        spread[gamma] = plan.matrix().sum(0)  # how much of each image is shown in all mixtures together
    assert spread[1.0].sum() == pytest.approx(40, rel=1e-4)
    assert spread[0.0].std() > 3 * spread[1.0].std()
    assert spread[0.0].min() == 0 and spread[1.0].min() > 0.3 and spread[1.0].max() < 0.83 + 1


def test_mixtures_show_what_is_salient(generator):
    x, saliency = images(generator, 20), spots(20, 16, 4)
    plan = plan_of(mb.CoMixup(lambda x, y: saliency), x)
    share = saliency / saliency.sum((1, 2), keepdim=True)
    kept = (plan.masks[:, :, 0] * share[plan.sources]).sum((1, 2, 3))
    assert kept.mean() > 1.5  # one image as it is keeps 1, and so do half and half, on average


def test_each_image_owns_a_mixture_and_together_they_own_the_most(generator):
    plan = plan_of(mb.CoMixup(lambda x, y: spots(16, 8, 1)), images(generator, 16, 8))
    W = plan.matrix().double()
    assert torch.equal(plan.sources[:, 0], torch.arange(16))
    rows, columns = linear_sum_assignment(-W.numpy())
    assert W.trace() == pytest.approx(W.numpy()[rows, columns].sum(), abs=1e-4)


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 1000),
    size=st.sampled_from([1, 2, 3, 7]),
    shape=st.sampled_from([(1, 8, 8), (3, 16, 8), (2, 8, 12)]),
    lam=st.sampled_from([(0.3,), (0.5, 0.5), (0.0, 0.4, 1.0)]),
    group=st.sampled_from([1, 3, 20]),
)
def test_a_plan_is_consistent_whatever_it_is_made_of(seed, size, shape, lam, group):
    x = torch.randn(size, *shape, generator=torch.Generator().manual_seed(seed))
    before = x.clone()
    plan = plan_of(mb.CoMixup(lambda x, y: x.exp().mean(1) ** 3, group=group), x, lam, seed)
    assert torch.equal(x, before) and len(plan) == len(lam) * size
    assert torch.equal(plan.sources[:, 0], torch.arange(size).repeat(len(lam)))
    torch.testing.assert_close(plan.masks.sum(1), torch.ones(len(plan), 1, *shape[1:]))
    torch.testing.assert_close(plan.masks.mean((2, 3, 4)), plan.weights)
    assert set(plan.masks.unique().tolist()) <= {0.0, 0.5, 1.0}
    ends = [i for i, value in enumerate(lam) if value in (0, 1)]
    for n, (source, weight) in enumerate(zip(plan.sources, plan.weights, strict=True)):
        used = source[weight > 0]
        assert len(set(used.tolist())) == len(used), "an image is listed once"
        assert n // size in ends or (used // group == n % size // group).all(), "groups stay among themselves"
    mixed = plan.apply(x)
    for draw in ends:
        rows = slice(draw * size, (draw + 1) * size)
        assert torch.equal(mixed[rows], x[plan.sources[rows, 0 if lam[draw] else 1]])


def test_k_draws_are_k_different_sets_of_mixtures(generator):
    x = images(generator, 10)
    plan = plan_of(mb.CoMixup(lambda x, y: spots(10, 16, 0)), x, (0.5, 0.5, 0.5))
    parts = plan.matrix().reshape(3, 10, 10)
    assert not torch.equal(parts[0], parts[1]) and not torch.equal(parts[1], parts[2])


def test_mixtures_of_the_same_images_are_told_apart():
    shows = np.array([[1, 1, 0], [1, 1, 0], [0, 1, 1], [1, 0, 0], [1, 0, 0]], dtype=bool)
    expected = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]])
    np.testing.assert_array_equal(comixup._twins(shows), expected)


def test_repetition_has_the_published_scale():
    peaks = np.array([[0, 0], [0, 3], [4, 0]])
    found = repetition(peaks, 0.1)
    np.testing.assert_allclose(found, 0.9 * np.eye(3) + 0.1 * 3 / 28 * np.array([[0, 3, 4], [3, 0, 7], [4, 7, 0]]))
    np.testing.assert_allclose(repetition(peaks[[0, 0]], 0.1), 0.9 * np.eye(2))


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 256, 5))


def test_the_preset_asks_the_model_and_trains_it_also_at_hidden_layers(generator):
    model, x, y = network(), images(generator), torch.randint(0, 5, (12,), generator=generator)
    mix = mb.comixup(model, 5, draws=2, group=6, generator=torch.Generator().manual_seed(3))
    logits, targets = mix.outputs(model, x, y)
    assert logits.shape == targets.shape == (24, 5)
    torch.testing.assert_close(targets.sum(1), torch.ones(24))
    mb.mixed_cross_entropy(logits, targets).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    hidden = mb.Mixer(blend=mb.CoMixup(), num_classes=5, generator=generator)
    logits, targets = mb.ManifoldMixer(model, ["1"], hidden)(x, y)
    assert logits.shape == (12, 5)
    torch.testing.assert_close(targets.sum(1), torch.ones(12))


def test_what_makes_no_sense_is_refused(generator):
    x = images(generator, 4)
    with pytest.raises(ValueError, match=r"CoMixup itself chooses who is mixed with whom, so pairing=OptimalTransport"):
        mb.Mixer(mb.OptimalTransport(2), blend=mb.CoMixup())
    with pytest.raises(ValueError, match="put both batches into one"):
        plan_of(mb.CoMixup(), x, x2=x)
    with pytest.raises(ValueError, match="grid must divide images of 16 x 16, got 5"):
        plan_of(mb.CoMixup(grid=5), x)
    with pytest.raises(ValueError, match="y is needed"):
        mb.comixup(network(), 5).plan(x)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"grid": 0}, "grid must be at least 1"),
        ({"group": 0}, "group must be at least 1"),
        ({"passes": 0}, "passes must be at least 1"),
        ({"beta": -1.0}, "beta must not be negative"),
        ({"gamma": -1.0}, "gamma must not be negative"),
        ({"alpha": 0.0}, "alpha must be positive"),
        ({"omega": 1.5}, "omega must lie"),
    ],
)
def test_bad_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        mb.CoMixup(**options)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_gets_the_plan_of_the_cpu(generator):
    x = images(generator)
    here, there = plan_of(mb.CoMixup(), x), plan_of(mb.CoMixup(), x.cuda())
    assert there.masks.is_cuda and there.sources.is_cuda
    torch.testing.assert_close(there.apply(x.cuda()).cpu(), here.apply(x))


def test_plans_of_many_sources_compile_and_keep_channels_last(generator):
    x = images(generator, 10)
    plan = plan_of(mb.CoMixup(lambda x, y: spots(10, 16, 0)), x)
    assert plan.sources.shape[1] > 2
    compiled = torch.compile(plan.apply, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x), plan.apply(x))
    last = plan.apply(x.to(memory_format=torch.channels_last))
    assert last.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(last, plan.apply(x))


def test_a_block_of_two_images_costs_a_little_less_than_one_of_either():
    start = np.array([[[0, 1], [1, 0]]])
    options = {"beta": 0.0, "gamma": 0.0, "compat": np.zeros((2, 2)), "passes": 2}
    assert (joint_shares(start, np.zeros((2, 2, 2)), **options) == 0.5).all()
    dear = np.broadcast_to([0.0, 2e-3], (2, 2, 2))  # the bonus is half of what a half of the second image costs
    assert (joint_shares(start, dear, **options) == [1, 0]).all()


def test_two_mixtures_of_the_same_images_part():
    wanted = np.zeros((2, 2, 2))
    wanted[:, 1, 0] = wanted[:, 0, 1] = 1  # image 0 belongs to the left, image 1 to the right
    start = np.zeros((2, 2, 2), dtype=int)
    once = joint_shares(start, wanted, 0.0, 10.0, np.zeros((2, 2)), passes=1)
    assert (once == 1 - wanted).all()  # both mixtures look the same
    found = joint_shares(start, wanted, 0.0, 10.0, np.zeros((2, 2)), passes=3)
    assert (found[0] == [0, 1]).all() and (found[1] == [1, 0]).all()
