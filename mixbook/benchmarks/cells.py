"""Run the missing cells of an experiment, trial by trial in several processes, saving after each cell."""

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import repeat
from typing import Any

from mixbook.benchmarks.environment import describe
from mixbook.benchmarks.results import Results, Trial
from mixbook.benchmarks.spec import Cell, Experiment

RunTrials = Callable[[Cell, range], list[Trial]]


def run_missing_cells(results: Results, jobs: int, report: Callable[[str], None] = print) -> dict[Cell, list[Trial]]:
    """Run the cells that ``results`` lacks and save after each one: a killed run loses at most the cell it was at.

    Args:
        results: where finished cells are and go.
        jobs: processes; each trains one network at a time, on one thread.
        report: takes one line per cell.

    Returns:
        All cells with their trials, those that were there before included.

    Raises:
        ResultsError: if what is there cannot be continued.
    """
    cells, runs = results.load(), list(results.provenance()["runs"]) if results.exists() else []
    wanted = results.experiment.selected(results.profile)
    missing = [cell for cell in wanted if cell not in cells]
    if cells:
        report(f"{len(cells)} of {len(wanted)} cells are there already")
    if not missing:
        return cells
    trials = range(results.experiment.profile(results.profile).trials)
    run: dict[str, Any] = {"started": datetime.now(UTC).isoformat(timespec="seconds"), **describe(), "jobs": jobs}
    started = time.perf_counter()
    with _workers(results.experiment, results.profile, min(jobs, len(trials))) as run_trials:
        for done, cell in enumerate(missing, start=1):
            cells[cell] = run_trials(cell, trials)
            seconds = time.perf_counter() - started
            run |= {"seconds": round(seconds, 1), "cells": [str(finished) for finished in missing[:done]]}
            results.save(cells, [*runs, run])
            left = seconds / done * (len(missing) - done)
            report(f"[{len(cells):2d}/{len(wanted)}] {cell!s:36s} {len(trials)} trials, {_duration(left)} left")
    return cells


@contextmanager
def _workers(experiment: Experiment, profile: str, jobs: int) -> Iterator[RunTrials]:
    if jobs == 1:
        import torch

        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield lambda cell, trials: [_timed(experiment, cell, number, profile) for number in trials]
        finally:
            torch.set_num_threads(threads)
        return
    # Started afresh rather than forked: torch's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    os.environ["OMP_NUM_THREADS"] = "1"
    with ProcessPoolExecutor(jobs, context, initializer=_prepare_worker) as pool:
        yield lambda cell, trials: list(
            pool.map(_timed, repeat(experiment), repeat(cell), trials, repeat(profile), chunksize=1)
        )


def _prepare_worker() -> None:
    import torch

    torch.set_num_threads(1)

    def end_with_parent() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)  # a killed parent cannot tell us to stop, and we would wait for ever

    threading.Thread(target=end_with_parent, daemon=True).start()


def _timed(experiment: Experiment, cell: Cell, number: int, profile: str) -> Trial:
    started = time.perf_counter()
    metrics = experiment.run_trial(cell, number, profile)
    return Trial(number, metrics, round(time.perf_counter() - started, 3))


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
