"""Chapters and the reference lead to each other; nothing is listed by hand.

Inline code that is exactly a public name (`mb.OptimalTransport`, `mixbook.theory.vicinal.optimal`, or a bare name that the
page's own code uses) or a module's file (`mixbook/mixing/ratio.py`) becomes a link to its entry. Each entry of the
reference says where it is explained: in the first chapter whose code uses it, or else in the first that mentions it, or
else in a page of evidence. Code that a page does not show counts too: there most of them import what they use. An entry
that no page speaks of leads to the page that explains most of its file, or else to what the top of its page links to.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module
from os import PathLike
from pathlib import PurePosixPath
from typing import Any

import jupytext
from docutils import nodes
from pages import CHAPTERS, PAGES, REFERENCE, around, reading_order
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

NAME = re.compile(r"([A-Za-z_][\w.]*)(?:\([^()]*\))?")


def collect(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Find out, once all pages are read, what each page uses; the pages of the reference are written anew."""
    entries = _entries(env)
    uses, mentions = {}, {}
    for page in reading_order(env, PAGES):
        uses[page] = {entries[name] for name in map(canonical, _used(_code(env.doc2path(page)))) if name in entries}
        mentions[page] = {target for _, target in _mentioned(env.get_doctree(page), entries, uses[page])}
    explained: dict[str, str] = {}
    for pages in (CHAPTERS, PAGES):
        for where in (uses, mentions):
            for page in (page for page in where if page.startswith(pages)):
                for name in where[page]:
                    explained.setdefault(name, page)
    env.mixbook_entries, env.mixbook_uses, env.mixbook_explained = entries, uses, explained  # type: ignore[attr-defined]
    env.mixbook_related = _related(entries, explained, uses)  # type: ignore[attr-defined]
    return [page for page in env.found_docs if page.startswith(REFERENCE)]


@cache
def canonical(dotted: str) -> str:
    """Where a thing was written, whichever package offers it: ``mixbook.kmixup`` is ``mixbook.mixing.mixer.kmixup``."""
    parts = dotted.split(".")
    for end in range(len(parts), 0, -1):
        try:
            thing = import_module(".".join(parts[:end]))
        except ImportError:
            continue
        for name in parts[end:]:
            thing = getattr(thing, name, None)  # type: ignore[assignment]
        home, name = getattr(thing, "__module__", None), getattr(thing, "__qualname__", None)
        return f"{home}.{name}" if home and name else dotted
    return dotted


def _entries(env: BuildEnvironment) -> dict[str, str]:
    """The name of each entry of the reference, by where the thing was written."""
    objects = env.get_domain("py").objects.items()  # type: ignore[attr-defined]
    # A class that a package offers has a second name there, its home's, under which no entry is.
    return {canonical(name): name for name, entry in objects if name.startswith("mixbook.") and not entry.aliased}


def _related(entries: dict[str, str], explained: dict[str, str], pages: Iterable[str]) -> dict[str, str]:
    """The page that explains most of what was written in the same file, the first of several, by the name of an entry."""
    files = {name: home.rpartition(".")[0] for home, name in entries.items()}
    count = Counter((files[name], page) for name, page in explained.items())
    best = {file: max(pages, key=lambda page: count[file, page]) for file, _ in count}
    return {name: best[file] for name, file in files.items() if file in best}


def _code(path: str | PathLike[str]) -> list[str]:
    """The code cells of a page."""
    return [cell.source for cell in jupytext.read(path).cells if cell.cell_type == "code"]


def _used(cells: list[str]) -> set[str]:
    """Dotted names of ours that code imports or reaches through a module that it imports."""
    found, alias = set(), {}
    for cell in cells:
        try:
            tree = ast.parse(cell)
        except SyntaxError:  # a magic or a shell line
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                ours = [item for item in node.names if item.name.partition(".")[0] == "mixbook"]
                alias |= {item.asname or "mixbook": item.name if item.asname else "mixbook" for item in ours}
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mixbook"):
                for item in node.names:
                    alias[item.asname or item.name] = f"{node.module}.{item.name}"
                    found.add(f"{node.module}.{item.name}")
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and (head := ast.unparse(node)).partition(".")[0] in alias:
                first, _, rest = head.partition(".")
                found.add(f"{alias[first]}.{rest}")
    return found


def _mentioned(tree: nodes.document, entries: dict[str, str], used: set[str]) -> Iterator[tuple[nodes.literal, str]]:
    """The inline code that names an entry, and the name that the entry has."""
    here = {name.rpartition(".")[2]: name for name in used}
    folder: dict[int, PurePosixPath] = {}  # of the last file that a paragraph named: "`mixing/plan.py` and `mixer.py`"
    for literal in list(tree.findall(nodes.literal)):
        if any(isinstance(each, nodes.reference | nodes.title | addnodes.pending_xref) for each in around(literal)):
            continue
        text = literal.astext()
        if text.endswith(".py"):
            path = PurePosixPath(text)
            last = folder.get(id(literal.parent))
            path = path if len(path.parts) > 1 else last / path if last else path
            module = ".".join(path.with_suffix("").parts)
            name = module if module.startswith("mixbook.") else f"mixbook.{module}"
            folder[id(literal.parent)] = path.parent
            if name in entries.values():
                yield literal, name
        elif match := NAME.fullmatch(text):
            name = re.sub(r"^mb\.", "mixbook.", match[1])
            bare = here.get(name) or entries.get(canonical(f"mixbook.{name}")) if name[:1].isupper() else here.get(name)
            dotted = name if name.startswith("mixbook.") else f"mixbook.{name}" if "." in name else ""
            if found := (entries.get(canonical(dotted)) if dotted else bare):
                yield literal, found


def link(app: Sphinx, tree: nodes.document, page: str) -> None:
    """Links from the chapters' names to their entries, and from the entries to the chapters."""
    env = app.env
    objects = env.get_domain("py").objects  # type: ignore[attr-defined]
    if page in env.mixbook_uses:  # type: ignore[attr-defined]
        for literal, name in _mentioned(tree, env.mixbook_entries, env.mixbook_uses[page]):  # type: ignore[attr-defined]
            where = app.builder.get_relative_uri(page, objects[name].docname)
            reference = nodes.reference("", "", internal=True, refuri=f"{where}#{objects[name].node_id}")
            reference["classes"].append("to-reference")
            literal.replace_self(reference)
            reference += literal
    if page.startswith(REFERENCE):
        top = next(tree.findall(nodes.paragraph), nodes.paragraph())
        at_the_top = list(top.findall(nodes.reference))
        for entry in list(tree.findall(addnodes.desc)):
            if any(isinstance(each, addnodes.desc) for each in around(entry)):
                continue
            name = next(iter(next(entry.findall(addnodes.desc_signature))["ids"]), "")
            if chapter := env.mixbook_explained.get(name):  # type: ignore[attr-defined]
                _say(entry, "Explained in: ", [_to(app, page, chapter)])
            elif chapter := env.mixbook_related.get(name):  # type: ignore[attr-defined]
                _say(entry, "Related: ", [_to(app, page, chapter)])
            else:
                _say(entry, "Related: ", [each.deepcopy() for each in at_the_top])


def _to(app: Sphinx, page: str, chapter: str) -> nodes.reference:
    """A link from a page to a chapter, by its title."""
    title = nodes.reference("", "", internal=True, refuri=app.builder.get_relative_uri(page, chapter))
    title += [child.deepcopy() for child in app.env.titles[chapter].children]
    return title


def _say(entry: addnodes.desc, words: str, links: list[nodes.reference]) -> None:
    """Write where to read on at the end of what an entry says, before its methods; nothing without links."""
    content = next(entry.findall(addnodes.desc_content))
    first = next((i for i, child in enumerate(content) if isinstance(child, (addnodes.desc, addnodes.index))), len(content))
    listed = [part for link in links for part in (nodes.Text(", "), link)][1:]
    if listed:
        content.insert(first, nodes.paragraph("", words, *listed, classes=["explained-in"]))


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("env-updated", collect)
    app.connect("doctree-resolved", link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
