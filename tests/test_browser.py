"""The book in a real browser, on a telephone and on a desk, without a network."""

from pathlib import Path

import browsing
import contents
import pytest
from browsing import Visit

WIDTHS = [375, 1280]

pytestmark = browsing.MARKS


def names(book: Path) -> list[str]:
    """Every page but the way in, which leads on to the front page at once."""
    found = {page.relative_to(book).as_posix() for page in book.rglob("*.html") if "_static" not in page.parts}
    return sorted(found - {"index.html"})


def test_the_way_in_leads_to_the_front_page(chromium, site):
    visit = Visit(chromium, site)
    visit.page.goto(site)
    visit.page.wait_for_url(f"{site}{contents.pages()[0].removesuffix('.ipynb')}.html")
    visit.close()
    assert not visit.wrong


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_opens_cleanly_typesets_its_mathematics_and_fits(chromium, site, built_book, width, theme):
    visit = Visit(chromium, site, width, color_scheme=theme)
    for name in names(built_book):
        visit.open(name)
        assert visit.page.evaluate("document.documentElement.dataset.theme ?? 'light'") in ("light", theme), name
        formulas, typeset = (visit.page.locator(kind).count() for kind in (".math", ".math mjx-container"))
        assert typeset >= formulas, f"{name}: {typeset} of {formulas} formulas are typeset"
        assert visit.page.locator("mjx-merror").count() == 0, f"{name}: TeX that MathJax does not understand"
        assert visit.page.locator("mjx-container[tabindex='0']").count() == 0, f"{name}: formulas are stops of the Tab key"
        across = visit.page.evaluate("document.scrollingElement.scrollWidth")
        assert across <= width, f"{name} is {across} pixels wide at {width}"
    visit.close()
    assert not visit.wrong


# Formulas that stick out of their box, or scroll in it; what only screen readers read of them must not make them scroll.
TOO_WIDE = """() => [...document.querySelectorAll("mjx-container")].filter((box) => {
  const parts = [...box.querySelectorAll("mjx-math *")].map((part) => part.getBoundingClientRect());
  const { left, right } = box.getBoundingClientRect();
  const out = parts.some((at) => at.width && (at.left < left - 2 || at.right > right + 2));
  return out || box.scrollWidth > box.clientWidth + 2;
}).map((box) => box.textContent)"""


def test_every_formula_fits_on_a_telephone(chromium, site):
    visit = Visit(chromium, site, 375)
    found = {}
    for page in contents.pages():
        visit.open(f"{page.removesuffix('.ipynb')}.html")
        visit.page.evaluate("document.querySelectorAll('.bd-article details').forEach((folded) => (folded.open = true))")
        found[page] = visit.page.evaluate(TOO_WIDE)
    visit.close()
    assert not {page: formulas for page, formulas in found.items() if formulas}, "break them, or write them in words"
    assert not visit.wrong


def test_search_finds_what_the_book_is_about(chromium, site):
    visit = Visit(chromium, site)
    visit.open("search.html?q=interpolation")
    visit.page.locator("#search-results li a").first.wait_for(timeout=10_000)
    assert visit.page.locator("#search-results li a").count() >= 1
    visit.page.wait_for_load_state("networkidle")  # it fetches a summary of each page found, and leaving would cut that off
    visit.open("search.html?q=zyzzyva")
    visit.page.get_by_text("did not match any documents").wait_for(timeout=10_000)
    visit.close()
    assert not visit.wrong


def test_excerpts_of_search_are_sentences(chromium, site):
    visit = Visit(chromium, site)
    visit.open("search.html?q=Beta")
    visit.page.locator("#search-results .search-summary", has_text="found").wait_for(timeout=20_000)
    visit.page.wait_for_load_state("networkidle")
    excerpts = visit.page.locator("#search-results .context").all_inner_texts()
    assert excerpts and not [text for text in excerpts if "\\" in text or "minutes to read" in text or "Contents" in text]
    assert any("λ ∼ Beta(α, α)" in text for text in excerpts), "formulas stay, without their TeX"
    visit.close()
    assert not visit.wrong


def test_the_search_button_leads_to_results(chromium, site):
    visit = Visit(chromium, site)
    visit.open(f"{contents.pages()[0].removesuffix('.ipynb')}.html")
    visit.page.keyboard.press("Control+k")
    visit.page.keyboard.type("mixup")
    visit.page.keyboard.press("Enter")
    visit.page.locator("#search-results li a").first.wait_for(timeout=10_000)
    visit.close()
    assert not visit.wrong


@pytest.mark.parametrize(("side", "which"), [("primary", "contents"), ("secondary", "sections")])
def test_on_a_telephone_a_button_opens_the_contents_of_book_and_page(chromium, site, side, which):
    visit = Visit(chromium, site, 375, has_touch=True)
    visit.open("book/who/kmixup.html")
    visit.page.locator(f".{side}-toggle:visible").tap()
    visit.page.locator(f"#pst-{side}-sidebar-modal[open] a:visible").first.wait_for(timeout=5_000)
    assert visit.page.locator(f"#pst-{side}-sidebar-modal a:visible").count() > 5, which
    visit.close()
    assert not visit.wrong


def test_on_a_desk_the_contents_can_be_put_away(chromium, site):
    visit = Visit(chromium, site, 1280)
    visit.open("book/who/kmixup.html")
    there = "document.querySelector('.bd-sidebar-primary').getBoundingClientRect().right > 0"
    assert visit.page.evaluate(there)
    visit.page.locator(".primary-toggle:visible").click()
    visit.page.wait_for_function(f"!({there})", timeout=5_000)
    visit.close()
    assert not visit.wrong


def test_a_dark_page_is_light_on_paper(chromium, site):
    visit = Visit(chromium, site, color_scheme="dark")
    visit.open("book/who/kmixup.html")
    themes = [visit.page.evaluate("document.documentElement.dataset.theme")]
    for event in ("beforeprint", "afterprint"):
        visit.page.evaluate(f"dispatchEvent(new Event('{event}'))")
        themes.append(visit.page.evaluate("document.documentElement.dataset.theme"))
    assert themes == ["dark", "light", "dark"]
    visit.close()
    assert not visit.wrong


def test_figures_are_opaque_on_white_in_the_dark(chromium, site):
    visit = Visit(chromium, site, color_scheme="dark")
    seen = 0
    for page in contents.pages():
        visit.open(f"{page.removesuffix('.ipynb')}.html")
        for image in visit.page.locator(".cell_output img").all():
            look = image.evaluate("image => [getComputedStyle(image).backgroundColor, getComputedStyle(image).filter]")
            assert look == ["rgb(255, 255, 255)", "none"], page
            seen += 1
    visit.close()
    assert seen


def test_the_book_opens_from_a_folder_without_a_server(chromium, built_book):
    visit = Visit(chromium, "file://", offline=True)
    for page in contents.pages():
        visit.open(f"{built_book}/{page.removesuffix('.ipynb')}.html")
        assert visit.page.locator(".math").count() == visit.page.locator(".math:has(mjx-container)").count(), page
    visit.close()
    assert not visit.wrong
