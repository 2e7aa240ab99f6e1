"""What results of the grid and of tuning say, on results whose answer is built in."""

from dataclasses import replace

import numpy as np
import pytest

from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.choices import QUESTIONS, effect, scores, tuned
from mixbook.benchmarks.experiments import EXPERIMENTS
from mixbook.benchmarks.results import Results, Trial
from mixbook.benchmarks.spec import Cell

MNIST, IRIS, TUNING = EXPERIMENTS["grid-mnist"], EXPERIMENTS["grid-iris"], EXPERIMENTS["tuning-iris"]


def saved(experiment, tmp_path, value):
    """Results in which trial t of a cell has the metrics ``value(cell, t)``."""
    results = Results(experiment, "laptop", tmp_path)
    cells = {cell: [Trial(t, value(cell, t), 1.0) for t in range(20)] for cell in experiment.selected("laptop")}
    results.save(cells, [])
    return results


@pytest.mark.parametrize("experiment", [MNIST, IRIS], ids=lambda e: e.name)
def test_effects_of_independent_answers_are_found_apart(experiment, tmp_path):
    worth = {"k": -1.0, "K": 0.5, "layers": 2.0, "blend": -4.0}
    first = {"k": "1", "K": "1", "layers": "input", "blend": "linear"}

    def value(cell, trial):
        answers = cell.answers() if cell.method == "grid" else {}
        changed = sum(worth[name] for name in worth if answers.get(name, first[name]) != first[name])
        return {"error": 50 + 3 * trial + changed + (trial % 2) * (answers.get("K") == "5")}

    cells = scores(saved(experiment, tmp_path, value), "error")
    for question in QUESTIONS:
        found = effect(cells, question)
        if experiment is IRIS and question == "blend":
            assert found is None  # tables have no pixels to cut
            continue
        wanted = worth[question] + (np.arange(20) % 2 if question == "K" else 0)  # what a hard trial costs all cancels
        np.testing.assert_allclose(found, np.broadcast_to(wanted, 20))


def test_cells_without_a_counterpart_are_left_out(tmp_path):
    cells = scores(saved(IRIS, tmp_path, lambda cell, t: {"error": 1.0}), "error")
    alone = {cell: values for cell, values in cells.items() if cell.answers().get("layers") == "input"}
    assert effect(alone, "layers") is None and effect(alone, "K") is not None
    with pytest.raises(KeyError, match="question must be one of k, K"):
        effect(cells, "alpha")


def without_two(experiment, cell, found):
    """The trials of a source, but for a different one of each answer to k."""
    lost = {"1": 3, "16": 7}.get(cell.answers().get("k"))
    return [trial for trial in found[IRIS.name].get(cell, []) if trial.number != lost]


def test_trials_are_paired_by_number_where_cells_lack_different_ones(tmp_path):
    saved(IRIS, tmp_path, lambda cell, t: {"error": 10.0 * t + (cell.answers().get("k") == "16")})
    read = replace(IRIS, name="read", trials="", sources=(IRIS,), derive="test_choices:without_two")
    found = effect(scores(Results(read, "laptop", tmp_path), "error"), "k")
    assert found.tolist() == [1.0] * 18  # not NaN, of which a mean would be NaN


def built(best, nll=lambda cell: 1.0):
    """Validation errors that are least at one cell (method k and alpha), and test errors that say which cell it was."""
    numbers = {cell: float(i) for i, cell in enumerate(TUNING.cells)}

    def value(cell, trial):
        wrong = 0.0 if str(cell).endswith(best[trial % len(best)]) else 10.0
        return {"validation_error": wrong, "validation_nll": nll(cell), "error": numbers[cell], "nll": 1.0}

    return value, numbers


def by_name(results):
    return {way.name: way for way in tuned(results)}


def test_each_way_sees_only_what_it_searches(tmp_path):
    value, numbers = built(["k=4;xi_of=0.1", "k=8;alpha=1"])
    found = by_name(saved(TUNING, tmp_path, value))
    even, odd = {name: str(way.chosen[0]) for name, way in found.items()}, {n: str(w.chosen[1]) for n, w in found.items()}
    assert even["all k and ξ"] == "kmixup k=4;xi_of=0.1" and odd["α = 1, search k"] == "kmixup k=8;alpha=1"
    # At k = 1 all alphas tie, so the first one is kept, and only its row is searched.
    assert even["mixup, search α"] == "kmixup k=1;xi_of=0.05" and even["best ξ at k = 1, then k"] == "kmixup k=1;xi_of=0.05"
    assert even["ξ of α = 1, search k"] == odd["mixup, α = 1"] == "kmixup k=1;xi_of=1"
    for way in found.values():
        assert way.errors.tolist() == [numbers[cell] for cell in way.chosen]
    assert {name: way.networks for name, way in found.items()} == {
        "mixup, α = 1": 0,
        "no mixing": 0,
        "k = 16, α = 1": 0,
        "mixup, search α": 5,
        "α = 1, search k": 5,
        "α = 1, search k, or none": 6,
        "ξ of α = 1, search k": 5,
        "best ξ at k = 1, then k": 9,
        "all k and ξ": 25,
    }


def test_no_mixing_is_chosen_where_it_validates_best_and_only_where_it_is_asked(tmp_path):
    value, numbers = built(["erm", "k=8;alpha=1"])
    found = by_name(saved(TUNING, tmp_path, value))
    assert list(found)[:2] == ["mixup, α = 1", "no mixing"]  # what a page compares the others with
    assert [str(cell) for cell in found["α = 1, search k, or none"].chosen[:2]] == ["erm", "kmixup k=8;alpha=1"]
    assert "erm" not in {str(cell) for name in list(found)[2:] if "none" not in name for cell in found[name].chosen}
    assert set(found["no mixing"].errors) == {numbers[Cell("erm", "")]}


def test_the_second_way_follows_the_xi_that_won_at_k_1(tmp_path):
    def value(cell, trial):
        answers = cell.answers()
        if answers.get("xi_of") != "0.2":
            return {"validation_error": 10.0, "validation_nll": 1.0, "error": 0.0, "nll": 1.0}
        return {
            "validation_error": {"1": 5.0, "8": 4.0}.get(answers["k"], 6.0),
            "validation_nll": 1.0,
            "error": 0.0,
            "nll": 1.0,
        }

    assert str(by_name(saved(TUNING, tmp_path, value))["best ξ at k = 1, then k"].chosen[0]) == "kmixup k=8;xi_of=0.2"


def test_nll_breaks_ties_and_a_network_that_diverged_never_wins(tmp_path):
    value, _ = built(["nothing"], lambda cell: {"k=1;xi_of=0.2": 0.5, "k=1;xi_of=0.5": float("nan")}.get(cell.params, 1.0))
    assert str(by_name(saved(TUNING, tmp_path, value))["mixup, search α"].chosen[3]) == "kmixup k=1;xi_of=0.2"


def test_a_network_that_diverged_does_not_win_with_the_least_error_either(tmp_path):
    value, _ = built(["k=4;xi_of=0.1"], lambda cell: float("nan") if cell.params == "k=4;xi_of=0.1" else 1.0)
    assert str(by_name(saved(TUNING, tmp_path, value))["all k and ξ"].chosen[0]) != "kmixup k=4;xi_of=0.1"


def test_unfinished_results_are_not_tuned_on(tmp_path):
    results = Results(TUNING, "laptop", tmp_path)
    results.save(
        {TUNING.cells[0]: [Trial(t, {"validation_error": 1.0, "validation_nll": 1.0}, 1.0) for t in range(20)]}, []
    )
    with pytest.raises(BenchmarkError, match="29 cells are missing"):
        tuned(results)
