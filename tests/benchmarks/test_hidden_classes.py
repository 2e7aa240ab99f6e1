"""One trial of MNIST's classes in a hidden layer, on the stand-in."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from mixbook.benchmarks.experiments import EXPERIMENTS
from mixbook.benchmarks.spec import Cell, Profile, Setting
from mixbook.benchmarks.trials.hidden_classes import plane_trial, spectra_trial
from mixbook.evaluation.hidden import hidden_states
from mixbook.models import BottleneckMLP, seeded

SHORT = Profile(trials=1, epochs=1, stand_in=True)


def narrow(name: str, width: int = 32):
    """The experiment with narrow layers, which train in no time."""
    experiment = EXPERIMENTS[name]
    settings = tuple(Setting("width", width, "") if s.name == "width" else s for s in experiment.settings)
    return dataclasses.replace(experiment, settings=settings)


def test_hidden_states_are_what_the_layer_gives_and_leave_no_trace():
    model = seeded(0, lambda: BottleneckMLP(4, (8,), 2, (8,), 3, dropout=0.5))
    x = torch.rand(10, 4)
    states = hidden_states(model, x, "bottleneck", batch_size=3)
    model.eval()
    torch.testing.assert_close(states, nn.Sequential(*[model[i] for i in range(3)])(x).detach())
    model.train()
    assert not any(module._forward_hooks for module in model.modules())
    hidden_states(model, x, "layer1")
    assert model.training
    with pytest.raises(AttributeError):
        hidden_states(model, x, "layer9")


@pytest.mark.parametrize("name", ["manifold-section3.2", "manifold-figure9", "manifold-figure11"])
def test_every_printed_cell_runs_and_gives_the_printed_metrics(name):
    experiment = narrow(name)
    for cell in experiment.cells:
        found = spectra_trial(experiment, cell, 0, SHORT)
        assert {row.metric for row in experiment.printed if (row.method, row.params) == (cell.method, cell.params)} <= set(
            found
        )
        assert all(np.isfinite(value) for value in found.values())


def test_the_curves_are_those_of_the_bottleneck():
    experiment = narrow("manifold-figure9")
    found = spectra_trial(experiment, experiment.cells[0], 0, SHORT)
    mean, low, high, together = (
        np.array([found[f"{name}@{rank}"] for rank in range(1, 13)]) for name in ("sv", "low", "high", "sv_all")
    )
    assert "sv@13" not in found
    assert (np.diff(mean) <= 0).all() and (np.diff(together) <= 0).all()
    assert (low <= mean + 1e-9).all() and (mean <= high + 1e-9).all()
    assert found["sv_first"] == pytest.approx(mean[0]) and found["sv_rest_sum"] == pytest.approx(mean[1:].sum())
    # centring classes takes variance away, never adds it
    assert together[0] >= low[0]


def test_cells_differ_in_what_they_say(monkeypatch):
    experiment, seen = narrow("manifold-section3.2"), {}

    def spy(model, data, recipe, *, mixer, loss, fabric, progress):
        assert fabric is not None
        seen[cell.method] = (recipe.weight_decay, sum(isinstance(m, nn.Dropout) for m in model.modules()), repr(mixer))

    monkeypatch.setattr("mixbook.benchmarks.trials.hidden_classes.fit", spy)
    for cell in experiment.cells:
        spectra_trial(experiment, cell, 0, SHORT)
    assert {method for method, (decay, _, _) in seen.items() if decay} == {"weight_decay"}
    assert {method for method, (_, silent, _) in seen.items() if silent} == {"dropout"}
    assert seen["mixup"][2].startswith("Mixer") and "'layer1'" in seen["manifold_mixup"][2]
    assert seen["erm"][2] == "None"


def test_a_trial_is_a_function_of_its_number():
    experiment = narrow("manifold-figure5-top-5-digits")
    cell = Cell("manifold_mixup", "")
    first = plane_trial(experiment, cell, 3, SHORT)
    assert first == plane_trial(experiment, cell, 3, SHORT)
    assert first["nll"] != plane_trial(experiment, cell, 4, SHORT)["nll"]
    assert -1 <= first["silhouette"] <= 1
    assert {name for name in first if name.startswith("x@")} == {f"x@{c}.{i}" for c in range(5) for i in range(20)}


def test_figure_5_is_trained_as_its_script_does_under_the_released_protocol(monkeypatch):
    printed, seen = narrow("manifold-figure5"), []

    def spy(model, data, recipe, *, mixer, loss, fabric, progress):
        wide = sum(name.startswith("layer") for name, _ in model.named_children())
        normalised = [name for name, module in model.named_modules() if isinstance(module, nn.BatchNorm1d)]
        alpha, of_nothing = mixer.mixer.ratio.alpha, loss(torch.zeros(1, 10), torch.tensor([3])).item()
        seen.append((wide, normalised, recipe.lr, recipe.batch_size, alpha, data.x.min().item(), round(of_nothing, 3)))

    monkeypatch.setattr("mixbook.benchmarks.trials.hidden_classes.fit", spy)
    for experiment in (printed, printed.as_released()):
        plane_trial(experiment, Cell("manifold_mixup", ""), 0, SHORT)
    print_, script = seen
    assert print_ == (4, [], 1e-3, 128, 2.0, 0.0, 2.303)  # log 10
    assert script == (5, ["bottleneck.1"], 1e-4, 256, 0.5, -1.0, 0.325)  # log 10 and nine times log(10 / 9), over 10


@pytest.mark.parametrize("cell", EXPERIMENTS["manifold-figure5"].cells, ids=str)
def test_the_released_protocol_of_figure_5_runs(cell):
    found = plane_trial(narrow("manifold-figure5").as_released(), cell, 0, SHORT)
    assert all(np.isfinite(value) for value in found.values())


def test_training_separates_the_classes():
    experiment = narrow("manifold-figure9", 64)
    longer = spectra_trial(experiment, experiment.cells[0], 0, Profile(trials=1, epochs=15, stand_in=True))
    assert longer["error"] < 50
    assert longer["ratio"] < spectra_trial(experiment, experiment.cells[0], 0, SHORT)["ratio"]
