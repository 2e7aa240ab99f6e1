"""The book on paper. A file of its own: what prints starts a browser, which no other test may hold open meanwhile."""

import re
import shutil

import browsing
import contents
import pdf_book
import pytest

pytestmark = [*browsing.MARKS, pytest.mark.slow]


def test_the_pdf_has_pages_and_is_small(built_book, tmp_path):
    copy = tmp_path / "html"
    shutil.copytree(built_book, copy, symlinks=True)
    printed = pdf_book.print_book(copy, tmp_path / "mixbook.pdf")
    assert 1e6 < printed.stat().st_size < 25e6
    assert len(re.findall(rb"/Type\s*/Page\b", printed.read_bytes())) > len(contents.pages())
