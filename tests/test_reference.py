"""The reference lists every public name, and every public name says what it is."""

import ast
import inspect
import re
from collections.abc import Callable
from functools import cache
from importlib import import_module

import chapters
import contents
import pytest
from contents import ROOT

import mixbook

REFERENCE = ROOT / "book" / "reference"
# Entries without an example, and why.
WITHOUT_EXAMPLE = {
    "its data have to be downloaded": {
        f"mixbook.data.{name}"
        for name in ("abalone", "arrhythmia", "cifar10", "cifar100", "cub200", "htru2", "imagenet", "mnist", "phishing")
    }
    | {f"mixbook.data.{name}" for name in ("pixels_of", "speech_commands", "svhn", "tiny_imagenet")},
    "it belongs into a class of Lightning, which is no requirement": {"mixbook.compat.LightningMixing"},
    "it needs results of experiments, or runs them": {"mixbook.benchmarks.compare.fullest_results"},
}
# Rooms of the framework that run experiments and judge their files: their tests show how.
INSIDE = tuple(
    f"mixbook.benchmarks.{room}." for room in ("budget", "cells", "claims", "executors", "report", "run_all", "runner")
)
PACKAGES = ["data", "models", "training", "training.trials", "evaluation", "compat"]  # those that name what is public


def full_name(module: str, name: str) -> str:
    """The name under which the reference has an entry: in the package that offers it, or else in its home."""
    if module != "mixbook":
        return f"{module}.{name}"
    home = getattr(mixbook, name).__module__
    package = home.rpartition(".")[0]
    offered = package.removeprefix("mixbook.") in PACKAGES and name in import_module(package).__all__
    return f"{package if offered else home}.{name}"


def names() -> list[tuple[str, str]]:
    top = [("mixbook", name) for name in mixbook.__all__ if name != "__version__"]
    return top + [(f"mixbook.{part}", name) for part in PACKAGES for name in import_module(f"mixbook.{part}").__all__]


def public() -> set[str]:
    return {full_name(module, name) for module, name in names()}


def listed() -> set[str]:
    """The names to which the page of the first names leads."""
    return set(re.findall(r"^   ~([\w.]+)$", (REFERENCE / "names.md").read_text(), re.MULTILINE))


def documented() -> list[str]:
    """The modules whose public names have entries, as the pages of the reference list them."""
    pages = sorted(REFERENCE.glob("*.md"))
    return [name for page in pages for name in re.findall(r"automodule:: (mixbook[\w.]*)", page.read_text())]


@cache
def entries() -> dict[str, Callable]:
    """Every class and function that the reference describes, by the name it has there."""
    found = {}
    for home in documented():
        module = import_module(home)
        own = [name for name, thing in vars(module).items() if getattr(thing, "__module__", "") == home and name[0] != "_"]
        for name in getattr(module, "__all__", own):
            thing = getattr(module, name)
            if inspect.isclass(thing) or inspect.isroutine(inspect.unwrap(thing)):
                found[f"{home}.{name}"] = thing
    return found


@cache
def what_a_function_gives() -> set[str]:
    """Names of the records that functions with an example return: nobody makes those by hand."""
    functions = [
        thing for thing in entries().values() if not inspect.isclass(thing) and ">>> " in (inspect.getdoc(thing) or "")
    ]
    return {name for thing in functions for name in re.findall(r"\w+", str(inspect.signature(thing).return_annotation))}


def imported_by_pages() -> dict[str, object]:
    """What the book's code cells import from the package, by name."""
    found = {}
    for cell in (cell for page in contents.chapters() for cell in chapters.code(chapters.read(page))):
        for node in ast.walk(ast.parse(cell)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "mixbook":
                home = import_module(node.module)
                for alias in node.names:
                    name = f"{node.module}.{alias.name}"
                    found[name] = getattr(home, alias.name, None) or import_module(name)
    return found


def needs_no_example(thing: Callable) -> bool:
    if not inspect.isclass(thing):
        return False
    return (
        issubclass(thing, Exception) or getattr(thing, "_is_protocol", False) or thing.__name__ in what_a_function_gives()
    )


def says_shapes(text: str) -> bool:
    """Whether a text names a shape, such as ``(B, ...)`` or "any shape", or leads to an entry that does."""
    if re.search(r"\bshapes?\b|\bas (?:in|for) :\w+:|\bas :class:", text):
        return True
    side = re.compile(r"\s*(?:\.\.\.|\*?\w+(?:(?:\s+|\s*[-+*/]+\s*)\w+)*|)\s*")
    groups = re.findall(r"\(([^()]*,[^()]*)\)", re.sub(r"\([^(),]*\)", "", text))
    return any(all(side.fullmatch(part) for part in group.split(",")) for group in groups)


def test_every_entry_has_an_example():
    excused = set().union(*WITHOUT_EXAMPLE.values())
    assert excused <= entries().keys()
    bare = {name for name, thing in entries().items() if ">>> " not in (inspect.getdoc(thing) or "")}
    needed = {name for name in bare if not needs_no_example(entries()[name]) and not name.startswith(INSIDE)}
    assert needed == excused, "an example of two to five lines, or a reason in WITHOUT_EXAMPLE"


def test_every_entry_that_takes_or_gives_tensors_says_their_shapes():
    silent = []
    for name, thing in entries().items():
        text = (inspect.getdoc(thing) or "").partition("Example:")[0]
        if not (inspect.isclass(thing) and issubclass(thing, Exception)):
            takes = re.search(r"Tensor|ndarray|ArrayLike|_array_like", str(inspect.signature(thing)))
            silent += [name] if takes and not says_shapes(text) else []
    assert not silent


@pytest.mark.parametrize(("module", "name"), names(), ids=".".join)
def test_every_public_name_has_a_docstring_of_its_own(module, name):
    thing = getattr(import_module(module), name)
    assert vars(thing).get("__doc__") if inspect.isclass(thing) else inspect.getdoc(thing), f"{module}.{name}"
    assert not re.match(rf"{name}\(", inspect.getdoc(thing) or ""), "that is the signature, which a dataclass writes itself"


def test_the_first_page_lists_what_import_mixbook_gives_and_nothing_else():
    assert listed() == {full_name("mixbook", name) for name in mixbook.__all__ if name != "__version__"}


def test_every_subpackage_and_question_has_a_page_that_documents_it():
    pages = {page.removeprefix("book/reference/") for page in contents.pages() if page.startswith("book/reference/")}
    described = {name.removeprefix("mixbook.") for name in documented()}
    packages = {path.parent.name for path in (ROOT / "mixbook").glob("*/__init__.py")} - {"mixing", "cli"}
    assert packages <= pages and packages <= described
    questions = {"pairing", "ratio", "place", "blend"}
    assert questions <= pages and {f"mixing.{question}" for question in questions} <= described


def test_every_module_of_theory_has_an_entry():
    page = (REFERENCE / "theory.md").read_text()
    for path in (ROOT / "mixbook" / "theory").glob("[a-z]*.py"):
        assert f"automodule:: mixbook.theory.{path.stem}\n" in page, path.stem


def test_what_pages_import_has_an_entry():
    described = [*entries().values(), *map(import_module, documented())]
    # Of the framework for experiments there is what a reader runs; how pages lay out their tables is their own affair.
    wanted = {name: thing for name, thing in imported_by_pages().items() if not name.startswith("mixbook.benchmarks.")}
    things = {name for name, thing in wanted.items() if callable(thing) or inspect.ismodule(thing)}
    assert {name for name in things if not any(wanted[name] is each for each in described)} == set()
