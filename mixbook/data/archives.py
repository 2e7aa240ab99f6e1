"""Unpack an archive so that nothing can land outside its folder, and nothing half unpacked is left behind."""

import lzma
import shutil
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath, PureWindowsPath
from stat import S_ISLNK

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # how one begins, and how an empty one does
# A method of compression that nobody knows is NotImplementedError.
_DAMAGED = (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError, NotImplementedError)
_CLASHES = (FileExistsError, NotADirectoryError, IsADirectoryError)  # one name is a file and a folder


class ArchiveError(Exception):
    """An archive that is damaged, or holds what an archive of data has no business to hold."""


def unpack(archive: Path, folder: Path, inside: str = "", *, nested: bool = False) -> None:
    """Unpack a zip or tar file (of any compression) into a new folder, which appears only when all of it is there.

    One process at a time may unpack to a folder. What a killed one left half unpacked beside it is removed.

    Args:
        archive: the file.
        folder: becomes the contents; must not exist.
        inside: the folder in the archive that becomes ``folder``; empty for all of the archive.
        nested: the archive is a tar of tars, as ImageNet's; each is unpacked into a folder of its name.

    Raises:
        ArchiveError: if the archive is damaged or truncated; if an entry is absolute, has ``..`` in it, is encrypted, or is
            neither a file nor a folder (links, devices); if ``inside`` is not in it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    target = folder.parent / f".unpacking-{folder.name}"
    if target.exists():
        shutil.rmtree(target)
    target.mkdir()
    try:
        try:
            if _is_zip(archive):
                _unpack_zip(archive, target)
            else:
                with tarfile.open(archive) as tar:
                    _unpack_tar(archive, tar, target, nested)
        except (*_DAMAGED, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None and not isinstance(error, _CLASHES):
                raise  # the disk's fault, not the archive's
            raise ArchiveError(f"{archive} is damaged or truncated ({error}): remove it and get it again") from error
        contents = target / inside
        if not contents.is_dir():
            raise ArchiveError(f"{archive} does not hold the folder {inside!r}: it is not the official archive")
        contents.rename(folder)
    finally:
        shutil.rmtree(target, ignore_errors=True)  # without a trace, unless all of it became the folder


def _is_zip(archive: Path) -> bool:
    """By its beginning: by its end, a tar whose last file is a zip would be one."""
    with archive.open("rb") as file:
        return file.read(4) in _ZIP


def _unpack_zip(archive: Path, target: Path) -> None:
    with zipfile.ZipFile(archive) as zipped:
        for entry in zipped.infolist():
            if S_ISLNK(entry.external_attr >> 16):
                raise _refused(archive, entry.filename, "is a link")
            if entry.flag_bits & 1:
                raise _refused(archive, entry.filename, "is encrypted")
            _check_name(archive, entry.filename)
            zipped.extract(entry, target)


def _unpack_tar(archive: Path, tar: tarfile.TarFile, target: Path, nested: bool) -> None:
    for member in tar:
        if not (member.isfile() or member.isdir()):
            raise _refused(archive, member.name, "is a link or a device")
        _check_name(archive, member.name)
        if nested and member.name.endswith(".tar"):
            with tarfile.open(fileobj=tar.extractfile(member)) as inner:
                _unpack_tar(archive, inner, target / member.name.removesuffix(".tar"), nested=False)
        else:
            tar.extract(member, target, filter="data")


def _check_name(archive: Path, name: str) -> None:
    windows, posix = PureWindowsPath(name), PurePosixPath(name)
    if posix.is_absolute() or windows.anchor or ".." in posix.parts or ".." in windows.parts:
        raise _refused(archive, name, "leads out of its folder")


def _refused(archive: Path, name: str, why: str) -> ArchiveError:
    return ArchiveError(f"{archive} holds {name!r}, which {why}: nothing of it was kept. Get it from its official site")
