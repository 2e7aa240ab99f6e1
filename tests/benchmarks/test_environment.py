"""Where a result comes from."""

import subprocess
from pathlib import Path

import mixbook
from mixbook.benchmarks.environment import describe


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    return subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def package_in_a_repository(folder: Path, monkeypatch) -> Path:
    """A repository with a package of one file, which takes mixbook's place."""
    package = folder / "mixbook"
    package.mkdir()
    (package / "__init__.py").write_text("")
    git(folder, "init", "-q")
    monkeypatch.setattr(mixbook, "__file__", str(package / "__init__.py"))
    return package


def test_the_commit_is_that_of_the_package_and_changes_show(tmp_path, monkeypatch):
    package = package_in_a_repository(tmp_path, monkeypatch)
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    (tmp_path / "notes.txt").write_text("a file beside the package is no change to it")
    clean = describe()
    assert (clean["commit"], clean["dirty"]) == (git(tmp_path, "rev-parse", "HEAD"), False)
    (package / "new.py").write_text("")
    assert describe()["dirty"] is True


def test_a_copy_installed_in_somebody_elses_checkout_claims_no_commit(tmp_path, monkeypatch):
    package_in_a_repository(tmp_path, monkeypatch)
    git(tmp_path, "commit", "-qm", "without the package", "--allow-empty")
    assert describe()["commit"] is None
    assert describe()["dirty"] is None


def test_versions_are_those_installed(monkeypatch):
    import torch

    found = describe()
    assert found["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert found["mixbook"] == mixbook.__version__
    assert found["processor"]
    assert not [name for name in found if "thread" in name]  # whoever trains or times says how many: not all use one
