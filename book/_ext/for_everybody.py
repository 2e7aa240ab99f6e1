"""What Sphinx and myst-nb write that keeps readers out, mended; `tests/test_accessibility.py` finds such things."""

import re
from typing import Any

from sphinx.application import Sphinx

# A folded cell's name for screen readers hid what stands on it ("Show code cell source").
NAME = '<summary aria-label="Toggle hidden content">'
# An entry of the bibliography had a role that no list may contain.
ENTRY = ('role="doc-biblioentry"', 'role="listitem"')
# Tables of names without a header.
NAMES = re.compile(r'(<table class="autosummary[^>]*>\s*(?:<colgroup>.*?</colgroup>\s*)?)(?=<tbody>)', re.DOTALL)
HEADER = '<thead><tr><th scope="col">name</th><th scope="col">what it is</th></tr></thead>\n'
# A long signature's parameters as a list of definitions without terms, inside a term.
PARAMETERS = re.compile(r'<dl>\s*((?:<dd><em class="sig-param">.*?</dd>\s*)+)</dl>', re.DOTALL)

# A short formula with the mark after it or the bracket before it, which a line may begin or end with.
MATH = r'<span class="math notranslate nohighlight">\\\([^<]{1,40}\\\)</span>'
BESIDE_MATH = re.compile(rf"(?<![\w(\[])[(\[]{MATH}[)\],.;:?!]*|{MATH}[)\],.;:?!]+")


def lines(parameters: re.Match[str]) -> str:
    return parameters[1].replace("<dd>", '<span class="sig-line">').replace("</dd>", "</span>")


def mend(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object) -> None:
    if "body" in context:
        body = context["body"].replace(NAME, "<summary>").replace(*ENTRY)
        body = BESIDE_MATH.sub(r'<span class="keep">\g<0></span>', body)
        context["body"] = PARAMETERS.sub(lines, NAMES.sub(rf"\1{HEADER}", body))


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_js_file("on_paper.js", loading_method="defer")
    app.connect("html-page-context", mend)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
