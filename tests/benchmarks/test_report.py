"""Claims against results: verdicts follow from the store, and from nothing else."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import ttest_rel

from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.estimate import by_trial
from mixbook.benchmarks.experiments import EXPERIMENTS
from mixbook.benchmarks.printed import not_measured, printed_values
from mixbook.benchmarks.report import judge as judging
from mixbook.benchmarks.report.claim import Claim
from mixbook.benchmarks.report.claims import claims
from mixbook.benchmarks.report.judge import decide, judge
from mixbook.benchmarks.report.report import PAPERS, VERDICTS, Report, claim_rows, report, stated_rows
from mixbook.benchmarks.report.stated import Stated
from mixbook.benchmarks.results import Results, Trial
from mixbook.benchmarks.spec import Cell

IRIS = EXPERIMENTS["kmixup-tmlr-table5-iris"]
BETTER = next(c for c in claims() if (c.paper, c.than, c.tables) == ("kmixup-tmlr", "mixup", ("Table 5",)))
TRIALS = IRIS.profile("laptop").trials


def save(folder, error, cells=IRIS.cells, experiment=IRIS):
    """Results in which the error of trial t of a cell is ``error(cell, t)``."""
    trials = range(experiment.profile("laptop").trials)
    found = {cell: [Trial(t, {"error": error(cell, t), "nll": 0.1}, 1.0) for t in trials] for cell in cells}
    Results(experiment, "laptop", folder).save(found, [])


def on_iris(folder, claim=BETTER):
    return next(each for each in judge(claim, folder) if each.dataset == "iris")


def noise(t):
    return float(np.random.default_rng(t).normal())


def k(cell):
    return int(cell.value("k")) if cell.method != "erm" else 0


def test_every_claim_is_about_something_that_is_printed_or_an_experiment(tmp_path):
    for claim in claims():
        judged = judge(claim, tmp_path)
        assert judged and all(each.gains for each in judged), claim
        assert {each.table for each in judged} == (set(claim.tables) or {""}), claim
        assert {each.verdict for each in judged} == {
            "cannot be run" if any(each.cannot for each in judged) else "not yet run"
        }
    assert {claim.paper for claim in claims()} == set(PAPERS)


def test_what_cannot_be_run_says_why_and_what_print_only_quotes_is_not_compared(tmp_path):
    quoted = {(row.paper, row.table, Cell(row.method, row.params)) for row in not_measured()}
    judged = report(tmp_path).judged
    assert any(each.cannot for each in judged)
    for each in judged:
        cells = {(each.claim.paper, each.table, cell) for gain in each.gains for cell in (gain.cell, gain.other)}
        assert bool(cells & quoted) == bool(each.cannot)


def test_the_printed_gain_is_that_of_the_table(tmp_path):
    rows = {Cell(r.method, r.params): r.number for r in printed_values() if (r.table, r.dataset) == ("Table 5", "iris")}
    for gain in on_iris(tmp_path).gains:
        assert gain.cell.answers()["alpha"] == gain.other.answers()["alpha"] and gain.other.answers()["k"] == "1"
        assert gain.printed == pytest.approx(rows[gain.other] - rows[gain.cell])


@pytest.mark.parametrize(
    ("effect", "verdict"), [(-1.0, "reproduced"), (1.0, "opposite"), (0.0, "undecided")], ids=["lower", "higher", "same"]
)
def test_the_verdict_follows_the_results(tmp_path, effect, verdict):
    # A hard split raises all errors of a trial alike, which a paired comparison does not see.
    save(tmp_path, lambda cell, t: 20 + 5 * noise(t) + effect * (k(cell) > 1) + 0.1 * noise(1000 * t + k(cell)))
    found = on_iris(tmp_path)
    assert (found.verdict, found.experiment, found.profile) == (verdict, IRIS.name, "laptop")
    assert len(found.values) == TRIALS


def test_the_interval_is_that_of_the_paired_test(tmp_path):
    save(tmp_path, lambda cell, t: noise(1000 * t + len(str(cell)) + k(cell)))
    gain = on_iris(tmp_path).gains[0]
    trials = Results(IRIS, "laptop", tmp_path).load()
    first, second = ([t.metrics["error"] for t in trials[cell]] for cell in (gain.other, gain.cell))
    expected = ttest_rel(first, second).confidence_interval(0.95)
    assert (gain.mean - gain.half_width, gain.mean + gain.half_width) == pytest.approx((expected.low, expected.high))


def test_a_claim_waits_for_all_its_comparisons(tmp_path):
    save(tmp_path, lambda cell, t: 10 - k(cell) + noise(t), cells=IRIS.cells[:4])
    found = on_iris(tmp_path)
    assert 0 < found.done < len(found.gains) and found.verdict == "not yet run"
    assert f"{found.done} of {len(found.gains)} comparisons are there" in claim_rows([found])[0]["verdict"]


def test_a_cell_of_which_no_network_learned_is_compared_with_none(tmp_path):
    save(tmp_path, lambda cell, t: float("nan") if k(cell) == 16 else 10 - k(cell) + noise(t))
    found = on_iris(tmp_path)
    assert found.gains and not any(k(gain.cell) == 16 for gain in found.gains)
    assert found.done == len(found.gains) and found.verdict == "reproduced"


def test_best_of_all_needs_every_comparison_to_be_clear(tmp_path):
    best = replace(BETTER, better="erm", than="others", same=(), every=True)
    save(tmp_path, lambda cell, t: 10 + (cell.method != "erm") + 0.01 * noise(100 * t + k(cell)))
    assert on_iris(tmp_path, best).verdict == "reproduced"
    save(tmp_path, lambda cell, t: 10 + (k(cell) not in (0, 16)) + 0.01 * noise(100 * t + k(cell)))
    found = on_iris(tmp_path, best)
    assert found.verdict != "reproduced"  # k = 16 is as good
    assert found.mean == pytest.approx(min(gain.mean for gain in found.gains))


def test_surrogates_are_shown_and_give_no_verdict(tmp_path, monkeypatch):
    save(tmp_path, lambda cell, t: 10 - k(cell) + noise(t))
    monkeypatch.setattr(judging, "all_experiments", lambda: [replace(IRIS, surrogate=True)])
    found = on_iris(tmp_path)
    assert (found.verdict, found.on_stand_in) == ("not yet run", "reproduced")
    assert "on a stand-in: reproduced" in claim_rows([found])[0]["verdict"]
    table = next(row for row in Report((found,), ()).agreement() if row["table"] == "Table 5")
    assert table["not run"] == table["comparisons"] > 0  # nor does a stand-in agree with print


def test_the_data_of_print_come_before_a_stand_in(tmp_path, monkeypatch):
    stand_in = replace(IRIS, name="stand-in", surrogate=True)
    for experiment in (IRIS, stand_in):
        save(tmp_path, lambda cell, t: 10 - k(cell) + noise(t), experiment=experiment)
    monkeypatch.setattr(judging, "all_experiments", lambda: [stand_in, IRIS])
    found = on_iris(tmp_path)
    assert (found.experiment, found.surrogate, found.verdict) == (IRIS.name, False, "reproduced")


def test_the_values_of_a_claim_are_the_means_over_its_comparisons_trial_by_trial(tmp_path):
    save(tmp_path, lambda cell, t: 10 - k(cell) + noise(100 * t + k(cell)))
    found = on_iris(tmp_path)
    assert len(found.gains) > 1
    assert found.values == pytest.approx(np.mean([gain.values for gain in found.gains], axis=0))


def test_where_comparisons_lack_trials_each_counts_once(tmp_path):
    """Comparison g gains 10 g + n in trial n: the mean is not that over those that a trial happens to have."""
    gains = [{n: 10.0 * g + n for n in range(5) if n < 2 or g == 3} for g in range(4)]
    values = by_trial(gains)
    assert values == pytest.approx([15 + n for n in range(5)])
    assert np.mean(values) == pytest.approx(17) != np.mean([np.mean([g[n] for g in gains if n in g]) for n in range(5)])
    assert by_trial([{n: value + 100 for n, value in gain.items()} for gain in gains]) == pytest.approx(
        [115 + n for n in range(5)]
    )
    assert by_trial([{0: 0.5, 1: 0.6}, {2: 9.0, 3: 9.1, 4: 9.2}]) == pytest.approx([4.825])  # no trial links the two
    rng = np.random.default_rng(0)
    full = rng.normal(size=(6, 5))
    assert by_trial([dict(enumerate(row)) for row in full]) == pytest.approx(full.mean(0))


def test_where_every_comparison_must_hold_print_is_that_of_the_least_here(tmp_path):
    save(tmp_path, lambda cell, t: 10 - k(cell) + 0.01 * noise(100 * t + k(cell)))
    best = on_iris(tmp_path, replace(BETTER, better="erm", than="others", same=(), every=True))
    assert best.printed == best.least.printed and best.mean == pytest.approx(best.least.mean)
    assert best.printed != min(gain.printed for gain in best.gains)


def test_the_printed_gain_of_a_claim_is_the_mean_or_where_every_one_must_hold_the_least(tmp_path):
    best = replace(BETTER, better="erm", than="others", same=(), every=True)
    mean, least = ([gain.printed for gain in on_iris(tmp_path, claim).gains] for claim in (BETTER, best))
    assert min(mean) < max(mean) and min(least) < max(least)
    assert on_iris(tmp_path).printed == pytest.approx(np.mean(mean))
    assert on_iris(tmp_path, best).printed == min(least)


def test_an_erm_that_is_not_as_printed_is_said(tmp_path):
    save(tmp_path, lambda cell, t: 90 - k(cell) + noise(t))
    found = on_iris(tmp_path)
    assert found.comparable is False and "ERM is not as printed" in claim_rows([found])[0]["verdict"]


@pytest.mark.parametrize(
    ("mean", "half", "verdict"),
    [
        (None, None, "not yet run"),
        (1, None, "undecided"),
        (1, 0.5, "reproduced"),
        (1, 1, "undecided"),
        (-1, 0.5, "opposite"),
        (-1, 1, "undecided"),
    ],
)
def test_an_interval_decides(mean, half, verdict):
    assert decide(mean, half) == verdict


def test_a_claim_that_does_not_say_which_is_an_error():
    claim = Claim("kmixup-tmlr", "Table 5", "", "kmixup", "mixup", "error", -1)
    with pytest.raises(BenchmarkError, match="could be compared with"):
        claim.pairs(IRIS.cells)


def test_a_claim_may_be_about_some_data_sets_and_about_several_cells(tmp_path):
    some = replace(BETTER, datasets=("iris", "abalone"))
    assert {each.dataset for each in judge(some, tmp_path)} == {"iris", "abalone"}
    two = replace(BETTER, better="kmixup k=2;alpha=1|kmixup k=4;alpha=1")
    assert [gain.cell.params.split(";xi")[0] for gain in on_iris(tmp_path, two).gains] == ["k=2;alpha=1", "k=4;alpha=1"]


def test_where_the_paper_excepts_a_data_set_it_is_not_scored_for_the_contrary():
    about = [claim for claim in claims() if claim.paper == "kmixup-tmlr" and "erm" in (claim.better, claim.than)]
    on = {claim.better: claim.datasets for claim in about if claim.tables == ("Table 5",)}
    assert on["erm"] == ("arrhythmia",) and "arrhythmia" not in on["kmixup"]


def test_a_bend_counts_at_every_alpha_that_the_figure_shows(tmp_path):
    claim = next(claim for claim in claims() if (claim.paper, claim.metric) == ("datadep", "bend"))
    for each in judge(claim, tmp_path):
        assert {gain.cell.value("alpha") for gain in each.gains} == {1, 1024} and claim.every


def test_stated_gains_are_measured_where_their_sentence_has_an_experiment(tmp_path, invented):
    claim = EXPERIMENTS["kmixup-v1-section5-one-ring"]
    before = {row["on"]: row["verdict"] for row in stated_rows(report(tmp_path).stated)}
    assert set(before.values()) == {"not yet run"}
    results = Results(claim.sources[0], "laptop", tmp_path)
    made = invented(claim.sources[0], "laptop")  # whose errors rise from cell to cell
    results.save(
        {c: [replace(t, metrics={"accuracy": 100 - t.metrics["error"]}) for t in ts] for c, ts in made.items()}, []
    )
    (found,) = [each for each in report(tmp_path).stated if each.values]
    assert found.experiment == claim.name and found.printed in claim.printed
    assert found.verdict == "opposite" and found.size == "smaller"


def test_a_stated_loss_is_reproduced_by_a_loss():
    (row,) = (row for row in printed_values() if row.metric == "claimed_gain" and row.number < 0)
    worse, better = Stated(row, (-0.2, -0.3, -0.25)), Stated(row, (0.2, 0.3, 0.25))
    assert (worse.verdict, better.verdict) == ("reproduced", "opposite")


def test_counts_and_tables_add_up_and_the_json_form_is_json(tmp_path):
    save(tmp_path, lambda cell, t: 10 - k(cell) + 0.01 * noise(t))
    found = report(tmp_path)
    assert sum(row[verdict] for row in found.counts() for verdict in VERDICTS) == len(found.judged)
    for row in found.agreement():
        assert row["comparisons"] == sum(row[name] for name in ("as printed", "opposite", "undecided", "not run"))
    table = next(row for row in found.agreement() if (row["paper"], row["table"]) == ("kmixup-tmlr", "Table 5"))
    assert table["as printed"] + table["opposite"] > 0
    plain = json.loads(json.dumps(found.as_dict()))
    assert plain.keys() == {"scoreboard", "tables", "claims", "stated_gains"}
    assert len(plain["claims"]) == len(found.judged)
