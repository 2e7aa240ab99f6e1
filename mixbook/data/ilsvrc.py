"""ImageNet-1k from its official archives, or from the folders that they unpack to."""

from pathlib import Path
from typing import Literal

import torch

from mixbook.data import store
from mixbook.data.image_files import ImageFiles, View
from mixbook.data.store import DataError

CLASSES = 1000
_SUFFIXES = (".jpeg", ".jpg", ".png")


def imagenet(part: Literal["train", "val"] = "train", view: View | None = None) -> ImageFiles:
    """ImageNet-1k (ILSVRC 2012): 1,281,167 training and 50,000 validation images of 1000 classes, of different sizes.

    Classes are numbered in the alphabetical order of their WordNet names, as everywhere. The archives are given to people
    with an account; put them into the data folder, and they are checked and unpacked at first use. Folders
    ``imagenet/train/<WordNet name>`` and ``imagenet/val/<WordNet name>`` that are there already are taken as they are.
    Give a view (``random_view``, ``centre_view``) before images are put into batches.

    Raises:
        ValueError: if there is no such part.
        mixbook.data.store.DataError: if the data are not there, or a class is missing that a label names.
    """
    if part not in ("train", "val"):
        raise ValueError(f"part must be 'train' or 'val', got {part!r}")
    home = store.folder("imagenet", 0 if part == "train" else 1)
    found = _from_class_folders(home)
    if not found and part == "val":
        found = _from_devkit(home, store.folder("imagenet_devkit"))
    if not found:
        raise DataError(f"imagenet: {home} has no folders of classes, such as n01440764, with images in them")
    wnids = sorted({wnid for _, wnid in found})
    number = {wnid: at for at, wnid in enumerate(wnids)}
    return ImageFiles(
        tuple(path for path, _ in found),
        torch.tensor([number[wnid] for _, wnid in found]),
        len(wnids),
        "imagenet" if len(wnids) == CLASSES else f"imagenet ({len(wnids)} of {CLASSES} classes)",
        view,
    )


def _from_class_folders(home: Path) -> list[tuple[Path, str]]:
    folders = sorted(path for path in home.iterdir() if path.is_dir())
    return [(path, folder.name) for folder in folders for path in _images(folder)]


def _from_devkit(home: Path, devkit: Path) -> list[tuple[Path, str]]:
    """The validation images lie side by side; the n-th line of the devkit's list has the number of the n-th one's class."""
    from scipy.io import loadmat

    synsets = loadmat(devkit / "data" / "meta.mat", squeeze_me=True)["synsets"]
    wnid = {int(synset["ILSVRC2012_ID"]): str(synset["WNID"]) for synset in synsets.ravel()}
    truth = (devkit / "data" / "ILSVRC2012_validation_ground_truth.txt").read_text().split()
    images = _images(home)
    if len(images) != len(truth):
        raise DataError(f"imagenet: {home} has {len(images)} images, but the development kit labels {len(truth)}")
    return [(path, wnid[int(label)]) for path, label in zip(images, truth, strict=True)]


def _images(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
