"""LeNet on MNIST: one network for all that is printed about it, and which network that is."""

from dataclasses import replace
from math import isnan

import pytest

from mixbook.benchmarks.experiments import EXPERIMENTS
from mixbook.benchmarks.printed import parse_params
from mixbook.benchmarks.results import Trial
from mixbook.benchmarks.spec import Cell, Profile
from mixbook.benchmarks.trials import mnist
from mixbook.benchmarks.trials.mnist import perturbation, trial

CONSTANT, FIXED = (EXPERIMENTS[f"mnist-lenet-{name}"] for name in ("constant-xi", "fixed-alpha"))
TABLE3, FIGURE5A = EXPERIMENTS["kmixup-tmlr-table3-mnist"], EXPERIMENTS["kmixup-v1-figure5a"]
TABLES = [experiment for experiment in EXPERIMENTS.values() if CONSTANT in experiment.sources]
SHORT = Profile(trials=1, epochs=1, stand_in=True)
EPS = (0.5, 1, 2, 4, 8, 16)


@pytest.fixture
def found():
    """Invented results of all networks, each with its own error, and of the two tables that sentences are about."""

    def trials(error):
        attacked = {"stuck": 0.0} | {f"fgsm_error@{e:g}": error + e for e in EPS}
        return [Trial(n, {"error": error + n / 4, "accuracy": 100 - error - n / 4, **attacked}, 1.0) for n in range(2)]

    networks = {
        source.name: {cell: trials((7 * i) % 50 + 0.5 * s) for i, cell in enumerate(source.cells)}
        for s, source in enumerate((CONSTANT, FIXED))
    }
    return networks | {t.name: {cell: t.derived(cell, networks) for cell in t.cells} for t in (TABLE3, FIGURE5A)}


def mean(trials, metric="error"):
    return sum(t.metrics[metric] for t in trials) / len(trials)


@pytest.mark.parametrize("experiment", TABLES, ids=lambda e: e.name)
def test_every_printed_value_is_found_in_the_networks(experiment, found):
    for row in experiment.printed:
        trials = experiment.derived(Cell(row.method, row.params), found)
        assert [t.number for t in trials] == [0, 1]
        assert all(row.metric in t.metrics for t in trials)


def test_a_cell_is_read_from_the_network_of_its_k_and_alpha(found):
    def at(source, cell):
        return found[source.name][cell]

    figure, k16 = FIGURE5A, Cell("kmixup", "k=16;alpha=0.5")
    assert figure.derived(k16, found)[0].metrics == at(FIXED, k16)[0].metrics
    one, last = Cell("mixup", "k=1;alpha=0.5"), Cell("kmixup", "k=16;alpha=100")
    for cell in (one, last):  # the same in both: nothing to raise, or raised no further
        assert figure.derived(cell, found)[0].metrics == at(CONSTANT, cell)[0].metrics
    of_table = Cell("kmixup", "k=16;alpha=0.5;xi=1.2")
    assert TABLE3.derived(of_table, found)[0].metrics == at(CONSTANT, k16)[0].metrics


def test_an_attack_is_read_from_the_network_at_its_budget(found):
    attacked = EXPERIMENTS["kmixup-tmlr-table7b"].derived(Cell("kmixup", "k=4;alpha=10;eps=0.5/255"), found)[0].metrics
    network = found[CONSTANT.name][Cell("kmixup", "k=4;alpha=10")][0].metrics
    error = network["fgsm_error@0.5"]
    assert attacked == {"fgsm_error": error, "fgsm_accuracy": 100 - error, "stuck": 0.0}
    first = EXPERIMENTS["kmixup-v1-figure10b"].derived(Cell("kmixup", "k=4;eps=16/255"), found)[0].metrics
    assert first["fgsm_error"] == found[FIXED.name][Cell("kmixup", "k=4;alpha=10")][0].metrics["fgsm_error@16"]


def test_a_network_that_never_left_guessing_is_left_out(found):
    cell, k1 = Cell("kmixup", "k=16;alpha=0.5"), Cell("mixup", "k=1;alpha=0.5")
    first, second = found[CONSTANT.name][cell]
    found[CONSTANT.name][cell] = [replace(first, metrics=first.metrics | {"stuck": 1.0, "error": 90.0}), second]
    read = TABLE3.derived(Cell("kmixup", "k=16;alpha=0.5;xi=1.2"), found)
    assert read == [second]
    lost = [replace(t, metrics=t.metrics | {"stuck": 1.0}) for t in (first, second)]
    found[CONSTANT.name][cell] = lost
    for nothing in TABLE3.derived(Cell("kmixup", "k=16;alpha=0.5;xi=1.2"), found):
        assert all(map(isnan, nothing.metrics.values()))  # so it neither wins nor loses a comparison
    assert len(FIGURE5A.derived(k1, found)) == 2
    found[TABLE3.name] = {each: TABLE3.derived(each, found) for each in TABLE3.cells}
    caption = EXPERIMENTS["kmixup-tmlr-table3-caption"].derived(Cell("kmixup", "k=best;xi=best;vs=mixup"), found)
    assert len(caption) == 2 and not any(isnan(trial.metrics["claimed_gain"]) for trial in caption)


def test_sentences_are_about_the_networks_of_their_table(found):
    networks = found[CONSTANT.name]
    best = {
        method: min(mean(t) for cell, t in networks.items() if cell.method == method)
        for method in ("erm", "mixup", "kmixup")
    }
    best_16 = min(mean(t) for cell, t in networks.items() if cell.answers().get("k") == "16")
    two, caption, text = (EXPERIMENTS[f"kmixup-tmlr-{n}"] for n in ("table2-mnist", "table3-caption", "section5-mnist"))
    assert mean(two.derived(Cell("mixup", "k=1;xi=best"), found)) == best["mixup"]
    assert mean(two.derived(Cell("kmixup", "k=16;xi=best"), found)) == best_16
    assert mean(text.derived(Cell("kmixup", "k=64;xi=2.1"), found)) == mean(networks[Cell("kmixup", "k=64;alpha=10")])
    for cell, other in ((Cell("kmixup", "k=best;xi=best;vs=mixup"), "mixup"), (Cell("mixup", "k=1;xi=best;vs=erm"), "erm")):
        assert mean(caption.derived(cell, found), "claimed_gain") == pytest.approx(best[other] - best[cell.method])
    first = EXPERIMENTS["kmixup-v1-section5-mnist"].derived(Cell("kmixup", "k=32;alpha=100"), found)
    assert mean(first, "accuracy") == mean(networks[Cell("kmixup", "k=32;alpha=100")], "accuracy")


def test_the_fixed_networks_are_those_that_constant_xi_lacks():
    assert not set(FIXED.cells) & {c for c in CONSTANT.cells if c.method == "mixup" or c.answers().get("alpha") == "100"}
    printed = {(parse_params(r.params)["k"], parse_params(r.params)["alpha"]) for r in FIGURE5A.printed}
    ours = {(c.answers()["k"], c.answers()["alpha"]) for c in (*FIXED.cells, *CONSTANT.cells) if c.method != "erm"}
    assert printed <= ours


@pytest.mark.parametrize("k", [2, 16, 64])
def test_xi_is_that_of_k_1_or_alpha_is_at_the_cap(k):
    for alpha in (0.05, 0.5, 10.0, 100.0):
        one, many = (perturbation(alpha, j, 100.0, 512, small=True) for j in (1, k))
        assert one["alpha"] == alpha <= many["alpha"] <= 100
        assert many["xi"] == pytest.approx(one["xi"], rel=1e-6) or (many["alpha"] == 100 and many["xi"] < one["xi"])
    assert perturbation(0.5, k, None, 512, small=True)["alpha"] == 0.5


def test_a_trial_is_a_function_of_its_number_and_cells_that_end_alike_share_a_network(monkeypatch):
    mnist._trained.cache_clear()
    trained = []
    monkeypatch.setattr(mnist, "fit", lambda *args, real=mnist.fit, **kw: trained.append(1) or real(*args, **kw))
    first, second = (trial(CONSTANT, Cell("kmixup", f"k=64;alpha={alpha}"), 3, SHORT) for alpha in ("10", "100"))
    assert len(trained) == 1 and first["alpha"] == second["alpha"] == 100  # both are at the cap
    assert {name: first[name] for name in second} == second
    mnist._trained.cache_clear()
    assert trial(CONSTANT, Cell("kmixup", "k=64;alpha=100"), 3, SHORT) == second
    assert trial(CONSTANT, Cell("kmixup", "k=64;alpha=100"), 4, SHORT)["nll"] != second["nll"]


def test_training_learns_and_an_attack_never_helps():
    scores = trial(CONSTANT, Cell("erm", ""), 0, replace(SHORT, epochs=16))
    assert scores["error"] < 40 and not scores["stuck"]  # 90 by chance
    attacked = [scores[f"fgsm_error@{e:g}"] for e in EPS]
    assert scores["error"] <= attacked[0] and attacked[0] < attacked[-1]


def test_a_network_that_never_left_chance_says_so():
    lazy = replace(CONSTANT, settings=tuple(replace(s, value=1e-9) if s.name == "lr" else s for s in CONSTANT.settings))
    scores = trial(lazy, Cell("mixup", "k=1;alpha=1"), 0, SHORT)
    assert scores["stuck"] == 1.0 and "fgsm_error@8" not in scores


def test_the_printed_attack_saturates_and_the_exact_one_does_not(monkeypatch):
    def attacked(model, test, eps, *, saturating, **more):
        return eps if saturating else eps / 2

    monkeypatch.setattr(mnist, "fgsm_error", attacked)
    scores = trial(CONSTANT, Cell("erm", ""), 0, SHORT)
    assert scores["fgsm_error@8"] == pytest.approx(100 * 8 / 255) == pytest.approx(2 * scores["fgsm_error_exact@8"])
