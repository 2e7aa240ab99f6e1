"""Run an experiment: its notebook, by papermill, in the book that the reader stands in."""

import logging
import os
import sys
import sysconfig
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import mixbook
from mixbook.benchmarks import BenchmarkError, compare, executed_copy, executors, versus
from mixbook.benchmarks import budget as budgets
from mixbook.benchmarks.budget import BudgetTooSmall
from mixbook.benchmarks.cells import run_missing_cells
from mixbook.benchmarks.home import NOTEBOOKS, results_folder
from mixbook.benchmarks.results import Results
from mixbook.benchmarks.side_by_side import side_by_side
from mixbook.benchmarks.spec import Experiment


class RunFailed(BenchmarkError):
    """The notebook of an experiment failed."""

    exit_code = 1


@dataclass(frozen=True)
class Place:
    """Where the trials of a run go, for how long, and which they are.

    Args:
        on: ``"here"``, or a cluster: see :mod:`mixbook.benchmarks.executors`.
        gpus: GPUs, or the share of one, that a cluster gives to each trial.
        budget: seconds, after which nothing goes on; None is as long as it takes.
        at_most: trials of each cell, all if None; for a first round.
        only: patterns of cells (:meth:`Cell.fits`), of which one must fit; all cells if there are none.

    Example:
        >>> from mixbook.benchmarks.runner import Place
        >>> Place(on="ray://head:10001", gpus=0.25, budget=25 * 60).at_most is None
        True
    """

    on: str = "here"
    gpus: float = 0.0
    budget: float | None = None
    at_most: int | None = None
    only: tuple[str, ...] = ()


HERE = Place()


def run(
    experiment: Experiment,
    profile: str,
    book: Path,
    *,
    jobs: int | None = None,
    fresh: bool = False,
    place: Place = HERE,
) -> Results:
    """Execute the experiment's notebook, which runs the cells that are missing and shows ours beside the printed values.

    Args:
        experiment: what to run.
        profile: how much of it.
        book: the folder that :func:`~mixbook.benchmarks.home.find_book` gives. The executed notebook goes to
            ``_build/benchmarks`` in it, and, where trials were run, a copy to the results.
        jobs: trials at a time. If None, :func:`~mixbook.benchmarks.side_by_side.side_by_side` says how many, and on a
            cluster as many as fit; and what would take days here for want of a GPU is refused.
        fresh: set aside what is there and start again. A smoke run always does.
        place: where the trials run, and how long at most.

    Raises:
        BenchmarkError: if ``jobs`` is less than 1, papermill or the notebook is missing, the results that are there cannot
            be continued or are being written by another process, data or a GPU that it needs are not there, the cluster
            cannot be reached, the budget is too small for one trial, or the executed notebook cannot be written.
        RunFailed: if the notebook fails.
    """
    if jobs is not None and jobs < 1:
        raise BenchmarkError(f"--jobs must be at least 1, got {jobs}")
    notebook = book / NOTEBOOKS / experiment.notebook
    if not notebook.is_file():
        raise BenchmarkError(f"{experiment.name} is run by {notebook}, which is missing: restore it from version control")
    folder = results_folder(book, profile)
    results = _prepared(experiment, profile, folder, fresh, place, insists=jobs is not None)
    executed = book / "_build" / "benchmarks" / f"{experiment.name}-{profile}.ipynb"
    executed.parent.mkdir(parents=True, exist_ok=True)
    parameters = {
        "experiment": experiment.name,
        "profile": profile,
        "folder": os.path.relpath(folder, notebook.parent),
        "jobs": jobs or (side_by_side([experiment]) if place.on == "here" else None),
        "budget": place.budget,
        "at_most": place.at_most,
        "only": list(place.only),
        "on": place.on,
        "gpus": place.gpus,
    }
    before = _contents(results)
    _execute(notebook, executed, parameters)
    if profile != "smoke" and _contents(results) != before:  # where nothing was trained it shows no run
        executed_copy.keep(executed, folder / experiment.name / f"{profile}.ipynb")
    return results


def run_without_notebook(experiment: Experiment, profile: str, book: Path) -> Results:
    """What the notebook of an experiment does, here and in one process: a notebook takes seconds to start.

    For a smoke run of many, where others have shown that their common notebook works.

    Raises:
        BenchmarkError: as :func:`run`.
        RunFailed: if anything else goes wrong.
    """
    results = _prepared(experiment, profile, results_folder(book, profile), False, HERE, insists=True)
    try:
        cells = run_missing_cells(results, 1)
        if experiment.printed:
            comparisons = compare.compare(results)
            rows = compare.as_table(comparisons)
            compare.verdict(experiment, comparisons)
        else:
            rows = versus.as_table(results)
        print(f"{len(rows)} rows of {experiment.name}, {len(cells)} cells read")
    except BenchmarkError:
        raise
    except Exception as error:
        raise RunFailed(traceback.format_exc()) from error
    return results


def lacks_gpu(experiment: Experiment, profile: str, on: str) -> bool:
    """Whether trials would run on this machine and take days, because it has no GPU."""
    import torch

    return on == "here" and experiment.needs_gpu(profile) and not torch.accelerator.is_available()


def _prepared(
    experiment: Experiment, profile: str, folder: Path, fresh: bool, place: Place, *, insists: bool = False
) -> Results:
    """The results that a run adds to, once it is sure that it can: nothing has started when one of the checks fails.

    Whoever ``insists`` may train for days.
    """

    def check_machine() -> None:
        if not insists and lacks_gpu(experiment, profile, place.on):
            without = f"--profile {profile} takes days without a GPU, and torch finds none here; there is no profile laptop"
            other = "--profile smoke shows that it works, --on runs it elsewhere, and --jobs 1 starts it here anyway"
            raise BenchmarkError(f"{experiment.name} {without}. {other}")
        _get_data(experiment, profile)

    executors.check(place.on, place.gpus)
    _check_patterns(place.only, experiment, profile)
    results = Results(experiment, profile, folder)
    if fresh:
        check_machine()  # or nothing would be in the place of what is set aside
    with results.lock():
        if profile == "smoke" and not results.sources:  # what is read from others is as fresh as they are
            for path in results.files:
                path.unlink(missing_ok=True)
        elif fresh:
            if place.budget is not None:
                budgets.check(place.budget, results, place.at_most, place.only, fresh=True)
            for path in results.set_aside():
                print(f"kept the earlier results as {path}")
        results.make_ready(print)
        missing = set(experiment.selected(profile)) - set(results.load())
        if place.budget is not None and missing:
            budgets.check(place.budget, results, place.at_most, place.only)
    if missing and not fresh:
        check_machine()
    return results


def _contents(results: Results) -> list[bytes]:
    return [path.read_bytes() for path in results.files if path.exists()]


def _check_patterns(only: Sequence[str], experiment: Experiment, profile: str) -> None:
    """Each must fit a cell of what is run: where an experiment is read from others, those are run."""
    cells = [cell for each in experiment.trained for cell in each.selected(profile)]
    for pattern in only:
        if not any(cell.fits(pattern) for cell in cells):
            raise BenchmarkError(f"--only {pattern!r} fits no cell of {experiment.name}: {'; '.join(map(str, cells))}")


def _get_data(experiment: Experiment, profile: str) -> None:
    """Download what the cells need: before anything starts, and here, where progress can be seen."""
    from mixbook.data import store

    needed = {each.dataset for each in (experiment, *experiment.trained)} & store.SOURCES.keys()
    if experiment.profile(profile).stand_in:
        return
    try:
        for name in sorted(needed):
            store.files(name)
    except store.DataError as error:
        raise BenchmarkError(str(error)) from error


def _execute(notebook: Path, executed: Path, parameters: Mapping[str, object]) -> None:
    try:
        import papermill
        from nbclient.exceptions import DeadKernelError
    except ImportError as error:
        raise BenchmarkError("running an experiment needs papermill: pip install '.[bench]' in the clone") from error
    # The kernel of this environment, whatever kernels the home folder offers; and not its remarks about sockets.
    os.environ |= {"JUPYTER_PREFER_ENV_PATH": "1", **_as_seen_from_here()}
    quiet = ["--IPKernelApp.log_level=50"]
    options = {"cwd": notebook.parent, "progress_bar": False, "stdout_file": sys.stdout, "extra_arguments": quiet}
    try:
        papermill.execute_notebook(notebook, executed, parameters, kernel_name="python3", **options)
    except KeyboardInterrupt:
        # The kernel is shut down while a cell runs, and asyncio would report that at length after we have left.
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
        raise
    except papermill.PapermillExecutionError as error:
        if error.ename == BudgetTooSmall.__name__:
            raise BudgetTooSmall(error.evalue) from None
        raise RunFailed(f"{error.ename}: {error.evalue}\nThe notebook as far as it came is {executed}") from error
    except BrokenPipeError:  # the reader of what is printed has left
        raise
    except OSError as error:
        kept = "What was finished is kept: the same command goes on"
        raise BenchmarkError(f"the notebook could not be run into {executed} ({error}). {kept}") from error
    except DeadKernelError as error:
        message = "the notebook's process died (out of memory?). What was finished is kept: the same command goes on"
        raise RunFailed(message) from error


def _as_seen_from_here() -> dict[str, str]:
    """What a kernel, whose folder is the notebook's, needs to find the data and the package that this process finds."""
    from mixbook.data import store

    found = {}
    if os.environ.get("MIXBOOK_DATA"):
        found["MIXBOOK_DATA"] = str(store.root())
    if cache := os.environ.get("XDG_CACHE_HOME"):
        found["XDG_CACHE_HOME"] = os.path.abspath(cache)
    home = str(Path(mixbook.__file__).resolve().parents[1])
    if home != sysconfig.get_path("purelib"):  # what is installed there is found anyway
        before = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        found["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(filter(None, [home, *before])))
    return found
