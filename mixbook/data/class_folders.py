"""Images with a folder for each class: the layout of ImageNet, and of most people's own."""

from pathlib import Path

_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")


def class_images(home: Path) -> list[tuple[Path, str]]:
    """The images in each folder of ``home``, with its name, in the order of the names; none if there are no folders.

    Raises:
        ValueError: if a folder has no images.
    """
    found = [(folder.name, images_in(folder)) for folder in class_folders(home)]
    if empty := [name for name, images in found if not images]:
        raise ValueError(f"{home} has classes without images, such as {empty[0]}: fill these folders, or remove them")
    return [(path, name) for name, images in found for path in images]


def class_folders(home: Path) -> list[Path]:
    """In the order of their names; what notebooks and the like hide among them is none."""
    return sorted(path for path in home.iterdir() if path.is_dir() and not _hidden(path)) if home.is_dir() else []


def images_in(folder: Path) -> list[Path]:
    """Files that are images by their ending, in the order of their names."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES and not _hidden(path))


def _hidden(path: Path) -> bool:
    return path.name.startswith(".")
