"""The data folder: found, downloaded, checked, refused. With a server and data sets of the tests' own."""

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_archives import tar

from mixbook import data
from mixbook.data import store
from mixbook.data.sources import SOURCES, Archive, File, Source
from mixbook.data.store import DataError

CONTENTS = b"1,2,3\n"


def sha256(contents: bytes) -> tuple[str, ...]:
    return (f"sha256:{hashlib.sha256(contents).hexdigest()}",)


@pytest.fixture
def numbers(site, monkeypatch) -> Source:
    """A data set of one file that the server serves."""
    site.pages["/numbers.csv"] = CONTENTS
    file = File("numbers/numbers.csv", sha256(CONTENTS), f"{site.url}/numbers.csv", len(CONTENTS))
    made = Source("numbers", "three numbers", "http://localhost", (file,))
    monkeypatch.setitem(SOURCES, "numbers", made)
    return made


@pytest.fixture
def packed(site, tmp_path, monkeypatch) -> Source:
    """A data set of one file in an archive that the server serves."""
    contents = tar(tmp_path / "t", ("top/numbers.csv", CONTENTS)).read_bytes()
    site.pages["/packed.tar.gz"] = contents
    archive = Archive(File("packed.tar.gz", sha256(contents), f"{site.url}/packed.tar.gz"), "out", "top")
    made = Source("packed", "packed", "http://localhost", (File("out/numbers.csv", sha256(CONTENTS)),), (archive,))
    monkeypatch.setitem(SOURCES, "packed", made)
    return made


def test_the_folder_is_the_named_one_or_in_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("MIXBOOK_DATA", str(tmp_path / "named"))
    assert store.root() == tmp_path / "named"
    monkeypatch.delenv("MIXBOOK_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert store.root() == tmp_path / "cache" / "mixbook"


@pytest.mark.parametrize("given", [None, "~/data"])
def test_a_data_folder_in_a_home_that_is_not_there_is_said_with_the_way_out(given, monkeypatch):
    def nowhere(*_):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("MIXBOOK_DATA", raising=False)
    if given:
        monkeypatch.setenv("MIXBOOK_DATA", given)
    monkeypatch.setattr(Path, "home", nowhere)
    monkeypatch.setattr(Path, "expanduser", nowhere)
    with pytest.raises(DataError, match=rf"folder {given or '~/.cache/mixbook'} is in a home .* another in MIXBOOK_DATA"):
        store.root()


def test_a_missing_file_is_downloaded_once(numbers, site, home):
    for _ in range(2):
        (path,) = store.files("numbers")
        assert path == home / "numbers" / "numbers.csv"
        assert path.read_bytes() == CONTENTS
    assert len(site.ranges) == 1


def test_a_file_that_is_there_is_used_without_a_network(numbers, site, home, monkeypatch):
    monkeypatch.setenv("MIXBOOK_OFFLINE", "1")
    (home / "numbers").mkdir(parents=True)
    (home / "numbers" / "numbers.csv").write_bytes(CONTENTS)
    store.files("numbers")
    assert site.ranges == []


def test_an_archive_is_downloaded_checked_and_unpacked(packed, site, home):
    for _ in range(2):
        assert store.files("packed") == (home / "out" / "numbers.csv",)
    assert store.folder("packed") == home / "out"
    assert len(site.ranges) == 1


def assert_helps(error: DataError, name: str, url: str, place: Path) -> None:
    assert f"mixbook data get {name}" in str(error)
    assert url in str(error)
    assert str(place) in str(error)


@pytest.mark.parametrize("offline", ["1", "0"])
def test_without_a_network_it_says_which_command_which_url_and_which_folder(numbers, site, home, offline, monkeypatch):
    monkeypatch.setenv("MIXBOOK_OFFLINE", offline)
    url = "http://127.0.0.1:9/numbers.csv"  # nobody listens on port 9
    file = File("numbers/numbers.csv", sha256(CONTENTS), url)
    monkeypatch.setitem(SOURCES, "numbers", Source("numbers", "", "http://localhost", (file,)))
    with pytest.raises(DataError, match="MIXBOOK_OFFLINE" if offline == "1" else "downloading it failed") as error:
        store.files("numbers")
    assert_helps(error.value, "numbers", url, home / "numbers" / "numbers.csv")


def test_every_real_data_set_says_what_to_do_when_it_is_missing(home, monkeypatch):
    monkeypatch.setenv("MIXBOOK_OFFLINE", "1")
    for name, source in SOURCES.items():
        with pytest.raises(DataError) as error:
            store.files(name)
        first = source.archives[0].file if source.archives else source.files[0]
        assert_helps(error.value, name, first.url or source.home, home / first.path)


def test_a_download_with_another_checksum_is_deleted_and_refused(numbers, site, home):
    site.pages["/numbers.csv"] = b"9,9,9\n"
    with pytest.raises(DataError, match=r"has not the checksum sha256:.*deleted"):
        store.files("numbers")
    assert [path.name for path in (home / "numbers").iterdir()] == []


def test_a_broken_download_goes_on_at_the_next_call(numbers, site, home):
    site.breaks_after = 3
    with pytest.raises(DataError, match="after 3 of 6 bytes"):
        store.files("numbers")
    site.breaks_after = None
    (path,) = store.files("numbers")
    assert path.read_bytes() == CONTENTS
    assert site.ranges == [None, "bytes=3-"]


def test_a_file_that_was_changed_is_refused_by_name(numbers, home):
    (path,) = store.files("numbers")
    path.write_bytes(b"1,2,4\n")
    with pytest.raises(DataError, match=r"not the published file.*mixbook data get numbers") as error:
        store.files("numbers")
    assert str(path) in str(error.value)


def test_an_archive_placed_by_hand_is_checked_before_it_is_unpacked(packed, home):
    home.mkdir()
    (home / "packed.tar.gz").write_bytes(b"something else")
    with pytest.raises(DataError, match="not the published file"):
        store.files("packed")
    assert not (home / "out").exists()


def test_a_folder_that_is_not_whole_is_not_repaired_silently(packed, home):
    (home / "out").mkdir(parents=True)
    with pytest.raises(DataError, match=r"not whole: out/numbers.csv missing"):
        store.files("packed")


def test_an_empty_folder_is_no_data_set(packed, home, monkeypatch):
    many = replace(packed, files=())  # too many to be listed
    monkeypatch.setitem(SOURCES, "packed", many)
    (home / "out").mkdir(parents=True)
    (home / "out" / ".DS_Store").touch()
    assert not store.present(many)
    with pytest.raises(DataError, match=r"out is there, but not whole: all files missing\. Move it away"):
        store.folder("packed")
    (home / "out" / "a").touch()
    assert store.present(many) and store.folder("packed") == home / "out"


def test_a_malicious_archive_is_refused_even_with_its_checksum(packed, site, home, tmp_path, monkeypatch):
    contents = tar(tmp_path / "t", ("top/numbers.csv", CONTENTS), ("../../evil", b"")).read_bytes()
    site.pages["/packed.tar.gz"] = contents
    archive = replace(packed.archives[0], file=replace(packed.archives[0].file, checksums=sha256(contents)))
    monkeypatch.setitem(SOURCES, "packed", replace(packed, archives=(archive,)))
    with pytest.raises(DataError, match=r"packed: .*'../../evil', which leads out"):
        store.files("packed")
    assert not (home / "out").exists() and not (tmp_path / "evil").exists()


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(DataError, match=r"no data set 'imagnet'. There are: mnist"):
        store.files("imagnet")


def test_a_data_folder_that_cannot_be_made_is_named(numbers, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MIXBOOK_DATA", str(tmp_path / "file" / "data"))
    with pytest.raises(DataError, match="cannot be put there"):
        store.files("numbers")


def test_processes_that_start_together_download_once(numbers, site, home):
    file = numbers.files[0]
    script = (
        "from mixbook.data import store; from mixbook.data.sources import *;"
        f"SOURCES['numbers'] = Source('numbers', '', '', (File({file.path!r}, {file.checksums!r}, {file.url!r}),));"
        "print(store.files('numbers')[0].read_text())"
    )
    started = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate()[0].strip() for process in started] == ["1,2,3"] * 3
    assert len(site.ranges) == 1


def test_the_table_is_well_formed():
    for name, source in SOURCES.items():
        assert source.name == name
        assert source.home.startswith("http")
        archives = [archive.file for archive in source.archives]
        assert all(bool(file.url) != bool(archives) for file in source.files)
        for file in (*source.files, *archives):
            assert not Path(file.path).is_absolute()
            for checksum in file.checksums:
                algorithm, _, digest = checksum.partition(":")
                assert len(digest) == 2 * hashlib.new(algorithm).digest_size


@pytest.mark.parametrize(
    ("name", "part", "message"),
    [
        ("mnist", "val", "part of mnist must be one of 'train', 'test', got 'val'"),
        ("cub200", "val", "part of cub200 must be one of 'train', 'test', got 'val'"),
        ("imagenet", "test", "part of imagenet must be one of 'train', 'val', got 'test'"),
        ("tiny_imagenet", "test", r"tiny_imagenet must be one of 'train', 'val' \(test has no labels\), got 'test'"),
        ("speech_commands", "all", "part of speech_commands must be one of 'train', 'val', 'test', got 'all'"),
    ],
)
def test_a_part_that_a_set_has_not_is_refused_before_its_files_are_looked_for(name, part, message):
    with pytest.raises(ValueError, match=message):
        getattr(data, name)(part)
