"""What CONTRIBUTING.md says can be done as it says it."""

import re
import subprocess
import sys
from pathlib import Path

TEXT = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")


def run(folder, code):
    (folder / "mine.py").write_text(code)
    return subprocess.run([sys.executable, "mine.py"], cwd=folder, capture_output=True, text=True)


def example():
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.S)
    return edited(code, "trials=20, epochs=200", "trials=2, epochs=1")


def edited(code, old, new):
    assert code.count(old) == 1
    return code.replace(old, new)


def test_an_experiment_of_one_s_own_runs_from_a_file_of_one_s_own(tmp_path):
    done = run(tmp_path, example())
    assert [line.split()[0] for line in done.stdout.splitlines()[-2:]] == ["erm", "other_class"], done.stderr
    assert len((tmp_path / "results" / "mine" / "laptop.csv").read_text().splitlines()) == 5
    again = run(tmp_path, example())
    assert "2 of 2 cells are there already" in again.stdout
    assert again.stdout.splitlines()[-2:] == done.stdout.splitlines()[-2:]


def test_results_are_refused_under_other_settings_and_shown_again_whatever_the_trial_does_now(tmp_path):
    first = run(tmp_path, example()).stdout.splitlines()[-2:]
    fewer = edited(example(), '"labels", 200', '"labels", 100')
    refused = run(tmp_path, fewer)
    assert refused.returncode and "belongs to other results: protocol labels" in refused.stderr
    other = edited(example(), 'mb.ByClass("different")', "mb.OptimalTransport(16)")
    assert run(tmp_path, other).stdout.splitlines()[-2:] == first
    plain, mixed = run(tmp_path, edited(other, 'name="mine"', 'name="anew"')).stdout.splitlines()[-2:]
    assert plain == first[0] and mixed != first[1]
    plain, _ = run(tmp_path, edited(fewer, 'name="mine"', 'name="fewer"')).stdout.splitlines()[-2:]
    assert plain != first[0], "the trial asks for its settings"


def test_what_it_names_is_there():
    grid = (Path(__file__).parents[1] / "book" / "practice" / "grid.md").read_text(encoding="utf-8")
    assert "## Your method on a printed protocol" in grid and "own_trials" in grid and "beside_own" in grid
