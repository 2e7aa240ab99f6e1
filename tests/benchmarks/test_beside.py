"""What pages show of tables that have not been run, and of the same tables once there are results."""

import pytest

from mixbook.benchmarks.beside import IN_PART, PENDING, beside, claim_rows, grid
from mixbook.benchmarks.experiments import get_experiment
from mixbook.benchmarks.results import Results, Trial


@pytest.fixture
def folder(tmp_path):
    """A gain of two points for multi-mix over whatever is printed, in three trials that hardly differ."""
    experiment = get_experiment("multimix-table1-preactresnet18")
    experiment_cells = {}
    for row, cell in zip(experiment.printed, experiment.cells, strict=True):
        gained = 2 * (cell.method == "multimix_puzzlemix")
        errors = [row.number - gained + shift for shift in (0.0, 0.1, 0.2)]
        experiment_cells[cell] = [Trial(n, {"error": e, "accuracy": 100 - e}, 1.0) for n, e in enumerate(errors)]
    Results(experiment, "paper", tmp_path).save(experiment_cells, [])
    return tmp_path


def test_what_is_not_run_has_print_alone(tmp_path):
    rows = beside("multimix-table1-preactresnet18", tmp_path)
    assert len(rows) == 10 and not any(row.values for row in rows)
    (line, *_) = grid(rows, lambda row: row.cell.method, lambda row: row.printed.model, "method")
    assert line == {"method": "erm", "preactresnet18": "23.53"}
    assert {row["does it stand?"] for row in claim_rows("multimix", ["Table I"], tmp_path)} == {PENDING}


def test_what_is_run_stands_beside_it(folder):
    rows = beside("multimix-table1-preactresnet18", folder)
    lines = grid(rows, lambda row: row.cell.method, lambda row: row.printed.model)
    assert lines[-1]["preactresnet18"] == "19.19 (17.29)"
    by_network = {row["on"]: row for row in claim_rows("multimix", ["Table I"], folder)}
    assert by_network["cifar100, preactresnet18"]["does it stand?"] == "yes"
    assert by_network["cifar100, preactresnet18"]["n"] == "3"
    assert by_network["cifar100, wrn16_8"]["does it stand?"] == PENDING


def test_what_lacks_one_side_is_not_said_to_be_not_run(folder):
    table = Results(get_experiment("multimix-table1-preactresnet18"), "paper", folder)
    table.save({cell: trials for cell, trials in table.load().items() if cell.method != "multimix_puzzlemix"}, [])
    by_network = {row["on"]: row["does it stand?"] for row in claim_rows("multimix", ["Table I"], folder)}
    assert (by_network["cifar100, preactresnet18"], by_network["cifar100, wrn16_8"]) == (IN_PART, PENDING)


def test_one_trial_decides_nothing_and_says_so(tmp_path):
    table = Results(get_experiment("multimix-table1-preactresnet18"), "gpu", tmp_path)
    far = {cell: row.number + 20 for row, cell in zip(table.experiment.printed, table.experiment.cells, strict=True)}
    table.save({cell: [Trial(0, {"error": error, "accuracy": 100 - error}, 1.0)] for cell, error in far.items()}, [])
    by_network = {row["on"]: row["does it stand?"] for row in claim_rows("multimix", ["Table I"], tmp_path)}
    assert by_network["cifar100, preactresnet18"] == "cannot be told (one trial); plain training is not as printed"


def test_only_the_claims_about_these_tables_are_listed(tmp_path):
    assert {row["where"] for row in claim_rows("manifold", ["Table 5", "Table 6"], tmp_path)} == {"Table 5", "Table 6"}
