"""The methods that a cell can name train as they say: mixed or not, as many samples, the loss that was asked for."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.spec import Cell, Experiment, Setting
from mixbook.benchmarks.trials.methods import base_of, layers_of, loss_of, method_of, settings_for, with_dropout
from mixbook.mixing.losses import bce_of_softmax
from mixbook.models import PreActResNet

CLASSES, SIZE = 10, 20


def experiment(**changed):
    values = {
        "loss": "cross entropy",
        "flip": True,
        "batch_size": 100,
        "layers": "0+1+2",
        "shift": 2,
        "cutout": 8,
        "rotation": 15.0,
        "label_smoothing": 0.1,
        "clean_puzzlemix": 0.0,
        "clean_comixup": 1.0,
        **{f"alpha_{base}": 1.0 for base in ("mixup", "manifold_mixup", "cutmix", "fmix", "puzzlemix")},
    } | changed
    settings = tuple(Setting(name, value, "for this test") for name, value in values.items())
    return Experiment("toy", "toy", "cifar10", "", settings, "2026-11-26", {})


@pytest.fixture
def model():
    torch.manual_seed(0)
    return PreActResNet(18, CLASSES, width=4)


@pytest.fixture
def batch(generator):
    x = torch.rand(SIZE, 3, 32, 32, generator=generator)
    return x, torch.arange(SIZE) % CLASSES


@pytest.mark.parametrize(
    ("method", "params", "rows"),
    [
        ("mixup", "alpha=1", SIZE),
        ("manifold_mixup", "", SIZE),
        ("manifold_mixup_gradblock", "layers=1", SIZE),
        ("cutmix", "", SIZE),
        ("fmix", "", SIZE),
        ("puzzlemix", "", SIZE),
        ("comixup", "", SIZE),
        ("multimix_mixup", "K=3", 3 * SIZE),
        ("multimix_manifold_mixup", "K=3", 3 * SIZE),
        ("multimix_cutmix", "K=3", 3 * SIZE),
        ("multimix_puzzlemix", "K=3", 3 * SIZE),
        ("large_batch_mixup", "batch=20;base=puzzlemix", SIZE),
    ],
)
def test_methods_that_mix_give_their_mixtures_and_a_loss(model, batch, generator, method, params, rows):
    chosen = method_of(Cell(method, params), experiment(), model, CLASSES)
    x, y = batch
    logits, targets = chosen.mixer.outputs(model.train(), x, y, generator=generator)
    assert logits.shape == targets.shape == (rows, CLASSES)
    assert torch.allclose(targets.sum(1), torch.ones(rows))
    assert (targets.max(1).values < 1).any(), "something is mixed"
    loss = chosen.loss(logits, targets)
    loss.backward()
    assert torch.isfinite(loss.detach())


@pytest.mark.parametrize(("method", "params"), [("erm", ""), ("large_batch", "batch=500"), ("label_smoothing", "")])
def test_methods_that_do_not_mix_have_no_mixer(model, method, params):
    assert method_of(Cell(method, params), experiment(), model, CLASSES).mixer is None


def test_smoothing_is_that_of_pytorch(batch):
    logits, y = torch.randn(SIZE, CLASSES, generator=torch.Generator().manual_seed(1)), batch[1]
    ours = method_of(Cell("label_smoothing", ""), experiment(), nn.Identity(), CLASSES).loss(logits, y)
    assert ours == pytest.approx(float(F.cross_entropy(logits, y, label_smoothing=0.1)))
    plain = method_of(Cell("erm", ""), experiment(), nn.Identity(), CLASSES).loss(logits, y)
    assert plain == pytest.approx(float(F.cross_entropy(logits, y)))


def test_the_released_loss_takes_labels_too(batch):
    logits, y = torch.randn(SIZE, CLASSES, generator=torch.Generator().manual_seed(1)), batch[1]
    wanted = bce_of_softmax(logits, F.one_hot(y, CLASSES).float())
    assert loss_of("bce of softmax", CLASSES)(logits, y) == pytest.approx(float(wanted))
    with pytest.raises(BenchmarkError, match="cross entropy"):
        loss_of("hinge", CLASSES)


def test_the_clean_loss_is_added_with_its_released_weight(model, batch, generator):
    x, y = batch
    for loss, weight in (("cross entropy", 1.0), ("bce of softmax", 2 / CLASSES)):
        chosen = method_of(Cell("comixup", ""), experiment(loss=loss), model, CLASSES)
        assert chosen.mixer.clean == pytest.approx(weight)
        logits, targets = chosen.mixer.outputs(model.train(), x, y, generator=generator)
        of_mixtures = loss_of(loss, CLASSES)(logits, targets)
        assert chosen.loss(logits, targets).item() > of_mixtures.item()


def test_batch_augmentation_repeats_and_takes_the_place_of_other_changes(model, batch, generator):
    chosen = method_of(Cell("batch_aug", "repeats=5"), experiment(), model, CLASSES)
    x, y = chosen.augment(*batch, generator)
    assert len(x) == len(y) == 5 * SIZE and chosen.mixer is None
    assert not torch.equal(x[:SIZE], x[SIZE : 2 * SIZE]), "each copy is changed by itself"
    cell = Cell("batch_aug_mixup", "repeats=5;base=puzzlemix")
    assert method_of(cell, experiment(), model, CLASSES).mixer is not None
    assert (settings_for(cell, experiment())["shift"], experiment()["shift"]) == (0, 2)


def test_what_a_cell_says_goes_before_the_settings(model):
    mixer = method_of(Cell("manifold_mixup", "alpha=2;layers=1+3"), experiment(), model, CLASSES).mixer
    assert mixer.layers == ("layer1", "layer3") and mixer.mixer.ratio.alpha == 2
    assert layers_of("0+2") == ("input", "layer2")
    assert settings_for(Cell("large_batch", "batch=500"), experiment())["batch_size"] == 500
    assert settings_for(Cell("erm", ""), experiment())["batch_size"] == 100


def test_blocked_gradients_stop_at_the_mixture(model, batch, generator):
    chosen = method_of(Cell("manifold_mixup_gradblock", "layers=2"), experiment(), model, CLASSES)
    logits, targets = chosen.mixer.outputs(model.train(), *batch, generator=generator)
    chosen.loss(logits, targets).backward()
    assert model.layer1[0].parameters().__next__().grad is None
    assert model.layer3[0].parameters().__next__().grad is not None


def test_dropout_acts_in_training_alone(model, batch):
    plain = model.eval()(batch[0])
    with_dropout(model, 0.5)
    assert torch.equal(model.eval()(batch[0]), plain)
    assert not torch.equal(model.train()(batch[0]), model.train()(batch[0]))


def test_an_unknown_method_is_named():
    with pytest.raises(BenchmarkError, match=r"no method 'adamix alpha=1'.*puzzlemix"):
        base_of(Cell("adamix", "alpha=1"))
