"""Handing out pieces: a worker that dies loses nothing, and nothing is counted twice."""

import math
import os
import signal
import time

import pytest
from test_cells import quiet
from toy_trial import TOY

from mixbook.benchmarks import BenchmarkError, executors
from mixbook.benchmarks.cells import run_missing_cells
from mixbook.benchmarks.executors.dispatch import dispatch
from mixbook.benchmarks.executors.local import Processes
from mixbook.benchmarks.executors.pool import WorkerDied
from mixbook.benchmarks.results import Results

PIECES = [((cell, number),) for cell in TOY.cells[:3] for number in range(2)]


def slow(piece):
    """Who ran a piece, after a while."""
    time.sleep(0.5)
    return (piece, os.getpid())


def fails(piece):
    """A trial with a mistake in it."""
    raise ValueError(f"no such thing as {piece[0][1]}")


def test_a_worker_that_is_killed_is_replaced_and_its_piece_run_again():
    done, said = [], []
    with Processes(slow, 2) as pool:
        for piece, (answered, process) in dispatch(PIECES, pool, report=said.append):
            assert answered == piece
            if not done:
                victim = next(worker for worker in pool._all if worker.process.pid != process)
                os.kill(victim.process.pid, signal.SIGKILL)
            done.append(piece)
    assert sorted(done, key=str) == sorted(PIECES, key=str)
    assert len(said) == 1 and "killed by signal 9 (out of memory?); it is run again" in said[0]
    assert not pool._all


def test_ctrl_c_is_for_the_parent_alone(capfd):
    """A terminal sends it to all processes at once."""
    with Processes(slow, 1) as pool:
        for piece, seconds in ((PIECES[0], 0.0), (PIECES[1], 0.1)):  # while a worker starts, and while it works
            worker = pool.start(piece)
            time.sleep(seconds)
            os.kill(worker.process.pid, signal.SIGINT)
            assert pool.wait([worker], 60) and pool.result(worker) == (piece, worker.process.pid)
    assert capfd.readouterr().err == ""


def test_a_cell_whose_worker_dies_is_in_the_results_once(tmp_path, monkeypatch):
    monkeypatch.setenv("TOY_DIES_AT", str(TOY.cells[1]))
    monkeypatch.setenv("TOY_DIES_ONCE", str(tmp_path / "died"))
    lines: list[str] = []
    cells = run_missing_cells(Results(TOY, "laptop", tmp_path), jobs=2, report=lines.append)
    assert (tmp_path / "died").exists() and any("it is run again" in line for line in lines)
    assert list(cells) == list(TOY.cells)
    assert all([trial.number for trial in trials] == [0, 1, 2] for trials in cells.values())


def test_a_piece_that_always_kills_its_worker_ends_the_run_and_keeps_the_rest(tmp_path, monkeypatch):
    monkeypatch.setenv("TOY_DIES_AT", str(TOY.cells[1]))
    results = Results(TOY, "laptop", tmp_path)
    with pytest.raises(WorkerDied, match=rf"{TOY.cells[1].method}.* trial 0 killed 3 workers"):
        run_missing_cells(results, jobs=2, report=quiet)
    assert len(results.load()) >= 1


def test_what_a_trial_raises_ends_the_run():
    with Processes(fails, 2) as pool, pytest.raises(ValueError, match="no such thing as"):
        list(dispatch(PIECES, pool))


class Pairs:
    """A pool whose pieces are over two by two."""

    slots = 2

    def __init__(self, *mistakes):
        self._mistakes = dict(zip(PIECES, mistakes, strict=False))

    def start(self, piece):
        return piece

    def wait(self, handles, timeout):
        return handles

    def result(self, handle):
        if error := self._mistakes.get(handle):
            raise error
        return "found"


@pytest.mark.parametrize(("error", "kept"), [(ValueError("no such thing"), PIECES[1:2]), (WorkerDied("gone"), PIECES[1:4])])
def test_what_is_over_together_with_a_mistake_is_kept(error, kept):
    done = []
    with pytest.raises(type(error), match=r"no such thing|killed 3 workers: gone"):
        for piece, _ in dispatch(PIECES, Pairs(error), report=quiet):
            done.append(piece)
    assert done == kept


def test_of_several_mistakes_the_first_is_raised():
    with pytest.raises(ValueError, match="first"):
        list(dispatch(PIECES, Pairs(ValueError("first"), KeyError("second"))))


def test_pieces_under_way_at_the_end_are_given_up():
    said: list[str] = []
    with Processes(slow, 1) as pool:
        done = list(dispatch(PIECES, pool, until=time.monotonic() + 0.3, report=said.append))
    assert done == [] and len(said) == 1 and "given up" in said[0]


def test_nothing_is_begun_that_would_not_be_done_in_time():
    with Processes(slow, 1) as pool:
        assert list(dispatch(PIECES, pool, until=time.monotonic() + 30, takes=lambda piece: 60.0)) == []
        assert not pool._all


@pytest.mark.parametrize(
    ("on", "gpus", "said"),
    [
        ("moon", 0, r"--on must be here, ray.*got 'moon'"),
        ("ray://localhost", 0, "must name host and port"),
        ("ray://localhost:notaport", 0, "must name host and port"),
        ("ray://localhost:1", 0, "the cluster cannot be reached"),
        ("here", 1, "--gpus is for clusters"),
        ("ray", -1, "must be a number of at least 0, got -1"),
        ("slurm", 0.5, "Slurm gives whole GPUs only"),
        ("slurm://gpu?minutes=soon", 0, "takes a whole number of minutes"),
        ("slurm://gpu?minutes=60&minutes=30", 0, "takes a whole number of minutes"),
        ("slurm", math.inf, "--gpus must be a number of at least 0, got inf"),
        ("slurm", math.nan, "--gpus must be a number of at least 0, got nan"),
        ("ray://[x", 0, "--on must be here, ray"),
        ("slurm://gpu?hours=1", 0, "takes a whole number of minutes"),
    ],
)
def test_a_place_that_cannot_be_used_is_named_with_why(on, gpus, said, monkeypatch):
    if on.startswith("ray://"):
        monkeypatch.setattr("mixbook.benchmarks.executors.ray_cluster.need_ray", lambda: None)
    with pytest.raises(BenchmarkError, match=said):
        executors.check(on, gpus)


@pytest.mark.parametrize(("on", "module", "extra"), [("ray", "ray", "ray"), ("slurm", "submitit", "slurm")])
def test_what_has_to_be_installed_is_named(on, module, extra, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(BenchmarkError, match=rf"pip install '\.\[{extra}\]' in the clone"):
        executors.check(on)
