"""Run the missing cells of an experiment, here or on a cluster, and save what is finished as it comes."""

import math
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks import budget as budgets
from mixbook.benchmarks.environment import describe, machine
from mixbook.benchmarks.executors import open_pool
from mixbook.benchmarks.executors.dispatch import dispatch
from mixbook.benchmarks.executors.pool import Found
from mixbook.benchmarks.results import Results, Trial, Trials, duration, precisions
from mixbook.benchmarks.spec import Cell, Experiment, Metrics, Piece, Task
from mixbook.benchmarks.trials.precision import noting_precision

_SAVE_EVERY = 1.0  # seconds between two saves of cells that are begun; one that is whole is saved at once


def run_missing_cells(
    results: Results,
    jobs: int | None,
    report: Callable[[str], None] = print,
    *,
    budget: float | None = None,
    at_most: int | None = None,
    only: Sequence[str] = (),
    on: str = "here",
    gpus: float = 0.0,
) -> Trials:
    """Run what ``results`` lacks and save it as it comes: a killed run loses what it was at, and what is a second old.

    Args:
        results: where finished cells are and go.
        jobs: processes; each trains on one thread. None is as many as there is room for on a cluster.
        report: takes one line per cell.
        budget: seconds after which nothing goes on. Then one trial of every cell comes before two of any, and what is under
            way at the end is given up.
        at_most: trials of each cell, all if None.
        only: patterns of cells (:meth:`Cell.fits`), of which one must fit; all cells if there are none.
        on: ``"here"``, or a cluster that runs the trials: see :mod:`mixbook.benchmarks.executors`.
        gpus: GPUs, or the share of one, that a cluster gives to each trial.

    Returns:
        All whole cells with their trials, those that were there before included. An experiment with sources has these run.

    Raises:
        ResultsError: if what is there cannot be continued. Damaged files are set aside, and what they held is run again.
        ResultsInUse: if another process writes these results.
        BudgetTooSmall: if not one trial was or would be done in time.
    """
    end = None if budget is None else time.monotonic() + budget
    if results.sources:
        for source in results.sources:
            report(f"{results.experiment.name} is read from {source.experiment.name}")
            left = None if end is None else end - time.monotonic()
            if left is None or left > 0:
                run_missing_cells(source, jobs, report, budget=left, at_most=at_most, only=only, on=on, gpus=gpus)
        return results.load()
    with results.lock():
        results.make_ready(report)
        wanted = results.experiment.selected(results.profile, only)
        progress = _Progress(results, {"jobs": jobs, "on": on.split(":")[0]}, report, wanted)
        missing = progress.missing()
        tasks = [(cell, number) for cell, number in missing if at_most is None or number < at_most]
        if not tasks:
            return progress.cells
        if budget is not None:
            budgets.check(budget, results, at_most, only)
        pieces = results.experiment.pieces(tasks)
        if end is not None:
            pieces = budgets.most_informative_first(results.experiment, tasks)
        work = partial(_run_piece, results.experiment, results.profile)
        jobs = jobs if on != "here" else min(jobs or 1, len(pieces))
        with open_pool(on, work, jobs=jobs, gpus=gpus, stoppable=end is not None) as pool:

            def takes(piece: Piece) -> float:
                return sum(budgets.expected(progress.there, cell) for cell, _ in piece)

            try:
                for piece, found in dispatch(pieces, pool, until=end, takes=takes, report=report):
                    progress.add(piece, found)
            finally:
                progress.save()
        progress.close(budget)
        return {
            cell: progress.cells[cell] for cell in results.experiment.selected(results.profile) if cell in progress.cells
        }


class _Progress:
    """What a run has so far, and its provenance."""

    def __init__(
        self, results: Results, run: dict[str, Any], report: Callable[[str], None], wanted: Sequence[Cell]
    ) -> None:
        self.results, self.report = results, report
        self.cells, self.begun = results.load(), results.begun()
        self._wanted = wanted  # of the profile's cells
        self._trials = results.experiment.profile(results.profile).trials
        self._missing = [cell for cell in self._wanted if cell not in self.cells]
        self._earlier = list(results.provenance()["runs"]) if results.exists() else []
        started = datetime.now(UTC).isoformat(timespec="seconds")
        self._run = {"started": started, **describe(), "threads_per_trial": 1, **run, "trials": 0}  # executors see to that
        self._start, self._saved, self._unsaved = time.perf_counter(), 0.0, False
        if there := len(wanted) - len(self._missing):
            report(f"{there} of {len(wanted)} cells are there already")
        if self.begun:
            report(f"{sum(map(len, self.begun.values()))} trials of {len(self.begun)} further cells are there already")

    def missing(self) -> list[Task]:
        """The trials that are not there, cell by cell."""
        there = {cell: {trial.number for trial in trials} for cell, trials in self.begun.items()}
        numbers = range(self._trials)
        cells = [cell for cell in self._missing if cell not in self.cells]
        return [(cell, number) for cell in cells for number in numbers if number not in there.get(cell, ())]

    @property
    def there(self) -> Trials:
        """All trials that are there."""
        return {**self.cells, **self.begun}

    def add(self, piece: Piece, found: Found) -> None:
        """Take in what came of a piece; save at once if a cell is whole, else every second."""
        whole = []
        for (cell, _), trial in zip(piece, found.trials, strict=True):
            trials = self.begun.setdefault(cell, [])
            if trials and trial.metrics.keys() != trials[0].metrics.keys():
                odd = ", ".join(sorted(trial.metrics.keys() ^ trials[0].metrics.keys()))
                raise BenchmarkError(f"trial {trial.number} of {cell} must have the metrics of the cell's others: {odd}")
            trials.append(trial)
            if len(trials) == self._trials:
                self.cells[cell] = sorted(self.begun.pop(cell), key=lambda each: each.number)
                whole.append(cell)
        self._run["trials"] += len(piece)
        machines = self._run.setdefault("machines", [])
        if found.machine not in machines:
            machines.append(found.machine)
            if len(used := precisions([*self._earlier, self._run])) > 1:
                self.report(
                    f"the precision of products is the machine's: these results have trials in {' and '.join(used)}"
                )
        self._unsaved = True
        if whole or time.perf_counter() - self._saved > _SAVE_EVERY:
            self.save()
        self._tell(whole)

    def save(self) -> None:
        """Write what is not written yet."""
        if not self._unsaved:
            return
        finished = [str(cell) for cell in self._missing if cell in self.cells]
        self._run |= {"seconds": round(time.perf_counter() - self._start, 1), "cells": finished}
        begun = {cell: sorted(trials, key=lambda each: each.number) for cell, trials in self.begun.items()}
        self.results.save(self.cells, [*self._earlier, self._run], begun)
        self._saved, self._unsaved = time.perf_counter(), False

    def close(self, budget: float | None) -> None:
        """Say what a budget was enough for.

        Raises:
            BudgetTooSmall: if it was not enough for a single trial.
        """
        if budget is None:
            return
        if not self._run["trials"]:
            within = f"no trial was done within --budget {duration(budget)}"
            raise budgets.BudgetTooSmall(f"{within}: one of one cell, with the start of a process, takes longer than that")
        missing, begun = len(self.missing()), sum(map(len, self.begun.values()))
        done = f"{self._run['trials']} trials done within the budget"
        self.report(f"{done}: {self._whole()} of {len(self._wanted)} cells are whole, {begun} trials of others are kept")
        if missing:
            self.report(f"{missing} trials are missing: the same command goes on")

    def _whole(self) -> int:
        return sum(cell in self.cells for cell in self._wanted)

    def _tell(self, whole: list[Cell]) -> None:
        seconds, missing = time.perf_counter() - self._start, len(self.missing())
        left = duration(seconds / self._run["trials"] * missing)
        for place, cell in enumerate(whole, start=self._whole() - len(whole) + 1):
            self.report(f"[{place:2d}/{len(self._wanted)}] {cell!s:36s} {self._trials} trials, {left} left")


def _finite(metrics: Metrics) -> Metrics:
    """A result without infinite numbers, which no table can be computed with: NaN says that there is none."""
    return {name: value if math.isfinite(value) else math.nan for name, value in metrics.items()}


def _run_piece(experiment: Experiment, profile: str, piece: Piece) -> Found:
    started = time.perf_counter()
    with noting_precision() as precision:
        found = experiment.run(piece, profile)
    seconds = round((time.perf_counter() - started) / len(piece), 3)
    trials = tuple(Trial(number, _finite(metrics), seconds) for (_, number), metrics in zip(piece, found, strict=True))
    return Found(trials, {**machine(), **precision})
