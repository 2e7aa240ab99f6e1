"""ResNet-50 on ImageNet at smoke size: what the five tables read is measured; the schedule is that of the text."""

import pytest
from torch import nn

from mixbook.benchmarks.experiments import get_experiment
from mixbook.benchmarks.results import Trial
from mixbook.benchmarks.spec import Cell, Profile
from mixbook.benchmarks.trials import imagenet
from mixbook.benchmarks.trials.imagenet import _recipe
from mixbook.evaluation.localisation import CUB, TEXT
from mixbook.training.fine_tune import TRANSFER


@pytest.fixture(scope="module")
def found():
    (metrics,) = get_experiment("multimix-imagenet").run([(Cell("puzzlemix", ""), 0)], "smoke")
    return metrics


@pytest.mark.parametrize("number", [3, 4, 5, 8])
def test_each_table_finds_what_it_prints(found, number):
    table = get_experiment(f"multimix-table{number}")
    networks = {table.sources[0].name: {Cell("puzzlemix", ""): [Trial(0, found, 1.0)]}}
    for cell in (cell for cell in table.cells if cell.method == "puzzlemix"):
        (trial,) = table.derived(cell, networks)
        (metric,) = {row.metric for row in table.printed if (row.method, row.params) == (cell.method, cell.params)}
        assert 0 <= trial.metrics[metric] <= 100


def test_steps_on_birds_are_read_one_by_one(found):
    table = get_experiment("multimix-table6")
    networks = {table.sources[0].name: {Cell("puzzlemix", ""): [Trial(0, found, 1.0)]}}
    steps = {cell.params: table.derived(cell, networks) for cell in table.cells if cell.method == "puzzlemix"}
    assert [len(steps[f"step={n}"]) for n in (1, 2, 3)] == [1, 1, 0]  # two epochs at smoke
    assert steps["step=2"][0].metrics["localization_accuracy"] == found["localization_accuracy@2"]


@pytest.mark.parametrize("epochs", [100, 20])
def test_the_learning_rate_is_that_of_the_text_also_in_a_shorter_run(epochs):
    recipe = _recipe(get_experiment("multimix-imagenet"), 0, Profile(1, epochs))
    stated = {0: 0.5, 8: 1.0, 14.99: 0.125, 15: 0.2, 39.99: 0.02, 50: 0.02, 70: 0.002, 95: 0.0002}
    for epoch, lr in stated.items():
        assert recipe.lr_at(epoch * epochs / 100) == pytest.approx(lr, rel=0.01)
    assert isinstance(recipe.make_optimizer(nn.Linear(1, 1).parameters()).param_groups[0]["momentum"], float)


def test_the_settings_say_what_evaluation_and_fine_tuning_do():
    experiment = get_experiment("multimix-imagenet")
    assert (TEXT.threshold, TEXT.overlap, CUB.threshold) == (
        experiment["map_threshold"],
        0.25,
        experiment["bird_threshold"],
    )
    assert (TRANSFER.epochs, TRANSFER.lr, TRANSFER.batch_size, TRANSFER.optimizer) == (10, 1e-4, 32, "adam")


def test_images_grow_at_epoch_15_and_each_trial_has_an_order_of_its_own(monkeypatch):
    experiment, made = get_experiment("multimix-imagenet"), []

    class Enough(Exception):
        pass

    def fit(model, batches, *args, **more):
        for epoch in (0, 14, 15, 99):
            batches(epoch)
        raise Enough

    monkeypatch.setattr(imagenet._Sets, "training", lambda self, size: size)
    monkeypatch.setattr(imagenet, "loader", lambda size, batch, *, seed, **more: made.append((size, batch, seed)))
    monkeypatch.setattr(imagenet, "fit", fit)
    with pytest.raises(Enough):
        imagenet.trial(experiment, Cell("erm", ""), 3, Profile(1, 100))
    (small, large), (many, few) = experiment["sizes"], experiment["batches"]
    assert made == [(small, many, 3)] * 2 + [(large, few, 3)] * 2


def test_a_network_is_scored_behind_the_normalisation_that_it_was_trained_with(monkeypatch):
    experiment, scored = get_experiment("multimix-imagenet"), []
    monkeypatch.setattr(imagenet, "fit", lambda *args, **more: None)
    monkeypatch.setattr(imagenet, "_scores", lambda whole, *args: scored.append(whole) or {})
    monkeypatch.setattr(imagenet, "_on_boxes", lambda *args: {})
    monkeypatch.setattr(imagenet, "_on_birds", lambda *args: {})
    imagenet.trial(experiment, Cell("erm", ""), 0, experiment.profile("smoke"))
    (whole,) = scored
    assert whole.normalise.mean.tolist() == pytest.approx(experiment["mean"])
    assert whole.normalise.std.tolist() == pytest.approx(experiment["std"])
