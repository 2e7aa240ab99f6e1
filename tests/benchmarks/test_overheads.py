"""Time and epochs that mixing costs; one draw per batch or per example."""

import pytest
import torch

from mixbook.benchmarks.experiments import EXPERIMENTS
from mixbook.benchmarks.spec import Cell, Profile
from mixbook.benchmarks.trials import overheads
from mixbook.benchmarks.trials.answers import answers_of
from mixbook.benchmarks.trials.overheads import trial
from mixbook.models import MLP
from mixbook.training import History

COSTS, PER_EXAMPLE = EXPERIMENTS["manifold-costs"], EXPERIMENTS["manifold-per-example"]


@pytest.mark.parametrize("cell", COSTS.cells[::3], ids=str)
def test_a_trial_learns_and_is_timed(cell):
    found = trial(COSTS, cell, 0, Profile(trials=1, epochs=8))
    assert found["train_nll@8"] < 0.5 * found["train_nll@1"]
    assert 1 <= found["nll_epochs"] <= 9
    assert found["mlp_ms"] > 0 and found["lenet_ms"] > found["mlp_ms"]


def test_each_curve_has_a_goal_of_its_own(monkeypatch):
    seen = zip((2.0, 0.6, 0.4, 0.3), (8.0, 2.0, 1.0, 0.4), strict=True)
    history = History(tuple({"train_nll": nll, "test_error": error} for nll, error in seen))
    monkeypatch.setattr(overheads, "fit", lambda *args, **more: history)
    monkeypatch.setattr(overheads, "_compare", lambda *args: {"ms": 1.0})
    found = trial(COSTS, COSTS.cells[0], 0, Profile(trials=1, epochs=4))
    assert (COSTS["nll_goal"], COSTS["error_goal"]) == (0.5, 5)
    assert (found["nll_epochs"], found["error_epochs"]) == (pytest.approx(2.5), pytest.approx(1.5))


def test_curves_repeat_although_times_do_not():
    runs = [trial(COSTS, COSTS.cells[1], 2, Profile(trials=1, epochs=2)) for _ in range(2)]
    curves = [{name: value for name, value in run.items() if "@" in name} for run in runs]
    assert curves[0] == curves[1]


def test_per_example_draws_many_lambdas_and_layers():
    model = MLP(64, (8, 8), 10)
    y = torch.arange(40) % 10
    seen = {}
    for cell in PER_EXAMPLE.cells[1:]:
        mixer = answers_of(cell).mixer_for(model, 10)
        layers, weights = [], set()
        for seed in range(5):
            g = torch.Generator().manual_seed(seed)
            layers.append(len(mixer._draw(40, g).unique()))
            _, plan = mixer.with_plan(model, torch.rand(40, 64), y, generator=torch.Generator().manual_seed(seed))
            weights.add(len(plan.weights[:, 0].unique()))
        seen[cell.answers()["per"]] = (max(layers) > 1, max(weights) > 1)
    assert seen == {"batch": (False, False), "pair_lambda": (False, True), "pair": (True, True)}


def test_no_mixing_where_there_is_none():
    assert answers_of(Cell("erm", "")).mixer_for(MLP(64, (8,), 10), 10) is None
