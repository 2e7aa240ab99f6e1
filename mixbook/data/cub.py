"""CUB-200-2011 from its official folder."""

from pathlib import Path
from typing import Literal

import torch

from mixbook.data import store
from mixbook.data.image_files import ImageFiles, View

CLASSES = 200


def cub200(part: Literal["train", "test"] = "train", view: View | None = None) -> ImageFiles:
    """CUB-200-2011: 5,994 training and 5,794 test images (3, H, W) of 200 species of birds, with boxes.

    Class c is the species that the official files number c + 1. Give a view (``random_view``, ``centre_view``) before they
    are put into batches. A folder with fewer species is read too, with the same numbers, and named as such.

    Raises:
        ValueError: if there is no such part.
        mixbook.data.store.DataError: if the data are not there and cannot be downloaded.
    """
    store.check_part("cub200", part, ("train", "test"))
    home = store.folder("cub200")
    with store.whole(home, "cub200"):
        files, labels = _table(home / "images.txt"), _table(home / "image_class_labels.txt")
        training, boxes = _table(home / "train_test_split.txt"), _table(home / "bounding_boxes.txt")
        species = len(_table(home / "classes.txt"))
    numbers = [number for number in files if (training[number] == ["1"]) == (part == "train")]
    return ImageFiles(
        tuple(home / "images" / files[number][0] for number in numbers),
        torch.tensor([int(labels[number][0]) - 1 for number in numbers]),
        CLASSES,
        store.title("cub200", species, CLASSES),
        view,
        torch.tensor([[float(side) for side in boxes[number]] for number in numbers]),
    )


def _table(path: Path) -> dict[str, list[str]]:
    """Lines of a number and values, by number."""
    rows = (line.split() for line in path.read_text().splitlines())
    return {number: values for number, *values in rows}
