"""A budget of time: what it is, how long trials take, and in which order they say most."""

import re
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from math import inf

from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.results import Results, ResultsError, duration
from mixbook.benchmarks.spec import Cell, Experiment, Piece, Task
from mixbook.benchmarks.tidy import Trials

_SECONDS = {"s": 1, "m": 60, "h": 3600}
_BASELINES = ("erm", "mixup", "manifold_mixup")  # what the others are compared with


class BudgetTooSmall(BenchmarkError):
    """A time budget within which not one trial would be done."""


def seconds_of(text: str) -> float:
    """``"90s"``, ``"25m"``, ``"1.5h"`` or ``"1h30m"`` in seconds.

    Raises:
        BenchmarkError: if it is none of these, or nothing.
    """
    parts = re.findall(r"(\d+(?:\.\d+)?)([smh])", text)
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if "".join(number + unit for number, unit in parts) != text or not seconds:
        raise BenchmarkError(f"--budget must be a time such as 90s, 25m or 1h30m, got {text!r}")
    return seconds


def most_informative_first(experiment: Experiment, tasks: Sequence[Task]) -> list[Piece]:
    """Missing tasks, one trial of every cell before two of any, and in each round first what others are compared with."""
    rounds: dict[int, list[Task]] = {}
    for task in tasks:
        rounds.setdefault(task[1], []).append(task)
    pieces = [experiment.pieces(rounds[number]) for number in sorted(rounds)]
    return [piece for of_round in pieces for piece in sorted(of_round, key=_rank)]


def expected(there: Trials, cell: Cell) -> float:
    """Seconds that a trial of this cell takes at most, by its own that are there, else by all; 0 if there are none."""
    seconds = {each: max(trial.seconds for trial in trials) for each, trials in there.items() if trials}
    return seconds.get(cell, max(seconds.values(), default=0.0))


def check(
    budget: float, results: Results, at_most: int | None = None, only: Sequence[str] = (), *, fresh: bool = False
) -> None:
    """Whether a missing trial would be done in time, as far as it is known how long one takes.

    Of a fresh run all trials are missing, and results that cannot be read any more are no hindrance.

    Raises:
        BudgetTooSmall: if not.
        ResultsError: if the results cannot be read.
    """
    least = _least(results, at_most, only, fresh)
    if budget < least < inf:
        raise BudgetTooSmall(
            f"--budget {duration(budget)} is too small: one trial of one cell takes about {duration(least)}, "
            "by those that are done"
        )


def _least(results: Results, at_most: int | None, only: Sequence[str], fresh: bool) -> float:
    """Seconds that the quickest missing trial should take; infinite if none is missing."""
    if results.sources:
        return min(_least(source, at_most, only, fresh) for source in results.sources)
    there: Trials = {}
    with suppress(ResultsError) if fresh else nullcontext():
        there = {**results.load(), **results.begun()}
    done = {} if fresh else there
    trials = results.experiment.profile(results.profile).trials
    wanted = trials if at_most is None else min(trials, at_most)
    missing = (cell for cell in results.experiment.selected(results.profile, only) if len(done.get(cell, [])) < wanted)
    return min((expected(there, cell) for cell in missing), default=inf)


def _rank(piece: Piece) -> int:
    methods = [cell.method for cell, _ in piece]
    return min(_BASELINES.index(m) if m in _BASELINES else len(_BASELINES) for m in methods)
