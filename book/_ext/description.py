"""What search engines and previews of links show of a page: how its short answer begins, or else its text."""

import re
from html import escape
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

LONGEST = 200  # characters; of more, the end is cut off where it is shown


def description(page: nodes.document) -> str:
    """Whole sentences of the first paragraph that has some without TeX; one at least, if there is any."""
    answers = (box for box in page.findall(nodes.admonition) if "tip" in box["classes"])
    return next(filter(None, (_beginning(text) for box in [*answers, page] for text in box.findall(nodes.paragraph))), "")


def _beginning(paragraph: nodes.paragraph) -> str:
    said = ""
    for sentence in re.split(r"(?<=[.?!])\s+", paragraph.astext()):
        if "\\" in sentence:
            continue
        if said and len(said) + 1 + len(sentence) > LONGEST:
            break
        said = f"{said} {sentence}".strip()
    return said


def add(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    if doctree and (said := description(doctree)):
        context["metatags"] = f'{context.get("metatags", "")}\n<meta name="description" content="{escape(said)}" />'


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", add)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
