"""The data folder: where data sets that do not come with a library are found, or else downloaded to.

It is the folder that the environment variable ``MIXBOOK_DATA`` names, by default ``~/.cache/mixbook``. In it lie the
official files, under these names (whoever has them already puts or links them there)::

    mnist/train-images-idx3-ubyte.gz ...            tabular/abalone/abalone.data
    cifar-10-batches-py/data_batch_1 ...            tabular/arrhythmia/arrhythmia.data
    cifar-100-python/train ...                      tabular/phishing/Training Dataset.arff
    svhn/train_32x32.mat ...                        tabular/htru2/HTRU_2.csv
    tiny-imagenet-200/train ...                     CUB_200_2011/images ...
    imagenet/train/n01440764 ...                    speech_commands/bed ...

or the archives that they come in (``cifar-10-python.tar.gz``), which are unpacked at first use. A file that is not there is
downloaded, unless ``MIXBOOK_OFFLINE=1`` forbids it. No file is read, and no archive unpacked, before its checksum was found
to be right. Folders of many files (the last two lines) are not checked file by file.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from mixbook.data.archives import ArchiveError, unpack
from mixbook.data.download import download
from mixbook.data.sources import SOURCES, Archive, File, Source


class DataError(Exception):
    """A data set is not there, or is not the published one. The message says which command, address and folder help."""


def root() -> Path:
    """The data folder; it need not exist.

    Raises:
        DataError: if it is in the home folder, and there is none.
    """
    given = os.environ.get("MIXBOOK_DATA")
    try:
        if given:
            return Path(given).expanduser().absolute()
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mixbook"
    except RuntimeError as error:  # such as that of a user whom the system does not know, as in some containers
        where = given or "~/.cache/mixbook"
        raise DataError(
            f"the data folder {where} is in a home folder, and there is none: name another in MIXBOOK_DATA"
        ) from error


def source(name: str) -> Source:
    """The entry of a data set in the table.

    Raises:
        DataError: if there is none of this name.
    """
    if name not in SOURCES:
        raise DataError(f"no data set {name!r}. There are: {', '.join(SOURCES)}")
    return SOURCES[name]


def files(name: str) -> tuple[Path, ...]:
    """The files of a data set, in the table's order: found or downloaded, and checked.

    Raises:
        DataError: if they are not there and cannot be downloaded, or one is not the published file.
    """
    wanted = source(name)
    obtain(wanted)
    return tuple(_checked(wanted, file) for file in wanted.files)


def folder(name: str, part: int = 0) -> Path:
    """An unpacked folder of a data set whose files are too many to be checked one by one; its archive was checked.

    Args:
        name: of the data set.
        part: which of its archives, in the table's order. The others are not needed.

    Raises:
        DataError: as ``files``.
    """
    wanted = source(name)
    archive = wanted.archives[part]
    obtain(replace(wanted, archives=(archive,)))
    return root() / archive.folder


def check_part(name: str, part: str, parts: Iterable[str], note: str = "") -> None:
    """Refuse a part that a data set has not; ``note`` says why one that somebody may miss is not there.

    Raises:
        ValueError: naming those that there are.
    """
    parts = tuple(parts)
    if part not in parts:
        raise ValueError(f"part of {name} must be one of {', '.join(map(repr, parts))}{note}, got {part!r}")


def title(name: str, found: int, published: int, what: str = "classes") -> str:
    """What messages and result files call a folder that has ``found`` of the classes that were published.

    Example:
        >>> from mixbook.data.store import title
        >>> title("cub200", 200, 200), title("cub200", 2, 200)
        ('cub200', 'cub200 (2 of 200 classes)')
    """
    return name if found == published else f"{name} ({found} of {published} {what})"


@contextmanager
def whole(home: Path, name: str) -> Iterator[None]:
    """While files of an unpacked folder are read: say which one is missing, and what to do.

    Raises:
        DataError: instead of OSError.
    """
    try:
        yield
    except OSError as error:
        raise DataError(_not_whole(home, error.filename or str(error), name)) from error


def present(wanted: Source) -> bool:
    """Whether everything that the loader reads is in the data folder; contents are not looked at."""
    home = root()
    whole = all(unpacked(archive) for archive in wanted.archives)
    return whole and all((home / file.path).is_file() for file in wanted.files)


def unpacked(archive: Archive) -> bool:
    """Whether there is something in the folder that an archive is unpacked to; hidden files are nothing."""
    try:
        return any(not name.startswith(".") for name in os.listdir(root() / archive.folder))
    except OSError:
        return False


def obtain(wanted: Source) -> None:
    """Download and unpack what is missing. Processes that want the same data set wait for the first of them."""
    if present(wanted):
        return
    from filelock import FileLock

    home = root()
    try:
        home.mkdir(parents=True, exist_ok=True)
        with FileLock(home / f".{wanted.name}.lock"):
            if present(wanted):
                return
            for archive in wanted.archives:
                _unpack(wanted, archive)
            if not wanted.archives:
                for file in wanted.files:
                    _fetch(wanted, file)
    except OSError as error:
        absent = tuple(archive.file for archive in wanted.archives) or wanted.files
        raise DataError(_missing(wanted, absent, f"it cannot be put there ({error})")) from error


def matches(path: Path, file: File) -> bool:
    """Whether the file at ``path`` has (one of) the published checksum(s)."""
    for checksum in file.checksums:
        algorithm, _, expected = checksum.partition(":")
        with path.open("rb") as opened:
            if hashlib.file_digest(opened, algorithm).hexdigest() == expected:
                return True
    return False


def _unpack(wanted: Source, archive: Archive) -> None:
    target = root() / archive.folder
    if target.exists():
        absent = [file.path for file in wanted.files if not (root() / file.path).is_file()]
        if absent or not unpacked(archive):
            raise DataError(_not_whole(target, ", ".join(absent) or "all files", wanted.name))
        return
    _fetch(wanted, archive.file)
    try:
        unpack(_checked(wanted, archive.file), target, archive.inside, nested=archive.nested)
    except ArchiveError as error:
        raise DataError(f"{wanted.name}: {error}") from error


def _not_whole(home: Path, absent: str, name: str) -> str:
    return f"{home} is there, but not whole: {absent} missing. Move it away, then `mixbook data get {name}`"


def _fetch(wanted: Source, file: File) -> None:
    target = root() / file.path
    if target.is_file():
        return
    if not file.url:
        raise DataError(_missing(wanted, (file,), "it is given to people with an account only"))
    if os.environ.get("MIXBOOK_OFFLINE", "0") not in ("", "0"):
        raise DataError(_missing(wanted, (file,), "MIXBOOK_OFFLINE forbids to download it"))
    part = target.with_name(target.name + ".part")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        download(file.url, part, file.size)
    except OSError as error:
        raise DataError(_missing(wanted, (file,), f"downloading it failed ({error})")) from error
    if not matches(part, file):
        part.unlink()
        raise DataError(
            f"{wanted.name}: what {file.url} served has not the checksum {file.checksums[0]}, and was deleted. "
            f"Try again, or put the official file in {target.parent}"
        )
    os.replace(part, target)


def _checked(wanted: Source, file: File) -> Path:
    path = root() / file.path
    if not matches(path, file):
        raise DataError(
            f"{wanted.name}: {path} is not the published file: its checksum is not {file.checksums[0]}. "
            f"Remove it, then `mixbook data get {wanted.name}`"
        )
    return path


def _missing(wanted: Source, absent: tuple[File, ...], why: str) -> str:
    lines = [f"{wanted.name} is not in the data folder {root()}, and {why}."]
    lines += [f"  {file.url or wanted.home}  goes to  {root() / file.path}" for file in absent]
    lines += [
        f"Where there is a network, `mixbook data get {wanted.name}` does it; MIXBOOK_DATA names another data folder."
    ]
    return "\n".join(lines)
