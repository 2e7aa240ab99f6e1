"""Every experiment that exists: it answers printed values, and says what it runs and why."""

from collections import Counter
from datetime import date
from importlib import import_module
from pathlib import Path

import pytest

from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.experiments import EXPERIMENTS, experiments_with, get_experiment

NOTEBOOKS = Path(__file__).parents[2] / "book" / "benchmarks"
each_experiment = pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=EXPERIMENTS)
PRINTED = {name: experiment for name, experiment in EXPERIMENTS.items() if not experiment.own_cells}
each_printed_experiment = pytest.mark.parametrize("experiment", PRINTED.values(), ids=PRINTED)


@each_printed_experiment
def test_each_cell_is_one_printed_row_per_metric(experiment):
    for cell in experiment.cells:
        rows = [row for row in experiment.printed if (row.method, row.params) == (cell.method, cell.params)]
        assert rows
        single = [row for row in rows if " end of " not in row.note]  # a printed range has two ends
        assert max(Counter((row.table, row.metric) for row in single).values(), default=1) == 1
    has_erm = any(cell.method == "erm" for cell in experiment.cells)
    assert (experiment.band > 0) == has_erm  # without plain training there is nothing to hold print against


def test_a_table_of_our_own_answers_no_printed_value():
    own = [experiment for name, experiment in EXPERIMENTS.items() if name not in PRINTED]
    assert own
    for experiment in own:
        assert not experiment.printed and len(set(experiment.cells)) == len(experiment.cells) > 1
        # Where there is plain training, the others are compared with it.
        assert "erm" not in [cell.method for cell in experiment.cells[1:]]


@each_experiment
def test_the_protocol_says_why_and_when(experiment):
    names = [setting.name for setting in experiment.settings]
    assert len(set(names)) == len(names)
    assert all(len(setting.why) > 5 for setting in experiment.settings)
    assert any(not setting.stated for setting in experiment.settings)
    assert date.fromisoformat(experiment.decided) <= date.today()
    theirs = [setting.released_cells for setting in experiment.settings if setting.released_cells]
    assert all(any(cell.fits(pattern) for cell in experiment.cells) for pattern in theirs)


@each_experiment
def test_what_runs_it_exists(experiment):
    ways = [way for way in (experiment.trial, experiment.trials, experiment.derive) if way]
    assert len(ways) == 1 and bool(experiment.derive) == bool(experiment.sources)
    module, function = ways[0].split(":")
    assert callable(getattr(import_module(module), function))
    assert (NOTEBOOKS / experiment.notebook).is_file()
    assert (NOTEBOOKS / experiment.notebook).with_suffix(".md").is_file()


@each_experiment
def test_smoke_is_small_and_touches_mixing_and_plain_training(experiment):
    methods, all_methods = ({cell.method for cell in cells} for cells in (experiment.selected("smoke"), experiment.cells))
    assert methods - {"erm"} or all_methods == {"erm"}
    assert ("erm" in methods) == ("erm" in all_methods)
    smoke = experiment.profile("smoke")
    assert smoke.trials * smoke.epochs <= 2


def test_table_5_has_every_printed_cell_of_the_two_sets():
    for name in ("kmixup-tmlr-table5-iris", "kmixup-tmlr-table5-breast-cancer"):
        experiment = get_experiment(name)
        grid = {(cell.value("alpha"), cell.value("k")) for cell in experiment.cells if cell.method != "erm"}
        assert grid == {(alpha, k) for alpha in (0.05, 0.1, 1.0) for k in (1, 2, 4, 8, 16)}
        assert len(experiment.cells) == len(experiment.printed) == len(grid) + 1


def test_experiments_are_found_by_texts_in_any_case():
    found = experiments_with("kmixup-tmlr", "table 5")
    assert found == [e for e in EXPERIMENTS.values() if (e.paper, e.table) == ("kmixup-tmlr", "Table 5")]
    assert experiments_with() == list(EXPERIMENTS.values())
    assert EXPERIMENTS["multimix-figure4"] in experiments_with("NOISY_SPIRAL")
    assert EXPERIMENTS["datadep-moons-0.1"] in experiments_with("datadep", "figure 14")  # which its title does not name
    for number, roman in (("6", "VI"), ("1", "I")):
        (*found,) = experiments_with("multimix", f"table {number}")
        assert found and all(f"Table {roman}" in (e.table, *e.also) for e in found)
    with pytest.raises(BenchmarkError, match="no experiment has 'kmixup' and 'qqq' in its name"):
        experiments_with("kmixup", "qqq")


def test_experiments_with_a_released_protocol_are_found_by_that_word():
    found = experiments_with("manifold-table1", "released")
    assert found and all(e.as_released().name.endswith("-released") for e in found)
    for e in EXPERIMENTS.values():
        if e not in experiments_with("released"):
            with pytest.raises(BenchmarkError):
                e.as_released()


def test_two_experiments_never_claim_the_same_value():
    claimed = Counter(row for experiment in EXPERIMENTS.values() for row in experiment.printed)
    assert [row for row, times in claimed.items() if times > 1] == []


def test_an_unknown_experiment_or_profile_says_what_comes_close():
    with pytest.raises(BenchmarkError, match=r"no experiment 'iris': did you mean kmixup-tmlr-table5-iris or "):
        get_experiment("iris")
    with pytest.raises(
        BenchmarkError, match=r"no experiment 'mnist-lnet-fixed-alpha': did you mean mnist-lenet-fixed-alpha or"
    ):
        get_experiment("mnist-lnet-fixed-alpha")
    with pytest.raises(BenchmarkError, match=r"no experiment 'qqq'\. `mixbook bench list` shows"):
        get_experiment("qqq")
    with pytest.raises(BenchmarkError, match=r"no profile 'huge'.*smoke.*laptop"):
        get_experiment("kmixup-tmlr-table5-iris").profile("huge")
