"""A check is worth something if it fails when the formula is wrong: each one meets at least one broken formula."""

from importlib import import_module, util
from pathlib import Path

import pytest

from mixbook.theory.registry import all_statements, check, find

FOLDER = Path(__file__).parent / "mutants"


def load(path):
    spec = util.spec_from_file_location(f"mutants_{path.stem}", path)
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.MUTANTS


MUTANTS = [mutant for path in sorted(FOLDER.glob("[a-z]*.py")) for mutant in load(path)]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.statement}: {mutant.why}")
def test_a_broken_formula_is_noticed(mutant, monkeypatch):
    module, _, name = mutant.target.rpartition(".")
    assert module.startswith("mixbook.") and not module.startswith("mixbook.theory.checks"), (
        "patch the library, not the check"
    )
    home = import_module(module)
    original = getattr(home, name)
    monkeypatch.setattr(home, name, mutant.breaks(original))
    assert not check(find([mutant.statement])[0]).passed


def test_every_statement_has_a_mutant():
    covered = {mutant.statement for mutant in MUTANTS}
    names = {statement.name for statement in all_statements()}
    assert covered <= names
    assert names <= covered, f"without a mutant: {sorted(names - covered)}"
