"""The book is for everybody: axe-core finds no serious fault on any kind of page."""

import os
import sys
from pathlib import Path

import browsing
import contents
import pytest
from browsing import Visit

AXE = Path(sys.prefix) / "node" / "node_modules" / "axe-core" / "axe.min.js"  # `make axe` puts it there

pytestmark = [
    *browsing.MARKS,
    pytest.mark.skipif(not AXE.is_file(), reason="no axe-core here: `make axe` installs it where there is npm"),
]

MADE = ["search.html", "genindex.html", "prf-prf.html", "404.html"]  # by no source of their own
PAGES = [f"{page.removesuffix('.ipynb')}.html" for page in contents.pages()] + MADE
# A page of each kind; each takes ten seconds, so all of them are looked at where MIXBOOK_AXE=all asks for it.
KINDS = ["index", "why/mixup", "who/kmixup", "practice/recipes", "evidence/kmixup_table5", "reference/mixers", "glossary"]
CHOSEN = PAGES if os.environ.get("MIXBOOK_AXE") == "all" else [f"book/{kind}.html" for kind in KINDS] + MADE
WIDTHS = [375, 1280]
THEMES = ["light", "dark"]
# What it finds wrong that is serious: rule, element and reason, a line each. Each formula is a hundred elements, which
# take the colour of the text around them: test_every_page.py looks at them.
FAULTS = """async (rules) => {
  const options = { resultTypes: ["violations"], ...(rules && { runOnly: rules }) };
  const { violations } = await axe.run({ exclude: "mjx-container" }, options);
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target} ${node.failureSummary}`));
}"""


def faults(visit: Visit, width: int, theme: str) -> list[str]:
    visit.page.set_viewport_size({"width": width, "height": 900})
    visit.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    visit.page.wait_for_function(f"document.documentElement.dataset.theme === '{theme}'")
    visit.page.wait_for_timeout(400)  # the theme looks a moment after a change of size which boxes scroll now
    # Names, roles and order are the same in the dark: only the colours are looked at again.
    return visit.page.evaluate(FAULTS, None if theme == "light" else ["color-contrast"])


@pytest.mark.slow
@pytest.mark.parametrize("page", CHOSEN)
def test_axe_finds_no_serious_fault(chromium, site, page):
    visit = Visit(chromium, site)
    visit.open(page)
    visit.page.add_script_tag(path=AXE)
    found = {(width, theme): faults(visit, width, theme) for width in WIDTHS for theme in THEMES}
    visit.close()
    assert not {where: what for where, what in found.items() if what}
