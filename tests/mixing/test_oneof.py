"""One of several mixers for each batch: how often, from which generator, and as a mixer is used."""

import pytest
import torch
from torch import nn

import mixbook as mb
from mixbook.compat import Schedule
from mixbook.data import iris
from mixbook.models import MLP, seeded
from mixbook.training import Recipe, fit

QUARTERS = [mb.Mixer(ratio=mb.Fixed(lam), num_classes=3) for lam in (1.0, 0.75, 0.5)]  # told apart by their weights


def batch(generator, size=6):
    return torch.rand(size, 2, 4, 4, generator=generator), torch.randint(0, 3, (size,), generator=generator)


def which(plan) -> float:
    return plan.weights[0, 0].item()


@pytest.mark.parametrize("probabilities", [None, [0.5, 0.2, 0.3], [0.0, 1.0, 0.0]], ids=str)
def test_each_mixer_is_drawn_as_often_as_it_should_be(probabilities, generator):
    x, y = batch(generator)
    mix = mb.OneOf(QUARTERS, probabilities, generator)
    drawn = torch.tensor([which(mix.plan(x, y)) for _ in range(2000)])
    for mixer, probability in zip(QUARTERS, probabilities or [1 / 3] * 3, strict=True):
        share = (drawn == mixer.ratio.lam[0]).float().mean().item()
        assert share == pytest.approx(probability, abs=4.5 * (probability * (1 - probability) / 2000) ** 0.5)


@pytest.mark.parametrize("probabilities", [None, [0.5, 0.2, 0.3]], ids=str)
def test_what_is_drawn_comes_from_the_generator_alone(probabilities, generator):
    x, y = batch(generator)
    mixes = [mb.OneOf(QUARTERS, probabilities, torch.Generator().manual_seed(3)) for _ in range(2)]
    before = torch.get_rng_state()
    first, second = ([which(mix.plan(x, y)) for _ in range(30)] for mix in mixes)
    assert first == second and len(set(first)) == 3
    assert torch.equal(torch.get_rng_state(), before)


def test_what_is_drawn_mixes_as_it_does_alone(generator):
    x, y = batch(generator)
    mixers = [mb.mixup(0.8, 3), mb.cutmix(1.0, 3), mb.kmixup(2, 1.0, 3, draws=2)]
    mix, model, seen = mb.OneOf(mixers), nn.Sequential(nn.Flatten(), nn.Linear(32, 3)), set()
    for seed in range(20):
        one, two, three, alone = (torch.Generator().manual_seed(seed) for _ in range(4))
        number = int(torch.randint(3, (1,), generator=alone))
        seen.add(number)
        expected = mixers[number](x, y, generator=alone)
        called, plan, outputs = (
            mix(x, y, generator=one),
            mix.plan(x, y, generator=two),
            mix.outputs(model, x, y, generator=three),
        )
        assert all(torch.equal(ours, theirs) for ours, theirs in zip(called, expected, strict=True))
        assert torch.equal(plan.apply(x), expected[0]) and torch.equal(plan.targets(y, 3), expected[1])
        torch.testing.assert_close(outputs, (model(expected[0]), expected[1]))
    assert seen == {0, 1, 2}


def test_one_generator_decides_everything_and_a_restored_mixer_goes_on(generator):
    x, y = batch(generator)

    def make(seed):
        own = torch.Generator().manual_seed(99)  # not asked while there is one for all
        return mb.OneOf([mb.mixup(0.8, 3, generator=own), mb.cutmix(1.0, 3)], generator=torch.Generator().manual_seed(seed))

    before = torch.get_rng_state()
    first, second, other = make(1), make(1), make(2)
    runs = [[mix(x, y)[0] for _ in range(6)] for mix in (first, second, other)]
    assert all(torch.equal(a, b) for a, b in zip(*runs[:2], strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(*runs[1:], strict=True))
    other.load_state_dict(first.state_dict())
    assert all(torch.equal(first(x, y)[0], other(x, y)[0]) for _ in range(6))
    assert torch.equal(torch.get_rng_state(), before)


def test_without_a_generator_each_mixer_has_its_own(generator):
    x, y = batch(generator)

    def make():
        return mb.OneOf([mb.mixup(0.8, 3, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2)])

    first, second = make(), make()
    with torch.random.fork_rng():
        torch.manual_seed(5)
        first(x, y)
        state = first.state_dict()
        torch.manual_seed(6)
        expected = [first(x, y)[0] for _ in range(5)]
        second.load_state_dict(state)
        torch.manual_seed(6)
        assert all(torch.equal(second(x, y)[0], mixed) for mixed in expected)


def test_a_run_is_resumed_exactly(tmp_path):
    mix = mb.OneOf([mb.mixup(1.0, 3), mb.kmixup(5, 1.0, 3)], [0.4, 0.6])

    def trained(epochs, mixer=mix, **options):
        model = seeded(0, lambda: MLP(4, (8,), 3))
        fit(model, iris(), Recipe(epochs, batch_size=30, lr=0.05), mixer=mixer, progress=False, **options)
        return nn.utils.parameters_to_vector(model.parameters())

    whole = trained(3)
    trained(1, checkpoint=tmp_path / "run.pt")
    assert torch.equal(trained(3, checkpoint=tmp_path / "run.pt"), whole)
    assert all(not torch.equal(trained(3, mixer), whole) for mixer in mix.mixers)


def test_it_goes_where_a_mixer_goes(generator):
    x, y = batch(generator)
    mix = mb.OneOf(QUARTERS[1:], generator=generator)
    partner = batch(generator)
    scheduled = Schedule(mix, until=1, epoch=1)
    for targets in (
        mix(x, y, *partner)[1],
        mix.outputs(nn.Identity(), x, y, partner=partner)[1],
        scheduled(x, y)[1],
        *(plan.targets(labels, 3) for _, labels, plan in mb.PlanAhead([(x, y)] * 3, mix)),
    ):
        assert targets.shape == (6, 3)
        torch.testing.assert_close(targets.sum(1), torch.ones(6))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: mb.OneOf([]), ValueError, "mixers must be a list with at least one"),
        (lambda: mb.OneOf(mb.mixup()), TypeError, r"mixers must be a list, got Mixer: e\.g\. \[mb\.mixup"),
        (lambda: mb.OneOf([mb.mixup(), mb.mixup]), TypeError, "mixers must be of type Mixer, got function"),
        (lambda: mb.OneOf([mb.mixup(1.0, 3), mb.mixup(1.0, 4)]), ValueError, r"the same num_classes, got \[3, 4\]"),
        (lambda: mb.OneOf(QUARTERS, [0.5, 0.5]), ValueError, "one for each of the 3 mixers, got 2"),
        (lambda: mb.OneOf(QUARTERS, [0.5, 0.2, 0.2]), ValueError, r"sum to 1, got \[0.5, 0.2, 0.2\]"),
        (lambda: mb.OneOf(QUARTERS, [1.5, -0.5, 0.0]), ValueError, "probabilities must be at least 0"),
        (
            lambda: mb.OneOf(QUARTERS).load_state_dict(mb.OneOf(QUARTERS[:2]).state_dict()),
            ValueError,
            "3 mixers, and the saved state holds 2",
        ),
        (lambda: mb.OneOf(QUARTERS).load_state_dict(mb.mixup().state_dict()), ValueError, "the saved state holds 0"),
        (
            lambda: mb.mixup().load_state_dict(mb.OneOf(QUARTERS).state_dict()),
            ValueError,
            "OneOf, which holds several",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
