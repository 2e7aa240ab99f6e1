"""One trial of the tabular experiments."""

import pytest
import torch

from mixbook import data
from mixbook.benchmarks.experiments import EXPERIMENTS
from mixbook.benchmarks.spec import Cell, Profile
from mixbook.benchmarks.trials.kmixup import perturbation
from mixbook.benchmarks.trials.tabular import SCALINGS, standardise_table, trials
from mixbook.data import iris

IRIS = EXPERIMENTS["kmixup-tmlr-table5-iris"]
ERM, MIXUP, KMIXUP = IRIS.cells[0], Cell("mixup", "k=1;alpha=1;xi=0.22"), Cell("kmixup", "k=16;alpha=0.1;xi=0.10")


def test_one_mean_and_one_deviation_for_the_whole_table(generator):
    train, test = iris().split(50, generator)
    scaled, other = standardise_table(train, test)
    assert scaled.x.mean().item() == pytest.approx(0, abs=1e-5)
    assert scaled.x.std(correction=0).item() == pytest.approx(1, abs=1e-5)
    # the same map for both parts, and for every column
    slopes = (scaled.x[1:] - scaled.x[:1]) / (train.x[1:] - train.x[:1])
    assert slopes[slopes.isfinite()].std().item() < 1e-4
    together = torch.cat([train.x, test.x]).flatten().argsort()
    assert torch.cat([scaled.x, other.x]).flatten()[together].diff().min() >= 0


@pytest.mark.parametrize("k", [2, 4, 16])
@pytest.mark.parametrize("alpha", [0.05, 0.1])
def test_xi_stays_that_of_k_1(k, alpha):
    train, _ = standardise_table(*iris().split(50, torch.Generator().manual_seed(1)))
    one, many = (perturbation(train, j, alpha, 100.0, seed=1) for j in (1, k))
    assert one["alpha"] == alpha
    assert many["alpha"] > alpha
    assert many["xi"] == pytest.approx(one["xi"], rel=1e-6)


def test_where_xi_is_out_of_reach_alpha_stops_at_the_cap():
    train, _ = standardise_table(*iris().split(50, torch.Generator().manual_seed(1)))
    one, many = (perturbation(train, k, 1.0, 100.0, seed=1) for k in (1, 16))
    assert many["alpha"] == 100
    assert many["xi"] < one["xi"]


def trial(experiment, cell, number, profile):
    (metrics,) = trials(experiment, [(cell, number)], profile)
    return metrics


@pytest.mark.parametrize("cell", [ERM, MIXUP, KMIXUP], ids=str)
def test_a_trial_is_a_function_of_its_number(cell):
    short = Profile(trials=1, epochs=1)
    assert trial(IRIS, cell, 5, short) == trial(IRIS, cell, 5, short)
    assert trial(IRIS, cell, 5, short)["nll"] != trial(IRIS, cell, 6, short)["nll"]


def test_all_cells_of_a_trial_see_the_same_split(monkeypatch):
    seen = []
    real = type(iris()).split

    def spy(self, test, generator=None):
        parts = real(self, test, generator)
        seen.append(parts[1].x)
        return parts

    monkeypatch.setattr(type(iris()), "split", spy)
    for cell in (ERM, KMIXUP):
        trial(IRIS, cell, 3, Profile(trials=1, epochs=1))
    assert torch.equal(*seen)


@pytest.mark.parametrize("cell", [ERM, KMIXUP], ids=str)
def test_training_learns(cell):
    errors = [trial(IRIS, cell, number, Profile(trials=1, epochs=30))["error"] for number in range(2)]
    assert max(errors) < 30  # a third of the flowers would be right by chance


def test_every_table_5_set_is_one_that_we_have():
    for experiment in EXPERIMENTS.values():
        if experiment.trials.startswith("mixbook.benchmarks.trials.tabular:"):
            assert callable(getattr(data, experiment.dataset))
            assert experiment["scaling"] in SCALINGS
