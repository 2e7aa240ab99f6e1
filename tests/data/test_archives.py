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
