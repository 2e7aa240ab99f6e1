"""The book on paper. A file of its own: what prints starts a browser, which no other test may hold open meanwhile."""

import re
import shutil
from pathlib import Path

import browsing
import contents
import one_page
import pdf_book
import pytest
from pypdf import PdfReader

pytestmark = [*browsing.MARKS, pytest.mark.slow]


@pytest.fixture(scope="module")
def printed(built_book, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("paper")
    shutil.copytree(built_book, folder / "html", symlinks=True)
    return pdf_book.print_book(folder / "html", folder / "mixbook.pdf")


def test_the_pdf_is_small_and_its_contents_say_on_which_page_each_chapter_begins(printed):
    assert 1e6 < printed.stat().st_size < 25e6
    pages = PdfReader(printed).pages
    numbers = pdf_book.page_numbers(printed)
    first = [numbers[one_page.anchor(f"{page.removesuffix('.ipynb')}.html")] for page in contents.pages()]
    assert first == sorted(set(first)) and first[-1] <= len(pages)
    listed = "\n".join(page.extract_text() for page in pages[: first[0] - 1])
    assert [int(number) for number in re.findall(r"\S (\d+)$", listed, re.MULTILINE)] == first


def test_links_on_paper_lead_to_a_place_in_it_or_to_the_web(printed):
    pdf = PdfReader(printed)
    notes = [note.get_object() for page in pdf.pages for note in page.get("/Annots", [])]
    links = [note for note in notes if note["/Subtype"] == "/Link"]
    away = [link["/A"]["/URI"] for link in links if "/Dest" not in link]
    assert len(links) > len(contents.pages())
    assert {str(link["/Dest"]) for link in links if "/Dest" in link} <= pdf.named_destinations.keys()
    assert not [address for address in away if not address.startswith("https://")]
