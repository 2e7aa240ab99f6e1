"""The rendered book: it has the pages it should have, and needs nothing from elsewhere."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import contents
from test_reference import entries, imported_by_pages, listed, public

LOADED = re.compile(r"<(?:script|img|iframe|source|video|audio)\b[^>]*?\ssrc=\"([^\"]+)\"")
LINKED = re.compile(r"<link\b[^>]*?\shref=\"([^\"]+)\"")


def target(book: Path, page: Path, path: str) -> Path:
    """The file that an address on a page leads to; an address from the root is read in the book."""
    return (book / f".{unquote(path)}" if path.startswith("/") else page.parent / unquote(path)).resolve()


def pages(book: Path) -> list[Path]:
    return sorted(page for page in book.rglob("*.html") if "_static" not in page.parts)


def test_pages_equal_the_table_of_contents(built_book):
    made = {page.relative_to(built_book).with_suffix("").as_posix() for page in pages(built_book)}
    own = {"index", "genindex", "search", "prf-prf", "py-modindex", "404"}  # no source of their own; and the way in
    assert made - own == {page.removesuffix(".ipynb") for page in contents.pages()}


def test_the_reference_describes_every_public_name_and_leads_to_it(built_book):
    reference = built_book / "book" / "reference"
    described = {
        name for page in reference.glob("*.html") for name in re.findall(r"<dt[^>]*\bid=\"([^\"]+)\"", page.read_text())
    }
    assert public() <= described, "add an automodule for its home to a page of book/reference/"
    links = set(re.findall(r"href=\"\w+\.html#([\w.]+)\"", (reference / "names.html").read_text()))
    assert listed() <= links


def test_every_entry_that_a_page_imports_says_where_it_is_explained(built_book):
    said = {}
    for page in (built_book / "book" / "reference").glob("*.html"):
        for name, text in re.findall(r'<dt[^>]*\bid="([^"]+)"(.*?)(?=<dl class="py|$)', page.read_text(), re.DOTALL):
            said[name] = "Explained in:" in text
    imported = list(imported_by_pages().values())
    silent = {name for name, thing in entries().items() if any(thing is each for each in imported) and not said[name]}
    assert not silent


def test_the_index_of_all_names_is_linked_from_the_reference(built_book):
    html = (built_book / "book" / "reference" / "names.html").read_text()
    assert re.search(r'<a\b[^>]* href="../../genindex.html"', html)


def test_the_index_of_statements_has_their_numbers_and_names(built_book):
    html = (built_book / "prf-prf.html").read_text()
    assert re.search(r'<h2>1\. Why [^<]*</h2>\s*<ul>\s*<li><a href="book/why/mixup\.html#[\w-]+">Definition 1\.1 \(', html)
    assert 'href="../prf-prf.html"' in (built_book / "book" / "notation.html").read_text()


def test_the_way_in_leads_to_the_front_page(built_book):
    way_in = (built_book / "index.html").read_text()
    assert f"url={contents.pages()[0].removesuffix('.ipynb')}.html" in way_in


def test_everything_that_a_page_loads_lies_in_the_book(built_book):
    for page in pages(built_book):
        for address in LOADED.findall(page.read_text()) + LINKED.findall(page.read_text()):
            parts = urlsplit(address)
            if parts.scheme == "data":
                continue
            assert not parts.scheme and not parts.netloc, f"{page.name} loads {address}"
            assert target(built_book, page, parts.path).exists(), f"{page.name} loads {address}, which is absent"


def test_links_inside_the_book_lead_somewhere(built_book):
    ids = {page: set(re.findall(r"\bid=\"([^\"]+)\"", page.read_text())) for page in pages(built_book)}
    for page in ids:
        for address in re.findall(r"<a\b[^>]*?\shref=\"([^\"]+)\"", page.read_text()):
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            there = target(built_book, page, parts.path) if parts.path else page
            assert there.exists(), f"{page.name} links to {address}"
            if parts.fragment and there in ids:
                assert unquote(parts.fragment) in ids[there], f"{page.name} links to {address}"


def test_every_image_has_alternative_text(built_book):
    for page in pages(built_book):
        for image in re.findall(r"<img\b[^>]*>", page.read_text()):
            named = "logo__image" in image  # the book's name stands beside it
            assert named or re.search(r"\balt=\"[^\"]", image), f"{page.name}: {image}"


def test_every_table_has_headers(built_book):
    for page in (built_book / "book").rglob("*.html"):
        for table in re.findall(r"<table\b.*?</table>", page.read_text(), re.DOTALL):
            headers = [
                re.sub(r"<[^>]*>", "", header).strip() for header in re.findall(r"<th\b[^>]*>(.*?)</th>", table, re.DOTALL)
            ]
            assert headers and all(headers), f"{page.name}: {table[:200]}"
