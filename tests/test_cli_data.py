"""``mixbook data``, as somebody types it."""

import hashlib
from contextlib import nullcontext
from dataclasses import replace

import pytest

from mixbook import cli
from mixbook.data import store
from mixbook.data.sources import SOURCES, Archive, File, Source


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """An empty data folder, no network, and one data set that is right if its file says so."""
    monkeypatch.setenv("MIXBOOK_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("MIXBOOK_OFFLINE", "1")
    file = File("tiny.csv", (f"sha256:{hashlib.sha256(b'right').hexdigest()}",), "http://localhost/tiny.csv")
    monkeypatch.setitem(SOURCES, "tiny", Source("tiny", "a tiny table", "http://localhost", (file,)))
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def refused(capsys, *arguments: str) -> str:
    with pytest.raises(SystemExit) as left:
        cli.main(["data", *arguments])
    assert left.value.code == 2
    return capsys.readouterr().err


def test_list_names_the_folder_every_set_and_what_is_here(home, capsys):
    (home / "tiny.csv").write_text("right")
    cli.main(["data", "list"])
    first, *lines = capsys.readouterr().out.splitlines()
    assert str(home) in first
    assert {line.split()[1] for line in lines} == set(SOURCES)
    assert [line.split()[1] for line in lines if line.startswith("here")] == ["tiny"]


def test_get_says_where_a_set_is(home, capsys):
    (home / "tiny.csv").write_text("right")
    cli.main(["data", "get", "tiny"])
    assert capsys.readouterr().out.strip() == f"tiny: {home / 'tiny.csv'}"


def test_get_without_a_network_says_command_url_and_folder(home, capsys):
    said = refused(capsys, "get", "tiny")
    assert said.startswith("mixbook: tiny is not in the data folder")
    for helps in ("mixbook data get tiny", "http://localhost/tiny.csv", str(home / "tiny.csv")):
        assert helps in said


@pytest.mark.parametrize("command", ["get", "verify"])
def test_an_unknown_set_lists_the_known_ones(command, capsys):
    assert "no data set 'imagnet'. There are: mnist" in refused(capsys, command, "imagnet")


def test_get_needs_a_name(capsys):
    assert "which data set? There are: mnist" in refused(capsys, "get")


def test_verify_tells_right_wrong_and_absent_files_apart(home, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(["data", "verify", "tiny"])
    said = capsys.readouterr()
    assert (left.value.code, said.out) == (2, "absent tiny.csv\n")
    assert said.err == "mixbook: not all there: tiny. `mixbook data get tiny`\n"
    (home / "tiny.csv").write_text("right")
    cli.main(["data", "verify", "tiny"])
    assert capsys.readouterr().out == "ok     tiny.csv\n"
    (home / "tiny.csv").write_text("wrong")
    assert str(home / "tiny.csv") in refused(capsys, "verify")


def test_verify_says_of_each_archive_what_it_found(home, monkeypatch, capsys):
    def says(made, *, absent=False) -> str:
        monkeypatch.setitem(SOURCES, "packed", made)
        with pytest.raises(SystemExit) if absent else nullcontext():
            cli.main(["data", "verify", "packed"])
        return capsys.readouterr().out

    right = (f"sha256:{hashlib.sha256(b'right').hexdigest()}",)
    made = Source("packed", "", "http://localhost", archives=(Archive(File("packed.zip", right), "out"),))
    assert says(made, absent=True) == "absent packed.zip\n"
    (home / "out").mkdir()
    assert says(made, absent=True) == "absent packed.zip\n"
    (home / "out" / "one.txt").write_text("right")
    assert says(made) == "not checked out: unpacked, no archive packed.zip\n"
    assert says(replace(made, files=(File("out/one.txt", right),))) == "ok     out/one.txt\n"
    (home / "packed.zip").write_text("right")
    assert says(made) == "ok     packed.zip\n"


def test_verify_of_all_sets_wants_one_and_none_in_part(home, monkeypatch, capsys):
    assert f"no data set is in {home}: `mixbook data list`" in refused(capsys, "verify")
    (home / "tiny.csv").write_text("right")
    cli.main(["data", "verify"])
    assert {"ok     tiny.csv", "absent mnist/train-images-idx3-ubyte.gz"} <= set(capsys.readouterr().out.splitlines())
    more = replace(SOURCES["tiny"], files=(*SOURCES["tiny"].files, File("more.csv", SOURCES["tiny"].files[0].checksums)))
    monkeypatch.setitem(SOURCES, "tiny", more)
    assert "not all there: tiny. " in refused(capsys, "verify")


@pytest.mark.parametrize("command", ["list", "verify"])
def test_without_a_home_it_says_which_variable_helps(command, monkeypatch, capsys):
    def nowhere():
        raise store.DataError("name another in MIXBOOK_DATA")

    monkeypatch.setattr(store, "root", nowhere)
    assert refused(capsys, command) == "mixbook: name another in MIXBOOK_DATA\n"
