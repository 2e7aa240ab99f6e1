"""Printed cells are read from the right network and under the right name; a cell without a network is an error."""

import pytest

from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.results import Trial
from mixbook.benchmarks.spec import Cell, Experiment
from mixbook.benchmarks.trials.reading import network_of, read

NETWORKS = (
    Cell("erm", ""),
    Cell("mixup", "alpha=1"),
    Cell("mixup", "alpha=2"),
    Cell("manifold_mixup", "alpha=2;layers=0+1+2"),
)


def source():
    return Experiment("nets", "nets", "cifar100", "preactresnet34", (), "2026-11-26", {}, own_cells=NETWORKS)


def table(name, dataset="cifar100", model="preactresnet34"):
    return Experiment("read", "read", dataset, model, (), "2026-11-26", {}, "manifold", name, sources=(source(),))


def trials(**metrics):
    return [Trial(number, {name: value + number for name, value in metrics.items()}, 1.0) for number in range(2)]


def test_a_measurement_is_a_metric_of_its_network():
    found = {"nets": {Cell("mixup", "alpha=2"): trials(**{"accuracy": 70.0, "accuracy@rotation_20": 50.0})}}
    cells = [cell for cell in table("Table 4").cells if "rotation_20" in cell.params and "alpha=2" in cell.params]
    ours = {cell.method: read(table("Table 4"), cell, found) for cell in cells}
    assert [t.metrics for t in ours["mixup"]] == [{"accuracy": 50.0}, {"accuracy": 51.0}]
    assert ours["manifold_mixup"] == [], "not trained yet"


def test_what_was_not_measured_has_no_trials():
    found = {"nets": {Cell("erm", ""): trials(accuracy=70.0)}}
    (cell,) = [cell for cell in table("Table 4").cells if cell == Cell("erm", "deformation=rotation_20")]
    assert read(table("Table 4"), cell, found) == []


def test_every_cell_of_a_table_has_a_network():
    for name in ("Table 4", "Table 9"):
        for cell in table(name).cells:
            assert network_of(cell, NETWORKS, "test").method == cell.method


def test_what_says_nothing_is_left_out():
    assert network_of(Cell("erm", "layers=none"), NETWORKS, "test") == Cell("erm", "")
    assert network_of(Cell("mixup", "layers=0;alpha=2"), NETWORKS, "test") == Cell("mixup", "alpha=2")
    assert network_of(Cell("manifold_mixup", "classifier=knn_on_features"), NETWORKS, "test") == NETWORKS[3]


def test_a_network_that_differs_in_what_print_does_not_name_is_not_taken():
    printed = table("Table 1b", model="preactresnet18")
    found = {"nets": {cell: trials(error=20.0, nll=1.0) for cell in NETWORKS[1:]}}
    ours = {cell: len(read(printed, cell, found)) for cell in printed.cells}
    assert ours == {Cell("erm", ""): 0, Cell("mixup", "alpha=1"): 2, NETWORKS[3]: 2}


def test_no_network_and_more_than_one_are_errors():
    with pytest.raises(BenchmarkError, match=r"test: 'cutmix' must be one of the networks, and fits \[\]"):
        network_of(Cell("cutmix", ""), NETWORKS, "test")
    with pytest.raises(BenchmarkError, match=r"mixup alpha=1.*mixup alpha=2"):
        network_of(Cell("mixup", ""), NETWORKS, "test")
