"""Two processes at the same results: the second is told so, and neither loses what the other has."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from test_cells import SCRIPT, quiet, until
from toy_trial import RUN, TOY

from mixbook.benchmarks.cells import run_missing_cells
from mixbook.benchmarks.results import Results, ResultsInUse


@pytest.fixture
def slow(tmp_path):
    """A process that writes the toy's results and stays at its fourth cell."""
    script = tmp_path / "run.py"
    script.write_text(SCRIPT.format(folder=str(tmp_path), jobs=1))
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    environment = {**os.environ, "TOY_STOPS_AT": str(TOY.cells[3]), "PYTHONPATH": path}
    run = subprocess.Popen([sys.executable, str(script)], env=environment, stdout=subprocess.DEVNULL)
    results = Results(TOY, "laptop", tmp_path)
    until(lambda: results.csv.exists() and str(TOY.cells[2]).split()[-1] in results.csv.read_text())
    yield run
    run.kill()
    run.wait()


def test_the_second_is_refused_while_the_first_lives_and_takes_over_when_it_is_killed(slow, tmp_path):
    results = Results(TOY, "laptop", tmp_path)
    before = results.load()
    with pytest.raises(ResultsInUse, match=r"another process is running toy --profile laptop.*laptop\.csv"):
        run_missing_cells(results, jobs=1, report=quiet)
    assert slow.poll() is None and results.load() == before
    slow.send_signal(signal.SIGKILL)
    slow.wait()
    finished = run_missing_cells(results, jobs=1, report=quiet)
    assert set(finished) == set(TOY.cells)
    assert {cell: finished[cell] for cell in before} == before


def test_another_profile_is_written_meanwhile(slow, tmp_path):
    assert run_missing_cells(Results(TOY, "smoke", tmp_path), jobs=1, report=quiet)
    assert slow.poll() is None


def test_links_to_the_same_results_share_their_lock(tmp_path, invented):
    kept, linked = (Results(TOY, "laptop", tmp_path / name) for name in ("kept", "linked"))
    kept.save(invented(TOY, "laptop"), [RUN])
    linked.csv.parent.mkdir(parents=True)
    for link, path in zip(linked.files, kept.files, strict=True):
        link.symlink_to(path)
    with kept.lock(), pytest.raises(ResultsInUse), linked.lock():
        pass
    with linked.lock(), pytest.raises(ResultsInUse), kept.lock():
        pass
