"""Run many experiments side by side, each through its notebook."""

import io
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from mixbook.benchmarks import BenchmarkError, runner
from mixbook.benchmarks.budget import BudgetTooSmall
from mixbook.benchmarks.executors.local import deaf_to_ctrl_c
from mixbook.benchmarks.home import results_folder
from mixbook.benchmarks.results import DamagedResults, Results
from mixbook.benchmarks.runner import HERE, Place, RunFailed
from mixbook.benchmarks.side_by_side import side_by_side
from mixbook.benchmarks.spec import Experiment

Outcome = tuple[Experiment, str, BenchmarkError | None]


def run_all(
    experiments: Sequence[Experiment],
    profile: str,
    book: Path,
    *,
    jobs: int | None = None,
    fresh: bool = False,
    place: Place = HERE,
) -> Iterator[Outcome]:
    """Run experiments, ``jobs`` notebooks at a time, each of one process; on a cluster one notebook at a time.

    Those that are read from others come last, one by one: two that share a source must not run it at the same time. At
    ``smoke``, of those with the same notebook and the same way of reading the first has its notebook, and the others run
    without.
    Arguments as for :func:`mixbook.benchmarks.runner.run`. All share a budget, in two rounds: first one trial of every cell
    of every experiment, then the others.

    Yields:
        Each experiment as it is done, what its run printed, and its error if it had one; the others go on. Under a budget
        once for each round; that there was no time for one is no error.

    Raises:
        BenchmarkError: if ``jobs`` is less than 1.
        BudgetTooSmall: if there was no time for any.
    """
    if jobs is not None and jobs < 1:
        raise BenchmarkError(f"--jobs must be at least 1, got {jobs}")
    if place.budget is None:
        yield from _round(experiments, profile, book, jobs, fresh, place, None)
        return
    end, late, count = time.monotonic() + place.budget, list[BudgetTooSmall](), 0
    for at_most in (1, None):
        for e, said, error in _round(
            experiments, profile, book, jobs, fresh and at_most == 1, replace(place, at_most=at_most), end
        ):
            count += 1
            if isinstance(error, BudgetTooSmall):
                late.append(error)
                said, error = f"{said}{error}\n", None
            yield e, said, error
    if len(late) == count:
        raise late[0]


def _round(
    experiments: Sequence[Experiment],
    profile: str,
    book: Path,
    jobs: int | None,
    fresh: bool,
    place: Place,
    end: float | None,
) -> Iterator[Outcome]:
    measured = [each for each in experiments if not each.sources]
    at_once = min(jobs or side_by_side(measured), max(1, len(measured))) if place.on == "here" else 1
    within = 1 if place.on == "here" else jobs
    alike = _alike(experiments) if profile == "smoke" else set()
    chosen = {each.name for each in experiments}
    quietly = partial(_quietly, profile=profile, book=book, jobs=within, place=place, end=end)
    with _processes(at_once) as pool:
        with deaf_to_ctrl_c():
            runs = {pool.submit(quietly, each, fresh=fresh, notebook=each.name not in alike): each for each in measured}
        lost = []
        for done in as_completed(runs):
            if isinstance(done.exception(), BrokenProcessPool):
                lost.append(runs[done])
            else:
                yield runs[done], *_outcome(done)
    for each in lost:  # one of them ended its process, which takes the others' along: now each has its own
        with _processes(1) as alone:
            with deaf_to_ctrl_c():
                again = alone.submit(quietly, each, fresh=fresh, notebook=each.name not in alike)
            yield each, *_outcome(again)
    for each in experiments:
        if each.sources:
            # Sources that were among the experiments have just been run: not afresh once more.
            afresh = fresh and not chosen.issuperset(source.name for source in each.sources)
            yield each, *quietly(each, fresh=afresh, notebook=each.name not in alike)


@contextmanager
def _processes(number: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of processes. When this one is interrupted they end: else it would wait for all that they are to do."""
    others = multiprocessing.active_children()
    with ProcessPoolExecutor(number, multiprocessing.get_context("spawn")) as pool:
        try:
            yield pool
        except BaseException:
            for process in multiprocessing.active_children():
                if process not in others:
                    process.terminate()
            raise


def _alike(experiments: Sequence[Experiment]) -> set[str]:
    """The names of those whose notebook and way of reading one before them has, and whose sources are among them."""
    chosen = {each.name for each in experiments}
    shown, alike = set[tuple[str, str]](), set[str]()
    for each in experiments:
        kind = (each.notebook, each.derive)
        if kind in shown and chosen.issuperset(source.name for source in each.sources):
            alike.add(each.name)
        shown.add(kind)
    return alike


def _outcome(run: "Future[tuple[str, BenchmarkError | None]]") -> tuple[str, BenchmarkError | None]:
    """What a run printed, and its error, also one that it was not ready for."""
    try:
        return run.result()
    except Exception as error:
        return "", RunFailed(f"{type(error).__name__}: {error}")


def _whole(experiment: Experiment, profile: str, book: Path) -> bool:
    results = Results(experiment, profile, results_folder(book, profile))
    with suppress(DamagedResults):  # a run sets them aside
        return set(experiment.selected(profile)) <= set(results.load())
    return False


def _quietly(
    experiment: Experiment,
    *,
    profile: str,
    book: Path,
    jobs: int | None,
    fresh: bool,
    place: Place,
    end: float | None,
    notebook: bool,
) -> tuple[str, BenchmarkError | None]:
    said = io.StringIO()
    with redirect_stdout(said):
        try:
            if end is not None:
                if not fresh and _whole(experiment, profile, book):
                    return "", None
                place = replace(place, budget=end - time.monotonic())  # one clock for all processes of a machine
                if place.budget is not None and place.budget <= 0:
                    raise BudgetTooSmall(f"no time was left for {experiment.name}")
            if notebook:
                runner.run(experiment, profile, book, jobs=jobs, fresh=fresh, place=place)
            else:
                runner.run_without_notebook(experiment, profile, book)
        except BenchmarkError as error:
            return said.getvalue(), error
    return said.getvalue(), None
