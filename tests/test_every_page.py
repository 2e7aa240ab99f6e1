"""Every page in a real browser: opened once at each width and in each theme, and looked at by all the tests here."""

import functools
from pathlib import Path

import browsing
import pytest
from browsing import Visit

pytestmark = browsing.MARKS

TELEPHONE, DESK = 375, 1280
FOLDER = (DESK, "light")  # read from the folder, without a server; the others as they are served
EVERYWHERE = pytest.mark.parametrize(
    ("width", "theme"),
    [
        (TELEPHONE, "light"),
        (TELEPHONE, "dark"),
        pytest.param(*FOLDER, id="1280-light-from-a-folder"),
        (DESK, "dark"),
    ],
)
SEEN = """() => {
  const count = (kind) => document.querySelectorAll(kind).length;
  return {
    theme: document.documentElement.dataset.theme,
    across: document.scrollingElement.scrollWidth,
    formulas: count(".math"),
    typeset: count(".math:has(mjx-container)"),
    containers: count("mjx-container"),
    spoken: count("mjx-container mjx-assistive-mml math"),
    misunderstood: count("mjx-merror"),
    stops: count("mjx-container[tabindex='0']"),
    figures: [...document.querySelectorAll(".cell_output img")].map((image) => {
      const { backgroundColor, filter } = getComputedStyle(image);
      return [backgroundColor, filter];
    }),
  };
}"""
UNFOLD = "document.querySelectorAll('.bd-article details').forEach((folded) => (folded.open = true))"
# Formulas that stick out of their box, or scroll in it; what only screen readers read of them must not make them scroll.
TOO_WIDE = """() => [...document.querySelectorAll("mjx-container")].filter((box) => {
  const parts = [...box.querySelectorAll("mjx-math *")].map((part) => part.getBoundingClientRect());
  const { left, right } = box.getBoundingClientRect();
  const out = parts.some((at) => at.width && (at.left < left - 2 || at.right > right + 2));
  return out || box.scrollWidth > box.clientWidth + 2;
}).map((box) => box.textContent)"""
TABLES = ".cell_output .output.text_html:has(table)"
# Tables wider than their box: their classes, and what stands above them.
OVER = f"""() => [...document.querySelectorAll("{TABLES}")]
  .filter((box) => box.scrollWidth > box.clientWidth + 1)
  .map((box) => [box.querySelector("table").className, getComputedStyle(box, "::before").content])"""


def names(book: Path) -> set[str]:
    """Every page but the way in, which leads on to the front page at once."""
    found = {page.relative_to(book).as_posix() for page in book.rglob("*.html") if "_static" not in page.parts}
    return found - {"index.html"}


@pytest.fixture(scope="module")
def visited(chromium, site, built_book):
    """What is seen on each page at a width and in a theme, by name; and what went wrong under way."""

    @functools.cache
    def visited(width, theme):
        away = (width, theme) == FOLDER
        visit = Visit(chromium, f"{built_book.as_uri()}/" if away else site, width, color_scheme=theme, offline=away)
        seen = {}
        for name in sorted(names(built_book) - ({"404.html"} if away else set())):  # only a server leads to that one
            visit.open(name)
            seen[name] = visit.page.evaluate(SEEN)
            if theme == "light":  # what is wide is as wide in the dark
                visit.page.evaluate(UNFOLD)
                seen[name]["too wide"] = visit.page.evaluate(TOO_WIDE)
                if visit.page.locator(TABLES).count():
                    visit.page.wait_for_timeout(400)  # the theme looks a moment after a change of size which boxes scroll
                seen[name]["over"] = visit.page.evaluate(OVER)
        visit.close()
        return seen, visit.wrong

    return visited


@EVERYWHERE
def test_it_opens_cleanly_and_in_its_theme(visited, width, theme):
    seen, wrong = visited(width, theme)
    assert not wrong
    assert not {name: page["theme"] for name, page in seen.items() if page["theme"] != theme}


@EVERYWHERE
def test_it_is_no_wider_than_the_window(visited, width, theme):
    seen, _ = visited(width, theme)
    assert not {name: page["across"] for name, page in seen.items() if page["across"] > width}


@EVERYWHERE
def test_its_mathematics_is_typeset_and_there_for_screen_readers(visited, width, theme):
    for name, page in visited(width, theme)[0].items():
        assert page["typeset"] == page["formulas"], f"{name}: formulas that are not typeset"
        assert not page["misunderstood"], f"{name}: TeX that MathJax does not understand"
        assert not page["stops"], f"{name}: formulas are stops of the Tab key"
        assert page["spoken"] == page["containers"], f"{name}: formulas that are not read out"


def test_every_formula_fits_on_a_telephone(visited):
    seen, _ = visited(TELEPHONE, "light")
    assert not {name: page["too wide"] for name, page in seen.items() if page["too wide"]}, "break them, or use words"


def test_on_a_desk_every_table_fits(visited):
    seen, _ = visited(DESK, "light")
    assert not {name: page["over"] for name, page in seen.items() if page["over"]}


def test_on_a_telephone_cards_fit_and_what_scrolls_says_so(visited):
    wide = [table for page in visited(TELEPHONE, "light")[0].values() for table in page["over"]]
    assert wide
    assert not [table for table in wide if "cards" in table[0] or "more columns" not in table[1]]


def test_figures_are_opaque_on_white_in_the_dark(visited):
    looks = {name: page["figures"] for name, page in visited(DESK, "dark")[0].items() if page["figures"]}
    assert looks
    assert not {name for name, found in looks.items() if any(look != ["rgb(255, 255, 255)", "none"] for look in found)}
