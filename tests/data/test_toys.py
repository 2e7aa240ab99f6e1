import math

import pytest
import torch

from mixbook.data import four_bars, one_ring, swiss_roll

TOYS = [one_ring, four_bars, swiss_roll]


@pytest.mark.parametrize(
    ("toy", "low", "high", "exact"),
    [
        (one_ring, 0.27, 0.29, 9 / 32),
        (four_bars, 6.4, 7.3, 2 * (1.5**2 * 1.25 + (0.5**2 + 2.5**2) / 12)),
        (swiss_roll, 41.0, 43.0, 2 * (2.25**3 - 0.5**3) * math.pi**2 / (3 * 1.75)),
    ],
)
def test_mean_squared_distance_is_the_one_that_print_implies(toy, low, high, exact, generator):
    x = toy(200_000, generator).x.double()
    measured = float((x - x.roll(1, 0)).square().sum(1).mean())
    assert low < measured < high
    assert measured == pytest.approx(exact, rel=0.01)


@pytest.mark.parametrize(("toy", "gap"), [(one_ring, 0.25), (four_bars, 1.0), (swiss_roll, 2.0)])
def test_classes_are_even_and_well_separated(toy, gap, generator):
    data = toy(4000, generator)
    assert data.x.shape == (4000, 2)
    assert data.y.double().mean() == pytest.approx(0.5, abs=0.04)
    across = torch.cdist(data.x[data.y == 0], data.x[data.y == 1])
    assert across.min() > gap - 1e-4
    # no noise: the nearest neighbour of every sample is of its own class, far closer than the other class
    within = torch.cdist(data.x, data.x).fill_diagonal_(torch.inf)
    nearest = within.min(dim=1)
    assert (data.y[nearest.indices] == data.y).all()
    assert nearest.values.max() < across.min() / 2


def test_labels_alternate_from_bar_to_bar(generator):
    data = four_bars(4000, generator)
    bar = ((data.x[:, 0] + 3) / 1.5).long()
    assert bar.unique().tolist() == [0, 1, 2, 3]
    assert torch.equal(bar % 2, data.y)


def test_the_arms_of_the_roll_are_half_a_turn_apart(generator):
    data = swiss_roll(4000, generator)
    radius = data.x.norm(dim=1)
    angle = torch.atan2(data.x[:, 1], data.x[:, 0])
    turn = (angle - radius - math.pi * data.y).remainder(2 * math.pi)  # zero up to whole turns
    assert torch.minimum(turn, 2 * math.pi - turn).max() < 1e-4


@pytest.mark.parametrize("toy", TOYS)
def test_draws_come_from_the_generator_alone(toy, generator):
    state, before = generator.get_state(), torch.get_rng_state()
    first = toy(20, generator)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first.x, toy(20, generator.set_state(state)).x)
    assert not torch.equal(first.x, toy(20, generator).x)


@pytest.mark.parametrize("toy", TOYS)
def test_no_samples_is_refused(toy, generator):
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        toy(0, generator)


def test_a_bar_is_half_a_unit_wide_and_two_and_a_half_long(generator):
    data = four_bars(4000, generator)
    centres = 1.5 * (torch.arange(4) - 1.5)
    off = (data.x[:, :1] - centres).abs().min(1).values
    assert off.max().item() == pytest.approx(0.25, abs=0.005)
    assert data.x[:, 1].abs().max().item() == pytest.approx(1.25, abs=0.005)
