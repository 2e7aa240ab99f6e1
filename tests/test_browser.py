"""The book in a real browser, on a telephone and on a desk, without a network."""

import browsing
import contents
import pytest
from browsing import Visit

pytestmark = browsing.MARKS


def test_the_way_in_leads_to_the_front_page(chromium, site):
    visit = Visit(chromium, site)
    visit.page.goto(site)
    visit.page.wait_for_url(f"{site}{contents.pages()[0].removesuffix('.ipynb')}.html")
    visit.close()
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
