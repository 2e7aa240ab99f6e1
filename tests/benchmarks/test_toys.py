"""The toy experiments of k-mixup: trials, and the numbers that stand for pictures."""

from dataclasses import replace

import pytest
import torch

from mixbook.benchmarks.experiments import EXPERIMENTS
from mixbook.benchmarks.spec import Cell, Profile
from mixbook.benchmarks.trials.toys import draw, figures, trials, vicinal, whom
from mixbook.data import Arrays, one_ring

TABLE, FIGURE = EXPERIMENTS["kmixup-tmlr-table1-swiss-roll"], EXPERIMENTS["kmixup-tmlr-figures1-3-one-ring"]
FIXED = EXPERIMENTS["kmixup-v1-figure3-swiss-roll"]
SHORT = Profile(trials=1, epochs=1)


def small(experiment, **values):
    settings = tuple(replace(s, value=values.get(s.name, s.value)) for s in experiment.settings)
    return replace(experiment, settings=settings)


def test_all_methods_of_a_trial_see_the_same_samples_and_trials_do_not():
    (a, a_test), (b, _), (c, _) = draw(TABLE, 3), draw(FIXED, 3), draw(TABLE, 4)
    assert torch.equal(a.x, b.x)
    assert not torch.equal(a.x, c.x)
    assert not torch.equal(a.x[:100], a_test.x[:100])
    assert (len(a), len(a_test)) == (TABLE["n_train"], TABLE["n_test"])


def test_trials_together_are_the_trials_alone():
    toy = small(TABLE, n_train=128, n_test=500)
    tasks = [(cell, number) for cell in (toy.cells[1], toy.cells[-1]) for number in (0, 1)]
    together = trials(toy, tasks, SHORT)
    for task, metrics in zip(tasks, together, strict=True):
        (alone,) = trials(toy, [task], SHORT)
        assert metrics == pytest.approx(alone, rel=1e-4)
    assert together[0]["nll"] != pytest.approx(together[1]["nll"], rel=1e-3)


def test_alpha_is_raised_at_constant_xi_and_kept_in_the_first_version():
    cell = Cell("kmixup", "k=2;alpha=0.25;xi=1.2")
    (raised,) = trials(small(TABLE, n_test=10), [(cell, 0)], SHORT)
    (one,) = trials(small(TABLE, n_test=10), [(Cell("mixup", "k=1;alpha=0.25;xi=1.2"), 0)], SHORT)
    (kept,) = trials(small(FIXED, n_test=10), [(Cell("kmixup", "k=2;alpha=0.25"), 0)], SHORT)
    assert one["alpha"] == kept["alpha"] == 0.25 < raised["alpha"]
    assert raised["xi"] == pytest.approx(one["xi"], rel=1e-6)
    assert kept["xi"] < one["xi"]
    assert one["xi"] == pytest.approx(1.2, abs=0.1)  # what the paper prints


def test_training_learns_and_scores_are_two_sides():
    (found,) = trials(small(TABLE, n_test=1000), [(Cell("erm", ""), 0)], Profile(trials=1, epochs=40))
    assert found["error"] < 5
    assert found["error"] + found["accuracy"] == pytest.approx(100)
    assert found["diverged"] == 0
    assert "alpha" not in found


def test_a_mixture_is_what_its_ends_and_share_say(generator):
    part = one_ring(96, generator)
    mixed, share, first, second = vicinal(part, 8, 1.0, seed=0)
    assert torch.equal(first, torch.arange(96))
    assert sorted(second.tolist()) == list(range(96))  # nobody is chosen twice
    between = (part.x[first] - mixed).norm(dim=1) + (mixed - part.x[second]).norm(dim=1)
    assert between == pytest.approx((part.x[first] - part.x[second]).norm(dim=1), abs=1e-5)
    joins = part.y[first] != part.y[second]
    assert torch.equal(share[~joins].round(decimals=5), part.y[first][~joins].float())
    away = (mixed - part.x[first]).norm(dim=1) / (part.x[first] - part.x[second]).norm(dim=1)
    of_first = torch.where(part.y[first] == 1, share, 1 - share)
    assert away[joins] == pytest.approx(1 - of_first[joins], abs=1e-4)


def test_mixtures_are_of_the_alpha_that_is_asked_for(generator):
    part = one_ring(200, generator)

    def moved(alpha):
        mixed, _, first, second = vicinal(part, 1, alpha, seed=0)
        apart = (part.x[first] - part.x[second]).norm(dim=1)
        away = (mixed - part.x[first]).norm(dim=1)[apart > 0] / apart[apart > 0]
        return torch.minimum(away, 1 - away).mean()

    assert moved(0.02) < 0.03 < 0.2 < moved(1.0)  # a quarter, for lambda uniform


def test_matched_partners_are_nearer_than_random_ones(generator):
    part = one_ring(128, generator)
    row, chance = whom(part, 16, seed=1)
    assert chance.sum().item() == pytest.approx(1)
    distance = (part.x - part.x[row]).norm(dim=1).double()
    assert chance @ distance < 0.5 * distance.mean()


def test_the_figures_measures_know_k():
    toy = small(FIGURE, n_test=500)
    erm, random, matched = figures(toy, [(cell, 0) for cell in toy.cells], Profile(trials=1, epochs=60))
    assert set(erm) < set(random) == set(matched)
    for name in ("crossing", "length", "intruding", "reach", "blurred"):
        assert matched[name] < random[name]
    assert random["reach"] == pytest.approx(1, abs=0.2)
    assert erm["blurred"] < random["blurred"]
    assert all(0 <= random[name] <= 100 for name in ("blurred", "bridged", "crossing", "intruding", "own_class"))


def test_intruding_counts_mixtures_in_the_other_class(monkeypatch):
    # Two classes on a line, 0 1 0: the midpoint of the outer ones lies on the middle one.
    part = Arrays(torch.tensor([[-1.0], [0.0], [1.0]]), torch.tensor([0, 1, 0]), 2)
    from mixbook.benchmarks.trials import toys

    ends = (torch.tensor([0]), torch.tensor([2]))
    monkeypatch.setattr(toys, "vicinal", lambda *_: (torch.tensor([[0.05]]), torch.tensor([0.0]), *ends))
    monkeypatch.setattr(toys, "whom", lambda *_: (0, torch.tensor([0.0, 0.5, 0.5], dtype=torch.float64)))
    found = toys._of_mixtures(Cell("mixup", "k=1;alpha=1"), 0, part)
    assert found["intruding"] == 100
    assert found["crossing"] == 0
    assert found["length"] == 2
    assert found["own_class"] == 50
    assert found["reach"] == pytest.approx(((1 + 4) / 2 / (5 / 3)) ** 0.5)
