"""Sides timed by turns, and what is kept of it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import torch

from mixbook.benchmarks import environment
from mixbook.whole_file import write_whole


@dataclass(frozen=True)
class Comparison:
    """Medians of rounds in which the two sides took turns.

    Args:
        what: the task.
        reference: what it is compared with.
        ours, theirs: seconds.
        wanted: the least ratio that was asked for, if one was.
        limit: the most seconds that were asked for, if they were.
        fastest: the shortest round of either side, in seconds: on a busy machine nearer to what undisturbed rounds take.
    """

    what: str
    reference: str
    ours: float
    theirs: float
    wanted: float | None = None
    limit: float | None = None
    fastest: tuple[float, float] = (float("nan"), float("nan"))

    @property
    def ratio(self) -> float:
        """Times as fast as the reference."""
        return self.theirs / self.ours

    @property
    def fastest_ratio(self) -> float:
        """The same of the shortest rounds."""
        return self.fastest[1] / self.fastest[0]

    def scaled(self, factor: float) -> "Comparison":
        """The same for ``factor`` times the work."""
        seconds = self.fastest[0] * factor, self.fastest[1] * factor
        return replace(self, ours=self.ours * factor, theirs=self.theirs * factor, fastest=seconds)

    @property
    def met(self) -> bool | None:
        """Whether what was asked for was reached; None where nothing was."""
        if self.wanted is None and self.limit is None:
            return None
        return (self.wanted is None or self.ratio >= self.wanted) and (self.limit is None or self.ours <= self.limit)

    def as_row(self) -> dict[str, Any]:
        """For a table, in milliseconds."""
        milliseconds = {"ours, ms": f"{1e3 * self.ours:.3g}", "reference, ms": f"{1e3 * self.theirs:.3g}"}
        return {"what": self.what, "reference": self.reference, **milliseconds, "times as fast": f"{self.ratio:.1f}"}


def compare(what: str, reference: str, ours: Callable[[], Any], theirs: Callable[[], Any], rounds: int) -> Comparison:
    """Time two functions :func:`by_turns`."""
    seconds = by_turns((ours, theirs), rounds)
    middle, least = [median(taken) for taken in seconds], [min(taken) for taken in seconds]
    return Comparison(what, reference, middle[0], middle[1], fastest=(least[0], least[1]))


def by_turns(
    sides: Sequence[Callable[[], object]], rounds: int, clock: Callable[[], float] = perf_counter
) -> list[list[float]]:
    """Seconds of each function in each of the rounds in which they take turns, so that a busy machine slows all of them.

    Each is called once before, to warm up. What they start on a GPU is waited for. Whatever else a machine does only adds
    to the time: the shortest round is nearest to what undisturbed work takes.

    Args:
        sides: what is timed.
        rounds: how often.
        clock: seconds; those of the processor (``time.process_time``) do not count other work on the machine.
    """
    taken: list[list[float]] = [[] for _ in sides]
    for side in sides:
        side()
    _wait()
    for _ in range(rounds):
        for side, seconds in zip(sides, taken, strict=True):
            start = clock()
            side()
            _wait()
            seconds.append(clock() - start)
    return taken


def _wait() -> None:
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()


def report(comparisons: list[Comparison], device: str = "cpu", **more: Any) -> str:
    """Comparisons as JSON, with the day and the environment that they were measured in, and more by name."""
    derived = ("ratio", "fastest_ratio", "met")
    rows = [asdict(comparison) | {name: getattr(comparison, name) for name in derived} for comparison in comparisons]
    when = {"day": datetime.now(UTC).date().isoformat(), "threads": torch.get_num_threads()}
    return json.dumps({**environment.describe(device), **when, "comparisons": rows, **more}, indent=1)


def store(path: Path, comparisons: list[Comparison]) -> None:
    """Write a report to a file."""
    write_whole(path, report(comparisons) + "\n")
