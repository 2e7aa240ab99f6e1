"""Tables of results fit a desk; on a telephone tables of words are cards, and tables of numbers say that they scroll."""

import re

import browsing
import contents
import narrow_tables
from browsing import Visit

from mixbook.benchmarks import tables

CLAIMS = [{"claim": "A is better than B", "n": 5, "verdict": "reproduced"}, {"claim": "", "n": 3, "verdict": "opposite"}]
WIDE = ".cell_output .output.text_html:has(table)"
OVER = f"""() => [...document.querySelectorAll("{WIDE}")]
  .filter((box) => box.scrollWidth > box.clientWidth + 1)
  .map((box) => [box.querySelector("table").className, getComputedStyle(box, "::before").content])"""
UNFOLD = "document.querySelectorAll('.bd-article details').forEach((folded) => (folded.open = true))"


def fitted(rows) -> str:
    return narrow_tables.TABLE.sub(narrow_tables.fitted, tables.html(rows))


def test_each_entry_of_a_card_has_the_name_of_its_column_and_its_role():
    html = fitted(CLAIMS)
    assert 'class="dataframe cards"' in html
    assert re.findall(r'<td data-label="([^"]*)" role="cell"', html) == ["claim", "n", "verdict"] * 2
    assert [html.count(f'role="{role}"') for role in ("table", "row", "columnheader", "cell")] == [1, 3, 3, 6]


def test_numbers_stay_a_table_and_many_columns_are_marked():
    assert fitted([{"k": 1, "error": 0.5}]) == tables.html([{"k": 1, "error": 0.5}])
    many = fitted([{f"others/first {i}": i for i in range(narrow_tables.MANY)}])
    assert 'class="dataframe many"' in many and "others/<wbr>first" in many and "cards" not in many


class TestInABrowser:
    pytestmark = browsing.MARKS

    def over(self, chromium, site, width):
        """Tables wider than their box, by page: their classes, and what stands above them."""
        visit = Visit(chromium, site, width)
        found = {}
        for page in contents.pages():
            visit.open(f"{page.removesuffix('.ipynb')}.html")
            if not visit.page.locator(WIDE).count():
                continue
            visit.page.evaluate(UNFOLD)
            visit.page.wait_for_timeout(400)  # the theme looks a moment after a change of size which boxes scroll now
            found[page] = visit.page.evaluate(OVER)
        visit.close()
        assert not visit.wrong
        return {page: tables for page, tables in found.items() if tables}

    def test_on_a_desk_every_table_fits(self, chromium, site):
        assert not self.over(chromium, site, 1280)

    def test_on_a_telephone_cards_fit_and_what_scrolls_says_so(self, chromium, site):
        wide = [table for found in self.over(chromium, site, 375).values() for table in found]
        assert wide
        assert not [table for table in wide if "cards" in table[0] or "more columns" not in table[1]]

    def test_on_a_telephone_a_verdict_is_seen(self, chromium, site):
        visit = Visit(chromium, site, 375)
        visit.open("book/evidence/scoreboard.html")
        verdict = visit.page.locator("td[data-label=verdict]").first
        box = verdict.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 375
        assert "verdict" in verdict.evaluate("entry => getComputedStyle(entry, '::before').content")
        visit.close()
        assert not visit.wrong
