"""The reference lists every public name, and every public name says what it is."""

import inspect
import re
from importlib import import_module

import contents
import pytest
from contents import ROOT

import mixbook

REFERENCE = ROOT / "book" / "reference"
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


@pytest.mark.parametrize(("module", "name"), names(), ids=".".join)
def test_every_public_name_has_a_docstring_of_its_own(module, name):
    thing = getattr(import_module(module), name)
    assert vars(thing).get("__doc__") if inspect.isclass(thing) else inspect.getdoc(thing), f"{module}.{name}"
    assert not re.match(rf"{name}\(", inspect.getdoc(thing) or ""), "that is the signature, which a dataclass writes itself"


def test_the_first_page_lists_what_import_mixbook_gives_and_nothing_else():
    assert listed() == {full_name("mixbook", name) for name in mixbook.__all__ if name != "__version__"}


def test_every_subpackage_and_question_has_a_page_that_documents_it():
    pages = {page.removeprefix("book/reference/") for page in contents.pages() if page.startswith("book/reference/")}
    documented = set(re.findall(r"automodule:: mixbook\.([\w.]+)", "".join(p.read_text() for p in REFERENCE.glob("*.md"))))
    packages = {path.parent.name for path in (ROOT / "mixbook").glob("*/__init__.py")} - {"mixing", "cli"}
    assert packages <= pages and packages <= documented
    questions = {"pairing", "ratio", "place", "blend"}
    assert questions <= pages and {f"mixing.{question}" for question in questions} <= documented


def test_every_module_of_theory_has_an_entry():
    page = (REFERENCE / "theory.md").read_text()
    for path in (ROOT / "mixbook" / "theory").glob("[a-z]*.py"):
        assert f"automodule:: mixbook.theory.{path.stem}\n" in page, path.stem
