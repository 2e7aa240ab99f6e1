"""The rendered book as one PDF, printed by Chromium: `_build/mixbook.pdf`."""

import sys
from pathlib import Path
from typing import Any

import one_page
import viewing
from contents import ROOT

PDF = ROOT / "_build" / "mixbook.pdf"
SCALE = 0.8
WIDTH = 820  # CSS pixels between the margins, at this scale
FOOTER = '<div style="font-size: 8px; width: 100%; text-align: center"><span class="pageNumber"></span></div>'
SHEETS: dict[str, Any] = {
    "display_header_footer": True,
    "header_template": "<span></span>",
    "footer_template": FOOTER,
    "print_background": True,
    "scale": SCALE,
    "format": "A4",
    "margin": {"top": "18mm", "bottom": "20mm", "left": "18mm", "right": "18mm"},
}
# What is wider than the paper is made smaller as a whole: a table that is cut off says something else.
SHRINK = """() => {
  for (const wide of document.querySelectorAll("table, mjx-container[display='true'], img, svg")) {
    const room = (wide.closest("td, li, dd, .admonition, section, article") ?? document.body).clientWidth;
    const width = Math.max(wide.scrollWidth ?? 0, wide.getBoundingClientRect().width);
    if (room && width > room) wide.style.zoom = Math.max(0.4, (0.98 * room) / width);
  }
}"""
# The style sheet writes them beside the lines of the contents.
NUMBER = """(numbers) => {
  for (const link of document.querySelectorAll(".print-contents a")) link.dataset.page = numbers[link.hash.slice(1)];
}"""


def print_book(html: Path, target: Path) -> Path:
    """Print the pages of `html` in reading order, with numbered pages and links that work."""
    whole = viewing.built(html) / "one_page.html"
    whole.write_text(one_page.join(html), encoding="utf-8")
    try:
        with viewing.launch() as browser:
            page = browser.new_page(viewport={"width": WIDTH, "height": 900})
            page.set_default_timeout(900_000)  # the mathematics of the whole book at once
            page.emulate_media(media="print", color_scheme="light")
            page.goto(whole.as_uri(), wait_until="load", timeout=900_000)
            viewing.typeset(page)
            page.evaluate(SHRINK)
            page.pdf(path=target, **SHEETS)  # a browser knows no page numbers before it has printed
            page.evaluate(NUMBER, page_numbers(target))
            page.pdf(path=target, outline=True, tagged=True, **SHEETS)
    finally:
        whole.unlink(missing_ok=True)
    return target


def page_numbers(pdf: Path) -> dict[str, int]:
    """The pages, counted from 1, that the links inside a printed book lead to, by the ids in the one page."""
    from pypdf import PdfReader

    reader = PdfReader(pdf)
    places = reader.named_destinations.items()
    return {name.removeprefix("/"): (reader.get_destination_page_number(place) or 0) + 1 for name, place in places}


if __name__ == "__main__":
    try:
        print(f"the book on paper: {print_book(viewing.HTML, PDF)}")
    except FileNotFoundError as error:
        sys.exit(str(error))
