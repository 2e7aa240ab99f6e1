"""What holds for every answer to every question, put together in every way."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import one_hot

import mixbook as mb
from mixbook.models import seeded


def network():
    layers = nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 4)
    return nn.Sequential(*layers).requires_grad_(False)  # not the network in training, and so meant to be asked


ASKED = mb.GradientSaliency(seeded(0, network))
PAIRINGS = st.sampled_from(
    [
        mb.RandomPairing(),
        mb.OptimalTransport(1),
        mb.OptimalTransport(3, strict=False),
        mb.OptimalTransport(3, strict=False, cost="euclidean"),
        mb.NearestNeighbour(2, strict=False),
        mb.ByClass("any", strict=False),
        mb.ByClass("same", strict=False),
        mb.ByClass("different", strict=False),
    ]
)
RATIOS = st.sampled_from(
    [mb.Beta(0.05), mb.Beta(1.0, 3), mb.Beta(1.0, 2, "pair"), mb.TruncatedBeta(0.5, 2), mb.Uniform(), mb.Fixed(0.0, 0.4)]
)
BLENDS = [
    mb.Linear(),
    mb.CutMix(),
    mb.CutMix("pair", inside=True),
    mb.FMix(),
    mb.FMix("pair", max_soft=0.3),
    mb.FMix(legacy="rows"),
    mb.FMix(legacy="real"),
    mb.SaliencyMix(),
    mb.SaliencyMix(ASKED),
    mb.PuzzleMix(),
    mb.PuzzleMix(ASKED, transport=None),
    mb.CoMixup(group=4),
]
GRID = {
    "pairing": PAIRINGS,
    "ratio": RATIOS,
    "blend": st.sampled_from(BLENDS),
    "batch": st.integers(1, 7),
    "seed": st.integers(0, 99),
}


def sensible(pairing, blend):
    """Co-Mixup itself chooses who is mixed with whom, within one batch; anything else is refused."""
    return mb.RandomPairing() if isinstance(blend, mb.CoMixup) else pairing


def second_batch(x, y, pairing):
    """Another batch, of which each row may be the partner of the same row of the first, also by class."""
    same = isinstance(pairing, mb.ByClass) and pairing.classes == "same"
    return x.flip(0) + 0.1, y if same else (y + 1) % 4


def make(batch, seed):
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(batch, 2, 8, 12, generator=generator)
    return x, torch.randint(0, 4, (batch,), generator=generator), generator


@settings(max_examples=100, deadline=None)
@given(second=st.booleans(), **GRID)
def test_targets_are_the_plan_s_matrix_times_labels(pairing, ratio, blend, batch, seed, second):
    pairing = sensible(pairing, blend)
    x, y, generator = make(batch, seed)
    second = second and not isinstance(blend, mb.CoMixup)
    x2, y2 = second_batch(x, y, pairing) if second else (None, None)
    plan = mb.Mixer(pairing, ratio, blend, 4).plan(x, y, x2=x2, y2=y2, generator=generator)
    draws = len(plan) // batch
    rows, labels = (x, y) if x2 is None else (torch.cat([x, x2]), torch.cat([y, y2]))
    torch.testing.assert_close(plan.weights.sum(1), torch.ones(len(plan)))
    torch.testing.assert_close(plan.targets(labels, 4), plan.matrix() @ one_hot(labels, 4).float())
    assert torch.equal(plan.sources[:, 0], torch.arange(batch).repeat(draws))
    if not isinstance(blend, mb.CoMixup):
        assert (plan.sources[:, 1].reshape(draws, batch) == plan.sources[:batch, 1]).all()
    if x2 is not None:
        assert (plan.sources[:, 1] >= batch).all()
    if plan.masks is not None:
        torch.testing.assert_close(plan.masks.mean(dim=(2, 3, 4)), plan.weights)
    before = rows.clone()
    mixed = plan.apply(rows)
    assert torch.equal(rows, before) and mixed.shape == (len(plan), 2, 8, 12)
    assert mixed.min() >= rows.min() - 1e-5 and mixed.max() <= rows.max() + 1e-5


@settings(max_examples=60, deadline=None)
@given(**{name: values for name, values in GRID.items() if name != "ratio"})
def test_all_weight_on_the_original_is_the_identity(pairing, blend, batch, seed):
    pairing = sensible(pairing, blend)
    x, y, generator = make(batch, seed)
    mixed, targets = mb.Mixer(pairing, mb.Fixed(1.0), blend, 4, generator)(x, y)
    assert torch.equal(mixed, x)
    assert torch.equal(targets, one_hot(y, 4).float())


@settings(max_examples=30, deadline=None)
@given(**GRID)
def test_a_seed_gives_the_same_mixtures_and_the_global_generator_is_left_alone(pairing, ratio, blend, batch, seed):
    pairing = sensible(pairing, blend)
    x, y, _ = make(batch, seed)
    mix = mb.Mixer(pairing, ratio, blend, 4)
    before = torch.get_rng_state()
    first, second = (mix.plan(x, y, generator=torch.Generator().manual_seed(seed)).apply(x) for _ in range(2))
    assert torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), before)


# What is drawn for each pair belongs to its row, and Co-Mixup makes groups of neighbouring rows.
SHARING = [blend for blend in BLENDS if getattr(blend, "per", "batch") == "batch" and not isinstance(blend, mb.CoMixup)]


@pytest.mark.parametrize("blend", SHARING, ids=lambda blend: type(blend).__name__)
def test_plans_follow_the_samples_when_the_batch_is_permuted(blend):
    x, y, generator = make(7, 0)
    partner, order = (torch.randperm(7, generator=generator) for _ in range(2))
    lam, rank = torch.rand(2, 7, generator=generator).sort(0).values, order.argsort()
    plan = blend.plan(x, partner, lam, generator.clone_state(), y)
    other = blend.plan(x[order], rank[partner[order]], lam[:, order], generator.clone_state(), y[order])
    rows = torch.cat([order, order + 7])
    assert torch.equal(order[other.sources], plan.sources[rows])
    for name in ("weights", "masks", "moves"):
        ours, theirs = getattr(plan, name), getattr(other, name)
        assert theirs is None if ours is None else torch.equal(theirs, ours[rows])
    torch.testing.assert_close(other.apply(x[order]), plan.apply(x)[rows])


@pytest.mark.parametrize(
    "blend",
    [
        mb.Linear(),
        mb.CutMix(),
        mb.FMix(max_soft=0.2),
        mb.SaliencyMix(),
        mb.PuzzleMix(grids=(2,), transport=0.1),  # so cheap that patches move
        mb.CoMixup(grid=1),
    ],
    ids=lambda blend: type(blend).__name__,
)
def test_gradients_through_any_blend_are_right(blend, generator):
    x = torch.rand(3, 1, 4, 6, dtype=torch.float64, generator=generator, requires_grad=True)
    plan = mb.Mixer(ratio=mb.Beta(1.0, 2), blend=blend).plan(x, generator=generator)
    assert torch.autograd.gradcheck(plan.apply, (x,))


class Places(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Identity(), nn.Identity()

    def forward(self, x):
        return self.second(self.first(x))


@settings(max_examples=100, deadline=None)
@given(second=st.booleans(), per=st.sampled_from(["batch", "pair"]), **GRID)
def test_every_answer_works_at_every_place(pairing, ratio, blend, batch, seed, second, per):
    pairing = sensible(pairing, blend)
    x, y, _ = make(batch, seed)
    second = second and not isinstance(blend, mb.CoMixup)
    partner = second_batch(x, y, pairing) if second else None
    rows, labels = (x, y) if partner is None else (torch.cat([x, partner[0]]), torch.cat([y, partner[1]]))
    looks_at_images = getattr(blend, "saliency", None) is ASKED
    places = ["input"] if looks_at_images else ["input", "first", "second"]
    hidden = mb.ManifoldMixer(Places(), places, mb.Mixer(pairing, ratio, blend, 4), per=per)
    one, two = (torch.Generator().manual_seed(seed) for _ in range(2))
    outputs, plan = hidden.with_plan(hidden.model, x, y, partner=partner, generator=one)
    draws = len(plan) // batch
    assert outputs.shape == (len(plan), 2, 8, 12) and len(plan) == draws * batch
    assert torch.equal(plan.sources[:, 0], torch.arange(batch).repeat(draws))
    torch.testing.assert_close(plan.weights.sum(1), torch.ones(len(plan)))
    assert outputs.min() >= rows.min() - 1e-5 and outputs.max() <= rows.max() + 1e-5
    again, targets = hidden.outputs(hidden.model, x, y, partner=partner, generator=two)
    assert torch.equal(outputs, again)
    torch.testing.assert_close(targets, plan.matrix() @ one_hot(labels, 4).float())
    if isinstance(blend, mb.Linear):
        torch.testing.assert_close(outputs, (plan.matrix() @ rows.flatten(1)).reshape(outputs.shape))
