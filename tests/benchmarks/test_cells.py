"""Running cells: what is there is kept, what is missing is run, and a kill loses the current cell only."""

import math
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import toy_trial
from toy_trial import PRECISE, SIDE_BY_SIDE, TOY

import mixbook
from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.cells import run_missing_cells
from mixbook.benchmarks.results import Results, ResultsError


def quiet(line: str) -> None:
    pass


def test_all_cells_are_run_once_with_a_line_each(tmp_path):
    lines: list[str] = []
    cells = run_missing_cells(Results(TOY, "laptop", tmp_path), jobs=1, report=lines.append)
    assert list(cells) == list(TOY.cells)
    assert len(lines) == len(cells)
    assert "left" in lines[0] and lines[-1].endswith(" 0 s left")
    again = run_missing_cells(Results(TOY, "laptop", tmp_path), jobs=1, report=quiet)
    assert again == cells


@pytest.mark.parametrize("value", [float("inf"), float("-inf")])
def test_infinite_results_are_kept_as_none(value, tmp_path, monkeypatch):
    monkeypatch.setattr(toy_trial, "trial", lambda *_: {"error": value, "nll": 1.0})
    run_missing_cells(Results(TOY, "laptop", tmp_path), jobs=1, report=quiet)
    trials = [trial for trials in Results(TOY, "laptop", tmp_path).load().values() for trial in trials]
    assert len(trials) == 3 * len(TOY.cells)
    assert all(math.isnan(trial.metrics["error"]) and trial.metrics["nll"] == 1.0 for trial in trials)


def test_a_trial_with_metrics_of_its_own_is_named_before_it_damages_the_others(tmp_path, monkeypatch):
    odd = {2: {"error": 1.0, "nll": 2.0}}
    monkeypatch.setattr(toy_trial, "trial", lambda e, cell, number, p: odd.get(number, {"error": 1.0}))
    with pytest.raises(BenchmarkError, match=r"trial 2 of erm must have the metrics of the cell's others: nll"):
        run_missing_cells(Results(TOY, "laptop", tmp_path), jobs=1, report=quiet)
    assert [len(trials) for trials in Results(TOY, "laptop", tmp_path).begun().values()] == [2]


def test_of_chosen_cells_alone_it_is_told_how_far_they_are(tmp_path):
    lines: list[str] = []
    results = Results(TOY, "laptop", tmp_path)
    run_missing_cells(results, jobs=1, report=lines.append, only=["erm"])
    assert [line.startswith("[ 1/1] erm") and line.endswith(" 0 s left") for line in lines] == [True]
    run_missing_cells(results, jobs=1, report=lines.append, only=["erm", str(TOY.cells[1])])
    assert lines[1] == "1 of 2 cells are there already" and lines[2].startswith("[ 2/2]")


def test_trials_that_are_added_later_join_those_that_are_there(tmp_path):
    first = run_missing_cells(Results(TOY, "laptop", tmp_path), jobs=1, report=quiet)
    longer = replace(TOY, profiles={**TOY.profiles, "laptop": replace(TOY.profiles["laptop"], trials=5)})
    lines: list[str] = []
    cells = run_missing_cells(Results(longer, "laptop", tmp_path), jobs=1, report=lines.append)
    assert f"{len(first)} cells get more trials: those that they have are kept" in lines
    assert all(len(trials) == 5 and trials[:3] == first[cell] for cell, trials in cells.items())


def test_nothing_is_added_to_results_of_another_version(tmp_path, monkeypatch):
    run_missing_cells(Results(TOY, "laptop", tmp_path), jobs=1, report=quiet)
    monkeypatch.setattr(mixbook, "__version__", "99.0")
    with pytest.raises(ResultsError, match=r"and this is 99\.0"):
        run_missing_cells(Results(TOY, "laptop", tmp_path), jobs=1, report=quiet)


def test_trials_are_spread_over_processes_and_come_back_in_order(tmp_path):
    cells = run_missing_cells(Results(TOY, "laptop", tmp_path), jobs=2, report=quiet)
    assert all([trial.number for trial in trials] == [0, 1, 2] for trials in cells.values())
    processes = {trial.metrics["process"] for trials in cells.values() for trial in trials}
    assert 1 <= len(processes) <= 2  # trials this short may all go to the worker that is up first
    assert os.getpid() not in processes


@pytest.mark.parametrize("jobs", [1, 2])
def test_trials_that_run_side_by_side_are_given_whole_cells_at_once(tmp_path, jobs):
    cells = run_missing_cells(Results(SIDE_BY_SIDE, "laptop", tmp_path), jobs=jobs, report=quiet)
    assert list(cells) == list(SIDE_BY_SIDE.cells)
    sizes = [trial.metrics["at_once"] for trials in cells.values() for trial in trials]
    assert sizes == [6.0] * len(sizes)  # two cells of three trials
    assert all(
        [t.number for t in trials] == [t.metrics["number"] for t in trials] == [0, 1, 2] for trials in cells.values()
    )


def test_the_last_piece_may_hold_fewer_cells():
    tasks = [(cell, number) for cell in SIDE_BY_SIDE.cells[:3] for number in range(2)]
    pieces = SIDE_BY_SIDE.pieces(tasks)
    assert [len(piece) for piece in pieces] == [4, 2]
    assert [task for piece in pieces for task in piece] == tasks


def test_provenance_says_with_what_it_was_measured(tmp_path):
    results = Results(TOY, "smoke", tmp_path)
    run_missing_cells(results, jobs=1, report=quiet)
    (run,) = results.provenance()["runs"]
    assert run["torch"] and run["python"] and run["processor"] and run["jobs"] == run["threads_per_trial"] == 1
    assert run["cells"] == [str(cell) for cell in TOY.selected("smoke")]


SCRIPT = """
from pathlib import Path
from toy_trial import PRECISE, SIDE_BY_SIDE, TOY
from mixbook.benchmarks.cells import run_missing_cells
from mixbook.benchmarks.results import Results

if __name__ == "__main__":
    run_missing_cells(Results(TOY, "laptop", Path({folder!r})), jobs={jobs})
"""


def test_the_precision_that_a_machine_chose_is_kept_and_a_mix_is_told(tmp_path, monkeypatch):
    results, lines = Results(PRECISE, "smoke", tmp_path), list[str]()
    for capability, only in (("AVX512", [str(PRECISE.selected("smoke")[0])]), ("AVX2", [])):
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda capability=capability: capability)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        run_missing_cells(results, jobs=1, report=lines.append, only=only)
        told = [line for line in lines if "precision" in line]
        assert re.search(rf", products in {'bf16 and fp32' if told else 'bf16'}, [\d.e-]+ s$", results.origin())
    assert len(told) == 1 and told[0].endswith("these results have trials in bf16 and fp32")
    chosen = [[machine["precision"] for machine in run["machines"]] for run in results.provenance()["runs"]]
    assert chosen == [["bf16"], ["fp32"]]
    errors = [trials[0].metrics["error"] for trials in results.load().values()]
    assert errors == [1.0] + [0.0] * (len(errors) - 1)


def test_nothing_is_said_of_a_precision_that_is_not_the_machines_choice(tmp_path):
    results = Results(TOY, "smoke", tmp_path)
    run_missing_cells(results, jobs=1, report=quiet)
    (run,) = results.provenance()["runs"]
    assert all("precision" not in machine for machine in run["machines"]) and "products" not in results.origin()


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_killed_run_keeps_its_finished_cells_and_leaves_no_process(tmp_path, jobs):
    here = Path(__file__).parent
    script = tmp_path / "run.py"
    script.write_text(SCRIPT.format(folder=str(tmp_path), jobs=jobs))
    environment = {**os.environ, "TOY_STOPS_AT": str(TOY.cells[3]), "PYTHONPATH": os.pathsep.join([str(here), *sys.path])}
    results = Results(TOY, "laptop", tmp_path)
    run = subprocess.Popen([sys.executable, str(script)], env=environment, stdout=subprocess.DEVNULL)
    try:
        until(lambda: results.csv.exists() and str(TOY.cells[2]).split()[-1] in results.csv.read_text())
    finally:
        run.send_signal(signal.SIGKILL)
        run.wait()

    kept, begun = results.load(), results.begun()
    assert TOY.cells[2] in kept and set(kept) <= {*TOY.cells[:3], *TOY.cells[4:]}
    assert jobs == 2 or list(kept) == list(TOY.cells[:3])
    workers = {int(trial.metrics["process"]) for trials in kept.values() for trial in trials} - {run.pid}
    until(lambda: not any(alive(worker) for worker in workers))

    finished = run_missing_cells(results, jobs=1, report=quiet)
    assert list(finished) == list(TOY.cells)
    assert {cell: finished[cell] for cell in kept} == kept
    assert all(trial in finished[cell] for cell, trials in begun.items() for trial in trials)
    assert len(results.provenance()["runs"]) == 2


def until(holds, seconds: float = 60) -> None:
    limit = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.05)


def alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
