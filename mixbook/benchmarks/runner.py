"""Run an experiment: its notebook, by papermill, in the book that the reader stands in."""

import io
import logging
import multiprocessing
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import redirect_stdout
from pathlib import Path

from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.results import Results
from mixbook.benchmarks.spec import Experiment

NOTEBOOKS = Path("book", "benchmarks")
RESULTS = Path("book", "results")


class RunFailed(BenchmarkError):
    """The notebook of an experiment failed."""

    exit_code = 1


def find_book(given: Path | None = None) -> Path:
    """The folder that holds ``book/benchmarks``: ``given`` (or its parent), else the current one or the nearest above it.

    Raises:
        BenchmarkError: if there is none.
    """
    start = (given or Path.cwd()).resolve()
    candidates = [start, start.parent] if given else [start, *start.parents]
    for candidate in candidates:
        if (candidate / NOTEBOOKS).is_dir():
            return candidate
    where = f"{given} holds no {NOTEBOOKS}" if given else f"neither this folder nor one above it holds {NOTEBOOKS}"
    raise BenchmarkError(f"the book is not here: {where}. Run this inside a clone of mixbook, or pass --book FOLDER")


def results_folder(book: Path, profile: str) -> Path:
    """Where results go: ``book/results``, which is kept; those of smoke runs to ``_build``, which is not."""
    return book / "_build" / "benchmarks" / "smoke" if profile == "smoke" else book / RESULTS


def run(experiment: Experiment, profile: str, book: Path, *, jobs: int | None = None, fresh: bool = False) -> Results:
    """Execute the experiment's notebook, which runs the cells that are missing and shows ours beside the printed values.

    Args:
        experiment: what to run.
        profile: how much of it.
        book: the folder that :func:`find_book` gives. The executed notebook goes to ``_build/benchmarks`` in it.
        jobs: processes; as many as this process may use processors, if None.
        fresh: set aside what is there and start again. A smoke run always does.

    Raises:
        BenchmarkError: if ``jobs`` is less than 1, papermill or the notebook is missing, or the results
            that are there cannot be continued, or data that it needs are not there and cannot be downloaded.
        RunFailed: if the notebook fails.
    """
    if jobs is not None and jobs < 1:
        raise BenchmarkError(f"--jobs must be at least 1, got {jobs}")
    notebook = book / NOTEBOOKS / experiment.notebook
    if not notebook.is_file():
        raise BenchmarkError(f"{experiment.name} is run by {notebook}, which is missing: restore it from version control")
    folder = results_folder(book, profile)
    results = Results(experiment, profile, folder)
    if profile == "smoke" and not results.sources:  # what is read from others is as fresh as they are
        for path in results.files:
            path.unlink(missing_ok=True)
    elif fresh:
        for path in results.set_aside():
            print(f"kept the earlier results as {path}")
    results.check_resumable()
    _get_data(experiment, profile, results)
    executed = book / "_build" / "benchmarks" / f"{experiment.name}-{profile}.ipynb"
    executed.parent.mkdir(parents=True, exist_ok=True)
    parameters = {
        "experiment": experiment.name,
        "profile": profile,
        "folder": str(folder),
        "jobs": jobs or _processors(),
    }
    _execute(notebook, executed, parameters)
    return results


def run_all(
    experiments: Sequence[Experiment], profile: str, book: Path, *, jobs: int | None = None, fresh: bool = False
) -> Iterator[tuple[Experiment, str, BenchmarkError | None]]:
    """Run experiments side by side, ``jobs`` notebooks at a time, each of one process. Arguments as for :func:`run`.

    Those that are read from others come last, one by one: two that share a source must not run it at the same time.

    Yields:
        Each experiment as it is done, what its run printed, and its error if it had one; the others go on.
    """
    measured = [each for each in experiments if not each.sources]
    jobs = min(jobs or _processors(), max(1, len(measured)))
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        runs = {pool.submit(_run_quietly, each, profile, book, fresh): each for each in measured}
        for done in as_completed(runs):
            said, error = done.result()
            yield runs[done], said, error
    chosen = {each.name for each in experiments}
    for each in experiments:
        if each.sources:
            # Sources that were among the experiments have just been run: not afresh once more.
            again = fresh and not chosen.issuperset(source.name for source in each.sources)
            yield each, *_run_quietly(each, profile, book, again)


def _run_quietly(experiment: Experiment, profile: str, book: Path, fresh: bool) -> tuple[str, BenchmarkError | None]:
    said = io.StringIO()
    with redirect_stdout(said):
        try:
            run(experiment, profile, book, jobs=1, fresh=fresh)
        except BenchmarkError as error:
            return said.getvalue(), error
    return said.getvalue(), None


def _processors() -> int:
    """How many processors this process may use: a container or a scheduler may grant fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _get_data(experiment: Experiment, profile: str, results: Results) -> None:
    """Download what cells that are still missing need: before anything starts, and here, where progress can be seen."""
    from mixbook.data import store

    if experiment.dataset not in store.SOURCES or experiment.profile(profile).stand_in:
        return
    if set(experiment.selected(profile)) <= set(results.load()):
        return
    try:
        store.files(experiment.dataset)
    except store.DataError as error:
        raise BenchmarkError(str(error)) from error


def _execute(notebook: Path, executed: Path, parameters: dict[str, object]) -> None:
    try:
        import papermill
    except ImportError as error:
        raise BenchmarkError("running an experiment needs papermill: pip install 'mixbook[bench]'") from error
    # The kernel of this environment, whatever kernels the home folder offers; and not its remarks about sockets.
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    quiet = ["--IPKernelApp.log_level=50"]
    options = {"cwd": notebook.parent, "progress_bar": False, "stdout_file": sys.stdout, "extra_arguments": quiet}
    try:
        papermill.execute_notebook(notebook, executed, parameters, kernel_name="python3", **options)
    except KeyboardInterrupt:
        # The kernel is shut down while a cell runs, and asyncio would report that at length after we have left.
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
        raise
    except papermill.PapermillExecutionError as error:
        raise RunFailed(f"{error.ename}: {error.evalue}\nThe notebook as far as it came is {executed}") from error
