"""Printed sentences, answered from results of tables."""

from dataclasses import replace

import pytest

from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.claims import sentence
from mixbook.benchmarks.compare import compare, fullest_results
from mixbook.benchmarks.coverage import coverage
from mixbook.benchmarks.experiments import EXPERIMENTS
from mixbook.benchmarks.results import Results, Trial
from mixbook.benchmarks.spec import Cell

CLAIM = EXPERIMENTS["kmixup-v1-section5-one-ring"]
TABLE = CLAIM.sources[0]


def trials(*accuracies):
    return [Trial(n, {"accuracy": a}, 1.0) for n, a in enumerate(accuracies)]


GRID = {
    Cell("erm", ""): trials(90, 92),
    Cell("mixup", "k=1;alpha=1;xi=2"): trials(93, 95),
    Cell("mixup", "k=1;alpha=8;xi=3"): trials(80, 82),
    Cell("kmixup", "k=4;alpha=1;xi=2"): trials(94, 95),
    Cell("kmixup", "k=4;alpha=8;xi=3"): trials(96, 92),
    Cell("kmixup", "k=16;alpha=8;xi=3"): trials(97, 99),
}


def answer(params, method="kmixup", metric="claimed_gain", grid=GRID):
    """What ``sentence`` makes of one printed row when the sources' results are ``grid``."""
    source = replace(TABLE, own_cells=tuple(GRID))
    experiment = replace(CLAIM, sources=(source,))
    row = replace(CLAIM.printed[0], method=method, params=params, metric=metric)
    experiment.__dict__["printed"] = (row,)  # where the cached property is kept
    return [t.metrics[metric] for t in sentence(experiment, Cell(method, params), {source.name: grid})]


def test_a_network_that_never_left_guessing_says_nothing():
    stuck = [Trial(0, {"accuracy": 10.0, "stuck": 1.0}, 1.0), Trial(1, {"accuracy": 92.0, "stuck": 0.0}, 1.0)]
    grid = GRID | {Cell("erm", ""): stuck}
    assert answer("k=best;xi=best;vs=erm", grid=grid) == [7]
    assert answer("", method="erm", metric="accuracy", grid=grid) == [92]


@pytest.mark.parametrize(
    ("params", "method", "expected"),
    [
        ("k=4;alpha=8;vs=mixup", "kmixup", [16, 10]),  # the same alpha for both, trial by trial
        ("k=best;alpha=8;vs=mixup", "kmixup", [17, 17]),
        ("k=best;xi=2;vs=mixup", "kmixup", [1, 0]),
        ("k=best;xi=best;vs=mixup", "kmixup", [4, 4]),  # each at its own best
        ("k=best;xi=best;vs=erm", "kmixup", [7, 7]),
        ("k=1;xi=best;vs=erm", "mixup", [3, 3]),
        ("k=16;xi=3.0", "kmixup", [97, 99]),  # the same number, spelled differently
        ("", "erm", [90, 92]),
    ],
)
def test_a_sentence_compares_the_cells_that_it_names(params, method, expected):
    assert answer(params, method, "claimed_gain" if "vs" in params else "accuracy") == expected


def test_error_and_accuracy_are_two_sides():
    errors = {cell: [Trial(t.number, {"error": 100 - t.metrics["accuracy"]}, 1.0) for t in ts] for cell, ts in GRID.items()}
    assert answer("k=best;xi=best;vs=mixup", grid=errors) == [4, 4]
    assert answer("k=16;xi=3", metric="accuracy", grid=errors) == [97, 99]
    assert answer("k=16;xi=3", metric="error", grid=GRID) == [3, 1]


def test_a_cell_that_lost_a_trial_is_not_the_best_and_differences_are_of_the_same_trials():
    lucky, named = Cell("kmixup", "k=4;alpha=8;xi=3"), Cell("kmixup", "k=16;alpha=8;xi=3")
    one = [Trial(1, {"accuracy": 99.9}, 1.0)]
    assert answer("k=best;xi=best", metric="accuracy", grid={**GRID, lucky: one}) == [97, 99]
    assert answer("k=16;alpha=8;vs=mixup", grid={**GRID, named: one}) == [99.9 - 82]


@pytest.mark.parametrize("gone", [cell for cell in GRID if cell.method != "erm"], ids=str)
def test_no_answer_before_all_that_it_is_about_has_been_run(gone):
    assert answer("k=best;xi=best;vs=mixup", grid={cell: ts for cell, ts in GRID.items() if cell != gone}) == []


def test_what_the_sources_do_not_have_is_an_error_not_a_blank():
    with pytest.raises(BenchmarkError, match=r"no cell of kmixup-v1-figure3-one-ring is kmixup with .*64"):
        answer("k=64;xi=best;vs=mixup")


def test_a_claim_is_answered_and_counted_once_its_table_is_there(tmp_path, invented):
    before = coverage(tmp_path)
    Results(TABLE, "laptop", tmp_path).save(invented(TABLE, "laptop"), [])
    after = coverage(tmp_path)
    assert after.with_result - before.with_result == len(TABLE.printed) + len(CLAIM.printed)

    (compared,) = compare(fullest_results(CLAIM, tmp_path))
    errors = {cell: [t.metrics["error"] for t in ts] for cell, ts in invented(TABLE, "laptop").items()}
    first, second = errors[Cell("mixup", "k=1;alpha=64")], errors[Cell("kmixup", "k=16;alpha=64")]
    assert list(compared.values) == pytest.approx([a - b for a, b in zip(first, second, strict=True)])


def test_every_sentence_is_about_cells_that_its_sources_have():
    for experiment in EXPERIMENTS.values():
        if experiment.derive == "mixbook.benchmarks.claims:sentence":
            for cell in experiment.cells:  # raises if a sentence is about a cell that they lack
                assert sentence(experiment, cell, {source.name: {} for source in experiment.sources}) == []
