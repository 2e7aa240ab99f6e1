"""Claims against results: verdicts follow from the store, and from nothing else."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import ttest_rel

from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.estimate import half_width
from mixbook.benchmarks.experiments import EXPERIMENTS
from mixbook.benchmarks.printed import not_measured, printed_values
from mixbook.benchmarks.report import judge as judging
from mixbook.benchmarks.report.claim import Claim
from mixbook.benchmarks.report.claims import claims
from mixbook.benchmarks.report.judge import Gain, Judged, decide, judge
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


@pytest.mark.parametrize(("off", "deciding"), [(0.004, 12), (0.006, 6)], ids=["held", "not held"])
def test_what_a_claim_holds_constant_must_be_constant_for_a_comparison_to_decide(tmp_path, off, deciding):
    """Here k = 8 and 16 have a lower error and mix less, and the other k have a higher error."""
    far = {cell for cell in IRIS.cells if k(cell) >= 8}
    found = {
        cell: [
            Trial(
                t,
                {
                    "error": 10 + noise(99 * t + k(cell)) + (-9 if cell in far else k(cell) > 1),
                    "xi": 1 - off * (cell in far),
                },
                1.0,
            )
            for t in range(TRIALS)
        ]
        for cell in IRIS.cells
    }
    Results(IRIS, "laptop", tmp_path).save(found, [])
    judged = on_iris(tmp_path)
    assert (len(judged.gains), len(judged.deciding)) == (12, deciding)
    assert judged.verdict == ("reproduced" if deciding == 12 else "opposite")
    words = claim_rows([judged])[0]["verdict"]
    assert ("by the 6 of 12 comparisons that hold xi" in words) == (deciding == 6)
    assert judged.printed == pytest.approx(np.mean([gain.printed for gain in judged.deciding]))
    agreed = Report((judged,), ()).agreement()[0]
    assert agreed["comparisons"] == 12, "how the table agrees with print is another question"


def test_a_claim_that_no_comparison_is_about_is_undecided(tmp_path):
    trials = range(TRIALS)
    found = {
        cell: [Trial(t, {"error": k(cell) + noise(t), "xi": 1.0 + k(cell)}, 1.0) for t in trials] for cell in IRIS.cells
    }
    Results(IRIS, "laptop", tmp_path).save(found, [])
    judged = on_iris(tmp_path)
    assert (judged.verdict, judged.values, judged.deciding) == ("undecided", [], [])


def test_a_claim_waits_for_all_its_comparisons(tmp_path):
    save(tmp_path, lambda cell, t: 10 - k(cell) + noise(t), cells=IRIS.cells[:4])
    found = on_iris(tmp_path)
    assert 0 < found.done < len(found.gains) and found.verdict == "not yet run"
    assert f"{found.done} of {len(found.gains)} comparisons are there" in claim_rows([found])[0]["verdict"]


@pytest.mark.parametrize("lost", [range(1, TRIALS), range(TRIALS), [3]], ids=["all but one", "all", "one"])
def test_a_claim_is_not_reproduced_by_the_trials_that_happened_to_learn(tmp_path, lost):
    save(tmp_path, lambda cell, t: float("nan") if k(cell) == 16 and t in lost else 10 - k(cell) + 0.1 * noise(t))
    found = on_iris(tmp_path)
    assert (found.done, found.verdict) == (len(found.gains), "undecided")
    pairs = sum(k(gain.cell) == 16 for gain in found.gains) * len(lost)
    note = f"in {pairs} of {len(found.gains) * TRIALS} pairs a network did not learn"
    assert note in claim_rows([found])[0]["verdict"]


def test_the_same_holds_where_it_says_so_of_each_comparison(tmp_path):
    save(tmp_path, lambda cell, t: float("nan") if k(cell) == 16 and t < 8 else 10 - k(cell) + 0.1 * noise(t + k(cell)))
    assert on_iris(tmp_path, replace(BETTER, about="each")).verdict == "undecided"


@pytest.mark.parametrize(("sign", "verdict"), [(-1, "reproduced"), (1, "undecided")], ids=["better", "worse"])
def test_a_network_that_did_not_learn_decides_nothing_for_the_other(tmp_path, sign, verdict):
    """k = 1 lacks a trial: that may not help k > 1 to look worse, and does not keep it from being better."""
    save(tmp_path, lambda cell, t: float("nan") if (k(cell), t) == (1, 0) else 10 + sign * k(cell) + 0.1 * noise(t))
    assert on_iris(tmp_path).verdict == verdict


def test_where_neither_learned_the_others_decide(tmp_path):
    save(tmp_path, lambda cell, t: float("nan") if t == 0 else 10 - k(cell) + noise(t))
    found = on_iris(tmp_path)
    assert found.verdict == "reproduced" and len(found.values) == TRIALS - 1


def test_one_whole_cell_of_a_fuller_profile_does_not_hide_a_finished_one(tmp_path, monkeypatch):
    two = replace(IRIS, profiles={**IRIS.profiles, "paper": IRIS.profile("laptop")})
    monkeypatch.setattr(judging, "all_experiments", lambda: [two])
    save(tmp_path, lambda cell, t: 10 - k(cell) + noise(t), experiment=two)
    paper = Results(two, "paper", tmp_path)
    trials = [Trial(t, {"error": 5.0, "nll": 0.1}, 1.0) for t in range(TRIALS)]
    paper.save({IRIS.cells[0]: trials}, [])
    found = on_iris(tmp_path)
    assert (found.profile, found.verdict) == ("laptop", "reproduced")
    paper.save(dict.fromkeys(IRIS.cells, trials), [])
    assert on_iris(tmp_path).profile == "paper"


def by_chance(claim, cells, rng):
    """400 verdicts on comparisons in which nothing differs but by chance, five trials each."""
    trials = [[dict(enumerate(rng.normal(size=5))) for _ in cells] for _ in range(400)]
    gains = (tuple(Gain(*pair, None, of_pair, of=5) for pair, of_pair in zip(cells, each, strict=True)) for each in trials)
    return [Judged(claim, "", "", "", each).verdict for each in gains]


def test_of_many_comparisons_one_that_is_clear_by_chance_is_not_the_opposite(tmp_path):
    """Where all are equal, "opposite" comes about as often as for one comparison: 2.5%, not 2.5% for each."""
    claim, rng = replace(BETTER, about="each"), np.random.default_rng(0)
    cells = [(Cell("kmixup", f"k={i}"), Cell("mixup", f"k={i}")) for i in range(2, 14)]
    assert by_chance(claim, cells, rng).count("opposite") / 400 < 0.06
    clear = tuple(Gain(*pair, None, dict(enumerate(rng.normal(-9, 1, 5))), of=5) for pair in cells)
    assert Judged(claim, "", "", "", clear).verdict == "opposite"


def test_a_mean_says_how_many_comparisons_are_against_it_if_any_are(tmp_path):
    save(tmp_path, lambda cell, t: 10 - (k(cell) if k(cell) != 2 else 0) + 0.1 * noise(100 * t + k(cell)))
    found = on_iris(tmp_path)
    against = sum(k(gain.cell) == 2 for gain in found.gains)
    assert found.verdict == "reproduced"
    note = f"{against} of {len(found.gains)} comparisons clearly opposite"
    assert note in claim_rows([found])[0]["verdict"]
    save(tmp_path, lambda cell, t: 10 - k(cell) + 0.1 * noise(100 * t + k(cell)))
    assert on_iris(tmp_path).notes == []
    save(tmp_path, lambda cell, t: 10 + k(cell) + 0.1 * noise(100 * t + k(cell)))
    found = on_iris(tmp_path)
    assert found.verdict == "opposite" and found.notes == []  # which says it


def test_what_is_said_of_every_alpha_must_hold_at_each():
    (claim,) = (claim for claim in claims() if (claim.paper, claim.where) == ("manifold", "Table 6"))
    assert "every" in claim.says and claim.about == "each"


def test_best_of_all_needs_every_comparison_to_be_clear(tmp_path):
    best = replace(BETTER, better="erm", than="others", same=(), about="each")
    save(tmp_path, lambda cell, t: 10 + (cell.method != "erm") + 0.01 * noise(100 * t + k(cell)))
    assert on_iris(tmp_path, best).verdict == "reproduced"
    save(tmp_path, lambda cell, t: 10 + (k(cell) not in (0, 16)) + 0.01 * noise(100 * t + k(cell)))
    found = on_iris(tmp_path, best)
    assert found.verdict != "reproduced"  # k = 16 is as good
    assert found.mean == pytest.approx(min(gain.mean for gain in found.gains))


SOME = replace(BETTER, about="some", same=("alpha",), alike="")


@pytest.mark.parametrize(
    ("better", "verdict"),
    [({8}, "reproduced"), ({2, 4, 8, 16}, "reproduced"), (set(), "opposite"), (None, "undecided")],
    ids=["one k", "all", "none", "at one alpha all are equal"],
)
def test_where_some_must_go_its_way_the_best_of_those_at_the_same_alpha_counts(tmp_path, better, verdict):
    def effect(cell):
        if k(cell) <= 1 or (better is None and cell.value("alpha") == 1):
            return 0
        return -3 if better is None or k(cell) in better else 3

    save(tmp_path, lambda cell, t: 20 + effect(cell) + 0.1 * noise(100 * t + k(cell)))
    found = on_iris(tmp_path, SOME)
    alphas = {cell.value("alpha") for cell in IRIS.cells if k(cell) > 1}
    assert found.verdict == verdict and len(found.groups) == len(alphas) > 1
    best = [max(gain.mean for gain in found.gains if gain.cell.value("alpha") == alpha) for alpha in alphas]
    assert found.mean == pytest.approx(min(best))


def test_where_some_must_go_its_way_print_is_the_best_of_the_group_that_is_least_here(tmp_path):
    gained = {cell: 9 - 8 * cell.value("alpha") for cell in IRIS.cells if k(cell) == 8}
    save(tmp_path, lambda cell, t: 20 - gained.get(cell, 0) + 0.01 * noise(100 * t + k(cell)))
    found = on_iris(tmp_path, SOME)
    at_one = [gain.printed for gain in found.gains if gain.cell.value("alpha") == 1]
    assert k(found.least.cell) == 8 and found.least.cell.value("alpha") == 1
    assert found.printed == max(at_one) != found.least.printed


def test_some_are_not_the_opposite_while_others_of_them_do_not_hold_what_is_to_be_constant(tmp_path):
    """At one alpha k = 16 does not hold xi: it decides nothing, but might have been the one that is better."""

    def saved(off):
        xi = {cell: 1 + off * (k(cell) == 16) for cell in IRIS.cells}
        found = {
            cell: [Trial(t, {"error": 10 + (k(cell) > 1) + 0.01 * noise(t), "xi": xi[cell]}, 1.0) for t in range(TRIALS)]
            for cell in IRIS.cells
        }
        Results(IRIS, "laptop", tmp_path).save(found, [])
        return on_iris(tmp_path, replace(SOME, alike="xi"))

    assert saved(0).verdict == "opposite"
    found = saved(-0.1)
    left = len(found.deciding)
    assert found.verdict == "undecided" and left < len(found.gains)
    assert f"{left} of {left} comparisons clearly opposite" in claim_rows([found])[0]["verdict"]


def test_one_of_several_that_is_clear_by_chance_does_not_reproduce_a_claim_about_some():
    cells = [(Cell("kmixup", f"k={i};alpha=1"), Cell("mixup", "k=1;alpha=1")) for i in range(2, 14)]
    assert by_chance(SOME, cells, np.random.default_rng(0)).count("reproduced") / 400 < 0.06


def test_what_the_paper_says_of_each_alpha_xi_or_budget_is_not_judged_by_a_mean():
    """k-mixup on toy data and under attack: "for each data set and each alpha", "in each instance"."""
    about = {(c.paper, c.where): c for c in claims() if c.where.startswith(("Section 5, toy", "Section 5, attacks"))}
    about |= {(c.paper, c.where): c for c in claims() if (c.paper, c.where) == ("kmixup-tmlr", "Table 7")}
    assert len(about) == 4
    for claim in about.values():
        assert claim.about == "some" and "t each" in claim.says and "not every k > 1" in claim.note


def test_that_only_one_method_does_something_is_wrong_where_another_does_it_too(tmp_path):
    first, other = (c for c in claims() if (c.paper, c.where) == ("manifold", "Section 3.2"))
    experiment = EXPERIMENTS["manifold-section3.2"]
    sums = {"manifold_mixup": 10.0, "erm": 20.0, "weight_decay": 15.0, "dropout": 25.0, "mixup": 25.0}
    for lower, verdict in ((15.0, "opposite"), (25.0, "reproduced")):
        sums["weight_decay"] = lower
        found = {
            cell: [Trial(t, dict.fromkeys(("sv_first", "sv_rest_sum"), sums[cell.method] + t / 10), 1.0) for t in range(3)]
            for cell in experiment.cells
        }
        Results(experiment, "laptop", tmp_path).save(found, [])
        (one,), (rest,) = judge(first, tmp_path), judge(other, tmp_path)
        assert (one.verdict, rest.verdict) == ("reproduced", verdict)
        assert {gain.other.method for gain in rest.gains} == {"weight_decay", "dropout", "mixup"}


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


def test_where_every_comparison_must_hold_print_is_that_of_the_least_here(tmp_path):
    save(tmp_path, lambda cell, t: 10 - k(cell) + 0.01 * noise(100 * t + k(cell)))
    best = on_iris(tmp_path, replace(BETTER, better="erm", than="others", same=(), about="each"))
    assert best.printed == best.least.printed and best.mean == pytest.approx(best.least.mean)
    assert best.printed != min(gain.printed for gain in best.gains)


def test_the_printed_gain_of_a_claim_is_the_mean_or_where_every_one_must_hold_the_least(tmp_path):
    best = replace(BETTER, better="erm", than="others", same=(), about="each")
    mean, least = ([gain.printed for gain in on_iris(tmp_path, claim).gains] for claim in (BETTER, best))
    assert min(mean) < max(mean) and min(least) < max(least)
    assert on_iris(tmp_path).printed == pytest.approx(np.mean(mean))
    assert on_iris(tmp_path, best).printed == min(least)


def test_an_erm_that_is_not_as_printed_is_said(tmp_path):
    save(tmp_path, lambda cell, t: 90 - k(cell) + noise(t))
    found = on_iris(tmp_path)
    assert found.comparable is False and "ERM is not as printed" in claim_rows([found])[0]["verdict"]


@pytest.mark.parametrize(("off", "comparable"), [(0, True), (20, False)])
def test_a_table_without_plain_training_takes_it_from_another_of_the_same_networks(tmp_path, off, comparable):
    """Table 7 prints no ERM of CIFAR-100; its networks are those of Table 1b, which does."""
    attacked = EXPERIMENTS["manifold-table7-cifar100"]
    assert not any(row.method == "erm" for row in attacked.printed)
    plain = EXPERIMENTS["manifold-table1b-preactresnet18"].printed[0]
    (networks,) = attacked.trained
    metrics = {"error": plain.number + off, "nll": 1.0, "fgsm_accuracy": 40.0}
    found = {cell: [Trial(0, metrics, 1.0)] for cell in networks.cells}
    Results(networks, "gpu", tmp_path).save(found, [])
    (claim,) = (c for c in claims() if (c.paper, c.where, c.than) == ("manifold", "Table 7", "mixup"))
    judged = next(each for each in judge(claim, tmp_path) if each.dataset == "cifar100")
    assert (judged.experiment, judged.comparable) == (attacked.name, comparable)
    assert ("ERM is not as printed" in claim_rows([judged])[0]["verdict"]) != comparable


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([], "undecided"),
        ([1], "undecided"),
        ([1, 1.1, 1.2], "reproduced"),
        ([-1, -1.1, -1.2], "opposite"),
        ([1, -1, 2], "undecided"),
        ([-1, 1, -2], "undecided"),
        ([1, 1, 1], "reproduced"),
        ([1, 1], "undecided"),  # two that happen to be equal say nothing of how far the next would lie
        ([0.1 + 0.2, 0.3], "undecided"),
        ([float("nan")] * 3, "undecided"),
    ],
)
def test_an_interval_decides(values, verdict):
    assert decide(values) == verdict


@pytest.mark.parametrize("about", ["mean", "each", "some"])
def test_a_gain_of_nothing_but_rounding_decides_nothing(tmp_path, about):
    """Gains of 0.3 and -0.3 cancel, and errors that differ in their last digits are the same."""
    claim = replace(BETTER, better="kmixup k=2;alpha=1|kmixup k=4;alpha=1", about=about)
    save(tmp_path, lambda cell, t: (0.1 + 0.2 + t if k(cell) > 1 else 0.3 + t) + 90)
    assert on_iris(tmp_path, claim).verdict == "undecided"
    save(tmp_path, lambda cell, t: {1: 10.0, 2: 9.7, 4: 10.3}.get(k(cell), 10.0))
    assert on_iris(tmp_path, replace(claim, about="mean")).verdict == "undecided"


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
        assert {gain.cell.value("alpha") for gain in each.gains} == {1, 1024} and claim.about == "each"


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


def test_a_stated_gain_that_is_no_number_has_no_size_and_one_that_lacks_trials_no_verdict():
    row = next(row for row in printed_values() if row.metric == "claimed_gain" and row.number > 0)
    assert Stated(row, (float("nan"),) * 3).size == ""
    lacking = Stated(row, (1.0, 1.1, 1.2), of=5)
    assert lacking.verdict == "undecided" and stated_rows([lacking])[0]["n"] == "3 of 5"
    assert Stated(row, (1.0, 1.1, 1.2)).verdict == "reproduced"


def test_a_comparison_agrees_with_the_table_if_both_have_one_sign():
    cells, clear = (Cell("kmixup", "k=4"), Cell("mixup", "k=1")), (1.0, 1.1, 1.2)
    for printed, sign in ((2.0, 1), (-2.0, 1), (2.0, -1), (-2.0, -1)):
        said = "as printed" if printed * sign > 0 else "opposite"
        gain = Gain(*cells, printed, {n: sign * value for n, value in enumerate(clear)}, of=3)
        counts = Report((Judged(BETTER, "Table 5", "iris", "", (gain,)),), ()).agreement()[0]
        assert {name: counts[name] for name in ("as printed", "opposite")} == {"as printed": 0, "opposite": 0, said: 1}


def test_results_that_are_equal_but_for_rounding_gain_nothing():
    cells = Cell("kmixup", "k=4"), Cell("mixup", "k=1")
    found = judging._gain(1, *cells, None, {0: 0.1 + 0.2, 1: 0.7}, {0: 0.3, 1: 0.7}, 2)
    assert found.values == [0, 0] and found.verdict == "undecided"


def test_a_stated_gain_is_as_printed_within_one_half_width():
    row = next(row for row in printed_values() if row.metric == "claimed_gain" and row.number > 0)
    half = half_width([-1.0, 0.0, 1.0])
    for off, size in ((-1.5, "smaller"), (-0.9, "as printed"), (0.9, "as printed"), (1.5, "larger")):
        assert Stated(row, tuple(row.number + off * half + n for n in (-1.0, 0.0, 1.0))).size == size


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
