"""The book is light: what a page loads, and what the whole of it weighs on a disk."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from test_book_build import LOADED, pages

STYLE = re.compile(r"<link\b[^>]*?\shref=\"([^\"]+)\"[^>]*>")
A_PAGE = 1.5e6  # bytes, without MathJax
THE_BOOK = 80e6


def loaded_by(page: Path) -> set[Path]:
    """The files that a browser fetches for a page, itself included; MathJax is counted with the book."""
    text = page.read_text(encoding="utf-8")
    links = [m[1] for m in STYLE.finditer(text) if 'rel="stylesheet"' in m[0] or 'rel="icon"' in m[0]]
    paths = (urlsplit(address) for address in LOADED.findall(text) + links)
    files = {(page.parent / unquote(parts.path)).resolve() for parts in paths if not parts.scheme}
    return {page} | {file for file in files if file.is_file() and "mathjax" not in file.parts}


def test_a_page_is_light(built_book):
    weights = {str(p.relative_to(built_book)): sum(f.stat().st_size for f in loaded_by(p)) for p in pages(built_book)}
    assert len(weights) > 1 and not {page: weight for page, weight in weights.items() if weight > A_PAGE}


def test_the_book_fits_on_little_room(built_book):
    assert sum(path.stat().st_size for path in built_book.rglob("*") if path.is_file()) < THE_BOOK
