"""Batches of many networks are mixed as each one's mixer would mix its own: what it refuses, and what is a reader's own."""

from dataclasses import dataclass

import pytest
import torch

import mixbook as mb
from mixbook.data import Arrays
from mixbook.models import MLP, seeded
from mixbook.training import Recipe, fit
from mixbook.training.trials import Trial, fit_trials

CLASSES = 3
GENERATOR = torch.Generator().manual_seed(0)
DATA = Arrays(torch.randn(48, 4, generator=GENERATOR), torch.randint(CLASSES, (48,), generator=GENERATOR), CLASSES)


def mlp(seed: int) -> torch.nn.Module:
    return seeded(seed, lambda: MLP(4, (10,), CLASSES))


def recipe(**changes) -> Recipe:
    return Recipe(**{"epochs": 2, "batch_size": 16, "lr": 0.1, **changes})


def alone(mixer, **changes) -> torch.nn.Module:
    model = mlp(0)
    fit(model, DATA, recipe(**changes), mixer=Trial(recipe(), mixer).mixer_for(model), progress=False)
    return model


def among_two(mixer, way="auto", **changes) -> torch.nn.Module:
    trials = [Trial(recipe(**changes), mixer)] * 2
    return fit_trials(mlp, DATA, trials, way=way, device="cpu", progress=False)[0].model


def assert_same(a: torch.nn.Module, b: torch.nn.Module) -> None:
    for p, q in zip(a.state_dict().values(), b.state_dict().values(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-4, atol=1e-5)


def hidden(mixer):
    return lambda model: mb.ManifoldMixer(model, ["layer1"], mixer)


@pytest.mark.parametrize("place", [lambda mixer: mixer, hidden], ids=["input", "hidden"])
def test_a_batch_that_would_be_matched_with_itself_is_refused(place):
    mixer = place(mb.kmixup(16, num_classes=CLASSES))
    for train in (alone, among_two):
        with pytest.raises(ValueError, match="k=16 makes one block of the whole batch"):
            train(mixer)
    assert_same(among_two(mixer, "stacked", pairs="across"), alone(mixer, pairs="across"))
    lenient = place(mb.kmixup(16, num_classes=CLASSES, strict=False))
    assert_same(among_two(lenient, "stacked"), alone(lenient))


def test_so_is_a_short_last_batch_of_k():
    """48 samples are a batch of 40 and one of 8."""
    for train in (alone, among_two):
        with pytest.raises(ValueError, match="k=8 makes one block of the whole batch"):
            train(mb.kmixup(8, num_classes=CLASSES), batch_size=40)


@dataclass(frozen=True)
class Always:
    """A ratio of a reader's own."""

    lam: float
    dtype: torch.dtype = torch.float32

    def sample(self, batch_size, generator=None):
        return torch.full((1, batch_size), self.lam, dtype=self.dtype)


def test_a_ratio_of_ones_own_is_looked_at():
    for train in (alone, among_two):
        with pytest.raises(ValueError, match=r"Always.sample must give lambda in \[0, 1\].* got values from 1.7 to 1.7"):
            train(mb.Mixer(ratio=Always(1.7), num_classes=CLASSES))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
def test_its_weights_may_have_any_precision(dtype):
    mixer = mb.Mixer(ratio=Always(0.75, dtype), num_classes=CLASSES)
    assert_same(among_two(mixer, "stacked"), alone(mixer))


def counted(base, method):
    """A reader's class derived from one of ours, and how often it was asked."""
    asked = []

    def note(self, *args, **kwargs):
        asked.append(1)
        return getattr(base, method)(self, *args, **kwargs)

    return type("Mine", (base,), {method: note}), asked


@pytest.mark.parametrize("place", [lambda mixer: mixer, hidden], ids=["input", "hidden"])
@pytest.mark.parametrize(
    ("base", "method"),
    [(mb.RandomPairing, "pair"), (mb.OptimalTransport, "pair"), (mb.Linear, "plan"), (mb.Mixer, "plan")],
    ids=lambda each: getattr(each, "__name__", each),
)
def test_what_a_reader_derives_from_ours_mixes(base, method, place):
    mine, asked = counted(base, method)
    mixer = {
        mb.RandomPairing: lambda: mb.Mixer(mine(), num_classes=CLASSES),
        mb.OptimalTransport: lambda: mb.Mixer(mine(4), num_classes=CLASSES),
        mb.Linear: lambda: mb.Mixer(blend=mine(), num_classes=CLASSES),
        mb.Mixer: lambda: mine(num_classes=CLASSES),
    }[base]()
    among_two(place(mixer))
    assert len(asked) == 2 * 2 * 3  # networks, epochs, batches


def test_so_does_what_a_reader_derives_from_manifold_mixup():
    mine, asked = counted(mb.ManifoldMixer, "outputs")
    among_two(lambda model: mine(model, ["layer1"], mb.mixup(1.0, CLASSES)))
    assert len(asked) == 2 * 2 * 3


class Backwards(mb.RandomPairing):
    def pair(self, x, other=None, generator=None, y=None, y2=None):
        return super().pair(x, other, generator, y, y2).flip(0)


def test_and_it_mixes_as_it_does_alone():
    mixer = mb.Mixer(Backwards(), num_classes=CLASSES)
    assert_same(among_two(mixer), alone(mixer))


@dataclass
class ByStates:
    """A pairing by what a network makes of the samples."""

    model: torch.nn.Module

    def pair(self, x, other=None, generator=None, y=None, y2=None):
        return mb.OptimalTransport(4).pair(self.model(x), None if other is None else self.model(other), generator)


def test_a_pairing_that_looks_at_the_network_sees_it_train():
    mixer = lambda model: mb.Mixer(ByStates(model), num_classes=CLASSES)  # noqa: E731
    assert_same(among_two(mixer, epochs=6), alone(mixer, epochs=6))
    with pytest.raises(ValueError, match="looks at the network"):
        among_two(mixer, "stacked")
    # One that knows no network of the trials may be stacked: it is asked for each.
    fixed = mb.Mixer(ByStates(mlp(5)), num_classes=CLASSES)
    assert_same(among_two(fixed, "stacked"), alone(fixed))


def test_a_manifold_mixer_of_another_network_is_not_taken_for_one_of_this():
    other = mb.ManifoldMixer(mlp(1), ["layer1"], mb.mixup(1.0, CLASSES))
    with pytest.raises(ValueError, match="mixes in another network"):
        among_two(lambda model: other, "stacked")
