"""What a term of the glossary means, where it is used: each page carries the definitions of its terms.

They are hidden until `glossary.js` shows one, on hover, on focus or on the first tap; without scripts, and on paper, a term
is a link to the glossary. Nothing is fetched, so that it works from a folder too.
"""

import re
from typing import Any

from docutils import nodes
from pages import GLOSSARY
from sphinx import addnodes
from sphinx.application import Sphinx

TERM = re.compile(r'<a class="reference internal" (href="[^"]*#(term-[^"]+)")><span class="xref std std-term">')


def definitions(app: Sphinx) -> dict[str, str]:
    """HTML of each definition, by the id of its term; links are left out, for the definition is read in passing."""
    if not hasattr(app, "mixbook_definitions"):
        page = app.env.get_and_resolve_doctree(GLOSSARY, app.builder, prune_toctrees=False)
        entries = [
            item for glossary in page.findall(addnodes.glossary) for item in glossary.findall(nodes.definition_list_item)
        ]
        app.mixbook_definitions = {  # type: ignore[attr-defined]
            name: re.sub(r"</?a\b[^>]*>", "", app.builder.render_partial(paragraph)["fragment"])
            for item in entries
            for paragraph in [next(item.findall(nodes.paragraph))]
            for term in item.findall(nodes.term)
            for name in term["ids"]
        }
    return app.mixbook_definitions  # type: ignore[attr-defined]


def add(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object) -> None:
    body = context.get("body", "")
    if pagename == GLOSSARY or not doctree or GLOSSARY not in app.env.found_docs:
        return
    used = {term for _, term in TERM.findall(body)} & definitions(app).keys()
    if not used:
        return
    body = TERM.sub(lambda m: m[0].replace("<a ", f'<a aria-describedby="note-{m[2]}" ', 1) if m[2] in used else m[0], body)
    notes = "".join(
        f'<div class="glossary-note" id="note-{term}" role="tooltip" hidden>{definitions(app)[term]}</div>\n'
        for term in sorted(used)
    )
    context["body"] = body + notes


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", add)
    app.add_js_file("glossary.js", loading_method="defer")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
