import signal
import subprocess
import sys

import pytest
from tiny_archives import tar, zip_

from mixbook.data.archives import ArchiveError, unpack


@pytest.mark.parametrize("make", [tar, zip_])
def test_a_folder_of_an_archive_becomes_the_wanted_folder(make, tmp_path):
    archive = make(tmp_path / "a", ("top/x/1.txt", b"one"), ("top/2.txt", b"two"), ("other.txt", b"no"))
    unpack(archive, tmp_path / "in" / "here", "top")
    found = {p.relative_to(tmp_path / "in").as_posix(): p.read_bytes() for p in (tmp_path / "in").rglob("*.txt")}
    assert found == {"here/x/1.txt": b"one", "here/2.txt": b"two"}


@pytest.mark.parametrize("make", [tar, zip_])
@pytest.mark.parametrize(
    ("name", "contents", "why"),
    [
        ("../evil", b"", "leads out of its folder"),
        ("ok/../../evil", b"", "leads out of its folder"),
        ("/tmp/evil", b"", "leads out of its folder"),
        ("C:/evil", b"", "leads out of its folder"),
        ("link", "/etc", "is a link"),
        ("link", "inside", "is a link"),
    ],
)
def test_an_entry_that_leads_out_is_refused_by_name_and_nothing_stays(make, name, contents, why, tmp_path):
    archive = make(tmp_path / "a", ("good.txt", b"good"), (name, contents))
    with pytest.raises(ArchiveError, match=why) as refused:
        unpack(archive, tmp_path / "in" / "here")
    assert repr(name) in str(refused.value)
    assert list((tmp_path / "in").iterdir()) == []
    assert not (tmp_path / "evil").exists() and not (tmp_path / "in" / "evil").exists()


@pytest.mark.parametrize("make", [tar, zip_])
def test_a_truncated_archive_is_said_to_be_truncated_and_nothing_stays(make, tmp_path):
    archive = make(tmp_path / "a", *((f"{n}.bin", bytes(range(256)) * 40) for n in range(50)))
    archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    with pytest.raises(ArchiveError, match="damaged or truncated"):
        unpack(archive, tmp_path / "in" / "here")
    assert list((tmp_path / "in").iterdir()) == []


def test_what_is_no_archive_is_refused(tmp_path):
    (tmp_path / "a").write_text("<html>404</html>")
    with pytest.raises(ArchiveError, match="damaged"):
        unpack(tmp_path / "a", tmp_path / "here")


def test_an_archive_without_the_folder_is_not_the_official_one(tmp_path):
    with pytest.raises(ArchiveError, match="does not hold the folder 'top'"):
        unpack(tar(tmp_path / "a", ("x", b"")), tmp_path / "here", "top")


def test_what_a_killed_process_left_is_removed_and_what_others_unpack_is_not(tmp_path):
    killed = """
import os, signal, sys
from pathlib import Path
from mixbook.data import archives
def until_killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)
archives._unpack_tar = until_killed
archives.unpack(Path(sys.argv[1]), Path(sys.argv[2]))
"""
    archive = tar(tmp_path / "a", ("x", b"x"))
    for name in ("here", "here-too"):
        arguments = [sys.executable, "-c", killed, str(archive), str(tmp_path / "in" / name)]
        assert subprocess.run(arguments).returncode == -signal.SIGKILL
    left = set((tmp_path / "in").iterdir())
    assert len(left) == 2
    unpack(archive, tmp_path / "in" / "here")
    now = set((tmp_path / "in").iterdir())
    assert len(now & left) == 1 and now - left == {tmp_path / "in" / "here"}


def test_a_tar_that_ends_with_a_zip_is_a_tar(tmp_path):
    inner = zip_(tmp_path / "inner", ("only.txt", b"x")).read_bytes()
    archive = tar(tmp_path / "a", ("first.txt", b"one"), ("last.zip", inner), mode="w")
    unpack(archive, tmp_path / "here")
    assert sorted(path.name for path in (tmp_path / "here").iterdir()) == ["first.txt", "last.zip"]


@pytest.mark.parametrize("make", [tar, zip_])
@pytest.mark.parametrize("names", [("a", "a/b"), ("a/b", "a")])
def test_a_name_that_is_a_file_and_a_folder_is_the_fault_of_the_archive(make, names, tmp_path):
    archive = make(tmp_path / "archive", *((name, b"x") for name in names))
    with pytest.raises(ArchiveError, match="damaged"):
        unpack(archive, tmp_path / "in" / "here")
    assert list((tmp_path / "in").iterdir()) == []


def test_damage_in_a_compressed_part_is_named(tmp_path):
    archive = tar(tmp_path / "a", ("numbers", " ".join(map(str, range(50_000))).encode()), mode="w:xz")
    contents = bytearray(archive.read_bytes())
    contents[len(contents) // 2] ^= 255
    archive.write_bytes(contents)
    with pytest.raises(ArchiveError, match="damaged"):
        unpack(archive, tmp_path / "here")


def test_what_is_encrypted_is_refused(tmp_path):
    archive = zip_(tmp_path / "a", ("some.txt", b"secret"))
    contents = bytearray(archive.read_bytes())
    contents[6] |= 1  # in the file's own header, and in the list at the end
    contents[contents.rfind(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(contents)
    with pytest.raises(ArchiveError, match=r"'some\.txt', which is encrypted"):
        unpack(archive, tmp_path / "here")
