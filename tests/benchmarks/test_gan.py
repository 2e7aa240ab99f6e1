"""Trials of the GAN on MNIST: what is paired, what the judge says, and what is kept of the fakes."""

import math

import pytest
import torch

from mixbook.benchmarks.experiments import get_experiment
from mixbook.benchmarks.trials import gan

GAN = get_experiment("manifold-gan-mnist")
SMOKE = GAN.profile("smoke")


def test_it_answers_nothing_that_is_printed():
    assert GAN.surrogate and not GAN.printed and not GAN.paper.startswith("manifold")


def test_methods_are_paired_and_differ(monkeypatch):
    """In place of the training: which weights each method starts from, and where it mixes."""
    started = {}

    def untrained(make, tell, images, recipe, mixer, progress):
        weights = torch.cat([p.detach().flatten() for net in (make, tell) for p in net.parameters()])
        assert images.shape[1:] == (1, 32, 32) and images.min() == -1 and images.max() == 1
        started[cell.method] = weights, recipe, mixer and list(mixer.layers)

    monkeypatch.setattr(gan, "fit_gan", untrained)
    found = {}
    for cell in GAN.cells:
        found[cell.method] = gan.trial(GAN, cell, 3, SMOKE)
    assert found["erm"] == found["mixup"] == found["manifold_mixup"]  # the same fakes of the same weights
    assert len({recipe for _, recipe, _ in started.values()}) == 1
    assert all(torch.equal(weights, started["erm"][0]) for weights, _, _ in started.values())
    assert [mixed for _, _, mixed in started.values()] == [None, ["input"], ["input", "layer1", "layer2"]]
    cell = GAN.cells[0]
    assert gan.trial(GAN, cell, 4, SMOKE)["frechet"] != found["erm"]["frechet"]
    scores = found["erm"]
    assert 0 < 5 * scores["floor"] < scores["frechet"]  # untrained fakes are no digits
    assert 1 <= scores["score"] < scores["score_real"] <= 10
    assert sum(scores[f"share@{digit}"] for digit in range(10)) == pytest.approx(100)
    assert scores["digits"] == sum(scores[f"share@{digit}"] >= 1 for digit in range(10))


def test_a_trial_trains():
    scores = gan.trial(GAN, GAN.cells[-1], 0, SMOKE)
    assert all(math.isfinite(value) for value in scores.values())


def test_small_copies_of_fakes_are_read_back():
    fakes = torch.rand(3, 1, 28, 28)
    drawn = gan.pictures(gan._rows(fakes))
    assert drawn.shape == (3, 14, 14)
    means = fakes.unfold(2, 2, 2).unfold(3, 2, 2).mean((1, 4, 5)).numpy()
    assert abs(drawn - means).max() <= 0.1


def test_the_score_is_one_for_one_digit_and_ten_for_ten():
    assert gan._score(torch.eye(10)) == pytest.approx(10)
    assert gan._score(torch.eye(10)[[3] * 8]) == pytest.approx(1)
    assert gan._score(torch.full((8, 10), 0.1)) == pytest.approx(1)
