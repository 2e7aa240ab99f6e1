"""A budget of time: one trial everywhere before two anywhere, a clean stop, and a plain word where it is too small."""

import pytest
from test_cells import quiet
from toy_trial import SIDE_BY_SIDE, TOY

from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.budget import BudgetTooSmall, _rank, check, expected, most_informative_first, seconds_of
from mixbook.benchmarks.cells import run_missing_cells
from mixbook.benchmarks.executors.local import InThisProcess
from mixbook.benchmarks.results import Results, Trial
from mixbook.benchmarks.spec import Cell


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("25m", 1500), ("1.5h", 5400), ("1h30m", 5400)])
def test_a_budget_is_read(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "25", "m", "0m", "25 m", "25m!", "-5m", "25x"])
def test_what_is_no_budget_is_refused(text):
    with pytest.raises(BenchmarkError, match="such as 90s, 25m or 1h30m"):
        seconds_of(text)


@pytest.mark.parametrize("experiment", [TOY, SIDE_BY_SIDE])
def test_one_trial_everywhere_comes_before_two_anywhere(experiment):
    cells = experiment.cells[::-1]
    ready = {cells[0]: {0}}  # a cell that has its first trial is not asked for it again
    tasks = [(cell, n) for cell in cells for n in range(3) if n not in ready.get(cell, ())]
    order = [task for piece in most_informative_first(experiment, tasks) for task in piece]
    assert sorted(order, key=str) == sorted(tasks, key=str)
    assert [number for _, number in order] == sorted(number for _, number in order)
    if experiment is TOY:  # what all others are compared with comes first
        assert [cell.method for cell, _ in order[:2]] == ["erm", "mixup"]
    # Of cells that are trained together, the most wanted says when.
    pieces = [[(Cell(method, ""), 0) for method in methods] for methods in (("kmixup", "erm"), ("mixup", "kmixup"))]
    assert list(map(_rank, pieces)) == [0, 1]


def test_a_budget_stops_cleanly_and_the_next_run_goes_on(tmp_path, monkeypatch):
    results, lines = Results(TOY, "laptop", tmp_path), []
    monkeypatch.setenv("TOY_SECONDS", "0.1")
    # Without the seconds that a process needs to start.
    monkeypatch.setattr("mixbook.benchmarks.cells.open_pool", lambda on, work, **_: InThisProcess(work))
    run_missing_cells(results, jobs=1, report=lines.append, budget=2.0)
    begun = results.begun()
    there = sum(map(len, begun.values())) + 3 * len(results.load())
    assert 0 < there < 3 * len(TOY.cells)
    counts = [len(begun.get(cell, [])) or 3 * (cell in results.load()) for cell in TOY.cells]
    assert max(counts) - min(counts) <= 1
    assert any("the same command goes on" in line for line in lines)
    monkeypatch.setenv("TOY_SECONDS", "0")
    finished = run_missing_cells(results, jobs=1, report=quiet)
    assert all([trial.number for trial in finished[cell]] == [0, 1, 2] for cell in TOY.cells)
    kept = {(cell, trial.number): trial for cell, trials in begun.items() for trial in trials}
    assert kept == {(c, t.number): t for c, trials in finished.items() for t in trials if (c, t.number) in kept}


def test_a_trial_that_outlasts_the_budget_is_given_up_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("TOY_SECONDS", "60")
    with pytest.raises(BudgetTooSmall, match="no trial was done within --budget 1 s"):
        run_missing_cells(Results(TOY, "laptop", tmp_path), jobs=1, report=quiet, budget=1.0)


def test_how_long_a_trial_takes_is_known_from_those_that_are_there(tmp_path, invented):
    results = Results(TOY, "laptop", tmp_path)
    results.save(invented(TOY, "laptop", cells=2), [])  # 1.5 s each
    with pytest.raises(BudgetTooSmall, match="one trial of one cell takes about 2 s"):
        run_missing_cells(results, jobs=1, report=quiet, budget=1.0)


def test_a_first_round_runs_one_trial_of_each_cell(tmp_path):
    results = Results(TOY, "laptop", tmp_path)
    run_missing_cells(results, jobs=1, report=quiet, at_most=1)
    assert results.load() == {}
    assert {cell: len(trials) for cell, trials in results.begun().items()} == dict.fromkeys(TOY.cells, 1)


def test_cells_can_be_chosen(tmp_path):
    results = Results(TOY, "laptop", tmp_path)
    pattern = str(TOY.cells[-1])
    run_missing_cells(results, jobs=1, report=quiet, only=[pattern])
    assert list(results.load()) == [TOY.cells[-1]] and results.begun() == {}


def test_a_trial_is_expected_to_take_as_long_as_the_slowest_of_its_cell_or_of_all(tmp_path):
    first, second, third = TOY.cells[:3]
    there = {first: [Trial(0, {}, 4.0), Trial(1, {}, 2.0)], second: [Trial(0, {}, 9.0)], third: []}
    assert [expected(there, cell) for cell in (first, second, third)] == [4.0, 9.0, 9.0]
    assert expected({}, first) == 0


def test_a_round_that_is_done_needs_no_budget(tmp_path):
    results = Results(TOY, "laptop", tmp_path)
    results.save({}, [], {cell: [Trial(0, {"error": 1.0}, 1.5)] for cell in TOY.cells})
    check(0.1, results, at_most=1)
    with pytest.raises(BudgetTooSmall, match="about 2 s"):
        check(0.1, results, at_most=2)
    check(1.5, results)  # just enough
