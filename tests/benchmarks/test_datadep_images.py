"""Trials on images of the data-dependency paper, on the small sets that stand in for them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from mixbook.benchmarks.experiments import get_experiment
from mixbook.benchmarks.spec import Cell, Profile
from mixbook.benchmarks.trials import images, midpoint_training, near_conflicts

SMOKE = Profile(trials=1, epochs=1, stand_in=True)
MIDPOINTS = get_experiment("datadep-midpoints-mnist")


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_distances_are_those_of_a_loop_over_all_pairs(name):
    experiment = get_experiment(f"datadep-table2-{name}")
    for cell in experiment.cells:
        found = near_conflicts.trial(experiment, cell, 3, SMOKE)
        # The same subsets and mixtures, distances by another library.
        train, test = images.parts(name, use_stand_in=True)
        mixed = images.normalised(images.subset(train, 0.2, 3, "train subset"), experiment)
        against = mixed
        if cell.answers()["split"] == "test":
            against = images.normalised(images.subset(test, 0.2, 3, "test subset"), experiment)
        x, y = mixed.x.flatten(1).double().numpy(), mixed.y.numpy()
        rng = np.random.default_rng(near_conflicts.derive(3, "mixtures"))
        partner, lam = rng.integers(len(x), size=len(x)), rng.beta(1024, 1024, len(x))[:, None]
        gap = cdist(lam * x + (1 - lam) * x[partner], against.x.flatten(1).double().numpy())
        same = (y[:, None] == against.y.numpy()) | (y[partner][:, None] == against.y.numpy())
        assert found["min_dist_other_class"] == pytest.approx(gap[~same].min(), rel=1e-9)
        assert found["mean_dist_other_class"] == pytest.approx(np.where(same, np.inf, gap).min(1).mean(), rel=1e-9)
        apart = cdist(x, against.x.flatten(1).double().numpy())[y[:, None] != against.y.numpy()]
        assert found["min_dist_samples"] == pytest.approx(apart.min(), rel=1e-9)


def test_a_subset_is_a_share_without_repetition_and_depends_on_the_trial():
    whole, _ = images.parts("mnist", use_stand_in=True)
    numbered = replace(whole, x=torch.arange(len(whole)).float()[:, None])
    chosen = [images.subset(numbered, 0.2, number, "images").x.flatten() for number in (0, 0, 1)]
    assert torch.equal(chosen[0], chosen[1]) and not torch.equal(chosen[0], chosen[2])
    assert len(chosen[0].unique()) == len(chosen[0]) == int(0.2 * len(whole))


def test_pixels_are_normalised_by_the_settings():
    experiment = get_experiment("datadep-table2-cifar100")
    part, _ = images.parts("cifar100", use_stand_in=True)
    back = images.normalised(part, experiment).x
    for channel, (mean, std) in enumerate(zip(experiment["mean"], experiment["std"], strict=True)):
        torch.testing.assert_close(back[:, channel] * std + mean, part.x[:, channel])


def test_training_on_midpoints_is_scored_on_the_images_themselves():
    settings = [replace(s, value=0.5) if s.name == "share" else s for s in MIDPOINTS.settings]
    experiment, profile = replace(MIDPOINTS, settings=tuple(settings)), replace(SMOKE, epochs=8)
    cells = Cell("erm", ""), Cell("mixup", "alpha=1024")
    plain, mixed = (midpoint_training.trial(experiment, cell, 0, profile) for cell in cells)
    for metrics in (plain, mixed):
        assert metrics["train_error@8"] == metrics["train_error"] < metrics["train_error@1"]
        assert metrics["train_error"] < 40  # nine in ten would be wrong by chance
        assert 0 <= metrics["error"] < 50
    assert plain != mixed
    assert midpoint_training.trial(experiment, cells[1], 0, profile) == mixed


def test_the_error_of_midpoint_training_is_that_of_the_test_images(monkeypatch):
    monkeypatch.setattr(midpoint_training, "evaluate", lambda model, part: {"accuracy": len(part) / 1e6})
    found = midpoint_training.trial(MIDPOINTS, Cell("erm", ""), 0, SMOKE)
    train, test = images.parts(MIDPOINTS.dataset, use_stand_in=True)
    whole = {"error": len(test), "train_error": int(MIDPOINTS["share"] * len(train))}
    assert {name: found[name] for name in whole} == {n: pytest.approx(100 - count / 1e4) for n, count in whole.items()}


def test_the_surrogate_answers_no_printed_value():
    assert MIDPOINTS.surrogate and not MIDPOINTS.printed
