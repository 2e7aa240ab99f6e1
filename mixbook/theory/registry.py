"""All statements of the five papers in one list, and the results of their checks: ``mixbook theory check``."""

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from multiprocessing import get_context
from typing import Any, get_args

from mixbook.theory.checks import (
    clusters,
    collinearity,
    constant_xi,
    expansion,
    flattening,
    linear,
    manifolds,
    margins,
    midpoints,
    released_code,
    variance,
    vicinal,
)
from mixbook.theory.statement import Comparison, Paper, Statement, as_name

# By name and not by looking into the folder, so that a chapter's stamp sees which code its outputs come from.
TOPICS = (
    clusters,
    collinearity,
    constant_xi,
    expansion,
    flattening,
    linear,
    manifolds,
    margins,
    midpoints,
    released_code,
    variance,
    vicinal,
)


@cache
def all_statements() -> tuple[Statement, ...]:
    """Every statement, by paper and then in the order of the checks.

    Example:
        >>> from mixbook.theory.registry import all_statements
        >>> next(iter(all_statements())).where
        'Lemma 3.3'
    """
    found = [value for module in TOPICS for value in vars(module).values() if isinstance(value, Statement)]
    names = [each.name for each in found]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"these names stand for more than one statement: {sorted(twice)}")
    return tuple(sorted(found, key=lambda each: get_args(Paper).index(each.paper)))


def find(names: Iterable[str]) -> tuple[Statement, ...]:
    """The statements of these names; a paper's name, or any beginning of a name, stands for all that begin with it.

    What no name begins with may be the end of one, from any word on: "theorem-2.7", or "Theorem 2.7".

    Raises:
        KeyError: if a name fits none, with those that come close, or is the end of several.

    Example:
        >>> from mixbook.theory.registry import find
        >>> [each.where for each in find(["datadep-theorem-2.7"])]
        ['Theorem 2.7']
        >>> [each.name for each in find(["Theorem 2.7"])]
        ['datadep-theorem-2.7']
    """
    known = all_statements()
    found: dict[str, Statement] = {}
    for name in names:
        plain = as_name(name)
        exact = [each for each in known if each.name == plain]
        fitting = exact or [each for each in known if each.name.startswith(plain)]
        if not fitting:
            fitting = [each for each in known if each.name.endswith(f"-{plain}")]
            if len(fitting) > 1:
                raise KeyError(f"{name!r} is the end of {' and '.join(each.name for each in fitting)}: which one?")
        if not fitting or not plain:
            near = get_close_matches(name, [each.name for each in known], n=3, cutoff=0.3)
            raise KeyError(f"no statement is called {name!r}: did you mean {' or '.join(near) or 'one of `theory list`'}?")
        found |= {each.name: each for each in fitting}
    return tuple(found.values())


@dataclass(frozen=True)
class Outcome:
    """What a check found: the comparison that used most of its tolerance, and how long all of them took."""

    statement: Statement
    comparisons: tuple[Comparison, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether every comparison is within its tolerance."""
        return all(each.passed for each in self.comparisons)

    @property
    def closest(self) -> Comparison:
        """The comparison that failed, or else came closest to failing."""
        return max(self.comparisons, key=_strain)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, the statement's first; ``deviation`` and ``tolerance`` are of the closest comparison."""
        closest = self.closest
        return {
            **self.statement.as_dict(),
            "passed": self.passed,
            "compared": closest.what,
            "deviation": closest.deviation,
            "tolerance": closest.tolerance,
            "comparisons": [vars(each) for each in self.comparisons],
            "seconds": round(self.seconds, 3),
        }


def check(each: Statement) -> Outcome:
    """Run the check of one statement, and let its errors through.

    Example:
        >>> from mixbook.theory.registry import check, find
        >>> check(find(["datadep-theorem-2.7"])[0]).passed
        True
    """
    start = time.perf_counter()
    comparisons = each()
    return Outcome(each, comparisons, time.perf_counter() - start)


def check_all(chosen: Sequence[Statement] | None = None, jobs: int = 1) -> Iterator[Outcome]:
    """Run the checks of some statements, or of all, and give each outcome as soon as it and those before it are there.

    A check that raises has failed, by one comparison that says what it raised, and does not keep back the others.

    Args:
        chosen: which; all if None.
        jobs: processes. With more than one, each has one thread: that is faster than threads that wait for one another.

    Example:
        >>> from mixbook.theory.registry import check_all, find
        >>> [outcome.passed for outcome in check_all(find(["datadep-theorem-2.7"]))]
        [True]
    """
    chosen = all_statements() if chosen is None else chosen
    if jobs == 1:
        yield from map(_check_or_fail, chosen)
        return
    with _one_thread_each(), ProcessPoolExecutor(min(jobs, len(chosen)), get_context("spawn")) as pool:
        # A check is known by its statement's name: the function itself is hidden behind the statement.
        for each, (comparisons, seconds) in zip(chosen, pool.map(_check_by_name, [s.name for s in chosen]), strict=True):
            yield Outcome(each, comparisons, seconds)


def _check_by_name(name: str) -> tuple[tuple[Comparison, ...], float]:
    outcome = _check_or_fail(find([name])[0])
    return outcome.comparisons, outcome.seconds


def _check_or_fail(each: Statement) -> Outcome:
    start = time.perf_counter()
    try:
        return check(each)
    except Exception as error:
        # Finite, since JSON has no infinity: one error, and none is allowed.
        raised = Comparison(f"the check raised {type(error).__name__}: {error}", deviation=1.0, tolerance=0.0)
        return Outcome(each, (raised,), time.perf_counter() - start)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """New processes read these settings when they start, and have no other way to be told in time."""
    wanted = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_NUM_THREADS": "1"}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _strain(comparison: Comparison) -> tuple[bool, float]:
    """Sorts comparisons: failed ones last, else by the share of the tolerance that is used."""
    share = comparison.deviation / comparison.tolerance if comparison.tolerance else 0.0
    return not comparison.passed, share if share == share else float("inf")
