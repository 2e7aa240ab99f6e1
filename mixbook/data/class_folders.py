"""Images with a folder for each class: the layout of ImageNet, and of most people's own."""

import os
from collections.abc import Sequence
from pathlib import Path

ENDINGS = (".jpeg", ".jpg", ".png")  # of ImageNet's images


def class_images(home: Path, endings: Sequence[str] = ENDINGS) -> list[tuple[Path, str]]:
    """The images in each folder of ``home``, with its name, in the order of the names; none if there are no folders.

    Raises:
        ValueError: if a folder has no images.
    """
    found = [(folder.name, images_in(folder, endings)) for folder in class_folders(home)]
    if empty := [name for name, images in found if not images]:
        raise ValueError(f"{home} has classes without images, such as {empty[0]}: fill these folders, or remove them")
    return [(path, name) for name, images in found for path in images]


def class_folders(home: Path) -> list[Path]:
    """In the order of their names; what notebooks, archives and the like hide among them is none."""
    return sorted(path for path in home.iterdir() if path.is_dir() and not _hidden(path)) if home.is_dir() else []


def images_in(folder: Path, endings: Sequence[str] = ENDINGS) -> list[Path]:
    """Files that are images by their ending, in the order of their names."""
    return [path for path in _files_in(folder) if path.suffix.lower() in endings]


def left_out(home: Path, endings: Sequence[str] = ENDINGS) -> list[Path]:
    """The files that :func:`class_images` does not take: of another ending, or images outside the folders of classes.

    Raises:
        ValueError: if images lie in a folder in the folder of a class.
    """
    others = [path for folder in class_folders(home) for path in _files_in(folder) if path.suffix.lower() not in endings]
    for folder in (inner for outer in class_folders(home) for inner in class_folders(outer)):
        if deep := [path for path in folder.rglob("*") if path.suffix.lower() in endings and path.is_file()]:
            raise ValueError(f"{deep[0]} lies too deep: images of a class are in its folder, not in folders in that one")
    return images_in(home, endings) + others


def _files_in(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:  # they know what is a folder, where a path would ask the disk for each
        paths = [Path(entry.path) for entry in entries if not entry.is_dir()]
    return sorted(path for path in paths if not _hidden(path))


def _hidden(path: Path) -> bool:
    return path.name.startswith(".") or path.name == "__MACOSX"
