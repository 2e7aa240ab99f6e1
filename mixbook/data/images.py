"""MNIST, CIFAR and SVHN from their official files: small images that fit into memory, in the published order."""

import gzip
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from mixbook.data import store
from mixbook.data.arrays import Arrays
from mixbook.data.pixels import Pixels

Part = Literal["train", "test", "extra"]
Raw = tuple[NDArray[np.uint8], NDArray[np.integer]]  # images (n, channels, H, W) and labels (n,)


def mnist(part: Part = "train") -> Arrays:
    """MNIST: 60,000 training or 10,000 test images (1, 28, 28) in [0, 1], ten digits.

    Raises:
        mixbook.data.store.DataError: if the files are not there and cannot be downloaded.
    """
    return pixels_of("mnist", part).arrays()


def cifar10(part: Part = "train") -> Arrays:
    """CIFAR-10: 50,000 training or 10,000 test images (3, 32, 32) in [0, 1], red first, ten classes.

    Raises:
        mixbook.data.store.DataError: if the files are not there and cannot be downloaded.
    """
    return pixels_of("cifar10", part).arrays()


def cifar100(part: Part = "train") -> Arrays:
    """CIFAR-100: 50,000 training or 10,000 test images (3, 32, 32) in [0, 1], red first, a hundred (fine) classes.

    Raises:
        mixbook.data.store.DataError: if the files are not there and cannot be downloaded.
    """
    return pixels_of("cifar100", part).arrays()


def svhn(part: Part = "train") -> Arrays:
    """SVHN: 73,257 training, 26,032 test or 531,131 extra images (3, 32, 32) in [0, 1], red first; class d is digit d.

    Raises:
        mixbook.data.store.DataError: if the files are not there and cannot be downloaded.
    """
    return pixels_of("svhn", part).arrays()


def pixels_of(name: str, part: Part = "train") -> Pixels:
    """The images of ``mnist``, ``cifar10``, ``cifar100`` or ``svhn`` as bytes, e.g. for ``Resident``.

    Raises:
        ValueError: if there is no such set, or no such part of it.
        mixbook.data.store.DataError: if the files are not there and cannot be downloaded.
    """
    if name not in _READERS:
        raise ValueError(f"no small images {name!r}. There are: {', '.join(_READERS)}")
    read, num_classes, parts = _READERS[name]
    store.check_part(name, part, parts)
    images, labels = read(part)
    return Pixels(torch.tensor(images), torch.tensor(labels, dtype=torch.int64), num_classes, name)


def _mnist(part: str) -> Raw:
    train_x, train_y, test_x, test_y = store.files("mnist")
    x, y = (train_x, train_y) if part == "train" else (test_x, test_y)
    # The IDX format: 4 bytes say type and number of sides, 4 bytes give each side, then the values.
    images = np.frombuffer(gzip.decompress(x.read_bytes()), np.uint8, offset=16).reshape(-1, 1, 28, 28)
    return images, np.frombuffer(gzip.decompress(y.read_bytes()), np.uint8, offset=8)


def _cifar10(part: str) -> Raw:
    *train, test = store.files("cifar10")
    return _cifar(train if part == "train" else [test], "labels")


def _cifar100(part: str) -> Raw:
    train, test = store.files("cifar100")
    return _cifar([train if part == "train" else test], "fine_labels")


def _cifar(paths: list[Path], labels: str) -> Raw:
    # Python pickles, which run code: they are opened because store.files found their checksums right.
    batches = [pickle.loads(path.read_bytes(), encoding="latin1") for path in paths]
    images = np.concatenate([batch["data"] for batch in batches]).reshape(-1, 3, 32, 32)
    return images, np.concatenate([batch[labels] for batch in batches])


def _svhn(part: str) -> Raw:
    from scipy.io import loadmat

    path = store.files("svhn_extra")[0] if part == "extra" else store.files("svhn")[part == "test"]
    matrices = loadmat(path, variable_names=("X", "y"))
    labels = matrices["y"].astype(np.int64).ravel()
    # Matlab's arrays run (H, W, channels, n), and its digit 0 has label 10.
    return np.ascontiguousarray(matrices["X"].transpose(3, 2, 0, 1)), labels % 10


_READERS: dict[str, tuple[Callable[[str], Raw], int, tuple[str, ...]]] = {
    "mnist": (_mnist, 10, ("train", "test")),
    "cifar10": (_cifar10, 10, ("train", "test")),
    "cifar100": (_cifar100, 100, ("train", "test")),
    "svhn": (_svhn, 10, ("train", "test", "extra")),
}
