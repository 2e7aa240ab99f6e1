import math

import pytest
import torch

from mixbook.data import two_spirals


def test_the_arms_are_half_a_turn_apart_and_wind_as_often_as_asked(generator):
    data = two_spirals(4000, generator, turns=2.0, noise=0.0)
    radius = data.x.norm(dim=1)
    angle = torch.atan2(data.x[:, 1], data.x[:, 0])
    turn = (angle - 4 * math.pi * radius - math.pi * data.y).remainder(2 * math.pi)  # zero up to whole turns
    assert torch.minimum(turn, 2 * math.pi - turn).max() < 1e-4
    assert radius.min() >= 0.15 and radius.max() <= 1 + 1e-6
    square = ((radius - 0.15) / 0.85).square()  # uniform
    assert (square.mean(), square.std()) == (pytest.approx(1 / 2, abs=0.02), pytest.approx(12**-0.5, abs=0.01))


def test_noise_is_what_it_is_said_to_be(generator):
    clean = two_spirals(20_000, generator.clone_state(), noise=0.0)
    noisy = two_spirals(20_000, generator.clone_state(), noise=0.05)
    assert (noisy.x - clean.x).std() == pytest.approx(0.05, rel=0.03)
    assert torch.equal(noisy.y, clean.y)


def test_classes_are_even_and_a_neighbour_tells_them_apart(generator):
    data = two_spirals(1000, generator)
    assert data.y.double().mean() == 0.5
    nearest = torch.cdist(data.x, data.x).fill_diagonal_(torch.inf).argmin(1)
    assert (data.y[nearest] == data.y).float().mean() > 0.99


def test_draws_come_from_the_generator_alone(generator):
    state, before = generator.get_state(), torch.get_rng_state()
    first = two_spirals(20, generator)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first.x, two_spirals(20, generator.set_state(state)).x)


@pytest.mark.parametrize(
    ("n", "options", "message"),
    [(1, {}, "n must be at least 2, got 1"), (5, {"turns": 0}, "turns must be"), (5, {"noise": -0.1}, "noise must be")],
)
def test_nonsense_is_refused(n, options, message, generator):
    with pytest.raises(ValueError, match=message):
        two_spirals(n, generator, **options)
