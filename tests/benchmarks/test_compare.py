"""Ours beside print."""

from dataclasses import replace

import pytest
from scipy.stats import ttest_rel
from toy_trial import TOY

from mixbook import cli
from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.compare import Comparison, as_table, compare, fullest_results, paired, verdict
from mixbook.benchmarks.experiments import get_experiment
from mixbook.benchmarks.home import find_book, results_folder
from mixbook.benchmarks.results import Results, Trial
from mixbook.benchmarks.spec import Cell

IRIS = get_experiment("kmixup-tmlr-table5-iris")


def results_with(folder, errors: dict[Cell, list[float]]) -> Results:
    trials = TOY.profile("laptop").trials
    results = Results(TOY, "laptop", folder)
    cells = {cell: [Trial(i, {"error": e}, 1.0) for i, e in enumerate(es)] for cell, es in errors.items()}
    assert all(len(es) == trials for es in errors.values())
    results.save(cells, [])
    return results


def test_each_printed_value_gets_its_own_trials(tmp_path):
    errors = {cell: [float(i), i + 1.0, i + 2.0] for i, cell in enumerate(TOY.cells)}
    rows = compare(results_with(tmp_path, errors))
    assert [c.printed for c in rows] == list(TOY.printed)
    for i, c in enumerate(rows):
        assert c.mean == pytest.approx(i + 1)
        assert c.difference == pytest.approx(c.mean - float(c.printed.value))
        assert c.n == 3


def test_what_has_not_been_run_says_so(tmp_path):
    rows = compare(results_with(tmp_path, {TOY.cells[0]: [1.0, 2.0, 3.0]}))
    table = as_table(rows)
    assert table[0]["ours"].startswith("2.00\u00a0±\u00a0")
    assert table[0]["printed error [%]"] == TOY.printed[0].value
    assert {row["ours"] for row in table[1:]} == {"not run yet"}
    assert rows[1].mean is None and rows[1].difference is None and rows[1].half_width is None


def test_a_difference_that_rounds_to_zero_has_no_sign():
    row = replace(TOY.printed[0], value="4.0")
    (line,) = as_table([Comparison(TOY.cells[0], row, (3.998, 3.998))])
    assert line["ours - printed"] == "0.00"


def test_ours_has_the_decimals_of_print():
    row = replace(TOY.printed[0], value="0.156")
    table = as_table([Comparison(TOY.cells[0], row, (0.15, 0.16))])
    assert table[0]["ours"].startswith("0.155\u00a0±\u00a00.064") and table[0]["ours - printed"] == "-0.001"


@pytest.mark.parametrize(
    ("off", "spread", "comparable"), [(2.9, 0.01, True), (3.1, 0.01, False), (3.1, 3.0, True), (-4.0, 0.01, False)]
)
def test_erm_decides_whether_the_rest_is_comparable(tmp_path, off, spread, comparable):
    erm = TOY.cells[0]
    printed = TOY.printed[0].number
    values = [printed + off - spread, printed + off, printed + off + spread]
    judged = verdict(TOY, compare(results_with(tmp_path, {erm: values})))
    assert judged is not None
    assert judged.comparable == comparable
    assert f"{printed + off:.2f}" in judged.reason


def test_one_trial_of_erm_far_from_print_is_not_comparable():
    far = Comparison(TOY.cells[0], TOY.printed[0], values=(TOY.printed[0].number + TOY.band + 1,))
    judged = verdict(TOY, [far])
    assert not judged.comparable and "one trial has no interval" in judged.reason


def test_without_erm_there_is_no_verdict(tmp_path):
    assert verdict(TOY, compare(results_with(tmp_path, {TOY.cells[1]: [1.0, 2.0, 3.0]}))) is None


def test_paired_differences_use_that_trials_share_their_split(tmp_path):
    first, second = TOY.cells[1], TOY.cells[2]
    a, b = [1.0, 8.0, 20.0], [2.0, 8.5, 21.5]
    rows = {c.cell: c for c in compare(results_with(tmp_path, {first: a, second: b}))}
    mean, half = paired(rows[second], rows[first])
    expected = ttest_rel(b, a).confidence_interval(0.95)
    assert (mean - half, mean + half) == pytest.approx((expected.low, expected.high))
    with pytest.raises(ValueError, match=r"share at least two trials, got \[0, 1, 2\] and \[\]"):
        paired(rows[second], rows[TOY.cells[3]])


def test_trials_are_compared_by_their_number_where_some_are_missing(tmp_path):
    row = compare(results_with(tmp_path, {}))[1]
    ours = replace(row, values=(1.0, 2.0, 3.0), numbers=(0, 2, 4))
    other = replace(row, values=(9.0, 1.0, 5.0), numbers=(1, 2, 4))
    assert paired(ours, other)[0] == pytest.approx(((2 - 1) + (3 - 5)) / 2)
    with pytest.raises(ValueError, match="share at least two trials"):
        paired(ours, replace(other, numbers=(1, 3, 4)))


def test_trials_that_did_not_learn_are_left_out_and_counted(tmp_path):
    nan = float("nan")
    some, none, whole = TOY.cells[1:4]
    rows = compare(results_with(tmp_path, {some: [1.0, nan, 3.0], none: [nan] * 3, whole: [4.0, 5.0, 6.0]}))
    by_cell = {row.cell: row for row in rows}
    assert by_cell[some].by_number == {0: 1.0, 2: 3.0}
    shown = {cell: as_table([by_cell[cell]])[0] for cell in (some, none, whole, TOY.cells[0])}
    assert [row["n"] for row in shown.values()] == ["2 of 3", "0 of 3", "3", ""]
    assert [row["ours"].split("\u00a0")[0] for row in shown.values()] == ["2.00", "no number", "5.00", "not run yet"]
    assert [by_cell[cell].as_dict()["of"] for cell in (some, none, whole)] == [3, 3, 3]
    assert paired(by_cell[some], by_cell[whole])[0] == -3


def test_a_cell_that_lacks_trials_is_shown_with_how_many_it_has_where_one_asks(tmp_path):
    cell, results = TOY.cells[1], Results(TOY, "laptop", tmp_path)
    results.save({}, [], {cell: [Trial(1, {"error": 5.0}, 1.0)]})
    assert not any(c.n for c in compare(results))
    shown = next(row for row in as_table(compare(results, begun=True)) if row["n"])
    assert (shown["ours"], shown["n"]) == ("5.00", "1 of 3")


def test_the_command_shows_what_is_begun(tmp_path, capsys):
    (tmp_path / "book" / "benchmarks").mkdir(parents=True)
    cell, results = IRIS.cells[1], Results(IRIS, "laptop", results_folder(tmp_path, "laptop"))
    results.save({}, [], {cell: [Trial(2, {"error": 5.25}, 1.0)]})
    cli.main(["bench", "compare", IRIS.name, "--book", str(tmp_path)])
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "5.25" in line)
    assert f"1 of {IRIS.profile('laptop').trials}" in line


def test_fullest_results_are_whole_ones_if_there_are_any(tmp_path, invented):
    two = replace(TOY, profiles={**TOY.profiles, "paper": TOY.profiles["laptop"]})
    cells = invented(two, "laptop", 1)
    Results(two, "laptop", tmp_path).save(cells, [])
    Results(two, "paper", tmp_path).save({}, [], {cell: trials[:1] for cell, trials in cells.items()})
    assert fullest_results(two, tmp_path).profile == "laptop"


def test_fullest_results_are_finished_ones_if_there_are_any(tmp_path, invented):
    two = replace(TOY, profiles={**TOY.profiles, "paper": TOY.profiles["laptop"]})
    cells = invented(two, "laptop")
    some = dict(list(cells.items())[:1])
    Results(two, "paper", tmp_path).save(some, [])
    assert fullest_results(two, tmp_path).profile == "paper"  # none is finished
    Results(two, "laptop", tmp_path).save(cells, [])
    assert fullest_results(two, tmp_path).profile == "laptop"
    Results(two, "paper", tmp_path).save(cells, [])
    assert fullest_results(two, tmp_path).profile == "paper"


def test_fullest_results_skip_smoke_and_say_how_to_make_some(tmp_path):
    Results(TOY, "smoke", tmp_path).save({}, [])
    with pytest.raises(BenchmarkError, match="bench run toy --profile laptop"):
        fullest_results(TOY, tmp_path)
    two = replace(TOY, profiles={**TOY.profiles, "paper": TOY.profiles["laptop"]})
    Results(two, "laptop", tmp_path).save({}, [])
    assert fullest_results(two, tmp_path).profile == "laptop"
    Results(two, "paper", tmp_path).save({}, [])
    assert fullest_results(two, tmp_path).profile == "paper"
    assert fullest_results(two, tmp_path, "laptop").profile == "laptop"


def test_the_alpha_that_was_used_is_shown_where_it_is_not_the_cell_s():
    printed = next(row for row in IRIS.printed if row.params == "k=16;alpha=1;xi=0.22")
    cell = Cell(printed.method, printed.params)
    raised = Comparison(cell, printed, (3.0, 4.0, 5.0), alphas=(100.0, 8.25, 1.0))
    same = replace(raised, alphas=(1.0, 1.0, 1.0))
    assert raised.alpha_used == "1 to 100" and same.alpha_used == ""
    assert [row["alpha used"] for row in as_table([raised, same], alphas=True)] == ["1 to 100", ""]
    assert replace(raised, cap=100.0).alpha_used == "1 to 100*"
    assert replace(raised, alphas=(100.0, 100.0), cap=100.0).alpha_used == "100*"
    assert "alpha used" not in as_table([same], alphas=True)[0]
    assert "alpha used" not in as_table([raised])[0]


def test_a_star_marks_the_stored_cells_whose_trials_did_not_keep_xi(capsys):
    results = fullest_results(IRIS, results_folder(find_book(), ""))
    cells, starred = results.load(), set()
    for row in compare(results):
        if row.cell.answers().get("k", "1") != "1":
            first = next(c for c in cells if c.answers().get("k") == "1" and c.value("alpha") == row.cell.value("alpha"))
            at_one = {trial.number: trial.metrics["xi"] for trial in cells[first]}
            kept = all(trial.metrics["xi"] == pytest.approx(at_one[trial.number], rel=1e-3) for trial in cells[row.cell])
            assert row.alpha_used.endswith("*") is not kept
            starred |= set() if kept else {row.cell.params}
    assert starred
    cli.main(["bench", "compare", IRIS.name])
    assert "* no alpha up to 100 keeps xi" in capsys.readouterr().out


def test_stored_trials_say_which_alpha_they_were_mixed_with(tmp_path):
    profile = replace(IRIS.profiles["laptop"], trials=2)
    iris = replace(IRIS, profiles={"laptop": profile})
    one, many = iris.cells[-5], iris.cells[-1]
    results = Results(iris, "laptop", tmp_path)
    results.save({c: [Trial(n, {"error": 3.0, "alpha": c.value("k")}, 1.0) for n in range(2)] for c in (one, many)}, [])
    used = {row.cell: row.alpha_used for row in compare(results)}
    assert used[one] == "" and used[many] == "16"


def test_of_several_results_of_erm_the_first_that_is_there_decides():
    erm = next(cell for cell in TOY.cells if cell.method == "erm")
    row = next(row for row in TOY.printed if row.method == "erm")
    there = Comparison(erm, row, (row.number,) * 3)
    assert verdict(TOY, [Comparison(erm, row, ()), there]) == verdict(TOY, [there])
