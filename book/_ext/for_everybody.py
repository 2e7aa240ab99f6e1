"""What myst-nb writes that keeps readers out, mended in each page; `tests/test_accessibility.py` finds such things."""

from typing import Any

from sphinx.application import Sphinx

# A folded cell's name for screen readers hid what stands on it ("Show code cell source").
NAME = '<summary aria-label="Toggle hidden content">'


def mend(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object) -> None:
    if "body" in context:
        context["body"] = context["body"].replace(NAME, "<summary>")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", mend)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
