"""Files that are written whole or not at all: on a full disk, or after a kill, what was there before is still there."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A file to write bytes to, which takes the name ``path`` when the block ends without an error.

    It lies beside the old one, is forced to the disk, and then takes its name and its permissions; of a link, those of what
    it leads to. One process at a time may write a path.

    Raises:
        OSError: if it cannot be written. What was there before is unchanged then.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from mixbook.whole_file import whole_file
        >>> with TemporaryDirectory() as folder:
        ...     with whole_file(Path(folder) / "some.txt") as file:
        ...         file.write(b"all of it")
        ...     Path(folder, "some.txt").read_text()
        9
        'all of it'
    """
    path = path.resolve() if path.exists() else path  # a link that leads nowhere is replaced
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        with suppress(OSError):  # there is none yet, or the file system has no permissions
            shutil.copymode(path, part)
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
    _sync_directory(path.parent)


def write_whole(path: Path, text: str) -> None:
    """Replace a text file, in UTF-8, and make its folder if there is none.

    Raises:
        OSError: as :func:`whole_file`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        file.write(text.encode())


def _sync_directory(folder: Path) -> None:
    """Force the new name to the disk too; without it a power cut can bring the old file back."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some file systems cannot, and the file itself is in its place
            os.fsync(handle)
    finally:
        os.close(handle)
