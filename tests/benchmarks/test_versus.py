"""Tables of our own."""

from dataclasses import replace

import pytest

from mixbook.benchmarks.experiments import EXPERIMENTS
from mixbook.benchmarks.results import Results, Trial
from mixbook.benchmarks.spec import Cell, Profile
from mixbook.benchmarks.tidy import learned
from mixbook.benchmarks.versus import as_dicts, as_table

OWN = replace(
    EXPERIMENTS["digits-few-labels"],
    name="own",
    own_cells=(Cell("erm", ""), Cell("mixup", "alpha=1")),
    profiles={"laptop": Profile(2, 1)},
)


def stored(tmp_path, experiment, *metrics):
    """Results with the given metrics, the same in every trial of a cell but for the number of the trial."""
    results = Results(experiment, "laptop", tmp_path)
    results.save(
        {
            cell: [Trial(t, {name: value + t for name, value in of_cell.items()}, 1.0) for t in range(2)]
            for cell, of_cell in zip(experiment.cells, metrics, strict=True)
        },
        [],
    )
    return results


def test_the_gain_over_erm_is_paired(tmp_path):
    _, mixup = as_table(stored(tmp_path, OWN, {"error": 5.0, "nll": 1.0}, {"error": 3.0, "nll": 2.0}))
    assert mixup["less error than ERM"] == "2.00 ±0.00"  # trials differ by 1 each, and so do those of ERM
    assert mixup["error"].startswith("3.50 ±") and mixup["n"] == "2"
    assert "ece" not in mixup


def only_those_that_learned(experiment, cell, found):
    """The trials of a source, without networks that are stuck."""
    return learned(found["own"].get(cell, []))


def test_trials_are_paired_by_number_where_cells_lack_different_ones(tmp_path):
    three = replace(OWN, own_cells=(*OWN.own_cells, Cell("mixup", "alpha=8")), profiles={"laptop": Profile(3, 1)})
    stuck = {three.cells[0]: [0], three.cells[1]: [2], three.cells[2]: [1, 2]}
    Results(three, "laptop", tmp_path).save(
        {
            cell: [Trial(n, {"error": 10.0**n - place, "stuck": float(n in stuck[cell])}, 1.0) for n in range(3)]
            for place, cell in enumerate(three.cells)
        },
        [],
    )
    read = replace(three, name="read", trial="", sources=(three,), derive="test_versus:only_those_that_learned")
    _, mixup, other = as_table(Results(read, "laptop", tmp_path), ["error"])
    assert mixup["less error than ERM"] == "1.00" and mixup["n"] == "2"  # both have trial 1 alone
    assert other["less error than ERM"] == "" and other["n"] == "1"  # trial 0, which ERM lacks


def test_plain_values_hold_every_trial_and_curves_too(tmp_path):
    erm, mixup = as_dicts(stored(tmp_path, OWN, {"error": 5.0, "loss@10": 1.0}, {"error": 3.0, "loss@10": 2.0}))
    assert (mixup["method"], mixup["parameters"], list(erm["metrics"])) == ("mixup", "alpha=1", ["error", "loss@10"])
    error = mixup["metrics"]["error"]
    assert error["mean"] == 3.5 and error["half_width"] > 0
    assert error["trials"] == [{"number": 0, "value": 3.0}, {"number": 1, "value": 4.0}]


def test_a_table_without_plain_training_shows_what_was_measured_but_no_curves(tmp_path):
    timed = replace(OWN, own_cells=(Cell("mixup", "K=3"), Cell("mixup", "K=5")))
    three = {"seconds": 1.0, "loss@10": 0.5, "loss@20": 0.25, "added": 7.0}
    rows = as_table(stored(tmp_path, timed, three, three))
    assert list(rows[0]) == ["method", "parameters", "seconds", "added", "n"]


def test_nothing_run_yet_is_an_empty_table(tmp_path):
    assert as_table(Results(OWN, "laptop", tmp_path)) == []


def test_a_metric_that_was_asked_for_must_be_there(tmp_path):
    with pytest.raises(KeyError, match="brier"):
        as_table(stored(tmp_path, OWN, {"error": 5.0}, {"error": 3.0}), ["brier"])
