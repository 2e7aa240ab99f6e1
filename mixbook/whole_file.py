"""Files that are written whole or not at all: on a full disk, or after a kill, what was there before is still there."""

import glob
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

_LEFT_OVER = 3600.0  # seconds: what was not written to for so long is of a process that was killed


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A file to write bytes to, which takes the name ``path`` when the block ends without an error.

    It lies beside the old one as ``NAME.*.part``, is forced to the disk, and then takes its name and its permissions; of a
    link, those of what it leads to. Where several processes write a path at the same time, each writes a part of its own,
    and the last to end is what stays. Parts that killed processes left behind are removed when an hour old.

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
    # Not named by process: others on other machines have the same numbers.
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        with suppress(OSError):  # there is none yet, or the file system has no permissions
            shutil.copymode(path, part)
        _remove_left_over(path, part)
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


def _remove_left_over(path: Path, part: Path) -> None:
    """Remove older parts of ``path``, by the clock of the file system, which may be another machine's."""
    now = part.stat().st_mtime
    for each in path.parent.glob(f"{glob.escape(path.name)}.*part"):  # NAME.part is of earlier versions
        with suppress(OSError):  # somebody else was quicker
            if now - each.stat().st_mtime > _LEFT_OVER:
                each.unlink()


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
