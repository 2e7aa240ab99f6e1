"""Hand out pieces to a pool, take in what comes back, and hand a piece out again whose worker died."""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from math import inf
from typing import Any

from mixbook.benchmarks.executors.pool import Found, Pool, WorkerDied
from mixbook.benchmarks.spec import Piece

LIVES = 3  # a piece that kills so many workers is not going to spare the next one


def dispatch(
    pieces: Iterable[Piece],
    pool: Pool[Any],
    *,
    until: float | None = None,
    takes: Callable[[Piece], float] = lambda piece: 0.0,
    report: Callable[[str], None] = print,
) -> Iterator[tuple[Piece, Found]]:
    """Run pieces, as many at a time as the pool has room for.

    Args:
        pieces: in the order in which they are begun.
        pool: where.
        until: a time of ``time.monotonic()`` at which all stops; what is under way then is given up. None: run all.
        takes: seconds that a piece is expected to take. None is begun that would not be done in time.
        report: takes a line about each piece that is run again or given up.

    Yields:
        Each piece with what came of it, as it is done: every one once.

    Raises:
        WorkerDied: if a piece has killed ``LIVES`` workers.
        Exception: what a trial raised first. What is over by then is yielded before, and the rest is stopped.
    """
    waiting, under_way, deaths = deque(pieces), dict[Any, Piece](), Counter[Piece]()
    while waiting or under_way:
        while len(under_way) < pool.slots and (piece := _next(waiting, until, takes)):
            waiting.remove(piece)
            under_way[pool.start(piece)] = piece
        if not under_way:
            return
        over = pool.wait(list(under_way), None if until is None else max(0.0, until - time.monotonic()))
        failed: Exception | None = None
        for handle in over:
            piece = under_way.pop(handle)
            try:
                found = pool.result(handle)
            except WorkerDied as death:
                deaths[piece] += 1
                if deaths[piece] == LIVES:
                    failed = failed or WorkerDied(f"{_name(piece)} killed {LIVES} workers: {death}")
                else:
                    report(f"{_name(piece)}: {death}; it is run again")
                    waiting.appendleft(piece)
            except Exception as error:
                failed = failed or error
            else:
                yield piece, found
        if failed is not None:
            raise failed
        if until is not None and time.monotonic() >= until:
            for handle, piece in under_way.items():
                pool.stop(handle)
                report(f"{_name(piece)}: given up at the end of the budget")
            return


def _next(waiting: Iterable[Piece], until: float | None, takes: Callable[[Piece], float]) -> Piece | None:
    """The first that would be done in time."""
    left = inf if until is None else until - time.monotonic()
    return next((piece for piece in waiting if left == inf or takes(piece) < left), None)


def _name(piece: Piece) -> str:
    (cell, number), more = piece[0], len(piece) - 1
    return f"{cell} trial {number}" + (f" and {more} more" if more else "")
