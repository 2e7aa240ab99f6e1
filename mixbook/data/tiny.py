"""Tiny ImageNet from its official folder."""

from pathlib import Path
from typing import Literal

import torch

from mixbook.data import store
from mixbook.data.image_files import ImageFiles, View, boxes_from_corners
from mixbook.data.store import DataError

CLASSES = 200


def tiny_imagenet(part: Literal["train", "val"] = "train", view: View | None = None) -> ImageFiles:
    """Tiny ImageNet: 500 training and 50 validation images (3, 64, 64) of each of 200 classes.

    The test part has no published labels; papers report the validation part. Classes are numbered in the alphabetical order
    of their WordNet names. ``tiny_imagenet("train").pixels()`` has all of them in memory (1.2 GB). Boxes mark the object.

    A folder with fewer classes (those in its ``wnids.txt``) is read too, and named as such.

    Raises:
        ValueError: if there is no such part.
        mixbook.data.store.DataError: if the data are not there and cannot be downloaded.
    """
    store.check_part("tiny_imagenet", part, ("train", "val"), " (test has no labels)")
    home = store.folder("tiny_imagenet")
    with store.whole(home, "tiny_imagenet"):
        return _read(home, part, view)


def _read(home: Path, part: str, view: View | None) -> ImageFiles:
    wnids = sorted((home / "wnids.txt").read_text().split())
    number = {wnid: at for at, wnid in enumerate(wnids)}
    rows: list[tuple[str, list[str]]] = []  # class, and file with box: name, left, top, right, bottom
    if part == "train":
        for wnid in wnids:
            table = home / "train" / wnid / f"{wnid}_boxes.txt"
            rows += [(wnid, line.split("\t")) for line in table.read_text().splitlines()]
        paths = tuple(home / "train" / wnid / "images" / line[0] for wnid, line in rows)
    else:
        for line in (home / "val" / "val_annotations.txt").read_text().splitlines():
            file, wnid, *box = line.split("\t")
            if wnid in number:
                rows.append((wnid, [file, *box]))
        paths = tuple(home / "val" / "images" / line[0] for _, line in rows)
    if not rows:
        raise DataError(f"tiny_imagenet: {home} names no images for its part {part!r}")
    corners = torch.tensor([[float(side) for side in line[1:]] for _, line in rows])
    return ImageFiles(
        paths,
        torch.tensor([number[wnid] for wnid, _ in rows]),
        len(wnids),
        store.title("tiny_imagenet", len(wnids), CLASSES),
        view,
        boxes_from_corners(corners),
    )
