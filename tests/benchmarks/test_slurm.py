"""Jobs through submitit, run as processes of this machine: what is killed is handed in again, and counted once."""

import os
import signal
from pathlib import Path

import pytest
from toy_trial import TOY

from mixbook.benchmarks.executors.dispatch import dispatch

pytest.importorskip("submitit", reason="submitit comes with the extras test and slurm: pip install '.[slurm]' in the clone")
from mixbook.benchmarks.executors.slurm import Slurm

PIECES = [((cell, 0),) for cell in TOY.cells[:3]]


class Once:
    """Work that kills the process of its second piece, the first time."""

    def __init__(self, memory: Path) -> None:
        self.memory = memory

    def __call__(self, piece):
        if piece == PIECES[1] and not self.memory.exists():
            self.memory.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return piece, os.getpid()


@pytest.fixture(autouse=True)
def found_by_jobs(monkeypatch):
    """Where jobs find the work of this file."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parents[2]), str(Path(__file__).parent)]))


@pytest.mark.slow
def test_a_job_that_is_killed_is_handed_in_again(tmp_path):
    said: list[str] = []
    with Slurm(Once(tmp_path / "died"), jobs=2, logs=tmp_path / "logs", cluster="local") as pool:
        done = list(dispatch(PIECES, pool, report=said.append))
    assert sorted((piece for piece, _ in done), key=str) == sorted(PIECES, key=str)
    assert all(answer == piece and process != os.getpid() for piece, (answer, process) in done)
    assert len(said) == 1 and "ended without an answer" in said[0] and "run again" in said[0]


@pytest.mark.slow
def test_what_a_job_raises_ends_the_run(tmp_path):
    def fails(piece):
        raise ValueError("no such thing")

    with Slurm(fails, jobs=1, logs=tmp_path, cluster="local") as pool, pytest.raises(Exception, match="no such thing"):
        list(dispatch(PIECES, pool))
    assert not pool._jobs
