import math
from collections import OrderedDict
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from mixbook.mixing.gan import gan_mixup
from mixbook.models import seeded
from mixbook.models.gan import Discriminator, Generator
from mixbook.training.gan import GanRecipe, fit_gan


def small_discriminator() -> nn.Sequential:
    hidden = nn.Sequential(nn.Linear(2, 32), nn.LeakyReLU(0.1)), nn.Sequential(nn.Linear(32, 32), nn.LeakyReLU(0.1))
    return nn.Sequential(OrderedDict(layer1=hidden[0], layer2=hidden[1], head=nn.Linear(32, 1)))


def points(n: int, generator: torch.Generator) -> Tensor:
    return torch.tensor([2.0, -1.0]) + 0.5 * torch.randn(n, 2, generator=generator)


def weights(model: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@pytest.mark.parametrize("mixed", [False, True])
def test_fakes_move_to_where_the_data_are(mixed, generator):
    data = points(512, generator)
    make, judge = seeded(0, lambda: nn.Linear(2, 2)), seeded(1, small_discriminator)
    recipe = GanRecipe(epochs=20, lr=0.015, betas=(0.5, 0.999), generator_every=1, noise=2)
    z = torch.randn(2000, 2, generator=generator)
    far = (make(z).mean(0) - data.mean(0)).norm().item()
    history = fit_gan(make, judge, data, recipe, gan_mixup(judge, alpha=0.5) if mixed else None, progress=False)
    near = (make(z).mean(0) - data.mean(0)).norm().item()
    assert far > 1.5
    assert near < 0.6
    assert len(history) == 20
    assert all(math.isfinite(loss) for loss in history["d_loss"])
    assert (max(history["mix_loss"]) > 0) == mixed


def constant(logit: float) -> nn.Module:
    """A discriminator that always says the same: its losses are known."""
    model = nn.Sequential(OrderedDict(head=nn.Linear(2, 1)))
    nn.init.zeros_(model.head.weight)
    nn.init.constant_(model.head.bias, logit)
    return model


@pytest.mark.parametrize("logit", [0.0, 1.5])
def test_the_losses_are_those_of_the_appendix(logit, generator):
    """One step against a discriminator that is constant: what is left are the mean targets."""
    judge, data = constant(logit), points(300, generator)
    recipe = GanRecipe(epochs=1, batch_size=300, noise=2)
    history = fit_gan(nn.Linear(2, 2), judge, data, recipe, gan_mixup(judge, ["input"], 0.5), progress=False)
    real, fake = math.log(1 + math.exp(-logit)), math.log(1 + math.exp(logit))
    share = (0.25 + 0.75 + 0) / 3  # mean targets of real-fake, fake-real and fake-fake
    mixed = share * real + (1 - share) * fake
    assert history["mix_loss"][0] == pytest.approx(mixed, abs=0.05)
    assert history["d_loss"][0] - history["mix_loss"][0] == pytest.approx(real + fake, abs=1e-5)
    assert history["g_loss"][0] == pytest.approx(real - mixed, abs=0.05)


def test_a_mixer_gets_the_real_images_and_the_fakes_twice_with_their_labels(generator):
    data, make, judge = points(64, generator), nn.Linear(2, 2), small_discriminator()
    calls = []

    class Spy:
        def outputs(self, model: nn.Module, x: Tensor, y: Tensor, **_: object) -> tuple[Tensor, Tensor]:
            calls.append((x.detach(), y))
            return model(x), y

    fit_gan(make, judge, data, GanRecipe(epochs=1, noise=2), Spy(), progress=False)
    assert len(calls) == 2  # for the generator, and for the discriminator
    for x, y in calls:
        real, fake = x[y[:, 0] == 1], x[y[:, 0] == 0]
        torch.testing.assert_close(real.sort(0).values, data.sort(0).values)
        assert len(fake) == 128
        assert torch.equal(fake[:64], fake[64:])


def test_the_generator_takes_every_fifth_step_and_each_network_its_own(generator):
    data = points(64, generator)
    make, judge = seeded(0, lambda: nn.Linear(2, 2)), seeded(1, small_discriminator)
    seen = []
    make.register_forward_hook(lambda *_: seen.append((weights(make), weights(judge))))
    fit_gan(make, judge, data, GanRecipe(epochs=11, batch_size=64, noise=2), gan_mixup(judge), progress=False)
    changed = [not torch.equal(a[0], b[0]) for a, b in pairwise(seen)]
    assert changed == [step % 5 == 0 for step in range(10)]
    assert all(not torch.equal(a[1], b[1]) for a, b in pairwise(seen))
    assert all(p.requires_grad for p in judge.parameters())


def test_an_epoch_without_a_step_of_the_generator_has_no_loss_of_it(generator):
    judge = small_discriminator()
    recipe = GanRecipe(epochs=3, batch_size=64, noise=2, generator_every=2)
    history = fit_gan(nn.Linear(2, 2), judge, points(64, generator), recipe, progress=False)
    assert [math.isnan(loss) for loss in history["g_loss"]] == [False, True, False]
    assert history["mix_loss"] == [0, 0, 0]


def test_the_same_seed_gives_the_same_networks(generator):
    data = points(128, generator)

    def run(seed: int) -> Tensor:
        make, judge = seeded(0, lambda: nn.Linear(2, 2)), seeded(1, small_discriminator)
        fit_gan(make, judge, data, GanRecipe(epochs=2, noise=2, seed=seed), gan_mixup(judge), progress=False)
        return torch.cat([weights(make), weights(judge)])

    first = run(0)
    torch.rand(3)
    assert torch.equal(first, run(0))
    assert not torch.equal(first, run(1))


def test_the_networks_of_the_appendix_train(generator):
    make, judge = seeded(0, lambda: Generator(4, 1, width=4)), seeded(1, lambda: Discriminator(1, width=4))
    images = 2 * torch.rand(16, 1, 32, 32, generator=generator) - 1
    before = weights(make), weights(judge)
    history = fit_gan(make, judge, images, GanRecipe(epochs=2, batch_size=8, noise=4), gan_mixup(judge), progress=False)
    assert all(math.isfinite(value) for name in ("d_loss", "g_loss", "mix_loss") for value in history[name][:1])
    assert not torch.equal(before[0], weights(make))
    assert not torch.equal(before[1], weights(judge))


def test_both_optimizers_take_the_values_of_the_recipe(generator, monkeypatch):
    made, adam = [], torch.optim.Adam
    monkeypatch.setattr(torch.optim, "Adam", lambda weights, **how: made.append(how) or adam(weights, **how))
    recipe = GanRecipe(epochs=1, lr=3e-3, betas=(0.25, 0.875), noise=2)
    fit_gan(nn.Linear(2, 2), small_discriminator(), points(64, generator), recipe, progress=False)
    assert made == [{"lr": 3e-3, "betas": (0.25, 0.875)}] * 2


def test_both_networks_train_in_train_mode(generator):
    make, judge = nn.Linear(2, 2).eval(), small_discriminator().eval()
    fit_gan(make, judge, points(64, generator), GanRecipe(epochs=1, noise=2), progress=False)
    assert make.training and judge.training


def test_what_is_frozen_stays_so(generator):
    make, judge = nn.Linear(2, 2), small_discriminator()
    judge.layer1.requires_grad_(False)
    make.bias.requires_grad_(False)
    frozen, free = weights(judge.layer1), weights(judge.layer2)
    recipe = GanRecipe(epochs=2, batch_size=16, noise=2, generator_every=2)
    fit_gan(make, judge, points(64, generator), recipe, gan_mixup(judge), progress=False)
    assert torch.equal(weights(judge.layer1), frozen) and not torch.equal(weights(judge.layer2), free)
    assert [name for name, p in judge.named_parameters() if not p.requires_grad] == ["layer1.0.weight", "layer1.0.bias"]
    assert not make.bias.requires_grad


def test_the_defaults_are_those_of_the_appendix():
    expected = GanRecipe(500, batch_size=64, lr=2e-4, betas=(0.0, 0.999), generator_every=5, noise=62)
    assert GanRecipe(500) == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"epochs": 1, "generator_every": 0}, "generator_every must be at least 1, got 0"),
        ({"epochs": 1, "lr": 0}, "lr must be positive and finite, got 0"),
        ({"epochs": 1, "betas": (0.0, 1.0)}, r"betas must lie in \[0, 1\), got \(0.0, 1.0\)"),
    ],
)
def test_bad_settings_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        GanRecipe(**arguments)


def test_other_bad_input_is_named(generator):
    with pytest.raises(ValueError, match="images must fill a batch of 64, got 5"):
        fit_gan(nn.Linear(2, 2), small_discriminator(), points(5, generator), GanRecipe(1, noise=2), progress=False)
    with pytest.raises(ValueError, match=r"one logit for each image, \(B, 1\), got \(64, 2\)"):
        fit_gan(nn.Linear(2, 2), nn.Linear(2, 2), points(64, generator), GanRecipe(1, noise=2), progress=False)


def test_both_networks_move_under_an_autocast_around_the_training(generator):
    """It keeps low-precision copies of weights until it ends, so that fakes would always be those of the first weights."""
    seen = []

    class Watched(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(super().forward(torch.ones(1, 2)).detach())
            return super().forward(x)

    make, judge = seeded(0, lambda: Watched(2, 2)), seeded(1, small_discriminator)
    recipe = GanRecipe(epochs=1, batch_size=8, lr=0.1, generator_every=1, noise=2)
    with torch.autocast("cpu", torch.bfloat16):
        fit_gan(make, judge, points(24, generator), recipe, progress=False)
    assert len(seen) == 3
    assert not any(torch.equal(one, other) for one, other in pairwise(seen))
