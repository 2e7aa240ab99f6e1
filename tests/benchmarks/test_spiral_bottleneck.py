"""Two spirals, a bottleneck of two units, seven regularizers."""

import numpy as np
import pytest
import torch
from torch import nn

from mixbook.benchmarks.experiments import EXPERIMENTS
from mixbook.benchmarks.spec import Cell, Profile
from mixbook.benchmarks.trials.spiral_bottleneck import (
    _measure,
    behind_bottleneck,
    confidence,
    margin,
    samples,
    train,
    trials,
)
from mixbook.evaluation import evaluate
from mixbook.evaluation.hidden import hidden_states
from mixbook.models import BottleneckMLP, seeded

SPIRAL = EXPERIMENTS["manifold-figures1-2"]
SHORT = Profile(trials=1, epochs=2)


def test_every_method_trains_another_network_from_the_same_start():
    tasks = [(cell, 0) for cell in SPIRAL.cells]
    networks = train(SPIRAL, tasks, SHORT)
    plain = [model for model, (cell, _) in zip(networks, tasks, strict=True) if cell.method != "batch_norm"]
    answers = [confidence(model, samples(SPIRAL, 0, "test").x) for model in plain]
    for i, one in enumerate(answers):
        assert all((one - other).abs().max() > 1e-6 for other in answers[:i])
    assert any(isinstance(module, nn.BatchNorm1d) for module in networks[4].modules())
    assert not any(module.training for model in networks for module in model.modules())


def test_trials_do_not_depend_on_what_they_are_trained_with():
    cells = [Cell("manifold_mixup", ""), Cell("input_noise", "")]
    alone = [trials(SPIRAL, [(cell, 1)], SHORT)[0] for cell in cells]
    together = trials(SPIRAL, [(cell, number) for cell in cells for number in range(3)], SHORT)
    for one, (mine, other) in zip(alone, ((together[1], together[0]), (together[4], together[3])), strict=True):
        assert mine == pytest.approx(one, rel=1e-2, abs=1e-2)
        assert mine["nll"] != pytest.approx(other["nll"], abs=1e-4)


def test_long_training_learns_the_spirals():
    found = trials(SPIRAL, [(Cell("erm", ""), 0)], Profile(trials=1, epochs=150))[0]
    assert found["error"] < 10
    assert found["boundary"] > 2 and 0.02 < found["margin"] < 0.5
    assert 0.5 <= found["confidence"] <= 1 and 0 <= found["unsure"] <= 100


def test_the_margin_is_the_distance_to_the_other_prediction():
    axis = torch.linspace(-1, 1, 201)
    points = torch.cartesian_prod(axis, axis)
    x = torch.tensor([[-0.5, 0.0], [0.25, 0.3]])
    assert margin(x, x[:, 0] > 0, points, points[:, 0] > 0) == pytest.approx((0.5 + 0.25) / 2, abs=0.011)
    nowhere = torch.zeros(len(points), dtype=torch.bool)
    assert margin(x, torch.zeros(2, dtype=torch.bool), points, nowhere) == pytest.approx(1.2)


def test_what_follows_the_bottleneck_ends_as_the_network_does():
    model = seeded(0, lambda: BottleneckMLP(2, (8, 8), 2, (8,), 2)).eval()
    x = torch.rand(9, 2)
    states = hidden_states(model, x, "bottleneck")
    np.testing.assert_allclose(confidence(behind_bottleneck(model), states), confidence(model, x), rtol=1e-5)


def test_scores_are_of_the_test_samples_and_unsure_is_below_nine_in_ten():
    model = seeded(0, lambda: BottleneckMLP(2, (8,), 2, (8,), 2)).eval()
    train_nll, test_nll = (evaluate(model, samples(SPIRAL, 0, part))["nll"] for part in ("train", "test"))
    assert _measure(SPIRAL, model, 0)["nll"] == pytest.approx(test_nll, rel=1e-6) != pytest.approx(train_nll, rel=1e-6)
    nn.init.zeros_(model.head.weight)
    for sure, unsure in ((0.85, 100), (0.95, 0)):
        model.head.bias.data.copy_(torch.tensor([sure, 1 - sure]).log())
        found = _measure(SPIRAL, model, 0)
        assert (found["unsure"], found["confidence"]) == (unsure, pytest.approx(sure))
