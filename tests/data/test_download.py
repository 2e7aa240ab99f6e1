import random

import pytest

from mixbook.data.download import Interrupted, download

PAGE = random.Random(5).randbytes(700_000)


@pytest.fixture
def served(site):
    site.pages["/file"] = PAGE
    return site


def test_a_file_arrives_whole(served, tmp_path):
    download(f"{served.url}/file", tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == PAGE
    assert served.ranges == [None]


def test_a_broken_download_says_how_far_it_came_and_the_next_one_goes_on_from_there(served, tmp_path):
    served.breaks_after = 400_000
    with pytest.raises(Interrupted, match=r"after 400,000 of 700,000 bytes"):
        download(f"{served.url}/file", tmp_path / "part")
    served.breaks_after = None
    download(f"{served.url}/file", tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == PAGE
    assert served.ranges == [None, "bytes=400000-"]


def test_a_server_that_cannot_resume_sends_everything_again(served, tmp_path):
    (tmp_path / "part").write_bytes(b"x" * 1000)
    served.resumes = False
    download(f"{served.url}/file", tmp_path / "part", len(PAGE))
    assert (tmp_path / "part").read_bytes() == PAGE


def test_a_finished_part_is_left_as_it_is(served, tmp_path):
    (tmp_path / "part").write_bytes(PAGE)
    download(f"{served.url}/file", tmp_path / "part", len(PAGE))
    download(f"{served.url}/file", tmp_path / "part")  # of unknown size: the server says that there is no more
    assert (tmp_path / "part").read_bytes() == PAGE
    assert served.ranges == [f"bytes={len(PAGE)}-"]


def test_an_absent_page_is_an_error(served, tmp_path):
    with pytest.raises(OSError, match="404"):
        download(f"{served.url}/other", tmp_path / "part")
