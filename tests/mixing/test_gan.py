import pytest
import torch
from torch import nn

import mixbook as mb
from mixbook.mixing.gan import RealFake, gan_mixup
from mixbook.models.gan import Discriminator


def batch(real: int, fake: int) -> tuple[torch.Tensor, torch.Tensor]:
    y = torch.cat([torch.ones(real, 1), torch.zeros(fake, 1)])
    return torch.arange(real + fake).float()[:, None], y


@pytest.fixture
def discriminator():
    return nn.Sequential(nn.Identity(), nn.Linear(1, 1))


def test_the_targets_are_those_of_equation_4(discriminator, generator):
    """lambda if x1 is real and x2 fake, 1 - lambda the other way round, 0 if both are fake; both real never."""
    x, y = batch(40, 80)
    mixer = gan_mixup(discriminator, ["input"], alpha=0.5, generator=generator).mixer
    plan = mixer.plan(x, y)
    first, second = (y[plan.sources[:, s], 0].bool() for s in (0, 1))
    lam = plan.weights[:, 0]
    kinds = {"real-fake": first & ~second, "fake-real": ~first & second, "fake-fake": ~first & ~second}
    assert {kind: int(rows.sum()) for kind, rows in kinds.items()} == dict.fromkeys(kinds, 40)
    expected = torch.where(kinds["real-fake"], lam, torch.where(kinds["fake-real"], 1 - lam, 0.0))
    torch.testing.assert_close(plan.targets(y), expected[:, None])
    torch.testing.assert_close(plan.apply(x)[:, 0], lam * x[plan.sources[:, 0], 0] + (1 - lam) * x[plan.sources[:, 1], 0])


def test_lambda_is_uniform_up_to_alpha_and_drawn_for_each_pair(discriminator, generator):
    x, y = batch(2000, 4000)
    lam = gan_mixup(discriminator, ["input"], alpha=0.4, generator=generator).mixer.plan(x, y).weights[:, 0]
    assert len(lam.unique()) > 5000
    assert 0 <= lam.min() < 0.01 and 0.39 < lam.max() <= 0.4
    assert lam.mean().item() == pytest.approx(0.2, abs=0.01)
    assert lam.var().item() == pytest.approx(0.4**2 / 12, rel=0.05)


@pytest.mark.parametrize(("real", "fake"), [(5, 5), (3, 8), (0, 4)])
def test_other_shares_of_fakes_work_and_partners_are_fair(real, fake, generator):
    x, y = batch(real, fake)
    counts = torch.zeros(real + fake, real + fake)
    for _ in range(400):
        partner = RealFake().pair(x, generator=generator, y=y[:, 0].long())
        is_real = y[:, 0] == 1
        assert not is_real[partner[is_real]].any()
        assert int(is_real[partner[~is_real]].sum()) == real
        counts[torch.arange(len(x)), partner] += 1
    if real:
        assert counts[real:, :real].min() > 0  # each fake meets each real one some time
        assert counts[:real, real:].min() > 0


def test_pixels_and_the_first_two_resblocks_are_mixed_by_default(generator):
    model = Discriminator(width=2)
    mixer = gan_mixup(model, generator=generator)
    assert mixer.layers == ("input", "layer1", "layer2")
    assert mixer.probabilities is None  # equally likely
    assert mixer.mixer.ratio == mb.Uniform(0.0, 0.5, per="pair")
    _, y = batch(2, 4)
    logits, targets = mixer(torch.rand(6, 3, 32, 32, generator=generator), y)
    assert logits.shape == targets.shape == (6, 1)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "y must be 1 for each real and 0 for each fake of the 4 samples, got None"),
        (torch.tensor([0, 1, 2, 0]), "y must be 1 for each real"),
        (torch.zeros(3), r"of the 4 samples, got shape \(3,\)"),
        (torch.tensor([1, 1, 1, 0]), "there must be as many fakes as real samples, got 1 and 3"),
    ],
)
def test_bad_labels_are_named(y, message):
    with pytest.raises(ValueError, match=message):
        RealFake().pair(torch.zeros(4, 1), y=y)


def test_other_bad_input_is_named(discriminator):
    with pytest.raises(ValueError, match="a second batch has no place here"):
        RealFake().pair(torch.zeros(4, 1), torch.zeros(4, 1), y=torch.zeros(4))
    for alpha in (0.0, 1.5):
        with pytest.raises(ValueError, match=f"alpha must lie in \\(0, 1\\], got {alpha}"):
            gan_mixup(discriminator, ["input"], alpha)
