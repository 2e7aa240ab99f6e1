"""CIFAR: what a trial is told to do, and that every method runs, on generated images."""

from dataclasses import replace
from math import isnan

import pytest

from mixbook.benchmarks.experiments import get_experiment
from mixbook.benchmarks.experiments.cifar_full import EXPERIMENTS as FULL
from mixbook.benchmarks.experiments.cifar_small import EXPERIMENTS as SMALL
from mixbook.benchmarks.spec import Cell, Profile
from mixbook.benchmarks.trials import cifar
from mixbook.benchmarks.trials.cifar import job_of, seconds_until, trial
from mixbook.mixing.blend.cutmix import CutMix

SMOKE = SMALL[0].profile("smoke")
LONG = Profile(trials=1, epochs=30)


@pytest.mark.parametrize("experiment", (*SMALL, *FULL), ids=lambda experiment: experiment.name)
def test_a_trial_gives_scores_and_a_curve(experiment):
    cell = next(cell for cell in experiment.cells if cell.method == "kmixup")
    two_epochs = replace(SMOKE, epochs=2)
    found = trial(experiment, cell, 0, two_epochs)
    curve = {name for name in found if "@" in name}
    assert curve == {"error@1", "error@2", "seconds@1", "seconds@2"}
    assert found.keys() - curve == {
        *("error", "nll", "ece", "train_error", "train_nll", "loss", "train_seconds", "diverged")
    }
    assert 0 < found["seconds@1"] < found["seconds@2"] == found["train_seconds"] and not found["diverged"]
    assert found["error@2"] == pytest.approx(found["error"])  # the stand-in has fewer test images than are watched
    again = trial(experiment, cell, 0, two_epochs)
    assert all(again[name] == value for name, value in found.items() if "seconds" not in name)


def test_the_loss_is_that_of_the_last_epoch(monkeypatch):
    kept = []
    monkeypatch.setattr(cifar, "fit", lambda *args, real=cifar.fit, **more: kept.append(real(*args, **more)) or kept[-1])
    found = trial(SMALL[0], SMALL[0].cells[0], 0, replace(SMOKE, epochs=2))
    first, last = kept[0]["loss"]
    assert found["loss"] == last != first


def test_a_curve_counts_the_gradients_of_all_interpolations():
    cell = next(cell for cell in SMALL[0].cells if cell.answers().get("K") == "5")
    found = trial(SMALL[0], cell, 0, replace(SMOKE, epochs=10))
    assert [name for name in found if "error@" in name] == ["error@5", "error@10"]


def test_other_trials_see_other_batches():
    erm = SMALL[0].cells[0]
    assert trial(SMALL[0], erm, 0, SMOKE)["loss"] != trial(SMALL[0], erm, 1, SMOKE)["loss"]


@pytest.mark.parametrize("cell", SMALL[0].cells, ids=str)
def test_every_method_takes_as_many_steps_and_gradients(cell):
    job = job_of(SMALL[0], cell, 0, SMALL[0].profile("laptop"))
    steps = job.recipe.epochs * job.recipe.steps(job.samples)
    assert steps == 750 and job.recipe.batch_size * job.mixing.draws == 160
    assert job.samples % job.recipe.batch_size == 0


def test_at_equal_passes_several_interpolations_cost_more():
    multimix, mixup = (job_of(FULL[0], Cell(*c), 0, LONG) for c in (("multimix", "alpha=1;K=5"), ("mixup", "alpha=1")))
    assert multimix.recipe == mixup.recipe and multimix.mixing.draws == 5


def test_images_are_changed_as_the_settings_say():
    job = job_of(SMALL[0], SMALL[0].cells[0], 0, LONG)
    assert (job.shift, job.flip) == (SMALL[0]["shift"], SMALL[0]["flip"]) == (4, True)


def test_boxes_are_cut_off_as_published():
    (cell,) = (cell for cell in SMALL[0].cells if cell.method == "cutmix")
    assert job_of(SMALL[0], cell, 0, LONG).mixing.mixer(10).blend == CutMix()


def test_a_long_curve_is_thinned_to_the_last_epoch():
    found = trial(replace(SMALL[0], settings=_with(SMALL[0], "points", 2)), SMALL[0].cells[0], 0, replace(SMOKE, epochs=5))
    assert [name for name in found if "error@" in name] == ["error@3", "error@5"]


def _with(experiment, name, value):
    return tuple(replace(s, value=value) if s.name == name else s for s in experiment.settings)


def test_the_time_until_an_error_is_that_of_the_first_epoch_that_has_it():
    curve = {
        "error": 5.0,
        "error@1": 9.0,
        "error@2": 6.0,
        "error@3": 6.5,
        "seconds@1": 1.0,
        "seconds@2": 2.0,
        "seconds@3": 3.0,
    }
    assert seconds_until(curve, 6) == 2
    assert isnan(seconds_until(curve, 5.5))


def test_they_are_known_by_name_and_count_for_no_printed_table():
    assert get_experiment("cifar10-small").surrogate and get_experiment("cifar100-small").surrogate
    assert get_experiment("cifar10-full").profile("gpu").trials == 5
