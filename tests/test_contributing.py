"""What CONTRIBUTING.md says can be done as it says it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

TEXT = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")


def run(folder, code):
    (folder / "mine.py").write_text(code)
    return subprocess.run([sys.executable, "mine.py"], cwd=folder, capture_output=True, text=True)


def edited(code, old, new):
    assert code.count(old) == 1
    return code.replace(old, new)


(CODE,) = re.findall(r"```python\n(.*?)```", TEXT, re.S)
EXAMPLE = edited(CODE, "trials=20, epochs=200", "trials=2, epochs=1")


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A folder in which the example has run, and how that went."""
    folder = tmp_path_factory.mktemp("mine")
    return folder, run(folder, EXAMPLE)


def test_an_experiment_of_one_s_own_runs_from_a_file_of_one_s_own(first):
    folder, done = first
    assert [line.split()[0] for line in done.stdout.splitlines()[-2:]] == ["erm", "other_class"], done.stderr
    assert len((folder / "results" / "mine" / "laptop.csv").read_text().splitlines()) == 5
    again = run(folder, EXAMPLE)
    assert "2 of 2 cells are there already" in again.stdout
    assert again.stdout.splitlines()[-2:] == done.stdout.splitlines()[-2:]


def test_results_are_refused_under_other_settings_and_shown_again_whatever_the_trial_does_now(first):
    folder, done = first
    there = done.stdout.splitlines()[-2:]
    here = edited(EXAMPLE, "jobs=2", "jobs=1")  # each further process would import torch again
    fewer = edited(here, '"labels", 200', '"labels", 100')
    refused = run(folder, fewer)
    assert refused.returncode and "belongs to other results: protocol labels" in refused.stderr
    other = edited(here, 'mb.ByClass("different")', "mb.OptimalTransport(16)")
    assert run(folder, other).stdout.splitlines()[-2:] == there
    plain, mixed = run(folder, edited(other, 'name="mine"', 'name="anew"')).stdout.splitlines()[-2:]
    assert plain == there[0] and mixed != there[1]
    plain, _ = run(folder, edited(fewer, 'name="mine"', 'name="fewer"')).stdout.splitlines()[-2:]
    assert plain != there[0], "the trial asks for its settings"


def test_what_it_names_is_there():
    grid = (Path(__file__).parents[1] / "book" / "practice" / "grid.md").read_text(encoding="utf-8")
    assert "## Your method on a printed protocol" in grid and "own_trials" in grid and "beside_own" in grid
