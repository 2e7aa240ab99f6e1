"""What a page costs, under its title: time to read, time to run, on what, and where its numbers come from.

Words and code are counted on the page; the rest was noted in the notebook when it was executed (scripts/chapters.py).
"""

import json
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from pages import around
from sphinx.application import Sphinx

WORDS_A_MINUTE = 200  # text with formulas; prose alone is read a little faster
SECONDS_A_LINE = 4  # of code that is shown
SECONDS_A_FIGURE = 30
HIDDEN = ("hide-input", "remove-input", "hide-cell", "remove-cell")


def minutes_to_read(page: nodes.document) -> int:
    """Minutes, to the nearest five; at least five."""
    words = sum(len(p.astext().split()) for p in page.findall(nodes.paragraph))
    shown = [block for block in page.findall(nodes.literal_block) if not _is_folded(block)]
    lines = sum(block.astext().count("\n") + 1 for block in shown)
    figures = sum(1 for _ in page.findall(nodes.figure))
    minutes = words / WORDS_A_MINUTE + (lines * SECONDS_A_LINE + figures * SECONDS_A_FIGURE) / 60
    return max(5, 5 * round(minutes / 5))


def _is_folded(block: nodes.Node) -> bool:
    return any(f"tag_{tag}" in each.get("classes", []) for each in around(block) for tag in HIDDEN)


def sentences(minutes: int, facts: dict[str, Any]) -> list[str]:
    """The facts of a page as short texts, for readers of the page and of its tests."""
    said = [f"{minutes} minutes to read"]
    if seconds := facts.get("seconds"):
        said.append(f"about {_duration(seconds)} to run, on one CPU core without a GPU or a download")
    if loaded := facts.get("loaded"):
        names = loaded["experiments"]
        which = f"results of {names[0]}" if len(names) == 1 else f"results of {len(names)} experiments"
        if loaded["processors"]:  # not known of results that no experiment stored, such as measured speeds
            machines = [*loaded["processors"], *(f"the GPU {name}" for name in loaded.get("gpus", []))]
            which += f", which took {_duration(loaded['seconds'])} on {_listed(machines)}"
        said.append(f"loaded: {which}; computed on the page: the rest")
    elif seconds:
        said.append("computed on the page: everything")
    return said


def _duration(seconds: float) -> str:
    for limit, unit, name in ((120, 1, "seconds"), (7200, 60, "minutes")):
        if seconds < limit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds / 3600:.0f} hours"


def _listed(names: list[str]) -> str:
    plain = [name.replace("(R)", "") for name in names]
    return " and ".join(filter(None, [", ".join(plain[:-1]), plain[-1]]))


def add(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    source = Path(app.env.doc2path(pagename)) if doctree else None
    if source is None or source.suffix != ".ipynb":
        return
    facts = json.loads(source.read_text(encoding="utf-8"))["metadata"].get("mixbook", {})
    items = "".join(f"<li>{escape(text)}</li>" for text in sentences(minutes_to_read(doctree), facts))
    context["body"] = context["body"].replace(
        "</h1>", f'</h1>\n<ul class="page-facts" aria-label="This page">{items}</ul>', 1
    )


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", add)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
