"""Finding the way: terms explained in place, what a page costs, what comes before and after it, and search."""

import re

import browsing
import contents
import page_head
import pytest
from browsing import Visit

pytestmark = browsing.MARKS
CHAPTER = "book/who/kmixup.html"
TERM = "a[aria-describedby='note-term-optimal-transport']"
NOTE = "#note-term-optimal-transport"
PAGES = [page.removesuffix(".ipynb") for page in contents.pages()]


def test_a_term_is_explained_on_hover_and_on_focus(chromium, site):
    visit = Visit(chromium, site)
    visit.open(CHAPTER)
    term, note = visit.page.locator(TERM).first, visit.page.locator(NOTE)
    assert not note.is_visible()
    term.hover()
    assert note.is_visible() and "least total cost" in note.inner_text()
    box, at = note.bounding_box(), term.bounding_box()
    assert box["y"] >= at["y"] + at["height"] or box["y"] + box["height"] <= at["y"], "it does not cover the term"
    visit.page.mouse.move(0, 0)
    note.wait_for(state="hidden")
    term.focus()
    assert note.is_visible()
    visit.page.keyboard.press("Escape")
    assert not note.is_visible()
    visit.close()
    assert not visit.wrong


def test_the_first_tap_explains_a_term_and_the_second_follows_it(chromium, site):
    visit = Visit(chromium, site, 375, has_touch=True)
    visit.open(CHAPTER)
    term, note = visit.page.locator(TERM).first, visit.page.locator(NOTE)
    term.tap()
    assert note.is_visible() and visit.page.url.endswith(CHAPTER)
    box = note.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 375
    term.tap()
    visit.page.wait_for_url("**/glossary.html#term-optimal-transport")
    visit.close()
    assert not visit.wrong


def found(visit: Visit, query: str) -> list[str]:
    """Where the results of a search lead, in their order."""
    visit.open(f"search.html?q={query}")
    visit.page.locator("#search-results .search-summary", has_text="found").wait_for(timeout=20_000)
    links = visit.page.locator("#search-results li a")
    return links.evaluate_all("(links) => links.map((link) => link.getAttribute('href'))")


def test_search_puts_chapters_first_and_code_names_to_the_reference(chromium, site, built_book):
    visit = Visit(chromium, site)
    ranks = [bool(re.match(r"book/(why|who|how_much|where|how|practice)/", link)) for link in found(visit, "mixup")]
    assert ranks[0] and ranks == sorted(ranks, reverse=True), "chapters, then everything else"
    visit.close()
    assert not visit.wrong
    visit = Visit(chromium, f"{built_book.as_uri()}/", offline=True)  # the same order, without a summary of each page found
    assert found(visit, "mixed_cross_entropy")[0].startswith("book/reference/")
    for query, chapter in (
        ("k-mixup", "kmixup"),
        ("alpha", "alpha"),
        ("Puzzle Mix", "puzzlemix"),
        ("optimal transport", "kmixup"),
        ("pairing", "kmixup"),
        ("ratio", "multimix"),
        ("place", "manifold_mixup"),
        ("blend", "cutmix"),
        ("manifold", "manifold_mixup"),
        ("install", "how_to_run"),
    ):
        page = next(f"{page}.html" for page in PAGES if page.endswith(f"/{chapter}"))
        assert found(visit, query)[0].startswith(page), query
    for query in ("theory", "data", "evaluation", "training", "models"):  # names of pages of the reference too
        assert not found(visit, query)[0].startswith("book/reference/"), query
    visit.close()
    assert not visit.wrong


def test_the_map_on_the_front_page_leads_to_every_chapter(built_book):
    html = (built_book / "book" / "index.html").read_text()
    links = set(re.findall(r'href="([\w/]+\.html)#', html[html.index("book-map") : html.index('id="four-ways-in"')]))
    parts = ("why/", "who/", "how_much/", "where/", "how/", "practice/")
    chapters = {page.removeprefix("book/").removesuffix(".ipynb") + ".html" for page in contents.pages()}
    assert {page for page in chapters if page.startswith(parts)} <= links


def test_the_two_weeks_of_a_course_give_the_minutes_that_the_pages_show(built_book):
    html = (built_book / "book" / "index.html").read_text()
    rows = re.findall(r"<tr class=\"row-(?:even|odd)\"><td><p>\d+</p></td>(.*?)</tr>", html, re.DOTALL)
    assert len(rows) == 10
    for row in rows:
        (page, _), (home, label) = re.findall(r'href="([\w/]+\.html)#([\w-]+)"', row)
        assert home == page and label.startswith("ex-"), "an exercise of that chapter"
        minutes = int(re.search(r"<p>(\d+)</p>", row)[1])
        shown = int(re.search(r"<li>(\d+) minutes to read</li>", (built_book / "book" / page).read_text())[1])
        assert minutes == shown, page


# Pages that build on no other: where the book starts, and lists to look things up in.
STARTS = ("book/index", "book/why/mixup", "book/evidence/errata", "book/evidence/speed", "book/evidence/scoreboard")


@pytest.mark.parametrize("page", [p.removesuffix(".ipynb") for p in contents.pages() if p.endswith(".ipynb")])
def test_a_page_says_what_it_costs_and_what_it_builds_on(built_book, page):
    html = (built_book / f"{page}.html").read_text()
    facts = re.search(r'<ul class="page-facts".*?</ul>', html, re.DOTALL)
    assert facts and "minutes to read" in facts[0] and "to run, on one CPU core" in facts[0], "run `make notebooks`"
    if page not in STARTS:
        assert "Before this:" in html


def test_what_was_loaded_is_told_from_what_was_computed():
    assert page_head.sentences(10, {"seconds": 20})[1:] == [
        "about 20 seconds to run, on one CPU core without a GPU or a download",
        "computed on the page: everything",
    ]
    loaded = {"experiments": ["a", "b"], "processors": ["One(R)", "Two"], "seconds": 7300}
    assert "results of 2 experiments, which took 2 hours on One and Two;" in page_head.sentences(10, {"loaded": loaded})[1]
    on_gpu = {**loaded, "gpus": ["Large 80GB"]}
    assert "took 2 hours on One, Two and the GPU Large 80GB; computed" in page_head.sentences(10, {"loaded": on_gpu})[1]
    speeds = {"experiments": ["speed"], "processors": [], "seconds": 0}  # which no experiment stored
    assert page_head.sentences(10, {"loaded": speeds})[1] == "loaded: results of speed; computed on the page: the rest"
