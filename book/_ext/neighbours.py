"""Before this, after this: which earlier pages a page refers to, and which later pages refer to it.

Nothing is listed by hand: the references in the text say what a page builds on. Those it refers to most come first to be
kept; they are shown in the order in which they are read.
"""

from collections import Counter
from typing import Any

from pages import PAGES, reading_order
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

AT_MOST = 4


def collect(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Count who refers to whom, once all pages are read."""
    labels = env.get_domain("std")
    known = {**labels.anonlabels, **labels.labels}  # type: ignore[attr-defined]
    env.mixbook_refers = {  # type: ignore[attr-defined]
        page: Counter(
            target
            for reference in env.get_doctree(page).findall(addnodes.pending_xref)
            if (target := _target(env, page, reference, known)) and target != page
        )
        for page in reading_order(env, PAGES)
    }
    return []


def _target(env: BuildEnvironment, page: str, reference: addnodes.pending_xref, labels: dict[str, Any]) -> str | None:
    kind, name = reference.get("reftype"), reference.get("reftarget", "")
    if kind == "doc":
        return env.relfn2path(f"{name}.x", page)[0].removesuffix(".x")
    return labels[name.lower()][0] if kind in ("ref", "numref", "eq") and name.lower() in labels else None


def add(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object) -> None:
    refers = app.env.mixbook_refers  # type: ignore[attr-defined]
    if pagename not in refers:
        return
    order = list(refers)
    here = order.index(pagename)
    before = Counter({page: n for page, n in refers[pagename].items() if page in refers and order.index(page) < here})
    after = Counter(
        {page: counts[pagename] for page, counts in refers.items() if pagename in counts and order.index(page) > here}
    )
    for name, counts in (("before", before), ("after", after)):
        kept = sorted((page for page, _ in counts.most_common(AT_MOST)), key=order.index)
        context[name] = [
            {"link": context["pathto"](p), "title": app.builder.render_partial(app.env.titles[p])["title"]} for p in kept
        ]


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("env-updated", collect)
    app.connect("html-page-context", add)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
