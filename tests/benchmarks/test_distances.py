"""Distances of mixtures from the samples that they are made of."""

import math

import numpy as np
import pytest
import torch

from mixbook.benchmarks.experiments import EXPERIMENTS
from mixbook.benchmarks.spec import Cell, Profile
from mixbook.benchmarks.trials.distances import mean_squared_length, trials

SMALL = Profile(trials=1, epochs=1, stand_in=True)
MNIST, CIFAR = (EXPERIMENTS[f"kmixup-v1-figure{name}"] for name in ("5b", "6b"))


def test_random_partners_are_two_variances_apart(generator):
    x = torch.randn(4000, 5, generator=generator)
    other = mean_squared_length(x, 1, generator, other=x)
    assert other == pytest.approx(10, rel=0.05)


@pytest.mark.parametrize("batch_size", [32, 64])
def test_within_a_batch_a_share_of_k_over_its_size_is_matched_with_itself(batch_size, generator):
    x = torch.randn(2048, 200, generator=generator)  # in many dimensions nobody else is as near as oneself
    k = 16
    within = mean_squared_length(x, k, generator, batch_size=batch_size)
    apart = mean_squared_length(x, k, generator, other=x)
    assert within / apart == pytest.approx(1 - k / batch_size, abs=0.05)
    assert mean_squared_length(x, 32, generator, batch_size=32) == 0


def test_alpha_enters_by_how_far_mixtures_are_from_their_nearer_end(generator):
    cells = [Cell("mixup", f"k=1;alpha={alpha}") for alpha in ("0.5", "100")]
    few, many = trials(MNIST, [(cell, 0) for cell in cells], SMALL)
    drawn = [torch.tensor(np.random.default_rng(0).beta(a, a, 200_000)) for a in (0.5, 100.0)]
    steps = [float(torch.minimum(lam, 1 - lam).square().mean()) for lam in drawn]
    for name in few:
        assert few[name] / many[name] == pytest.approx(steps[0] / steps[1], rel=0.01)


def test_closer_partners_for_larger_k_and_augmentation_that_moves_images_apart():
    one, many = trials(MNIST, [(Cell("mixup", "k=1;alpha=1"), 0), (Cell("kmixup", "k=32;alpha=1"), 0)], SMALL)
    assert all(many[name] < one[name] for name in one)
    assert many["within_64"] < many["within_128"] < many["vicinal_sq_dist"]
    (cifar,) = trials(CIFAR, [(Cell("mixup", "k=1;alpha=1"), 0)], SMALL)
    assert all(math.isfinite(value) and value > 0 for value in cifar.values())
