"""ImageNet-1k from its official archives, or from the folders that they unpack to."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, cast
from xml.etree import ElementTree

import torch
from torch import Tensor

from mixbook.data import store
from mixbook.data.class_folders import class_folders, class_images, images_in
from mixbook.data.image_files import ImageFiles, View, boxes_from_corners
from mixbook.data.store import DataError

CLASSES = 1000


def imagenet(part: Literal["train", "val"] = "train", view: View | None = None) -> ImageFiles:
    """ImageNet-1k (ILSVRC 2012): 1,281,167 training and 50,000 validation images (3, H, W) of 1000 classes.

    Classes are numbered in the alphabetical order of their WordNet names, as everywhere. The archives are given to people
    with an account; put them into the data folder, and they are checked and unpacked at first use. Folders
    ``imagenet/train/<WordNet name>`` and ``imagenet/val/<WordNet name>`` that are there already are taken as they are; with
    fewer classes, those of the training part are numbered, and of the official validation part these are taken.
    Give a view (``random_view``, ``centre_view``) before images are put into batches.

    Boxes of the validation images are a small archive of their own, ``ILSVRC2012_bbox_val_v3``: unpack it to
    ``imagenet/boxes``, so that there are files ``imagenet/boxes/val/ILSVRC2012_val_00000001.xml``.

    Raises:
        ValueError: if there is no such part.
        mixbook.data.store.DataError: if the data are not there, a class has no images, or the validation part has one that
            the training part beside it has not.
    """
    store.check_part("imagenet", part, ("train", "val"))
    home = store.folder("imagenet", 0 if part == "train" else 1)
    found = _from_class_folders(home)
    trained = [folder.name for folder in class_folders(home.parent / "train")] if part == "val" else []
    if not found and part == "val":
        found = _from_devkit(home, store.folder("imagenet_devkit"))
        found = [(path, wnid) for path, wnid in found if not trained or wnid in trained]
    if not found:
        raise DataError(f"imagenet: {home} has no folders of classes, such as n01440764, with images in them")
    wnids = sorted({wnid for _, wnid in found})
    if trained:  # a subset numbers its classes in both parts
        unknown = sorted(set(wnids) - set(trained))
        if unknown:
            what = f"val has {len(unknown)} classes that train has not, such as {unknown[0]}"
            raise DataError(f"imagenet: {what}: take them out")
        wnids = trained
    number = {wnid: at for at, wnid in enumerate(wnids)}
    paths = tuple(path for path, _ in found)
    return ImageFiles(
        paths,
        torch.tensor([number[wnid] for _, wnid in found]),
        len(wnids),
        store.title("imagenet", len(wnids), CLASSES),
        view,
        _boxes(home.parent / "boxes" / "val", paths) if part == "val" else None,
    )


def _boxes(folder: Path, paths: Sequence[Path]) -> Tensor | None:
    """The boxes of images, (n, m, 4), filled up with zeros; None if they are not there."""
    if not folder.is_dir():
        return None
    try:
        boxes = [_read_boxes(folder / f"{path.stem}.xml") for path in paths]
    except (OSError, ElementTree.ParseError, AttributeError, ValueError) as error:
        raise DataError(f"imagenet: the boxes in {folder} cannot be read: {error}") from error
    most = max(len(each) for each in boxes)
    return torch.stack([torch.cat([each, torch.zeros(most - len(each), 4)]) for each in boxes])


def _read_boxes(path: Path) -> Tensor:
    """Left, top, width and height of each object, (m, 4), from its file."""
    corners = [
        [float(cast(str, box.findtext(side))) for side in ("xmin", "ymin", "xmax", "ymax")]
        for box in ElementTree.parse(path).getroot().iterfind("object/bndbox")
    ]
    return boxes_from_corners(torch.tensor(corners).reshape(-1, 4))


def _from_class_folders(home: Path) -> list[tuple[Path, str]]:
    try:
        return class_images(home)
    except ValueError as error:
        raise DataError(f"imagenet: {error}") from error


def _from_devkit(home: Path, devkit: Path) -> list[tuple[Path, str]]:
    """The validation images lie side by side; the n-th line of the devkit's list has the number of the n-th one's class."""
    from scipy.io import loadmat

    synsets = loadmat(devkit / "data" / "meta.mat", squeeze_me=True)["synsets"]
    wnid = {int(synset["ILSVRC2012_ID"]): str(synset["WNID"]) for synset in synsets.ravel()}
    truth = (devkit / "data" / "ILSVRC2012_validation_ground_truth.txt").read_text().split()
    images = images_in(home)
    if len(images) != len(truth):
        raise DataError(f"imagenet: {home} has {len(images)} images, but the development kit labels {len(truth)}")
    return [(path, wnid[int(label)]) for path, label in zip(images, truth, strict=True)]
