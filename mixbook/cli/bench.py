"""``mixbook bench``: the papers' tables, run again and compared with print."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import arg

from mixbook.benchmarks import BenchmarkError, runner, versus
from mixbook.benchmarks import compare as comparison
from mixbook.benchmarks import coverage as scoreboard
from mixbook.benchmarks.budget import seconds_of
from mixbook.benchmarks.coverage import TableCoverage
from mixbook.benchmarks.experiments import all_experiments, experiments_with, get_experiment
from mixbook.benchmarks.home import find_book, results_folder, stored_results
from mixbook.benchmarks.report import report as reports
from mixbook.benchmarks.results import skipping
from mixbook.benchmarks.run_all import run_all
from mixbook.benchmarks.runner import Place
from mixbook.benchmarks.spec import Experiment
from mixbook.benchmarks.tables import columns
from mixbook.benchmarks.tables import latex as in_latex
from mixbook.cli.valid_json import dumps

Commands = dict[str, Callable[..., None]]

_NAME = arg(metavar="EXPERIMENT")


def commands() -> Commands:
    """The papers' tables: run them again, and compare ours with print."""
    return {"list": list_, "run": run, "compare": compare, "coverage": coverage, "report": report, "speed": speed}


def list_(texts: Annotated[tuple[str, ...], arg(metavar="TEXT", name="texts")] = (), /) -> None:
    """Show the experiments: the printed table, how many values it has, the figures that are redrawn, and the profiles.

    For example: mixbook bench list kmixup-tmlr "table 5"

    Args:
        texts: only those that have each of these in their name, paper, table, figures, title, data set or network;
            "released" those that `mixbook bench run --protocol released` takes.
    """
    for e in experiments_with(*texts):
        home = f"{e.paper}, {', '.join((e.table, *e.also))}: {e.title}; {len(e.printed)} printed values"
        released = "; released too" if e.has_released else ""
        print(f"{e.name}\n  {home if e.printed else e.title}{released}")
        if e.figures:
            print(f"  {'in place of' if e.surrogate else 'redraws'} {e.paper}, {', '.join(e.figures)}")
        for level, profile in e.profiles.items():
            print(f"  {level}: {profile.note}")


def run(
    experiment: Annotated[str | None, _NAME] = None,
    /,
    *,
    profile: str = "laptop",
    all: bool = False,
    book: Path | None = None,
    jobs: int | None = None,
    fresh: bool = False,
    budget: str | None = None,
    only: tuple[str, ...] = (),
    on: str = "here",
    gpus: float = 0.0,
    protocol: Literal["printed", "released"] = "printed",
) -> None:
    """Run an experiment through its notebook. A run that was stopped goes on after its last finished trial.

    Args:
        experiment: which one; `mixbook bench list` shows them.
        profile: how much of it: smoke, laptop, gpu or paper, as far as the experiment has them.
        all: run every experiment that has the profile, as many at a time as there are jobs; without a GPU here not those
            that take days for want of one.
        book: the book's folder, if this is not inside it.
        jobs: processes, one network each; as many as there are processors by default, and of large networks on a GPU
            as many as have 10 GB of its memory, at most 8. Given for a single experiment, it also starts what takes days
            without a GPU, which is refused else.
        fresh: start again; earlier results are kept under another name.
        budget: stop after this time, such as 25m; one trial of every cell comes before two of any.
        only: run these cells alone, by method, parameters or both: `--only erm alpha=0.5 "kmixup k=16, alpha=1"`.
        on: where trials run: here, ray, ray://HOST:PORT, slurm, or slurm://PARTITION?minutes=60.
        gpus: GPUs for each trial on a cluster; 0.5 puts two on one.
        protocol: `released` does what the released code does, where it is known to differ from print; the results are
            those of an experiment of that name with `-released` behind it.
    """
    if all == (experiment is not None):
        raise BenchmarkError("name one experiment, or give --all: `mixbook bench list` shows which there are")
    if all and protocol == "released":
        raise BenchmarkError("--protocol released needs one experiment, got --all: few of them know a difference")
    if all and only:
        raise BenchmarkError("--only needs one experiment, got --all: others have other cells")
    try:
        home = find_book(book)
        place = runner.Place(on, gpus, None if budget is None else seconds_of(budget), only=only)
        if experiment is None:
            _run_all(_all_that_can_run(profile, on), profile, home, jobs, fresh, place)
            return
        e = get_experiment(experiment)
        e = e.as_released() if protocol == "released" else e
        e.profile(profile)
        print(f"{e.name}, profile {profile}", flush=True)
        results = runner.run(e, profile, home, jobs=jobs, fresh=fresh, place=place)
        for path in (path for path in results.files if path.suffix == ".csv" and path.exists()):
            print(f"results are in {os.path.relpath(path)}", flush=True)
    except KeyboardInterrupt as stopped:
        if profile != "smoke":  # which always starts again
            again = ", without --fresh," if fresh else ""
            stopped.add_note(f"Finished cells are kept: the same command{again} goes on from there")
        raise


def compare(
    experiment: Annotated[str, _NAME],
    /,
    *,
    profile: str | None = None,
    json: bool = False,
    latex: bool = False,
    book: Path | None = None,
) -> None:
    """Show ours beside the printed values: mean, 95% interval over trials, n, difference.

    Args:
        experiment: which one; `mixbook bench list` shows them.
        profile: whose results; the fullest that there are by default.
        json: print everything as JSON, every trial included.
        latex: print the table for a paper; it needs the package booktabs.
        book: the book's folder, if this is not inside it.
    """
    if json and latex:
        raise BenchmarkError("give one of --json and --latex")
    e = get_experiment(experiment)
    results = comparison.fullest_results(e, results_folder(find_book(book), profile or ""), profile)
    rows = comparison.compare(results, begun=True)
    judged, begun, lost = comparison.verdict(e, rows), {} if e.printed else results.begun(), results.lost()
    if json:
        about = {"experiment": e.name, "title": e.title, "paper": e.paper, "table": e.table, "profile": results.profile}
        about |= {"note": e.profile(results.profile).note, "origin": results.origin()}
        found: dict[str, object]
        if e.printed:
            found = {"cells": [row.as_dict() for row in rows], "verdict": vars(judged) if judged else None}
        else:
            found = {"cells": versus.as_dicts(results), "begun": len(begun)}
        print(dumps({**about, **found, "lost": lost}))
        return
    home = f"{e.title} ({e.paper}, {', '.join((e.table, *e.also))})" if e.printed else e.title
    above = f"{home}, profile {results.profile}: {results.origin()}\n{e.profile(results.profile).note}"
    table = comparison.as_table(rows, alphas=True) if e.printed else versus.as_table(results)
    below = []
    if any(row.alpha_used for row in rows):
        below.append("alpha used: raised with k so that xi stays that of k = 1; least to largest over trials")
    for cap in {row.cap for row in rows if row.alpha_used.endswith("*")}:
        below.append(f"* no alpha up to {cap:g} keeps xi: samples move less than at k = 1")
    if judged:
        below.append(f"{'comparable' if judged.comparable else 'NOT comparable'}: {judged.reason}")
    if begun:
        below.append(f"{len(begun)} further cells have some of their trials: they are shown when they are whole")
    if lost:
        below.append(
            f"finished by a run, but in no file: {', '.join(lost)}. The run was killed as it saved, or a file was cut; "
            f"mixbook bench run {e.name} --profile {results.profile} runs them again"
        )
    comment = "% " if latex else ""
    for line in above.splitlines():
        print(comment + line)
    print(in_latex(table) if latex else columns(table))
    for line in below:
        print(comment + line)


def coverage(*, json: bool = False, book: Path | None = None) -> None:
    """Count printed values that have an experiment, and a result of ours, by paper and table.

    Args:
        json: print everything as JSON, figures included.
        book: the book's folder, if this is not inside it.
    """
    with _warned():
        found = scoreboard.coverage(stored_results(book))
    if json:
        print(dumps(found.as_dict()))
        return
    print(columns([_coverage_row(table) for table in found.tables]))
    print('\nthe experiments of a table: such as mixbook bench list kmixup-tmlr "table 5"')
    drawings = f"{len(found.drawings)} more draw an idea, with nothing to run"
    print(f"figures without numbers: {len(found.figures)}, {found.redrawn} of them redrawn; {drawings}")
    counts = f"{found.with_experiment} with an experiment, {found.with_result} with a result"
    cut = f" ({found.cut_short} of a training cut short, {found.single} of these of single networks)"
    counts += cut if found.cut_short else ""
    counts += f" and {found.begun} begun" if found.begun else ""
    print(f"printed values: {found.printed}, {counts}, {found.not_measured} cannot be run")


def report(*, json: bool = False, book: Path | None = None) -> None:
    """Say which claims of the papers our results bear out: the gain of each with its interval, and a scoreboard.

    Args:
        json: print everything as JSON, every single comparison included.
        book: the book's folder, if this is not inside it.
    """
    with _warned():
        found = reports.report(stored_results(book))
    if json:
        print(dumps(found.as_dict()))
        return
    print(columns(reports.claim_rows(found.judged)))
    print("\ngains that are stated as numbers")
    print(columns(reports.stated_rows(found.stated)))
    print("\ncomparisons, table by table")
    print(columns(found.agreement()))
    print("\nscoreboard: claims, each on each data set and network that it is about")
    print(columns(found.counts()))


def speed(
    what: Annotated[Literal["mixing", "trials", "train"], arg(metavar="WHAT")] = "mixing",
    /,
    *,
    device: Literal["cpu", "cuda"] = "cpu",
    networks: int | None = None,
    json: bool = False,
) -> None:
    """Time this package beside what others do, on this machine; OMP_NUM_THREADS says on how many cores.

    Args:
        what: `mixing`, matching and mixing batches; `trials`, many networks at once, in two processes; or `train`, the
            training loop.
        device: where.
        networks: how many train at once, for `trials`; 50 if not given.
        json: print everything as JSON, the machine included.
    """
    from torch import cuda, get_num_threads

    if networks is not None and what != "trials":
        raise BenchmarkError(f"--networks is for `mixbook bench speed trials`, not for {what}")
    if device == "cuda" and not cuda.is_available():
        raise BenchmarkError("--device cuda: torch finds no GPU here. Use --device cpu, or see `mixbook doctor`")
    try:
        from mixbook.benchmarks.speed import mixing, stopwatch, train, trials

        if what == "mixing":
            found = mixing.all_comparisons(device)
        elif what == "trials":
            found = trials.many_networks(50 if networks is None else networks, device=device)
        else:
            found = train.training(device=device)
        more = {"memory": train.memory(device)} if what == "train" else {}
    except (ImportError, ValueError) as error:
        raise BenchmarkError(str(error)) from error
    if json:
        print(stopwatch.report(found, device, **more))
        return
    print(columns([comparison.as_row() for comparison in found]))
    for peak in more.get("memory", []):
        print(f"{peak['what']}: {peak['ours'] / peak['theirs']:.2f} of the bare loop's memory")
    print(f"\nmedians of rounds by turns, on random numbers, threads: {get_num_threads()}")


@contextmanager
def _warned() -> Iterator[None]:
    """Results that cannot be used are left out, and named: those of other experiments can."""
    with skipping() as unusable:
        yield
    for why in unusable:
        print(f"left out: {why}", file=sys.stderr)


def _coverage_row(table: TableCoverage) -> dict[str, object]:
    counts = {"paper": table.paper, "table": table.table, "printed": table.printed, "experiment for": table.with_experiment}
    last = {"cannot be run": table.not_measured or "", "profiles": " ".join(table.profiles)}
    return {**counts, "result for": table.with_result, **last}


def _all_that_can_run(profile: str, on: str) -> list[Experiment]:
    """Every experiment that has the profile and does not lack a GPU for it; a line for each reason to leave others out."""
    every = list(all_experiments())
    known = [e for e in every if profile in e.profiles]
    if not known:
        there = dict.fromkeys(name for e in every for name in e.profiles)
        raise BenchmarkError(f"no experiment has a profile {profile!r}. There are: {', '.join(there)}")
    chosen = [e for e in known if not runner.lacks_gpu(e, profile, on)]
    without = "take days without a GPU, and torch finds none here"
    for count, why in ((len(every) - len(known), f"have no profile {profile}"), (len(known) - len(chosen), without)):
        if count:
            print(f"{count} of {len(every)} experiments are left out: they {why}", flush=True)
    return chosen


def _run_all(chosen: Sequence[Experiment], profile: str, book: Path, jobs: int | None, fresh: bool, place: Place) -> None:
    failed: dict[str, str] = {}
    rounds = 1 if place.budget is None else 2
    outcomes = run_all(chosen, profile, book, jobs=jobs, fresh=fresh, place=place)
    for number, (e, said, error) in enumerate(outcomes, start=1):
        outcome = "FAILED" if error else f"{said.count(' trials, ')} cells"
        print(f"[{number}/{rounds * len(chosen)}] {e.name}, profile {profile}: {outcome}", flush=True)
        if error:
            print(said, end="", flush=True)
            failed[e.name] = str(error)
    if failed:
        reasons = "\n".join(f"{name}: {reason}" for name, reason in failed.items())
        raise runner.RunFailed(f"{len(failed)} of {len(chosen)} experiments failed\n{reasons}")
