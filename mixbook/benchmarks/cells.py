"""Run the missing cells of an experiment in several processes, saving after each finished cell."""

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

from mixbook.benchmarks.environment import describe
from mixbook.benchmarks.results import Results, Trial
from mixbook.benchmarks.spec import Cell, Experiment, Task

Piece = list[Task]
RunPieces = Callable[[list[Piece]], Iterable[tuple[Piece, list[Trial]]]]


def run_missing_cells(results: Results, jobs: int, report: Callable[[str], None] = print) -> dict[Cell, list[Trial]]:
    """Run the cells that ``results`` lacks and save after each one: a killed run loses at most what it was at.

    Args:
        results: where finished cells are and go.
        jobs: processes; each trains on one thread.
        report: takes one line per cell.

    Returns:
        All cells with their trials, those that were there before included. An experiment with sources has these run.

    Raises:
        ResultsError: if what is there cannot be continued.
    """
    if results.sources:
        for source in results.sources:
            report(f"{results.experiment.name} is read from {source.experiment.name}")
            run_missing_cells(source, jobs, report)
        return results.load()
    cells, runs = results.load(), list(results.provenance()["runs"]) if results.exists() else []
    wanted = results.experiment.selected(results.profile)
    missing = [cell for cell in wanted if cell not in cells]
    if cells:
        report(f"{len(cells)} of {len(wanted)} cells are there already")
    if not missing:
        return cells
    trials = results.experiment.profile(results.profile).trials
    pieces = results.experiment.pieces(missing, trials)
    run: dict[str, Any] = {"started": datetime.now(UTC).isoformat(timespec="seconds"), **describe(), "jobs": jobs}
    started, done = time.perf_counter(), dict[Cell, list[Trial]]()
    with _workers(results.experiment, results.profile, min(jobs, len(pieces))) as run_pieces:
        for piece, found in run_pieces(pieces):
            for (cell, _), trial in zip(piece, found, strict=True):
                done.setdefault(cell, []).append(trial)
            whole = [cell for cell in dict.fromkeys(cell for cell, _ in piece) if len(done[cell]) == trials]
            if not whole:
                continue
            cells |= {cell: sorted(done[cell], key=lambda trial: trial.number) for cell in whole}
            seconds, finished = time.perf_counter() - started, [cell for cell in missing if cell in cells]
            run |= {"seconds": round(seconds, 1), "cells": [str(cell) for cell in finished]}
            results.save(cells, [*runs, run])
            left = _duration(seconds / len(finished) * (len(missing) - len(finished)))
            for place, cell in enumerate(whole, start=len(cells) - len(whole) + 1):
                report(f"[{place:2d}/{len(wanted)}] {cell!s:36s} {trials} trials, {left} left")
    return {cell: cells[cell] for cell in wanted}


@contextmanager
def _workers(experiment: Experiment, profile: str, jobs: int) -> Iterator[RunPieces]:
    work = partial(_run_piece, experiment, profile)
    if jobs == 1:
        import torch

        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield lambda pieces: map(work, pieces)
        finally:
            torch.set_num_threads(threads)
        return
    # Started afresh rather than forked: torch's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    os.environ["OMP_NUM_THREADS"] = "1"
    with ProcessPoolExecutor(jobs, context, initializer=_prepare_worker) as pool:
        yield lambda pieces: (done.result() for done in as_completed([pool.submit(work, piece) for piece in pieces]))


def _prepare_worker() -> None:
    import torch

    torch.set_num_threads(1)

    def end_with_parent() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)  # a killed parent cannot tell us to stop, and we would wait for ever

    threading.Thread(target=end_with_parent, daemon=True).start()


def _run_piece(experiment: Experiment, profile: str, piece: Piece) -> tuple[Piece, list[Trial]]:
    started = time.perf_counter()
    found = experiment.run(piece, profile)
    seconds = round((time.perf_counter() - started) / len(piece), 3)
    return piece, [Trial(number, metrics, seconds) for (_, number), metrics in zip(piece, found, strict=True)]


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
