"""The scoreboard counts what is there, and nothing else."""

import json
import math
from dataclasses import replace
from importlib.resources import files

import pytest

from mixbook.benchmarks import experiments
from mixbook.benchmarks.coverage import _cut_short, by_paper, coverage
from mixbook.benchmarks.experiments import EXPERIMENTS
from mixbook.benchmarks.printed import not_measured, printed_figures, printed_values
from mixbook.benchmarks.results import Results
from mixbook.benchmarks.spec import Profile

IRIS = EXPERIMENTS["kmixup-tmlr-table5-iris"]


def test_it_starts_with_every_printed_value_and_no_result(tmp_path):
    found = coverage(tmp_path)
    assert found.printed == len(printed_values())
    assert found.with_experiment == sum(len(e.printed) for e in EXPERIMENTS.values() if not e.surrogate)
    assert found.with_result == 0
    assert {(t.paper, t.table) for t in found.tables} == {(row.paper, row.table) for row in printed_values()}
    assert len(found.figures) + len(found.drawings) == len(printed_figures())


@pytest.mark.parametrize("cells", [0, 3, 16])
def test_finished_cells_count_in_their_table(tmp_path, invented, cells):
    Results(IRIS, "laptop", tmp_path).save(invented(IRIS, "laptop", cells), [])
    found = coverage(tmp_path)
    assert found.with_result == cells
    table = next(t for t in found.tables if (t.paper, t.table) == (IRIS.paper, IRIS.table))
    assert table.with_result == cells
    assert table.profiles == (("laptop",) if cells else ())
    assert IRIS.name in table.experiments and all(EXPERIMENTS[name].paper == table.paper for name in table.experiments)


def test_cells_that_lack_trials_are_counted_apart(tmp_path, invented):
    cells = invented(IRIS, "laptop", 3)
    *whole, begun = cells
    some = {begun: cells[begun][:2]}
    Results(IRIS, "laptop", tmp_path).save({cell: cells[cell] for cell in whole}, [], some)
    found = coverage(tmp_path)
    assert (found.with_result, found.begun) == (2, 1)
    Results(IRIS, "laptop", tmp_path).save(cells, [])
    assert (coverage(tmp_path).with_result, coverage(tmp_path).begun) == (3, 0)


def test_a_value_with_a_result_is_not_begun_as_well(tmp_path, invented, monkeypatch):
    both = replace(IRIS, profiles={**IRIS.profiles, "paper": IRIS.profiles["laptop"]})
    monkeypatch.setitem(experiments.EXPERIMENTS, IRIS.name, both)
    cells = invented(both, "laptop", 3)
    Results(both, "laptop", tmp_path).save(cells, [])
    Results(both, "paper", tmp_path).save({}, [], {cell: trials[:2] for cell, trials in cells.items()})
    assert (coverage(tmp_path).with_result, coverage(tmp_path).begun) == (3, 0)


@pytest.mark.parametrize("full", ["paper", "gpu"], ids=["as printed", "the longest"])
@pytest.mark.parametrize(
    ("trials", "epochs", "cut_short", "single"),
    [(1, 5, True, True), (1, 40, False, False), (3, 5, True, False)],  # 40 epochs are the full length
)
def test_a_value_is_cut_short_if_all_it_has_is_of_a_shorter_training(
    tmp_path, invented, monkeypatch, trials, epochs, cut_short, single, full
):
    """Shorter than print, or where no profile is as printed, than the longest; those from single networks are named too."""
    profiles = {"smoke": Profile(1, 99), "laptop": Profile(trials, epochs), full: Profile(20, 40)}
    both = replace(IRIS, profiles=profiles)
    monkeypatch.setitem(experiments.EXPERIMENTS, IRIS.name, both)
    Results(both, "laptop", tmp_path).save(invented(both, "laptop", 3), [])
    found = coverage(tmp_path)
    assert (found.with_result, found.cut_short, found.single) == (3, 3 * cut_short, 3 * single)
    Results(both, full, tmp_path).save(invented(both, full, 2), [])
    found = coverage(tmp_path)
    assert (found.with_result, found.cut_short, found.single) == (3, 1 * cut_short, 1 * single)


def test_a_cell_of_which_no_network_learned_is_no_result(tmp_path, invented):
    cells = invented(IRIS, "laptop", 3)
    lost = next(iter(cells))
    cells[lost] = [replace(trial, metrics=dict.fromkeys(trial.metrics, math.nan)) for trial in cells[lost]]
    Results(IRIS, "laptop", tmp_path).save(cells, [])
    assert coverage(tmp_path).with_result == 2


def test_smoke_never_counts(tmp_path, invented):
    Results(IRIS, "smoke", tmp_path).save(invented(IRIS, "smoke"), [])
    assert coverage(tmp_path).with_result == 0


def test_surrogates_never_count(tmp_path, invented, monkeypatch):
    before = coverage(tmp_path).with_experiment
    Results(IRIS, "laptop", tmp_path).save(invented(IRIS, "laptop"), [])
    monkeypatch.setitem(experiments.EXPERIMENTS, IRIS.name, replace(IRIS, surrogate=True))
    found = coverage(tmp_path)
    assert found.with_result == 0
    assert found.with_experiment == before - len(IRIS.printed)


def test_a_redrawn_figure_names_its_experiment_and_profile(tmp_path, invented, monkeypatch):
    figure = next(f for f in printed_figures() if f.paper == IRIS.paper)
    for name, e in EXPERIMENTS.items():  # let nobody else have drawn it
        if e.paper == IRIS.paper and figure.figure in e.figures:
            monkeypatch.setitem(experiments.EXPERIMENTS, name, replace(e, figures=()))
    monkeypatch.setitem(experiments.EXPERIMENTS, IRIS.name, replace(IRIS, figures=(figure.figure,)))

    def row():
        return next(f for f in coverage(tmp_path).figures if (f.paper, f.figure) == (figure.paper, figure.figure))

    for cells, result in ((0, None), (15, None), (16, "laptop")):  # of 16, and nobody says which of them the figure shows
        Results(IRIS, "laptop", tmp_path).save(invented(IRIS, "laptop", cells), [])
        assert (row().experiment, row().result) == (IRIS.name, result)
    more = {**IRIS.profiles, "paper": IRIS.profiles["laptop"]}
    both = replace(IRIS, figures=(figure.figure,), profiles=more)
    monkeypatch.setitem(experiments.EXPERIMENTS, IRIS.name, both)
    Results(both, "paper", tmp_path).save(invented(both, "paper"), [])
    assert row().result == "paper"  # the fullest


def test_a_figure_belongs_to_the_experiment_of_its_own_networks_before_a_surrogate(tmp_path):
    figures = {(f.paper, f.figure): f for f in coverage(tmp_path).figures}
    for name in ("Figure 2", "Figure 9"):
        found = EXPERIMENTS[figures["datadep", name].experiment]
        assert (found.dataset, found.model, found.surrogate) == ("mnist", "resnet18", False)
        assert {"alpha=1", "alpha=32", "alpha=128", "alpha=1024"} <= {cell.params for cell in found.cells}
    for (paper, name), figure in figures.items():
        kinds = {e.surrogate for e in EXPERIMENTS.values() if e.paper == paper and name in e.figures}
        assert (figure.experiment is None) == (not kinds)
        assert not kinds or EXPERIMENTS[figure.experiment].surrogate == min(kinds)


def test_a_drawing_of_an_idea_is_no_figure_to_run(tmp_path):
    found = coverage(tmp_path)
    assert len(found.drawings) == 6 and not any("drawing" in figure.shows for figure in found.figures)
    assert not any(
        each.figure in e.figures for each in found.drawings for e in EXPERIMENTS.values() if e.paper == each.paper
    )
    assert found.redrawn == 0


def test_the_json_form_has_the_promised_keys_and_adds_up(tmp_path):
    found = json.loads(json.dumps(coverage(tmp_path).as_dict()))
    counts = ("printed", "with_experiment", "with_result", "cut_short", "single", "begun", "not_measured")
    assert found.keys() == {*counts, "tables", "figures", "drawings"}
    for table in found["tables"]:
        assert table.keys() == {*counts, "paper", "table", "profiles", "experiments"}
        assert bool(table["experiments"]) == bool(table["with_experiment"])
        assert table["with_result"] <= table["with_experiment"] <= table["printed"] - table["not_measured"]
    assert all(figure.keys() == {"paper", "figure", "shows", "experiment", "result"} for figure in found["figures"])
    for count in counts:
        assert sum(table[count] for table in found["tables"]) == found[count]
        assert sum(paper[count] for paper in by_paper(coverage(tmp_path).tables)) == found[count]


def test_what_a_paper_did_not_measure_has_a_reason_and_no_experiment():
    reasons = not_measured()
    listed = (files("mixbook.benchmarks") / "printed" / "not_measured.csv").read_text().splitlines()[1:]
    homes = {(row.paper, row.table, row.method, row.params) for row in reasons}
    assert len(homes) == len(listed)  # each line is about something that is printed
    for row, reason in reasons.items():
        assert reason.startswith(("quoted from ", "a sentence: ", "not run: "))
        assert reason.startswith("quoted") == ("quoted from" in row.note)
    assert {row for row in printed_values() if "quoted from" in row.note} <= reasons.keys()
    assert not any(row in reasons for experiment in EXPERIMENTS.values() for row in experiment.printed)


def test_a_training_as_long_as_the_papers_is_not_cut_short_by_a_longer_one():
    profiles = {"laptop": Profile(3, 1), "paper": Profile(3, 5), "longer": Profile(3, 9)}
    experiment = replace(EXPERIMENTS["kmixup-tmlr-table5-iris"], profiles=profiles)
    assert [_cut_short(experiment, name) for name in profiles] == [True, False, False]
    del profiles["paper"]
    experiment = replace(experiment, profiles=profiles)
    assert [_cut_short(experiment, name) for name in profiles] == [True, False]
