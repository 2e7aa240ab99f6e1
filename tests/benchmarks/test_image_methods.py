"""Networks of multi-mix and manifold mixup at smoke size: trained by their method, measured in every way that print has."""

from dataclasses import replace

import pytest

from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.experiments import get_experiment
from mixbook.benchmarks.results import Trial
from mixbook.benchmarks.spec import Cell
from mixbook.benchmarks.trials.gains import gain, largest_nll_gain
from mixbook.evaluation.deformations import TABLE_9


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
