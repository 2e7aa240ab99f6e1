"""A method of one's own under a printed protocol."""

from dataclasses import dataclass, replace

import pytest
import torch

import mixbook as mb
from mixbook.benchmarks import BenchmarkError, own
from mixbook.benchmarks.experiments import get_experiment
from mixbook.benchmarks.own import Own, beside_own, own_trials
from mixbook.benchmarks.results import Results, Trial
from mixbook.benchmarks.trials import mnist
from mixbook.data import stand_in

IRIS = get_experiment("kmixup-tmlr-table5-iris")


@pytest.mark.parametrize("name", ["iris", "arrhythmia"])
@pytest.mark.parametrize("params", ["", "k=16;alpha=0.1"])
def test_a_mixer_that_is_a_cell_s_gives_the_cell_s_trials_bit_for_bit(name, params):
    experiment = get_experiment(f"kmixup-tmlr-table5-{name}")
    cell = next(c for c in experiment.cells if c.params.startswith(params))
    stored = experiment.run([(cell, 0), (cell, 1)], "smoke")
    classes = 3 if name == "iris" else stand_in("arrhythmia").num_classes
    scope = experiment["ratio_scope"]
    mixers = [mb.kmixup(16, t["alpha"], classes, per=scope, strict=False) if params else None for t in stored]
    own = own_trials(experiment, mixers, trials=2, profile="smoke")
    assert own.values == tuple(t["error"] for t in stored)
    assert own.nll == tuple(t["nll"] for t in stored)
    assert own.nll[0] != own.nll[1]


@pytest.mark.parametrize(
    ("name", "cell", "mixer"),
    [
        ("digits-few-labels", "erm", None),
        ("digits-few-labels", "kmixup k=16;alpha=1", mb.kmixup(16, 1.0, 10, strict=False)),
        ("kmixup-tmlr-table1-one-ring", "mixup k=1;alpha=1;xi=0.15", mb.kmixup(1, 1.0, 2, per="batch", strict=False)),
        ("kmixup-v1-figures1-2-one-ring", "erm", None),
        ("multimix-figure4", "erm", None),
        ("mnist-lenet-constant-xi", "erm", None),
        ("mnist-lenet-constant-xi", "mixup k=1;alpha=1", mb.kmixup(1, 1.0, 10, per="batch", strict=False)),
    ],
)
def test_other_tables_of_small_networks_give_their_cells_too(name, cell, mixer, monkeypatch):
    monkeypatch.setattr(mnist, "_STUCK", float("inf"))  # in a smoke run every network still guesses
    experiment = get_experiment(name)
    (cell,) = [each for each in experiment.cells if str(each) == cell]
    (stored,) = experiment.run([(cell, 1)], "smoke")
    own = own_trials(experiment, [None, mixer], trials=2, profile="smoke")
    quantity = experiment.printed[0].metric if experiment.printed else "error"
    assert (own.values[1], own.nll[1]) == (stored[quantity], stored["nll"])


@pytest.mark.parametrize(
    "mixer", [mb.mixup(1.0, 2), mb.mixup(1.0), lambda model: mb.manifold_mixup(model, ["layer1"], 1.0, 2)]
)
@pytest.mark.parametrize(("name", "classes"), [("kmixup-tmlr-table5-iris", 3), ("digits-few-labels", 10)])
def test_a_mixer_for_other_classes_is_refused(name, classes, mixer):
    with pytest.raises(ValueError, match=rf"num_classes of the mixer must be {classes}, as \w+ has, got (2|None)"):
        own_trials(get_experiment(name), mixer, trials=1, profile="smoke")


def test_a_pairing_of_one_s_own_gets_the_second_batch_and_both_labels():
    seen = []

    @dataclass(frozen=True)
    class Watch:
        def pair(self, x, other=None, generator=None, y=None, y2=None):
            seen.append((x.shape, other.shape, y.shape, y2.shape))
            return torch.arange(len(x))

    own_trials(IRIS, mb.Mixer(Watch(), num_classes=3), trials=1, profile="smoke")
    assert seen and all(a == b and c == d == a[:1] for a, b, c, d in seen)


def test_own_trials_are_compared_with_stored_ones_of_the_same_number(tmp_path):
    two = replace(IRIS, profiles={"smoke": replace(IRIS.profiles["smoke"], trials=2, every=1)})
    results = Results(two, "smoke", tmp_path)
    erm, stored = two.cells[0], two.run([(two.cells[0], n) for n in range(2)], "smoke")
    results.save({erm: [Trial(n, metrics, 1.0) for n, metrics in enumerate(stored)]}, [])
    (row,) = beside_own(own_trials(two, None, trials=3, profile="smoke"), results)
    assert row["method"] == "erm" and row["printed"] == two.printed[0].value and "stored, 2 trials" in row
    assert row["yours - stored"] == "0.00\u00a0±\u00a00.00"
    with pytest.raises(ValueError, match="as many epochs, got 2 at profile 'smoke' and"):  # of full length
        beside_own(own_trials(IRIS, None, 1, "smoke"), Results(IRIS, "laptop", tmp_path))
    other = get_experiment("kmixup-tmlr-table5-breast-cancer")
    with pytest.raises(ValueError, match="must be of kmixup-tmlr-table5-iris"):
        beside_own(own_trials(IRIS, None, 1, "smoke"), Results(other, "laptop", tmp_path))


def test_networks_that_did_not_learn_are_left_out_on_both_sides(tmp_path, monkeypatch):
    lenet = get_experiment("mnist-lenet-constant-xi")

    def metrics(error, stuck=0.0):
        return {"error": error, "nll": 1.0, "loss": 1.0, "stuck": stuck}

    found = [metrics(5.0), metrics(90.0, stuck=1.0), metrics(7.0), metrics(float("nan")), metrics(9.0)]
    monkeypatch.setitem(own._TRIALS, lenet.trial, lambda *_: found)
    with pytest.warns(UserWarning, match="2 of 5 networks did not learn and are left out: trial 1, 3"):
        mine = own_trials(lenet, None, trials=5)
    assert mine.by_number == {0: 5.0, 2: 7.0, 4: 9.0} and mine.mean == 7.0 and len(mine.nll) == 3
    stored = {
        lenet.cells[0]: [Trial(n, metrics(4.0 + n, stuck=float(n == 4)), 1.0) for n in range(5)],
        lenet.cells[1]: [Trial(n, metrics(90.0, stuck=1.0), 1.0) for n in range(5)],
    }
    monkeypatch.setattr(Results, "load", lambda self: stored)
    (row,) = beside_own(mine, Results(lenet, "laptop", tmp_path))
    assert row["stored, 2 trials"] == "5.00" and row["yours - stored"].startswith("+1.00")


def test_a_difference_is_ours_less_the_stored_one(tmp_path):
    results = Results(IRIS, "laptop", tmp_path)
    results.save({IRIS.cells[0]: [Trial(n, {"error": 4.0 + n, "nll": 1.0}, 1.0) for n in range(20)]}, [])
    (row,) = beside_own(Own(IRIS, (5.0, 6.0, 7.0), (1.0, 1.0, 1.0)), results)
    assert row["yours - stored"] == "+1.00\u00a0±\u00a00.00" and row["stored, 3 trials"] == "5.00"


def test_a_stored_cell_that_lacks_a_trial_is_compared_on_the_others(tmp_path, monkeypatch):
    stored = {IRIS.cells[0]: [Trial(n, {"error": 10.0 * n, "nll": 1.0}, 1.0) for n in (0, 2)]}
    monkeypatch.setattr(Results, "load", lambda self: stored)
    (row,) = beside_own(Own(IRIS, (1.0, 11.0, 21.0), (1.0, 1.0, 1.0)), Results(IRIS, "laptop", tmp_path))
    assert row["yours - stored"] == "+1.00\u00a0±\u00a00.00" and row["stored, 2 trials"] == "10.00"


def test_tables_of_our_own_have_nothing_printed_beside_the_stored_cells(tmp_path):
    digits = get_experiment("digits-few-labels")
    trials = digits.profile("laptop").trials
    stored = {digits.cells[0]: [Trial(n, {"error": 4.0 + n, "nll": 1.0}, 1.0) for n in range(trials)]}
    results = Results(digits, "laptop", tmp_path)
    results.save(stored, [])
    (row,) = beside_own(Own(digits, (5.0, 6.0), (1.0, 1.0)), results)
    assert list(row) == ["method", "parameters", "stored, 2 trials", "yours - stored"]
    assert row["yours - stored"] == "+1.00\u00a0±\u00a00.00"


def test_tables_of_another_kind_and_wrong_numbers_are_refused():
    with pytest.raises(
        BenchmarkError, match=r"grid-iris cannot .* These can: .*kmixup-tmlr-table5-iris.*digits-few-labels"
    ):
        own_trials(get_experiment("grid-iris"), None)
    with pytest.raises(ValueError, match="got 3 and 2"):
        own_trials(IRIS, [None, None], trials=3)
