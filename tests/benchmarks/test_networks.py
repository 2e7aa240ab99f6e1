"""Networks of the papers, trained by an experiment's settings at the size of a smoke run, and their scores."""

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

import mixbook as mb
from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.spec import Experiment, Profile, Setting
from mixbook.benchmarks.trials import networks, sets
from mixbook.benchmarks.trials.networks import prepare, score
from mixbook.benchmarks.trials.recipes import milestones, recipe_of
from mixbook.benchmarks.trials.sets import parts
from mixbook.data import Arrays, Pixels
from mixbook.mixing.answers import Answers
from mixbook.training import DivergenceWarning

SMOKE = Profile(trials=1, epochs=1, stand_in=True)


def experiment(dataset="cifar10", network="preact_resnet18", **settings):
    chosen = {
        "network": network, "mean": (0.5, 0.4, 0.3), "std": (0.2, 0.3, 0.4), "shift": 4, "flip": True, "batch_size": 32,
        "lr": 0.05, "momentum": 0.9, "nesterov": True, "drops": (0.5, 0.75), "pairs": "across",
    } | settings  # fmt: skip
    rows = tuple(Setting(name, value, "") for name, value in chosen.items())
    return Experiment("net", "", dataset, network, rows, "2026-11-26", {})


def fitted(experiment, mixer_of, number, profile, **options):
    ready = prepare(experiment, number, profile)
    return ready.fit(mixer_of(ready.model, ready.num_classes), **options)


@pytest.mark.parametrize(
    ("dataset", "network"),
    [
        ("cifar10", "preact_resnet18_facebook"),
        ("cifar100", "wrn16_8"),
        ("svhn", "resnet18"),
        ("tiny_imagenet", "preact_resnet18"),
        ("speech_commands", "speech_lenet"),
    ],
)
def test_each_set_trains_its_network_and_is_scored(dataset, network):
    trained = fitted(experiment(dataset, network), Answers(1.0, k=4).mixer_for, 0, SMOKE)
    scores = score(trained, fgsm_eps=() if dataset == "speech_commands" else (0, 8))
    assert scores["error"] == pytest.approx(100 - scores["accuracy"])
    assert 0 <= scores["error"] <= 100 and scores["loss"] > 0 and not scores["diverged"]
    assert scores.get("fgsm_error@0", scores["error"]) == pytest.approx(scores["error"])  # the same network, on pixels
    assert not any("@1" in name for name in scores)


def test_a_trial_is_a_function_of_its_number_and_learns():
    plain = Answers().mixer_for
    still = experiment(shift=0, flip=False)  # a stand-in's classes are patterns of single pixels
    long = replace(SMOKE, epochs=20)
    first = [score(fitted(still, plain, number, long)) for number in (0, 0, 1)]
    assert first[0] == first[1] != first[2]
    assert first[0]["error"] < 60  # 90 by chance


def test_a_network_that_diverged_has_curves_though_nothing_of_it_could_be_mixed():
    """k-mixup at a hidden layer finds no partners there; the first epoch may still have some."""

    def mixer_of(model, num_classes):
        return mb.ManifoldMixer(model, ["layer1"], mb.kmixup(4, num_classes=num_classes))

    two, bad = replace(SMOKE, epochs=2), experiment(lr=1e30)
    with pytest.warns(DivergenceWarning):
        scores = score(fitted(bad, mixer_of, 0, two, curves=True))
    assert scores["diverged"] == 1 and math.isnan(scores["train_accuracy@2"]) and scores["error@2"] == 100


def test_curves_are_the_epochs_own_and_the_last_is_the_result():
    scores = score(fitted(experiment(), Answers(1.0).mixer_for, 0, replace(SMOKE, epochs=2), curves=True))
    assert scores["error@2"] == pytest.approx(scores["error"])
    assert {name for name in scores if "@" in name} == {f"{n}@{e}" for n in ("error", "train_accuracy") for e in (1, 2)}
    assert 0 <= scores["train_accuracy@1"] <= 100
    unmixed = score(fitted(experiment(), Answers().mixer_for, 0, SMOKE, curves=True))
    assert "error@1" in unmixed and "train_accuracy@1" not in unmixed


def test_the_training_accuracy_of_an_epoch_is_of_its_own_steps():
    class AsTheyCome:
        def outputs(self, model, x, y, **more):
            return model(x), y

    counted, y = networks._Counted(AsTheyCome()), torch.eye(4)
    for seen, accuracy in ((y, 100), (y.roll(1, 1), 0)):
        counted.outputs(torch.nn.Identity(), seen, y)
        assert counted.accuracy() == accuracy


def test_points_of_long_curves_are_few_and_end_with_the_last():
    history = networks.History(tuple({"loss": 1.0, "error": float(epoch)} for epoch in range(1, 1201)))
    points = networks.curve_points(history, ["error"])
    assert len(points) == 40 and points["error@1200"] == 1200


def test_a_point_that_is_not_finite_is_no_number():
    history = networks.History(tuple({"loss": math.inf if n == 99 else float(n)} for n in range(100)))
    found = networks.curve_points(history, ["loss"])
    assert math.isnan(found["loss@100"]) and found["loss@97"] == 96


def test_settings_are_the_recipe_unless_a_cell_trains_otherwise():
    known = experiment(lr=0.25, weight_decay=0.5, decay=0.2)  # and more, such as the network, that no recipe has
    recipe = recipe_of(known, 7, Profile(trials=1, epochs=8), weight_decay=0.0)
    assert (recipe.epochs, recipe.seed, recipe.lr, recipe.pairs, recipe.nesterov) == (8, 7, 0.25, "across", True)
    assert (recipe.milestones, recipe.decay, recipe.weight_decay) == ((4, 6), 0.2, 0.0)


@pytest.mark.parametrize(("epochs", "expected"), [(1, (1, 1)), (4, (2, 3)), (7, (4, 5)), (8, (4, 6)), (200, (100, 150))])
def test_the_rate_drops_at_the_same_shares_of_a_shorter_run(epochs, expected):
    assert milestones((0.5, 0.75), epochs) == expected


def test_views_of_a_set_are_the_same_images():
    data = parts(experiment(), small=True)
    rows = torch.arange(5)
    (x, y), (pixels, same) = data.test.batch(rows), data.pixels.batch(rows)
    mean, std = (torch.tensor(values).view(-1, 1, 1) for values in (data.mean, data.std))
    torch.testing.assert_close(x * std + mean, pixels)
    assert torch.equal(y, same) and pixels.min() >= 0 and pixels.max() <= 1
    changed, _ = data.train.batch(rows, torch.Generator().manual_seed(0))
    assert changed.shape == data.plain.batch(rows)[0].shape and not torch.equal(changed, data.plain.batch(rows)[0])
    assert data.shape == (3, 32, 32)


def test_a_trial_has_as_many_training_images_as_asked_for_and_its_own():
    asked = experiment(samples=40, shift=0, flip=False)
    first, again, other = (parts(asked, small=True, number=number) for number in (0, 0, 1))
    assert (len(first.train), len(first.plain), len(first.test)) == (40, 40, 32)
    images = [data.train.batch(torch.arange(40))[0] for data in (first, again, other)]
    assert torch.equal(images[0], images[1]) and not torch.equal(images[0], images[2])


def test_a_part_without_the_most_frequent_images_is_drawn_anew_in_each_trial():
    most = experiment(training_part=("most of each class", 3), shift=0, flip=False)
    whole, first, again, other = (
        parts(each, small=True, number=number) for each, number in ((experiment(), 0), (most, 0), (most, 0), (most, 1))
    )
    wanted = _labels(whole).bincount().clamp(max=3)
    assert (_labels(whole).bincount() > 3).any()
    assert torch.equal(_labels(first).bincount(), wanted) and len(first.plain) == len(first.train)
    images = [data.plain.batch(torch.arange(len(data.plain)))[0] for data in (first, again, other)]
    assert torch.equal(images[0], images[1]) and not torch.equal(images[0], images[2])


def _labels(data):
    return data.train.batch(torch.arange(len(data.train)))[1]


def test_each_set_is_tested_on_its_own_labelled_part(monkeypatch):
    asked = []
    for name in ("speech_commands", "tiny_imagenet"):
        images = SimpleNamespace(arrays=lambda: "arrays", pixels=lambda: "pixels")
        monkeypatch.setattr(sets.data, name, lambda part, name=name, images=images: asked.append((name, part)) or images)
        sets._whole.__wrapped__(name, False)
    monkeypatch.setattr(sets.data, "pixels_of", lambda name, part: asked.append((name, part)))
    sets._whole.__wrapped__("svhn", False)
    held_out = {"speech_commands": "test", "tiny_imagenet": "val", "svhn": "test"}
    assert asked == [(name, part) for name in held_out for part in ("train", held_out[name])]


def test_an_epoch_is_chosen_on_the_validation_part_and_not_on_the_test_part(monkeypatch):
    train, test, validation = (Arrays(torch.rand(4, 1, 8, 8), torch.arange(4), 4, "speech_commands") for _ in range(3))
    monkeypatch.setattr(sets, "_whole", lambda name, small: (train, test))
    monkeypatch.setattr(
        sets.data, "speech_commands", lambda part: SimpleNamespace(arrays=lambda: {"val": validation}[part])
    )
    found = parts(experiment("speech_commands", chosen_by="validation error"))
    assert torch.equal(found.validation.x, validation.x) and torch.equal(found.test.x, test.x)


def test_some_classes_of_a_set_are_not_the_set(monkeypatch):
    few = Pixels(torch.zeros(4, 3, 8, 8, dtype=torch.uint8), torch.arange(4) % 2, 2, "tiny_imagenet (2 of 200 classes)")
    monkeypatch.setattr(sets, "_whole", lambda name, small: (few, few))
    with pytest.raises(BenchmarkError, match=r"needs all of tiny_imagenet, and what is there is tiny_imagenet .2 of 200"):
        parts(experiment("tiny_imagenet"))
    assert len(parts(replace(experiment("tiny_imagenet"), surrogate=True)).train) == 4


def test_an_experiment_on_a_subset_takes_no_other_set(monkeypatch):
    """Else a reader with the whole set would store results under a name that says eight classes."""
    whole = Pixels(torch.zeros(4, 3, 8, 8, dtype=torch.uint8), torch.arange(4), 4, "tiny_imagenet")
    monkeypatch.setattr(sets, "_whole", lambda name, small: (whole, whole))
    asked = replace(experiment("tiny_imagenet", subset="tiny_imagenet (2 of 200 classes)"), surrogate=True)
    with pytest.raises(BenchmarkError, match=r"needs tiny_imagenet .2 of 200 classes., .* there is tiny_imagenet$"):
        parts(asked)
    few = replace(whole, name="tiny_imagenet (2 of 200 classes)")
    monkeypatch.setattr(sets, "_whole", lambda name, small: (few, few))
    assert len(parts(asked).test) == 4


def test_boxes_come_with_the_images_they_belong_to(monkeypatch):
    few = Pixels(torch.zeros(2, 3, 8, 8, dtype=torch.uint8), torch.arange(2), 2, "tiny_imagenet (2 of 200 classes)")
    boxes = torch.tensor([[0.0, 1.0, 2.0, 3.0], [4.0, 4.0, 2.0, 2.0]])
    monkeypatch.setattr(sets, "_whole", lambda name, small: (few, few))
    monkeypatch.setattr(sets.data, "tiny_imagenet", lambda part: SimpleNamespace(boxes={"val": boxes}[part]))
    asking = replace(experiment("tiny_imagenet", measures=("localisation",)), surrogate=True)
    assert torch.equal(parts(asking).boxes, boxes)
    assert parts(replace(experiment("tiny_imagenet"), surrogate=True)).boxes is None
