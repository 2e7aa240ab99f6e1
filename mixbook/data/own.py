"""Somebody's own data for training: a folder of images, or a table, as a training and a test part."""

import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from mixbook.data.arrays import Arrays
from mixbook.data.class_folders import class_folders, class_images, images_in, left_out
from mixbook.data.files import Table, read_table
from mixbook.data.image_files import look, read_image, square_view
from mixbook.data.pixels import Pixels
from mixbook.least import at_least

HELD_OUT = 1 / 3
_ENDINGS = (".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
_MOST_CHANNELS = 4
_TESTS = ("test", "val", "valid", "validation")  # the first that is there is the test part


@dataclass(frozen=True)
class Own:
    """What was read.

    Args:
        train, test: images as bytes are ``Pixels``; images as numbers in [0, 1], and tables, are ``Arrays``. Columns of
            tables go from 0 to 1 over both parts, so that single precision keeps their digits: scale by the training part.
        classes: what each label was called.
        label: where the labels of a file were, such as ``"column 'kind'"``; None of a folder.
        offset, scale: for each column of a table: what is here is (x - offset) / scale of what the file has.
    """

    train: Pixels | Arrays
    test: Pixels | Arrays
    classes: tuple[str, ...]
    label: str | None = None
    offset: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()


def is_path(data: str) -> bool:
    """Whether a word means a file or folder: it exists, or has an ending or a separator.

    Example:
        >>> from mixbook.data.own import is_path
        >>> is_path("flowers.csv"), is_path("photos/flowers"), is_path("flowres")
        (True, True, False)
    """
    path = Path(data)
    return bool(data) and (path.name != data or path.suffix != "" or path.exists())


def read_own(
    path: str | Path,
    *,
    label: str | int | None = None,
    size: int | None = None,
    colour: bool = False,
    generator: torch.Generator | None = None,
) -> Own:
    """Read a folder of images or a table.

    A folder has one folder for each class, or ``train`` and ``test`` (or ``val``) with one for each class. Of a table, and
    of a folder without parts, a random third of each class is kept to test on. Classes are numbered in the order of their
    names. Images are seen as a viewer shows them: turned as the camera says, on white where they are transparent. Files
    that are left out, and classes without a test sample, are a warning.

    An ``.npz`` may hold a table, x (n, d), or images, (n, H, W) or (n, channels, H, W) of 1 to 4 channels: whole numbers
    from 0 to 255, or numbers in [0, 1].

    Args:
        path: the folder, or a file that :func:`~mixbook.data.files.read_table` reads.
        label: of a table, which column (or array) has the classes.
        size: bring the images of a folder to ``size`` x ``size``, as :func:`~mixbook.data.square_view` does.
        colour: grey images of a folder become colour ones. Else a folder of grey images has one channel.
        generator: source of the split.

    Raises:
        ValueError: if there are no two classes, a class to be split has one sample, something in the file or folder is not
            as it should be, or an option is for the other kind.
        OSError: if a file cannot be read.
        ImportError: if images need Pillow, or ``size`` torchvision, and it is missing.
    """
    path = Path(path)
    if path.is_dir():
        if label is not None:
            raise ValueError(f"label is for tables, and {path} is a folder: its folders name the classes")
        return _folder(path, size, colour, generator)
    if not path.exists():
        raise FileNotFoundError(f"there is no file or folder {path}")
    if size is not None or colour:
        raise ValueError(f"size and colour are for a folder of images, not for {path.name}: leave them out")
    table = read_table(path, label, gaps=False)
    _check_classes(path.name, table.classes)
    if len(table.classes) > len(table.y) // 2:
        what = f"{path.name} has {len(table.classes)} classes for {len(table.y)} samples"
        raise ValueError(f"{what}: are these class labels? Say with label which column has them")
    data, *scaling = _of_table(table, path.name)
    return Own(*_split(data, table.classes, generator), table.classes, table.label, *scaling)


def has_test_alone(path: str | Path) -> bool:
    """Whether a folder has a test part (``test``, ``val``) and nothing to train on: :func:`read_test` reads it."""
    return _test_alone(Path(path)) is not None


def read_test(
    path: str | Path, classes: tuple[str, ...] | None = None, *, size: int | None = None, colour: bool = False
) -> Pixels:
    """All images of a folder with a test part alone (see :func:`has_test_alone`), read as :func:`read_own` reads images.

    Args:
        path: the folder.
        classes: what each label is called; if None, the folders of the classes in the order of their names.
        size, colour: as for :func:`read_own`.

    Raises:
        ValueError: if there are no two classes, one that ``classes`` does not have, or something in the folder is not as it
            should be.
        OSError: if a file cannot be read.
        ImportError: if images need Pillow, or ``size`` torchvision, and it is missing.
    """
    home = Path(path)
    part = _test_alone(home)
    if part is None:
        raise ValueError(f"{home} must have {_TESTS[0]} or {_TESTS[1]} and nothing to train on: read_own reads others")
    images = class_images(part, _ENDINGS)
    there = tuple(dict.fromkeys(name for _, name in images))
    classes = there if classes is None else classes
    _check_classes(str(part), classes)
    if unknown := [name for name in there if name not in classes]:
        raise ValueError(f"{part} has a class that the network does not know, {unknown[0]}: it knows {', '.join(classes)}")
    _warn_of_gaps(home, [part], [name for name in classes if name not in there])
    return _read(images, classes, home.name, size, _all_grey([path for path, _ in images], size, colour))


def _check_classes(name: str, classes: tuple[str, ...]) -> None:
    if len(classes) < 2:
        raise ValueError(f"{name} must have two classes at least, got {classes[0] if classes else 'no samples'} alone")


def _split(
    data: Pixels | Arrays, classes: tuple[str, ...], generator: torch.Generator | None
) -> tuple[Pixels | Arrays, Pixels | Arrays]:
    """A random split within each class: of all of them some samples are trained on, and some tested on."""
    order = torch.randperm(len(data), generator=generator)
    held_out = torch.zeros(len(data), dtype=torch.bool)
    for number, name in enumerate(classes):
        at = (data.y[order] == number).nonzero().flatten()
        if len(at) < 2:
            what = f"{data.name} has one sample of the class {name}"
            raise ValueError(f"{what}: a class needs two, one to train and one to test on. Add to it, or take it out")
        held_out[at[: max(1, round(HELD_OUT * len(at)))]] = True
    return data[order[~held_out]], data[order[held_out]]


def _folder(home: Path, size: int | None, colour: bool, generator: torch.Generator | None) -> Own:
    if size is not None:
        at_least(1, size=size)
    parts = _parts(home)
    found = [class_images(part, _ENDINGS) for part in parts]
    for part, images in zip(parts, found, strict=True):
        if not images:
            raise ValueError(f"{part} has no folders of images: put those of each class into a folder of its name")
    classes = tuple(dict.fromkeys(name for _, name in found[0]))
    _check_classes(str(parts[0]), classes)
    tested = dict.fromkeys(name for _, name in found[-1])
    if unknown := [name for name in tested if name not in classes]:
        raise ValueError(f"{parts[-1]} has a class that {parts[0].name} has not, {unknown[0]}: take it out")
    _warn_of_gaps(home, parts, [name for name in classes if name not in tested])
    grey = _all_grey([path for images in found for path, _ in images], size, colour)
    pixels = [_read(images, classes, home.name, size, grey) for images in found]
    train, test = pixels if len(pixels) == 2 else _split(pixels[0], classes, generator)
    return Own(train, test, classes)


def _parts(home: Path) -> list[Path]:
    """The training and the test part, or the folder itself."""
    if (alone := _test_alone(home)) is not None:
        raise ValueError(
            f"{home} has {alone.name}, but no train beside it, so there is nothing to train on: add it. To test a network "
            "that is trained, `mixbook evaluate --data` takes all of such a folder"
        )
    train, test = _named_parts(home)
    if train is None or images_in(train, _ENDINGS):  # a class may have that name
        return [home]
    if test is None:
        raise ValueError(f"{home} has train, but no test or val beside it: add one, or give {train} alone")
    return [train, test]


def _named_parts(home: Path) -> tuple[Path | None, Path | None]:
    """The folders that are called as a training and a test part are."""
    folders = {folder.name.lower(): folder for folder in class_folders(home)}
    return folders.get("train"), next((folders[name] for name in _TESTS if name in folders), None)


def _test_alone(home: Path) -> Path | None:
    """The test part of a folder that has nothing else; a class may be called test, and then has images."""
    if any(folder.name.lower() not in _TESTS for folder in class_folders(home)):
        return None
    _, test = _named_parts(home)
    return None if test is None or not class_folders(test) or images_in(test, _ENDINGS) else test


def _warn_of_gaps(home: Path, parts: list[Path], untested: list[str]) -> None:
    """Say what in a folder is not read, and which classes the test part lacks.

    Raises:
        ValueError: if there are images where none are looked for.
    """
    beside = [folder.name for folder in class_folders(home) if folder not in parts]
    if parts != [home] and beside:
        read = " and ".join(part.name for part in parts)
        are = "are" if len(parts) > 1 else "is"
        warnings.warn(f"of {home} only {read} {are} read, not {', '.join(beside)}", stacklevel=4)
    if others := [path for part in parts for path in left_out(part, _ENDINGS)]:
        what = f"{len(others)} files in {home} are not read, such as {others[0].relative_to(home)}"
        warnings.warn(f"{what}: images end in {', '.join(_ENDINGS)}, and lie in the folder of a class", stacklevel=4)
    if untested:
        what = f"{len(untested)} of the classes that are trained on, such as {untested[0]}"
        warnings.warn(f"{parts[-1]} has no images of {what}: the test error says nothing of them", stacklevel=4)


def _read(images: Sequence[tuple[Path, str]], classes: tuple[str, ...], name: str, size: int | None, grey: bool) -> Pixels:
    view = None if size is None else square_view(size)

    def pixels(path: Path) -> torch.Tensor:
        image = read_image(path, as_shown=True)
        image = image if view is None else view(image)
        return image[:1].contiguous() if grey else image

    with ThreadPoolExecutor() as pool:
        x = torch.stack(list(pool.map(pixels, [path for path, _ in images])))
    number = {name: at for at, name in enumerate(classes)}
    return Pixels(x, torch.tensor([number[name] for _, name in images]), len(classes), name)


def _all_grey(paths: list[Path], size: int | None, colour: bool) -> bool:
    """Whether images are to have one channel.

    Raises:
        ValueError: if they cannot be put into one batch.
    """
    with ThreadPoolExecutor() as pool:
        looks = list(pool.map(partial(look, as_shown=True), paths))
    (grey, first), here = looks[0], paths[0]
    for path, (also, (width, height)) in zip(paths, looks, strict=True):
        if size is None and (width, height) != first:
            sizes = f"{here} has {first[0]} x {first[1]} pixels and {path} {width} x {height}"
            raise ValueError(f"images differ in size, {sizes}: bring them to one size, such as --size 64")
        if not colour and also != grey:
            one, other = (here, path) if grey else (path, here)
            raise ValueError(f"images are grey and in colour, as {one} and {other}: --colour makes all of them colour ones")
    return grey and not colour


def _of_table(table: Table, name: str) -> tuple[Pixels | Arrays, tuple[float, ...], tuple[float, ...]]:
    """The data, and the offset and scale of each column of a table."""
    x, y, classes = table.x, torch.from_numpy(table.y), len(table.classes)
    if x.ndim not in (2, 3, 4) or 0 in x.shape:
        raise ValueError(f"x of {name} must be (n, d), or images (n, H, W) or (n, channels, H, W), got {x.shape}")
    if x.ndim == 2:
        # Trained on from 0 to 1. In double precision first: in single dates and account numbers lose their last digits.
        x = x.astype(float)
        low, span = x.min(axis=0), np.ptp(x, axis=0)
        span = np.where(span > 0, span, 1)
        scaled = Arrays(torch.from_numpy((x - low) / span).float(), y, classes, name)
        return scaled, tuple(low.tolist()), tuple(span.tolist())
    _check_image_shape(x.shape, name)
    x = x[:, None] if x.ndim == 3 else x
    low, high = x.min(), x.max()
    if x.dtype.kind in "iu" and low >= 0 and high <= 255:
        return Pixels(torch.from_numpy(x.astype(np.uint8)), y, classes, name), (), ()
    if low >= 0 and high <= 1:
        return Arrays(torch.from_numpy(x.astype(np.float32)), y, classes, name), (), ()
    wanted = "whole numbers from 0 to 255, or numbers in [0, 1]"
    raise ValueError(f"images in {name} must be {wanted}, got {low:g} to {high:g}: a table is x.reshape(len(x), -1)")


def _check_image_shape(shape: tuple[int, ...], name: str) -> None:
    """Refuse what is no image, or has its channels elsewhere: networks would train on it without a word."""
    table = "series and the like are a table, x.reshape(len(x), -1)"
    if len(shape) == 3 and min(shape[1:]) < _MOST_CHANNELS < max(shape[1:]):
        raise ValueError(f"images in {name} must be (n, H, W), got {shape}: {table}; thin images are x[:, None]")
    if len(shape) == 4 and shape[-1] <= _MOST_CHANNELS and shape[1] > shape[-1]:
        raise ValueError(f"images in {name} must be (n, channels, H, W), got {shape}: try x.transpose(0, 3, 1, 2)")
    if len(shape) == 4 and shape[1] > _MOST_CHANNELS:
        what = f"must be (n, channels, H, W) with 1 to {_MOST_CHANNELS} channels"
        raise ValueError(f"images in {name} {what}, got {shape}: {table}")
