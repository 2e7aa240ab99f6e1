"""Networks of multi-mix and manifold mixup at smoke size: trained by their method, measured in every way that print has."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.experiments import get_experiment
from mixbook.benchmarks.results import Trial
from mixbook.benchmarks.spec import Cell
from mixbook.benchmarks.trials import measures
from mixbook.benchmarks.trials.gains import gain, largest_nll_gain
from mixbook.benchmarks.trials.measures import measured
from mixbook.benchmarks.trials.methods import method_of
from mixbook.benchmarks.trials.networks import Trained, prepare
from mixbook.benchmarks.trials.recipes import recipe_of
from mixbook.benchmarks.trials.sets import Parts
from mixbook.data import Pixels, Resident
from mixbook.evaluation.deformations import TABLE_9
from mixbook.training import DivergenceWarning, History


def test_what_the_tables_read_of_a_network_is_measured():
    networks = get_experiment("manifold-cifar10-preactresnet18")
    (found,) = networks.run([(Cell("manifold_mixup", "alpha=2;layers=0+1+2"), 0)], "smoke")
    assert {
        "error",
        "nll",
        "fgsm_accuracy",
        "fgsm_accuracy@released",
        "pgd_accuracy",
        "error@knn_on_features",
    } <= found.keys()
    assert all(0 <= found[name] <= 100 for name in found if name.startswith(("error", "fgsm", "pgd", "accuracy")))
    for table in (
        "manifold-table1a-preactresnet18",
        "manifold-table7-cifar10",
        "manifold-section5.1",
        "manifold-appendix-d",
    ):
        printed = get_experiment(table)
        cell = next(cell for cell in printed.cells if cell.method == "manifold_mixup")
        (trial,) = printed.derived(cell, {networks.name: {networks.cells[2]: [Trial(0, found, 1.0)]}})
        names = {row.metric for row in printed.printed if (row.method, row.params) == (cell.method, cell.params)}
        assert names <= trial.metrics.keys()


def test_deformations_are_those_of_the_table():
    networks = get_experiment("manifold-cifar100-preactresnet34")
    (found,) = networks.run([(Cell("erm", ""), 0)], "smoke")
    assert {f"accuracy@{name}" for name in TABLE_9} <= found.keys()


@pytest.mark.parametrize(
    ("table", "changed", "recipe"),
    [
        ("manifold-table1a-preactresnet18", {"drops"}, (2000, (500, 1000, 1500))),
        ("manifold-table2-preactresnet34", {"drops", "training_part"}, (2000, (500, 1000, 1500))),
        ("manifold-table2-wrn28-10", {"layers_0+1", "training_part"}, (400, (200, 300))),
        ("manifold-table7-svhn", {"layers_0+1", "training_part"}, (1200, (400, 800))),
    ],
)
def test_the_released_protocol_is_that_of_the_code(table, changed, recipe):
    printed = get_experiment(table)
    released = printed.as_released()
    for ours, theirs in ((printed, released), (printed.sources[0], released.sources[0])):
        assert {s.name for s in ours.settings if theirs[s.name] != s.value} == changed
        assert theirs.profiles["smoke"] == ours.profiles["smoke"]
        found = recipe_of(theirs, 0, theirs.profile("paper"))
        assert (found.epochs, found.milestones) == recipe


def test_the_wide_network_is_mixed_at_a_third_layer_by_the_released_code():
    networks, cell = get_experiment("manifold-svhn-wrn28-10"), Cell("manifold_mixup", "alpha=2;layers=0+1")
    released = networks.as_released()
    model = prepare(networks, 0, networks.profile("smoke")).model
    assert method_of(cell, networks, model, 10).mixer.layers == ("input", "layer1")
    assert method_of(cell, released, model, 10).mixer.layers == ("input", "layer1", "layer2")
    (found,) = released.run([(cell, 0)], "smoke")
    assert 0 <= found["error"] <= 100 and not found["diverged"]


def test_a_curve_has_the_loss_and_the_gradients_of_every_epoch():
    networks = get_experiment("multimix-resnext")
    (found,) = networks.run([(Cell("batch_aug_mixup", "repeats=5;base=puzzlemix"), 0)], "smoke")
    assert found["loss@1"] == found["loss"] and found["squared_gradient_norm@1"] > 0


def test_a_method_changes_the_network_that_is_trained():
    """Trial 0 begins with the same weights in every cell, so what differs is the method."""
    networks = get_experiment("manifold-regularisers")
    losses = {}
    for cell in networks.cells:
        (found,) = networks.run([(cell, 0)], "smoke")
        losses[cell.method] = found["loss"]
    assert len(set(losses.values())) == len(losses) == 5


@pytest.mark.parametrize(("method", "params"), [("puzzlemix", ""), ("multimix_puzzlemix", "K=5"), ("comixup", "")])
def test_a_cell_whose_network_diverges_leaves_the_table_its_others(method, params):
    networks = get_experiment("multimix-table1-preactresnet18")
    settings = tuple(replace(s, value=1e30) if s.name == "lr" else s for s in networks.settings)
    longer = {"smoke": replace(networks.profiles["smoke"], epochs=2)}
    with pytest.warns(DivergenceWarning):
        (found,) = replace(networks, settings=settings, profiles=longer).run([(Cell(method, params), 0)], "smoke")
    assert found["diverged"] == 1 and found["error"] == 100 and math.isnan(found["nll"])


def test_a_network_that_diverged_has_no_error_of_neighbours(monkeypatch):
    labels = torch.arange(12) % 2
    states = torch.rand(12, 4, generator=torch.Generator().manual_seed(0)), labels
    part = Pixels(torch.zeros(12, 1, 4, 4, dtype=torch.uint8), labels, num_classes=2)
    trained = Trained(nn.Identity(), Parts(part, part, part, part), History(()))
    experiment = {"features": "pool", "neighbours": 1}
    monkeypatch.setattr(measures, "_states", lambda *_: states)
    assert measures._knn(experiment, trained, 0) == {"error@knn_on_features": 0.0}
    states[0][3, 2] = float("nan")
    (error,) = measures._knn(experiment, trained, 0).values()
    assert math.isnan(error)


def test_an_unknown_measure_is_named():
    networks = get_experiment("manifold-layers-cifar10")
    settings = tuple(replace(s, value=("sharpness",)) if s.name == "measures" else s for s in networks.settings)
    with pytest.raises(BenchmarkError, match=r"no measures sharpness.*knn"):
        replace(networks, settings=settings).run([(Cell("erm", ""), 0)], "smoke")


def _trials(*values):
    return [Trial(number, {"accuracy": value, "nll": 100 - value}, 1.0) for number, value in enumerate(values)]


def test_a_gain_is_paired():
    printed = get_experiment("multimix-gain-preactresnet18")
    (cell,) = printed.cells
    (source,) = printed.sources
    cells = {Cell("multimix_puzzlemix", "K=5"): _trials(81, 80, 82), Cell("puzzlemix", ""): _trials(79, 79)}
    assert [t.metrics["claimed_gain"] for t in gain(printed, cell, {source.name: cells})] == [2, 1]
    assert gain(printed, cell, {source.name: {}}) == []


def test_the_largest_gain_is_over_networks_and_needs_all_of_them():
    printed = get_experiment("manifold-section5.1-nll")
    (cell,) = printed.cells
    found = {
        source.name: {source.cells[0]: _trials(60.0), source.cells[2]: _trials(60.0 + gained)}
        for source, gained in zip(printed.sources, (10, 20, 5), strict=True)
    }
    (trial,) = largest_nll_gain(printed, cell, found)
    assert trial.metrics["claimed_relative_nll_gain_max"] == pytest.approx(100 * 20 / 40)
    assert largest_nll_gain(printed, cell, found | {printed.sources[0].name: {}}) == []


class _Brightness(nn.Module):
    """Sees an object wherever pixels are bright: its map of class 0 is their brightness in places of 4 x 4 pixels."""

    def __init__(self):
        super().__init__()
        self.layer4 = nn.AvgPool2d(4)
        self.head = nn.Linear(3, 2)
        with torch.no_grad():
            self.head.weight.copy_(torch.tensor([[1.0] * 3, [-1.0] * 3]))
            self.head.bias.copy_(torch.tensor([10.0, 0.0]))

    def forward(self, x):
        return self.head(self.layer4(x).mean((2, 3)))


def _seen(left, label=0, boxed=True):
    """A network that finds bright squares of 32 pixels at the left edge, and images whose boxes are ``left`` of it."""
    x = torch.zeros(4, 3, 64, 64, dtype=torch.uint8)
    x[:, :, 16:48, :32] = 255
    pixels = Resident(Pixels(x, torch.full((4,), label), 2, "bright"))
    boxes = torch.tensor([[left, 16.0, 32.0, 32.0]]).expand(4, 4) if boxed else None
    data = Parts(pixels, pixels, pixels, pixels, (0.5,) * 3, (0.5,) * 3, boxes=boxes)
    return Trained(_Brightness(), data, History(({"loss": 1.0},)))


def _localised(trained):
    return measured(get_experiment("multimix-localisation-8-classes"), trained, 0)


def test_localisation_counts_both_readings():
    there, elsewhere, wrong = _localised(_seen(0.0)), _localised(_seen(32.0)), _localised(_seen(0.0, label=1))
    assert there["localization_accuracy"] == there["localization_accuracy@code"] == 100
    assert there["iou"] > 60 and elsewhere["iou"] < 15
    assert elsewhere["localization_accuracy"] == elsewhere["localization_accuracy@code"] == 0
    assert (wrong["localization_accuracy"], wrong["localization_accuracy@code"]) == (100, 0)  # the code wants the class too
    # a quarter of the image: the whole of it has an overlap of 0.25, which is to be exceeded
    assert there["localization_accuracy@whole_image"] == 0
    larger = _seen(0.0)
    boxes = torch.tensor([[0.0, 16.0, 33.0, 32.0]]).expand(4, 4)
    assert _localised(replace(larger, data=replace(larger.data, boxes=boxes)))["localization_accuracy@whole_image"] == 100


def _measuring(*names, **settings):
    networks = get_experiment("manifold-cifar10-preactresnet18")
    changed = {"measures": names} | settings
    return replace(networks, settings=tuple(replace(s, value=changed.get(s.name, s.value)) for s in networks.settings))


def test_the_released_attack_is_behind_the_normalisation_and_the_usual_one_on_pixels(monkeypatch):
    trained, asked = _seen(0.0), []
    scaled = Resident(Pixels(torch.zeros(4, 3, 64, 64, dtype=torch.uint8), torch.zeros(4).long(), 2), mean=(0.5,) * 3)
    trained = replace(trained, data=replace(trained.data, test=scaled))
    monkeypatch.setattr(measures, "attacked_error", lambda *args: asked.append(args) or len(asked) / 10)
    experiment = _measuring("fgsm", fgsm_eps=4, fgsm_released=0.03)
    found = measured(experiment, trained, 0)
    assert found == {"fgsm_accuracy": pytest.approx(90), "fgsm_accuracy@released": pytest.approx(80)}
    (model, pixels, usual), (network, images, released) = asked
    assert (pixels, images) == (trained.data.pixels, scaled)
    assert network is trained.model and isinstance(model, nn.Sequential) and model[1] is trained.model
    assert usual.eps == pytest.approx(4 / 255) and (released.eps, released.clip) == (0.03, None)


def test_neighbours_are_looked_for_among_training_images():
    def images(*bright):
        x = torch.zeros(len(bright), 3, 64, 64, dtype=torch.uint8)
        x[torch.tensor(bright).bool()] = 255
        return x

    train = Resident(Pixels(images(0, 1), torch.tensor([0, 1]), 2))
    test = Resident(Pixels(images(0, 0, 1), torch.zeros(3, dtype=torch.int64), 2))
    trained = Trained(_Brightness(), Parts(train, train, test, test), History(({"loss": 1.0},)))
    found = measured(_measuring("knn", features="layer4", neighbours=1), trained, 0)
    assert found["error@knn_on_features"] == pytest.approx(100 / 3)  # the bright image of class 0


def test_localisation_without_boxes_is_refused():
    with pytest.raises(BenchmarkError, match="localisation needs boxes, and bright has none"):
        _localised(_seen(0.0, boxed=False))


@pytest.mark.parametrize("name", ["multimix-over-k-cifar100", "multimix-speech-3-words", "multimix-localisation-8-classes"])
def test_an_experiment_in_small_runs_and_is_never_counted(name):
    small = get_experiment(name)
    assert small.surrogate and not small.printed
    cell = small.selected("smoke")[-1]
    (found,) = small.run([(cell, 0)], "smoke")
    assert found["error"] == pytest.approx(100 - found["accuracy"]) and not found["diverged"]


def test_ten_methods_of_speech_are_those_of_the_table():
    assert set(get_experiment("multimix-speech-3-words").cells) == set(get_experiment("multimix-table7").cells)


def test_every_k_has_its_k_of_one():
    cells = get_experiment("multimix-over-k-cifar100").cells
    ks = {cell.method: [c.answers()["K"] for c in cells if c.method == cell.method] for cell in cells[1:]}
    assert set(map(tuple, ks.values())) == {("1", "3", "5", "9")}


def test_a_longer_cell_trains_for_more_epochs():
    networks = get_experiment("multimix-over-k-cifar100")
    for params, epochs in (("", 1), ("times=5", 5)):
        (found,) = networks.run([(Cell("erm", params), 0)], "smoke")
        assert found["loss"] == found[f"loss@{epochs}"] and f"loss@{epochs + 1}" not in found
