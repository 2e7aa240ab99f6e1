"""What is written whole takes the place of what was there, and of nothing else."""

import os
import shutil
import stat

import pytest

from mixbook.whole_file import whole_file, write_whole


def test_a_link_stays_one_and_permissions_stay(tmp_path):
    kept = tmp_path / "elsewhere" / "kept.txt"
    write_whole(kept, "before")
    kept.chmod(0o600)
    link = tmp_path / "link.txt"
    link.symlink_to(kept)
    write_whole(link, "after")
    assert link.is_symlink() and kept.read_text() == "after"
    assert stat.S_IMODE(os.stat(kept).st_mode) == 0o600


def test_where_there_are_no_permissions_files_are_written_all_the_same(tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(shutil, "copymode", refuse)
    for text in ("first", "second"):
        write_whole(tmp_path / "some.txt", text)
        assert (tmp_path / "some.txt").read_text() == text
    (tmp_path / "link").symlink_to(tmp_path / "nowhere" / "file")
    write_whole(tmp_path / "link", "text")
    assert (tmp_path / "link").read_text() == "text"


def test_what_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / "some.txt"
    write_whole(path, "before")
    with pytest.raises(ValueError), whole_file(path) as file:
        file.write(b"half")
        raise ValueError
    assert path.read_text() == "before" and [each.name for each in tmp_path.iterdir()] == ["some.txt"]


def test_two_that_write_the_same_path_at_once_leave_the_whole_file_of_the_last(tmp_path):
    path = tmp_path / "some.txt"
    with whole_file(path) as first:
        first.write(b"of the first")
        with whole_file(path) as second:
            second.write(b"of the second")
        assert path.read_text() == "of the second"
    assert path.read_text() == "of the first" and list(tmp_path.iterdir()) == [path]


def test_what_killed_processes_left_behind_is_removed_and_what_others_are_writing_is_not(tmp_path):
    names = ["[1].txt.part", "[1].txt.0a1b.part", "[1].txt.young.part", "1.txt.0a1b.part", "[1].txt.partial"]
    for name in names:
        (tmp_path / name).write_text("half")
        if "young" not in name:
            os.utime(tmp_path / name, (0, 0))
    write_whole(tmp_path / "[1].txt", "whole")
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(["[1].txt", *names[2:]])
