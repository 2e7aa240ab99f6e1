"""MNIST and CIFAR from their official files, as arrays in [0, 1]: not normalised, in the published order."""

import gzip
import pickle
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from mixbook.data import store
from mixbook.data.arrays import Arrays

Part = Literal["train", "test"]


def mnist(part: Part = "train") -> Arrays:
    """MNIST: 60,000 training or 10,000 test images (1, 28, 28) in [0, 1], ten digits.

    Raises:
        mixbook.data.store.DataError: if the files are not there and cannot be downloaded.
    """
    _check(part)
    train_x, train_y, test_x, test_y = store.files("mnist")
    x, y = (train_x, train_y) if part == "train" else (test_x, test_y)
    # The IDX format: 4 bytes say type and number of sides, 4 bytes give each side, then the values.
    images = np.frombuffer(gzip.decompress(x.read_bytes()), np.uint8, offset=16).reshape(-1, 1, 28, 28)
    labels = np.frombuffer(gzip.decompress(y.read_bytes()), np.uint8, offset=8)
    return _arrays(torch.tensor(images), torch.tensor(labels), 10, "mnist")


def cifar10(part: Part = "train") -> Arrays:
    """CIFAR-10: 50,000 training or 10,000 test images (3, 32, 32) in [0, 1], red first, ten classes.

    Raises:
        mixbook.data.store.DataError: if the files are not there and cannot be downloaded.
    """
    _check(part)
    *train, test = store.files("cifar10")
    return _cifar(train if part == "train" else [test], "labels", 10)


def cifar100(part: Part = "train") -> Arrays:
    """CIFAR-100: 50,000 training or 10,000 test images (3, 32, 32) in [0, 1], red first, a hundred (fine) classes.

    Raises:
        mixbook.data.store.DataError: if the files are not there and cannot be downloaded.
    """
    _check(part)
    train, test = store.files("cifar100")
    return _cifar([train if part == "train" else test], "fine_labels", 100)


def _cifar(paths: list[Path], labels: str, num_classes: int) -> Arrays:
    # Python pickles, which run code: they are opened because store.files found their checksums right.
    batches = [pickle.loads(path.read_bytes(), encoding="latin1") for path in paths]
    images = np.concatenate([batch["data"] for batch in batches]).reshape(-1, 3, 32, 32)
    y = np.concatenate([batch[labels] for batch in batches])
    return _arrays(torch.tensor(images), torch.tensor(y), num_classes, f"cifar{num_classes}")


def _arrays(images: Tensor, labels: Tensor, num_classes: int, name: str) -> Arrays:
    return Arrays(images.float().div_(255), labels.long(), num_classes, name)


def _check(part: str) -> None:
    if part not in ("train", "test"):
        raise ValueError(f"part must be 'train' or 'test', got {part!r}")
