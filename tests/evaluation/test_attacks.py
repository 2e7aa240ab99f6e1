"""On a linear network of two classes the attacks have closed forms: the margin falls by eps |w|_1, the box permitting."""

import math
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from mixbook.data import Arrays
from mixbook.evaluation import PGD, attacked_error, evaluate, fgsm, fgsm_error, unbounded
from mixbook.evaluation.attacks import _better
from mixbook.lead import lead
from mixbook.models import MLP, Normalise, seeded

STEP = 1 / 512  # a power of two: moving pixels by it is exact


class Linear(nn.Module):
    """Logits (0, w x + b) for images, float64 where the images are."""

    def __init__(self, weight: Tensor, bias: float = 0.0) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(weight), bias

    def forward(self, x: Tensor) -> Tensor:
        one = (x * self.weight).flatten(1).sum(1) + self.bias
        return torch.stack([torch.zeros_like(one), one], dim=1)


def margin(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    logits = model(x).detach()
    return (2 * y - 1) * (logits[:, 1] - logits[:, 0])


@pytest.fixture
def linear(generator):
    return Linear(torch.randn(3, 5, 5, generator=generator, dtype=torch.float64))


@pytest.fixture
def images(generator):
    x = torch.rand(40, 3, 5, 5, generator=generator, dtype=torch.float64)
    return x, torch.randint(2, (40,), generator=generator)


ATTACKS = [
    fgsm(8 / 255, clip=None),
    PGD(8 / 255, steps=10, clip=None),
    PGD(8 / 255, steps=3, step_size=1.0, restarts=2, clip=None),
]


@pytest.mark.parametrize("attack", ATTACKS, ids=["fgsm", "pgd", "large steps"])
def test_the_margin_of_a_linear_network_falls_by_eps_times_the_one_norm(attack, linear, images, generator):
    x, y = images
    attacked = attack(linear, x, y, generator)
    fall = margin(linear, x, y) - margin(linear, attacked, y)
    expected = 8 / 255 * linear.weight.detach().abs().sum()
    torch.testing.assert_close(fall, expected.expand(len(x)))
    assert (attacked - x).abs().max() <= 8 / 255 + 1e-12


@pytest.mark.parametrize("attack", [fgsm(0.2), PGD(0.2, steps=20)], ids=["fgsm", "pgd"])
def test_at_the_edge_of_the_pixels_the_attack_stops(attack, linear, images, generator):
    x, y = images
    attacked = attack(linear, x, y, generator)
    away = torch.where(y == 1, -1, 1)[:, None, None, None] * linear.weight.detach().sign()
    torch.testing.assert_close(attacked, (x + 0.2 * away).clamp(0, 1))
    assert attacked.min() == 0
    assert attacked.max() == 1


def test_a_step_is_two_and_a_half_times_the_budget_over_the_number_of_steps(linear, images):
    x, y = images
    seen = []
    linear.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].detach()))
    PGD(0.2, steps=10, random_start=False, clip=None)(linear, x, y)
    moved = [float((each - x).abs().max()) for each in seen]
    assert moved == pytest.approx([0, 0.05, 0.1, 0.15, *[0.2] * 6])
    seen.clear()
    PGD(0.2, steps=3, restarts=2, clip=None)(linear, x, y)
    assert len(seen) == 2 * 3 + 2  # and once each to see which attempt is the better


def test_fgsm_takes_one_step_from_the_sample_and_no_second_gradient(images):
    """On a curved network the first gradient decides: here the second one would point back."""

    class Bump(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            away = (x - 0.5).flatten(1).sum(1)
            return torch.stack([torch.zeros_like(away), away - 100 * away**2], dim=1)

    x = torch.full((1, 1, 1, 1), 0.5)
    attacked = fgsm(0.125)(Bump(), x, torch.tensor([0]))
    assert attacked.item() == 0.625  # the slope at the sample is upwards, the value there is lower


@pytest.mark.parametrize("attack", [fgsm(0), PGD(0), PGD(0, restarts=3)], ids=["fgsm", "pgd", "restarts"])
def test_without_a_budget_nothing_changes(attack, linear, images, generator):
    x, y = images
    assert torch.equal(attack(linear, x, y, generator), x)


def test_the_budget_is_in_pixels_whatever_the_network_does_to_them(images, generator):
    x, y = images[0].float(), images[1]
    inside = nn.Sequential(Normalise((0.5, 0.4, 0.3), (0.2, 0.1, 0.05)), Linear(torch.randn(3, 5, 5, generator=generator)))
    attacked = fgsm(STEP)(inside, x, y)
    assert (attacked - x).abs().max() <= STEP + 1e-7
    net, outside = inside[1], inside[0](x)  # as the old scripts did it: behind the normalisation, and without an edge
    moved = fgsm(STEP, clip=None)(net, outside, y)
    assert (moved - outside).abs().max() == pytest.approx(STEP, rel=1e-2)
    assert moved.max() > 1


@pytest.mark.parametrize("make", [fgsm, partial(PGD, steps=5, random_start=False)], ids=["fgsm", "pgd"])
def test_behind_the_normalisation_it_is_the_attack_on_normalised_images(make, images, generator):
    """As the old scripts did it: the same network, once with its first layer and pixels, once without and normalised."""
    x, y = images[0].float(), images[1]
    normalise = Normalise((0.5, 0.4, 0.3), (0.2, 0.1, 0.05))
    net = nn.Sequential(nn.Flatten(), nn.Linear(75, 20), nn.ReLU(), nn.Linear(20, 2))
    moved = make(0.03, space="normalised")(nn.Sequential(normalise, net), x, y)
    torch.testing.assert_close(normalise(moved), make(0.03, clip=None)(net, normalise(x), y), atol=1e-5, rtol=0)
    change = (moved - x).abs().amax((0, 2, 3))
    torch.testing.assert_close(change, 0.03 * torch.tensor([0.2, 0.1, 0.05]), atol=1e-6, rtol=0)
    assert make(1.0, space="normalised")(nn.Sequential(normalise, net), x, y).max() > 1  # no edge


def test_random_starts_behind_the_normalisation_fill_its_box(images, generator):
    x, y = images[0].float(), images[1]
    model = nn.Sequential(Normalise((0.5,) * 3, (0.2, 0.1, 0.05)), Linear(torch.randn(3, 5, 5, generator=generator)))
    change = (PGD(1.0, steps=1, step_size=1e-3, space="normalised")(model, x, y, generator) - x).abs().mean((0, 2, 3))
    torch.testing.assert_close(change, torch.tensor([0.1, 0.05, 0.025]), rtol=0.1, atol=0)


def test_a_network_without_normalisation_has_no_such_space(linear, images):
    with pytest.raises(ValueError, match="space='normalised' needs a network that normalises its inputs"):
        fgsm(0.1, space="normalised")(linear, *images)
    with pytest.raises(ValueError, match=r"space must be one of \('pixels', 'normalised'\), got 'logits'"):
        fgsm(0.1, space="logits")


def test_normalised_images_are_refused_where_pixels_are_meant(linear, images):
    x, y = images
    with pytest.raises(ValueError, match=r"x must lie in clip=\(0.0, 1.0\), got .* normalise inside the network"):
        fgsm(0.1)(linear, (x - 0.5) / 0.2, y)


def test_a_pixel_that_is_no_number_is_refused(linear, images):
    x, y = images[0].clone(), images[1]
    x[0, 0, 0, 0] = float("nan")
    with pytest.raises(ValueError, match="got values from nan"):
        fgsm(0.1)(linear, x, y)


class TwoPeaks(nn.Module):
    """Below 1/2 the loss rises to 1.08 and the answer stays right, above it rises to 0.80 and the answer turns wrong."""

    def forward(self, x: Tensor) -> Tensor:
        t = x.flatten(1)[:, 0] - 0.5
        zero = torch.zeros_like(t)
        below = torch.stack([4 + 3.97 * t / 0.3, zero, zero], dim=1)
        above = torch.stack([4 - 14 * t, zero, zero - 10], dim=1)
        return torch.where((t < 0)[:, None], below, above)


def test_restarts_keep_the_attempt_that_fools(generator):
    x, y = torch.full((64, 1), 0.5), torch.zeros(64).long()
    data = Arrays(x, y, 3)
    once = attacked_error(TwoPeaks(), data, PGD(0.3, steps=20), generator=generator)
    often = attacked_error(TwoPeaks(), data, PGD(0.3, steps=20, restarts=20), generator=generator)
    assert 0.2 < once < 0.8  # half of the starts are on either side
    assert often == 1  # though the other peak has the larger loss


def test_random_starts_come_from_the_generator(linear, images):
    x, y = images
    attack = PGD(0.1, steps=1, step_size=1e-3)
    first, again, other = (attack(linear, x, y, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert (first - x).abs().max() <= 0.1 + 1e-12
    assert (first - x).abs().mean() == pytest.approx(0.05, rel=0.15)  # a uniform start, pixels near an edge cut off


def test_the_network_is_left_as_it_was(generator):
    model = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(75), nn.Dropout(0.5), nn.Linear(75, 2)).train()
    model[1].eval()
    model[3].weight.grad = torch.ones(2, 75)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    x, y = torch.rand(8, 3, 5, 5, generator=generator), torch.randint(2, (8,), generator=generator)
    with torch.no_grad():  # a caller may have switched gradients off
        first, second = (PGD(0.1, steps=3, random_start=False)(model, x, y) for _ in range(2))
    assert torch.equal(first, second)  # no dropout while attacking
    assert [module.training for module in model] == [True, False, True, True]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(model[3].weight.grad, torch.ones(2, 75))
    assert model[3].bias.grad is None
    assert not first.requires_grad


def test_the_error_under_attack_is_that_of_the_margins(linear, images, generator):
    data = Arrays(images[0].float(), images[1], 2)
    model = linear.float()
    reach = 0.02 * float(model.weight.detach().abs().sum())
    expected = float((margin(model, data.x, data.y) < reach).double().mean())
    clean = 1 - evaluate(model, data)["accuracy"]
    assert clean < expected < 1
    assert fgsm_error(model, data, 0.02, clip=None) == pytest.approx(expected)
    assert fgsm_error(model, data, 0.0) == pytest.approx(clean)
    small = [fgsm_error(model, data, 0.02, clip=None, batch_size=size) for size in (7, 40)]
    assert small == pytest.approx([expected] * 2)


def test_stronger_attacks_are_stronger_on_a_network(generator):
    x = torch.rand(300, 1, 8, 8, generator=generator)
    model = seeded(0, lambda: MLP(64, (64, 64), 4))
    data = Arrays(x, model(x).argmax(1), 4)  # it is right about everything, until it is attacked
    eps = 0.01
    errors = [
        fgsm_error(model, data, eps),
        attacked_error(model, data, PGD(eps, steps=20, restarts=3), generator=generator),
    ]
    assert 0 < errors[0] <= errors[1] < 1


def test_without_a_bound_a_network_fails_unless_its_gradients_are_masked(generator):
    class Masked(nn.Module):
        """A linear network behind a staircase: its gradient is zero nearly everywhere."""

        def forward(self, x: Tensor) -> Tensor:
            return 2.0 * (linear(x) > 0).float() + 0 * linear(x)

    linear = Linear(torch.randn(1, 4, 4, generator=generator))
    x = torch.rand(50, 1, 4, 4, generator=generator)
    data = Arrays(x, linear(x).argmax(1), 2)
    assert attacked_error(linear, data, unbounded()) == 1
    assert attacked_error(Masked(), data, unbounded()) < 0.1


def test_the_attack_without_a_bound_is_two_hundred_steps_of_a_hundredth():
    assert unbounded() == PGD(math.inf, steps=200, step_size=0.01, random_start=False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"eps": -0.1}, "eps must be at least 0, got -0.1"),
        ({"eps": math.nan}, "eps must be at least 0, got nan"),
        ({"eps": 0.1, "steps": 0}, "steps and restarts must be at least 1, got 0 and 1"),
        ({"eps": 0.1, "step_size": 0}, "step_size must be positive and finite, got 0"),
        ({"eps": math.inf}, "an infinite eps needs a step_size and random_start=False"),
        ({"eps": 0.1, "restarts": 2, "random_start": False}, "restarts must be 1 without a random start, got 2"),
        ({"eps": 0.1, "clip": (1.0, 0.0)}, r"clip must be \(smallest, largest\) or None, got \(1.0, 0.0\)"),
    ],
)
def test_bad_settings_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        PGD(**arguments)


def test_a_bad_batch_size_is_named(linear, images):
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        fgsm_error(linear, Arrays(images[0].float(), images[1], 2), 0.1, batch_size=0)


class Sure(nn.Module):
    """A network's logits, larger: the same answers, and the same directions to where they change."""

    def __init__(self, model: nn.Module, factor: float) -> None:
        super().__init__()
        self.model, self.factor = model, factor

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * self.model(x.to(next(self.model.parameters()).dtype))


@pytest.fixture
def answered(generator):
    """A network of two classes, and images with its own answers as labels."""
    model, x = seeded(0, lambda: MLP(25, (64,), 2)), torch.rand(200, 25, generator=generator)
    return model, x, model(x).argmax(1)


@pytest.mark.parametrize("how", [{}, {"steps": 1, "step_size": 0.05, "random_start": False}, {"restarts": 3}])
def test_how_sure_a_network_is_of_its_answers_moves_no_attack(how, answered):
    """In single precision the softmax of a sure network has no gradient at its own class, and then none at all."""
    model, x, y = answered
    attack = PGD(0.05, **how)
    exact = attack(Sure(model.double(), 1.0), x.double(), y, torch.Generator().manual_seed(0)).float()
    model.float()

    def moved(attack: PGD, network: nn.Module, x: Tensor = x) -> float:
        found = attack(network, x, y, torch.Generator().manual_seed(0)).float()
        return float((network(found).argmax(1) != y).float().mean())

    wanted = float((model(exact).argmax(1) != y).float().mean())
    assert 0.2 < wanted < 1
    assert all(abs(moved(attack, Sure(model, factor)) - wanted) < 0.02 for factor in (1.0, 100.0, 10_000.0))
    assert abs(moved(attack, Sure(model.half(), 100.0), x) - wanted) < 0.05
    model.float()
    usual = replace(attack, saturating=True)
    assert moved(usual, Sure(model, 1.0)) == pytest.approx(wanted, abs=0.02)
    assert moved(usual, Sure(model, 10_000.0)) < wanted / 2
    assert fgsm_error(Sure(model, 1e4), Arrays(x, y, 2), 0.05, saturating=True) < 0.1


def test_of_restarts_the_better_one_is_kept_also_where_all_losses_round_to_nothing(answered):
    model, x, y = answered
    weak, strong = x, fgsm(0.02)(model, x, y)
    better = _better(Sure(model, 1e4), strong, weak, y)
    further = lead(model(strong), y) > lead(model(weak), y)
    assert bool(better[further].float().mean() > 0.99) and not bool((better & ~further).float().mean() > 0.01)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32])
@pytest.mark.parametrize("saturating", [False, True])
def test_an_attack_takes_labels_of_any_integers(dtype, saturating, answered):
    model, x, y = answered
    attack = fgsm(0.05, saturating=saturating)
    assert torch.equal(attack(model, x, y.to(dtype)), attack(model, x, y))


def test_an_attack_needs_no_gradients_from_its_caller(answered):
    model, x, y = answered
    expected = PGD(0.05, random_start=False)(model, x, y)
    for without in (torch.no_grad, torch.inference_mode):
        with without():
            assert torch.equal(PGD(0.05, random_start=False)(model, x + 0, y + 0), expected)
            assert evaluate(model, [(x + 0, y + 0)], attacks=["fgsm@0.05"])["error@fgsm@0.05"] > 0.2


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_the_data_follow_the_model(generator):
    x = torch.rand(300, 1, 8, 8, generator=generator)
    model = seeded(0, lambda: MLP(64, (64, 64), 4))
    data = Arrays(x, model(x).argmax(1), 4)
    on_cpu = fgsm_error(model, data, 0.01)
    assert fgsm_error(model.cuda(), data, 0.01) == pytest.approx(on_cpu, abs=0.02)


def test_a_budget_wider_than_the_range_of_pixels_is_refused():
    with pytest.raises(ValueError, match=r"width of clip=\(0\.0, 1\.0\), got 8: a table's epsilon of 8 is 8 / 255"):
        fgsm(8)
    assert fgsm(8, clip=None).eps == fgsm(8, clip=(0.0, 255.0)).eps == 8


@pytest.mark.parametrize("how", ["fgsm@8", "pgd20@8", PGD(8, clip=None)])
def test_without_a_clip_it_is_refused_where_images_are_pixels_in_0_to_1(how, linear, images):
    x, y = images
    assert x.min() >= 0 and x.max() <= 1
    for refused in (lambda: evaluate(linear, [(x, y)], attacks=[how]), lambda: attacked_error(linear, [(x, y)], how)):
        with pytest.raises(ValueError, match="got 8 without a clip: a table's epsilon of 8 is 8 / 255"):
            refused()
    for allowed in ([(4 * x - 2, y)], [(255 * x, y)]):  # normalised, or in other units
        assert 0 <= attacked_error(linear, allowed, how) <= 1
    flat = [(x.flatten(1), y)]  # columns of a table may be longer than these rows show
    assert 0 <= attacked_error(nn.Sequential(nn.Unflatten(1, (3, 5, 5)), linear), flat, how) <= 1
    assert 0 <= attacked_error(linear, [(x, y)], "fgsm@1") <= 1
