"""What CONTRIBUTING.md says can be done as it says it."""

import re
import subprocess
import sys
from pathlib import Path

TEXT = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_an_experiment_of_one_s_own_runs_from_a_file_of_one_s_own(tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.S)
    short = code.replace('trial="mine:trial"', 'trial="mine:trial", profiles={"laptop": Profile(2, 1)}')
    assert short != code
    (tmp_path / "mine.py").write_text(short.replace("spec import Cell", "spec import Cell, Profile"))
    done = subprocess.run([sys.executable, "mine.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert [line.split()[0] for line in done.stdout.splitlines()[-2:]] == ["erm", "other_class"]
    assert len((tmp_path / "results" / "mine" / "laptop.csv").read_text().splitlines()) == 5
    again = subprocess.run([sys.executable, "mine.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "2 of 2 cells are there already" in again.stdout
    assert again.stdout.splitlines()[-2:] == done.stdout.splitlines()[-2:]


def test_what_it_names_is_there():
    grid = (Path(__file__).parents[1] / "book" / "practice" / "grid.md").read_text(encoding="utf-8")
    assert "## Your method on a printed protocol" in grid and "own_trials" in grid and "beside_own" in grid
