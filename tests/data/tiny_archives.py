"""Archives that a test writes, honest or not."""

import io
import stat
import tarfile
import zipfile


def tar(path, *members: tuple[str, bytes | str], mode="w:gz"):
    """A tar of files; contents that are a str make a symbolic link to it."""
    with tarfile.open(path, mode) as archive:
        for name, contents in members:
            info = tarfile.TarInfo(name)
            if isinstance(contents, str):
                info.type, info.linkname = tarfile.SYMTYPE, contents
                archive.addfile(info)
            else:
                info.size = len(contents)
                archive.addfile(info, io.BytesIO(contents))
    return path


def zip_(path, *members: tuple[str, bytes | str]):
    with zipfile.ZipFile(path, "w") as archive:
        for name, contents in members:
            info = zipfile.ZipInfo(name)
            if isinstance(contents, str):
                info.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(info, contents)
    return path
