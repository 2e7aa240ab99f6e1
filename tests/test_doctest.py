"""Every example in a docstring of the package runs, and gives what it says."""

import doctest
import io
import pkgutil
from importlib import import_module
from types import ModuleType

import mixbook


def modules() -> list[ModuleType]:
    names = [found.name for found in pkgutil.walk_packages(mixbook.__path__, "mixbook.")]
    return [import_module(name) for name in names if not name.endswith("__main__")]


def run(examples: list[doctest.DocTest]) -> tuple[int, str]:
    """How many lines were run, and what went wrong."""
    said = io.StringIO()
    runner = doctest.DocTestRunner(verbose=False)
    for example in examples:
        runner.run(example, out=said.write)
    return runner.tries, said.getvalue()


def test_every_example_gives_what_it_says():
    finder = doctest.DocTestFinder(exclude_empty=True)
    tries, failures = run([example for module in modules() for example in finder.find(module)])
    assert not failures, failures
    assert tries > 1000, "examples were not found"


def test_an_example_that_is_wrong_would_be_noticed():
    example = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, 0)
    assert "Expected:\n    3\nGot:\n    2" in run([example])[1]
