"""On a telephone tables of words are cards; test_every_page.py sees whether all tables fit, or say that they scroll."""

import re

import browsing
import narrow_tables
from browsing import Visit

from mixbook.benchmarks import tables

CLAIMS = [{"claim": "A is better than B", "n": 5, "verdict": "reproduced"}, {"claim": "", "n": 3, "verdict": "opposite"}]


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

    def test_on_a_telephone_a_verdict_is_seen(self, chromium, site):
        visit = Visit(chromium, site, 375)
        visit.open("book/evidence/scoreboard.html")
        verdict = visit.page.locator("td[data-label=verdict]").first
        box = verdict.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 375
        assert "verdict" in verdict.evaluate("entry => getComputedStyle(entry, '::before').content")
        visit.close()
        assert not visit.wrong
