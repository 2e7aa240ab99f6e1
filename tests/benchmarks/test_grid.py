"""Our own grid, and the tuning of k-mixup: what the cells share, and what they may look at."""

import math
from dataclasses import replace
from itertools import product
from types import SimpleNamespace

import pytest
import torch

from mixbook.benchmarks.experiments import EXPERIMENTS
from mixbook.benchmarks.spec import Cell, Profile
from mixbook.benchmarks.trials import grid, tuning
from mixbook.data import Arrays
from mixbook.mixing.transport import mean_square_ratio

GRIDS = [e for e in EXPERIMENTS.values() if e.name.startswith("grid-")]
TUNINGS = [e for e in EXPERIMENTS.values() if e.name.startswith("tuning-")]
IRIS, ROLL = EXPERIMENTS["grid-iris"], EXPERIMENTS["grid-swiss-roll"]
SHORT = Profile(trials=1, epochs=5, stand_in=True)
MIXUP = Cell("grid", "k=1;alpha=1;K=1;layers=input;blend=linear")


@pytest.mark.parametrize("experiment", GRIDS, ids=lambda e: e.name)
def test_every_cell_computes_as_many_gradients_in_as_many_steps(experiment):
    spent = set()
    for cell in experiment.cells:
        if cell.method == "advised":
            continue
        answers = None if cell.method == "erm" else grid.answers_of(cell)
        recipe = grid._recipe(experiment, experiment.profile("laptop"), answers, 0)
        steps = recipe.epochs * (experiment["train"] // recipe.batch_size)
        spent.add((steps, recipe.batch_size * (answers.draws if answers else 1)))
    assert len(spent) == 1
    assert experiment["train"] % experiment["mixtures"] == 0  # so no sample is left out by drop_last


@pytest.mark.parametrize("experiment", GRIDS, ids=lambda e: e.name)
def test_the_grid_is_complete(experiment):
    answers = {tuple(cell.answers().items()) for cell in experiment.cells if cell.method == "grid"}
    layers = experiment["layers"]
    places = {"digits": ["input"], "mnist": ["input", layers]}.get(experiment.dataset, [])
    wanted = {(*cell[:3], "linear") for cell in product(("1", "16"), ("1", "5"), ("input", layers))}
    wanted |= {(*cell, "cutmix") for cell in product(("1", "16"), ("1", "5"), places)}
    assert {(a["k"], a["K"], a["layers"], a["blend"]) for a in map(dict, answers)} == wanted
    assert MIXUP in experiment.cells  # what the advice is compared with


@pytest.mark.parametrize("experiment", GRIDS + TUNINGS, ids=lambda e: e.name)
def test_parts_are_disjoint_scaled_and_the_same_for_all_cells(experiment):
    train, test = grid.parts_of(experiment, 3, SHORT)
    again, _ = grid.parts_of(experiment, 3, SHORT)
    other, _ = grid.parts_of(experiment, 4, SHORT)
    assert torch.equal(train.x, again.x) and not torch.equal(train.x, other.x)
    assert train.x.isfinite().all() and test.x.isfinite().all()
    if experiment.dataset not in ("one_ring", "four_bars", "swiss_roll"):
        assert train.x.min() >= 0 and train.x.max() <= 1
    if experiment.dataset in ("digits", "iris"):
        assert len(train) + len(test) == {"digits": 1797, "iris": 150}[experiment.dataset]


def test_all_trials_on_mnist_have_the_same_test_images(monkeypatch):
    whole = Arrays(torch.arange(12_000.0).reshape(-1, 1, 1, 1), torch.arange(12_000) % 10, 10)
    monkeypatch.setattr(grid, "_mnist", lambda part: whole)
    real = Profile(trials=1, epochs=5)
    (train, test), (other, same) = (grid.parts_of(EXPERIMENTS["grid-mnist"], number, real) for number in (0, 1))
    assert torch.equal(test.x, same.x) and not torch.equal(train.x, other.x)


def test_a_trial_is_a_function_of_its_number_whatever_runs_beside_it():
    hidden = Cell("grid", "k=16;alpha=1;K=5;layers=input+layer1+layer2;blend=linear")
    alone = grid.trials(IRIS, [(hidden, 1)], SHORT)[0]
    beside = grid.trials(IRIS, [(MIXUP, 0), (MIXUP, 1), (hidden, 0), (hidden, 1)], SHORT)
    assert beside[3].keys() == alone.keys()
    assert all(
        beside[3][name] == pytest.approx(alone[name], rel=1e-3) for name in ("nll", "variance_start", "variance_end")
    )
    assert beside[2]["nll"] != beside[3]["nll"] != beside[1]["nll"]


def test_images_are_attacked_and_tables_are_not():
    digits = grid.trials(EXPERIMENTS["grid-digits"], [(MIXUP, 0)], SHORT)[0]
    assert digits["fgsm_error"] > digits["error"]
    assert "fgsm_error" not in grid.trials(IRIS, [(MIXUP, 0)], SHORT)[0]


def test_the_budget_of_an_attack_is_in_255ths(monkeypatch):
    asked = []
    monkeypatch.setattr(grid, "fgsm_error", lambda model, test, eps, **more: asked.append(eps) or 0.5)
    found = grid.trials(EXPERIMENTS["grid-digits"], [(MIXUP, 0)], SHORT)[0]
    assert asked == [pytest.approx(8 / 255)] and found["fgsm_error"] == 50


def test_advice_sees_the_training_part_alone_and_is_followed(monkeypatch):
    seen = []

    def spy(x, y, **options):
        seen.append((x, y))
        return real(x, y, **options)

    real = grid.advise
    monkeypatch.setattr(grid, "advise", spy)
    found = grid.trials(ROLL, [(Cell("advised", ""), 0)], SHORT)[0]
    train, _ = grid.parts_of(ROLL, 0, SHORT)
    assert len(seen) == 1 and torch.equal(seen[0][0], train.x) and torch.equal(seen[0][1], train.y)
    assert found["k"] > 1 and found["hidden"] == 0
    same = Cell("grid", f"k={found['k']:g};alpha={found['alpha']:g};K=1;layers=input;blend=linear")
    assert grid.trials(ROLL, [(same, 0)], SHORT)[0]["nll"] == pytest.approx(found["nll"], rel=1e-3)


def test_an_advised_alpha_is_followed(monkeypatch):
    monkeypatch.setattr(grid, "advise", lambda x, y, **more: SimpleNamespace(k=4, alpha=0.2, place="input"))
    found = grid.trials(ROLL, [(Cell("advised", ""), 0)], SHORT)[0]
    same = Cell("grid", "k=4;alpha=0.2;K=1;layers=input;blend=linear")
    assert grid.trials(ROLL, [(same, 0)], SHORT)[0]["nll"] == pytest.approx(found["nll"], rel=1e-3)
    other = Cell("grid", "k=4;alpha=1;K=1;layers=input;blend=linear")
    assert grid.trials(ROLL, [(other, 0)], SHORT)[0]["nll"] != pytest.approx(found["nll"], rel=1e-3)


def test_a_network_that_diverged_has_no_noise():
    settings = tuple(replace(setting, value=1e30) if setting.name == "lr" else setting for setting in IRIS.settings)
    wild = replace(IRIS, settings=settings)
    found = grid.trials(wild, [(MIXUP, 0)], Profile(trials=1, epochs=20))[0]
    assert found["diverged"] == 1 and math.isnan(found["variance_end"])


@pytest.mark.parametrize("experiment", TUNINGS, ids=lambda e: e.name)
def test_the_tuning_grid_holds_what_the_three_ways_need(experiment):
    there = {(c.answers()["k"], c.answers().get("xi_of"), c.answers().get("alpha")) for c in experiment.cells[1:]}
    ks, alphas = experiment["block_sizes"], experiment["alphas"]
    assert {(str(k), f"{a:g}", None) for k, a in product(ks, alphas)} <= there
    assert {(str(k), None, "1") for k in ks if k > 1} <= there


def test_alpha_follows_from_the_samples_left_without_validation():
    experiment = EXPERIMENTS["tuning-iris"]
    cells = [Cell("kmixup", f"k={k};xi_of=0.1") for k in (1, 4)] + [Cell("kmixup", "k=4;alpha=1"), Cell("erm", "")]
    one, four, fixed, erm = tuning.trials(experiment, [(cell, 0) for cell in cells], SHORT)
    assert one["alpha"] == pytest.approx(0.1)
    assert mean_square_ratio(four["alpha"]) > mean_square_ratio(0.1)
    assert fixed["alpha"] == 1 and erm["alpha"] == 0


def test_validation_and_test_are_other_samples(monkeypatch):
    experiment, trained = EXPERIMENTS["tuning-iris"], []
    real = tuning.fit_trials
    monkeypatch.setattr(tuning, "fit_trials", lambda make, data, runs: trained.extend(data) or real(make, data, runs))
    scored = []
    monkeypatch.setattr(
        tuning, "evaluate", lambda model, part: scored.append(part) or {"accuracy": len(part) / 1000, "nll": len(part)}
    )
    (found,) = tuning.trials(experiment, [(Cell("erm", ""), 0)], SHORT)
    (less, whole), (held, test) = trained, scored
    assert (len(less), len(held), len(whole), len(test)) == (60, 20, 80, 70)
    rows = [{tuple(row.tolist()) for row in part.x} for part in (less, held, whole)]
    assert rows[0] | rows[1] == rows[2]
    assert (found["validation_error"], found["validation_nll"]) == (pytest.approx(98), 20)
    assert (found["error"], found["nll"]) == (pytest.approx(93), 70)


def test_the_alpha_that_keeps_xi_is_found_without_the_validation_part(monkeypatch):
    experiment, asked = EXPERIMENTS["tuning-iris"], []

    def spy(train, k, alpha, cap, seed):
        asked.append((len(train), k, alpha, cap, seed))
        return {"alpha": 0.3}

    monkeypatch.setattr(tuning, "perturbation", spy)
    (found,) = tuning.trials(experiment, [(Cell("kmixup", "k=4;xi_of=0.1"), 5)], SHORT)
    assert asked == [(60, 4, 0.1, experiment["alpha_cap"], 5)] and found["alpha"] == 0.3
