"""Each network of the papers, and each data set that is held in memory, goes through an epoch of ``fit``: tiny, on a CPU.

Data sets are files in the official format that the tests write. Those of larger images and of speech are trained on where
such files are at hand: ``tests/data/test_tiny.py``, ``test_cub.py``, ``test_ilsvrc.py`` and ``test_speech.py``.
"""

import gzip
import pickle
import struct

import numpy as np
import pytest
import torch
from torch import nn

import mixbook.data as sets
from mixbook import models
from mixbook.data import Arrays, images, uci
from mixbook.mixing.mixer import mixup
from mixbook.models import seeded
from mixbook.training import Recipe, fit
from mixbook.training.gan import GanRecipe

SMALL, SPOKEN = (3, 32, 32), (1, 161, 101)
NETWORKS = {
    "MLP": (lambda: models.MLP(12, (8,), 2), (12,)),
    "BottleneckMLP": (lambda: models.BottleneckMLP(12, (8,), 2, (8,), 2), (12,)),
    "LeNet": (lambda: models.LeNet(2), (1, 28, 28)),
    "Normalise": (lambda: nn.Sequential(models.Normalise((0.5,), (0.25,)), models.LeNet(2)), (1, 28, 28)),
    "PreActResNet 18, manifold": (lambda: models.PreActResNet(18, 2, width=4), SMALL),
    "PreActResNet 18, facebook": (lambda: models.PreActResNet(18, 2, variant="facebook", width=4), SMALL),
    "PreActResNet 34": (lambda: models.PreActResNet(34, 2, width=4), SMALL),
    "PreActResNet 50": (lambda: models.PreActResNet(50, 2, width=4), SMALL),
    "PreActResNet 18, stride 2": (lambda: models.PreActResNet(18, 2, stem_stride=2, width=4), (3, 64, 64)),
    "ResNet18": (lambda: models.ResNet18(2, width=4), SMALL),
    "WideResNet 28-1": (lambda: models.WideResNet(28, 1, 2), SMALL),
    "WideResNet 16-8": (lambda: models.WideResNet(16, 8, 2), SMALL),
    "ResNeXt29": (lambda: models.ResNeXt29(2), SMALL),
    "DenseNetBC 40": (lambda: models.DenseNetBC(40, 4, 2), SMALL),
    "SpeechLeNet": (lambda: models.SpeechLeNet(2), SPOKEN),
    "CommandsLeNet": (lambda: models.CommandsLeNet(2), SPOKEN),
    "SpeechVGG11": (lambda: models.SpeechVGG11(2), SPOKEN),
    "resnet50": (lambda: models.resnet50(2), (3, 64, 64)),
    "wide_resnet101": (lambda: models.wide_resnet101(2), (3, 32, 32)),
}
# In full width and depth.
WHOLE = {
    "WideResNet 28-10": (lambda: models.WideResNet(28, 10, 2), SMALL),
    "DenseNetBC 190": (lambda: models.DenseNetBC(190, 40, 2), SMALL),
}
NO_NETWORKS = {"SideBySide", "named", "seeded"}  # many networks as one module, for fit_trials; and a function


def random_samples(shape: tuple[int, ...], n: int = 2) -> Arrays:
    generator = torch.Generator().manual_seed(0)
    return Arrays(torch.rand(n, *shape, generator=generator), torch.arange(n) % 2, 2, "random")


def trains(model: nn.Module, data, mixer=None) -> None:
    """An epoch of one batch: the loss is a number, and weights in every part of the network have moved."""
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    (record,) = fit(model, data, Recipe(1, 2, 0.1, weight_decay=0), mixer=mixer, progress=False).records
    assert np.isfinite(record["loss"])
    moved = [name for name, weight in model.named_parameters() if not torch.equal(weight, before[name])]
    assert {name.split(".")[0] for name in moved} == {name.split(".")[0] for name in before}


@pytest.mark.parametrize("name", NETWORKS)
def test_each_network_trains_an_epoch(name):
    make, shape = NETWORKS[name]
    trains(seeded(0, make), random_samples(shape), mixup(num_classes=2))


@pytest.mark.slow
@pytest.mark.parametrize("name", WHOLE)
def test_the_largest_networks_train_an_epoch(name):
    make, shape = WHOLE[name]
    trains(seeded(0, make), random_samples(shape), mixup(num_classes=2))


def test_no_network_is_forgotten():
    tried = {name.split()[0] for name in NETWORKS} | NO_NETWORKS
    assert tried == set(models.__all__)


def test_the_gan_trains_an_epoch():
    from mixbook.models.gan import Discriminator, Generator
    from mixbook.training import gan

    images_ = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    generator, discriminator = seeded(0, lambda: Generator(width=4)), seeded(1, lambda: Discriminator(width=4))
    history = gan.fit_gan(generator, discriminator, images_, GanRecipe(epochs=1, batch_size=2), progress=False)
    assert np.isfinite(history.records[0]["d_loss"])


def small_network(data: Arrays) -> nn.Module:
    return seeded(0, lambda: models.MLP(data.x[0].numel(), (8,), data.num_classes))


@pytest.mark.parametrize("name", ["iris", "breast_cancer", "digits"])
def test_what_ships_with_scikit_learn_trains_an_epoch(name):
    data = getattr(sets, name)()[torch.arange(2)]
    trains(small_network(data), data)


TABLES = {
    "abalone": "M,.4,.3,.1,.5,.2,.1,.15,15\nF,.5,.4,.1,.7,.3,.1,.2,3\n",
    "arrhythmia": "\n".join(",".join(["1"] * 279 + [label]) for label in ("1", "2")),
    "phishing": "\n".join(",".join(["1"] * 30 + [label]) for label in ("-1", "1")),
    "htru2": "\n".join(",".join([".5"] * 8 + [label]) for label in ("0", "1")),
}


@pytest.mark.parametrize("name", TABLES)
def test_each_table_trains_an_epoch(name, tmp_path, monkeypatch):
    (tmp_path / name).write_text(TABLES[name] + "\n")
    monkeypatch.setattr(uci.store, "files", lambda asked: (tmp_path / asked,))
    (data,) = sets.impute(getattr(sets, name)())
    trains(small_network(data), data)


@pytest.mark.parametrize("name", ["mnist", "cifar10", "cifar100", "svhn"])
def test_each_set_of_small_images_trains_an_epoch(name, tmp_path, monkeypatch):
    write_small_images(name, tmp_path / "file", tmp_path / "labels")
    places = {"mnist": (tmp_path / "file", tmp_path / "labels") * 2, "svhn": (tmp_path / "file",) * 2}
    many = 6 if name == "cifar10" else 2
    monkeypatch.setattr(images.store, "files", lambda asked: places.get(asked, (tmp_path / "file",) * many))
    data = sets.pixels_of(name, "test")
    side, channels = data.x.shape[-1], data.x.shape[1]
    resident = sets.Resident(data, shift=2, flip=True)
    trains(seeded(0, lambda: models.LeNet(data.num_classes, channels, side)), resident)


def write_small_images(name, path, labels) -> None:
    from scipy.io import savemat

    values = np.random.default_rng(0).integers(256, size=2 * 3072).astype(np.uint8)
    if name == "mnist":
        path.write_bytes(gzip.compress(struct.pack(">4i", 2051, 2, 28, 28) + values[: 2 * 784].tobytes()))
        labels.write_bytes(gzip.compress(struct.pack(">2i", 2049, 2) + bytes([7, 3])))
    elif name == "svhn":
        savemat(path, {"X": values.reshape(32, 32, 3, 2), "y": np.array([[1], [10]], np.uint8)}, appendmat=False)
    else:
        path.write_bytes(pickle.dumps({"data": values.reshape(2, 3072), "labels": [4, 1], "fine_labels": [40, 99]}))
