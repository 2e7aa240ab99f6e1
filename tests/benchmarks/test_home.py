"""Where the book is, and where in it results lie."""

from pathlib import Path

import pytest

from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.home import NOTEBOOKS, RESULTS, find_book, stored_results


def test_the_book_is_found_from_within_and_by_name(tmp_path, monkeypatch):
    (tmp_path / NOTEBOOKS).mkdir(parents=True)
    (tmp_path / RESULTS / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / RESULTS / "deep")
    assert find_book() == tmp_path
    assert stored_results() == tmp_path / RESULTS
    monkeypatch.chdir("/")
    assert find_book(tmp_path) == find_book(tmp_path / "book") == tmp_path


def test_where_there_is_no_book_it_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BenchmarkError, match="--book FOLDER"):
        find_book()
    with pytest.raises(BenchmarkError, match="nowhere holds no"):
        find_book(Path("nowhere"))
