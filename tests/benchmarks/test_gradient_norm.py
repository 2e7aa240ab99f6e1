"""One trial of Figure 8: what the watch sees is what training did."""

from dataclasses import replace

import pytest
from torch.nn.functional import cross_entropy

from mixbook.benchmarks.experiments import EXPERIMENTS
from mixbook.benchmarks.spec import Cell, Profile, Setting
from mixbook.benchmarks.trials.gradient_norm import Watch, trial
from mixbook.benchmarks.trials.small_images import small_images
from mixbook.mixing.mixer import multimix
from mixbook.models import MLP, seeded


def shorter(**values):
    """The experiment with some settings replaced."""
    figure_8 = EXPERIMENTS["multimix-figure8"]
    kept = [setting for setting in figure_8.settings if setting.name not in values]
    return replace(figure_8, settings=(*kept, *(Setting(name, value, "for a test") for name, value in values.items())))


SMALL = shorter(hidden=(8,), batches=16, groups=2, norm_epochs=(1, 2), variance_epochs=(2,))


def test_the_watch_averages_the_squared_norm_over_the_steps_of_an_epoch():
    train, _ = small_images("digits", 100, 0)
    model = seeded(0, lambda: MLP(64, (8,), 10))
    watch = Watch(model, multimix(2, num_classes=10), train, shorter(norm_epochs=(1,), variance_epochs=()), 0)
    expected = []
    for rows in (slice(0, 30), slice(30, 70)):
        model.zero_grad()
        cross_entropy(model(train.x[rows]), train.y[rows]).backward()
        expected.append(sum(float(p.grad.square().sum()) for p in model.parameters()))
    assert watch.after_epoch(model) == {}
    assert watch.found == {"norm@1": pytest.approx(sum(expected) / 2)}
    watch.after_epoch(model)  # an epoch that is not asked for
    assert list(watch.found) == ["norm@1"]


def test_variances_agree_with_p_plus_q_over_k():
    experiment = shorter(hidden=(8,), batches=400, groups=10, norm_epochs=(), variance_epochs=(1,))
    train, _ = small_images("digits", 1000, 0)
    for draws in (1, 8):
        model = seeded(1, lambda: MLP(64, (8,), 10))
        watch = Watch(model, multimix(draws, num_classes=10), train, experiment, 0)
        watch.after_epoch(model)
        expected = watch.found["P@1"] + watch.found["Q@1"] / draws
        assert watch.found["variance@1"] == pytest.approx(expected, rel=0.15)


def test_a_trial_is_a_function_of_its_number_and_says_everything():
    cell, short = Cell("multimix", "K=3"), Profile(trials=1, epochs=2)
    first, again, other = (trial(SMALL, cell, number, short) for number in (5, 5, 6))
    assert first == again and first["nll"] != other["nll"]
    assert list(first) == ["error", "nll", "norm@1", "norm@2", "variance@2", "mean@2", "P@2", "Q@2"]


def test_measuring_does_not_change_the_training():
    cell, short = Cell("multimix", "K=2"), Profile(trials=1, epochs=3)
    quiet = shorter(hidden=(8,), norm_epochs=(), variance_epochs=())
    assert trial(SMALL, cell, 5, short)["nll"] == trial(quiet, cell, 5, short)["nll"]
