"""Signatures of the reference as a reader would write them: no addresses of objects, nothing for what nobody constructs.

And without the wrappers that Sphinx puts around each of their words and marks, a third of the weight of such a page.
"""

import re
from typing import Any

from numpy.typing import ArrayLike
from pages import REFERENCE
from sphinx.application import Sphinx
from sphinx.ext import autosummary
from sphinx.util.typing import stringify_annotation

ARRAYS = stringify_annotation(ArrayLike, "smart")  # a union of seven names, of which readers know three


def readable(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str, str | None] | None:
    if what == "class" and getattr(thing, "_is_protocol", False):
        return "", None
    if not signature:
        return None
    # `<factory>`, `<function f at 0x7f...>`: not Python, so Sphinx would also print the marks that it otherwise reads.
    return re.sub(r"<[^<>]*>", "...", signature.replace(ARRAYS, "~numpy.typing.ArrayLike")), returns


def lighter(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object) -> None:
    if pagename.startswith(REFERENCE):
        context["body"] = re.sub(r'<span class="(?:pre|p|w)">([^<]*)</span>', r"\1", context["body"])


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("autodoc-process-signature", readable)
    app.connect("html-page-context", lighter)
    # The first sentence of a docstring does not end at "eq. 2".
    autosummary.WELL_KNOWN_ABBREVIATIONS += ("eq.", "eqs.")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
