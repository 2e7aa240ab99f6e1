"""Where pieces of an experiment are run: in this process, in others on this machine, on a Ray cluster, or by Slurm.

Each place is a file with a class that is a :class:`mixbook.benchmarks.executors.pool.Pool`;
:func:`mixbook.benchmarks.executors.dispatch.dispatch` hands out pieces to any of them, and again where a worker died.
"""

import math
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import SplitResult, urlsplit

from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.executors.pool import Pool, Work

PLACES = "here, ray, ray://HOST:PORT, slurm, or slurm://PARTITION?minutes=60"


@contextmanager
def open_pool(on: str, work: Work, *, jobs: int | None, gpus: float = 0.0, stoppable: bool = False) -> Iterator[Pool[Any]]:
    """A place to run pieces; nothing goes on there once it is closed.

    Args:
        on: one of ``PLACES``.
        work: what runs a piece.
        jobs: pieces at a time. None is one here, and what there is room for elsewhere.
        gpus: GPUs, or the share of one, that each piece is given on a cluster.
        stoppable: whether pieces must be stoppable while they run, as a time budget needs.

    Raises:
        BenchmarkError: if the place is unknown, cannot be reached, or what it needs is not installed.

    Example:
        >>> from mixbook.benchmarks.executors import open_pool
        >>> with open_pool("here", len, jobs=1) as pool:  # any work, such as counting the tasks of a piece
        ...     pool.result(pool.start(("first task", "second task")))
        2
    """
    place = _parse(on)
    pool: Pool[Any]
    if place.scheme == "ray":
        from mixbook.benchmarks.executors.ray_cluster import RayCluster

        pool = RayCluster(work, on if place.netloc else None, jobs=jobs, gpus=gpus)
    elif place.scheme == "slurm":
        from mixbook.benchmarks.executors.slurm import Slurm, minutes_of

        pool = Slurm(work, partition=place.netloc, minutes=minutes_of(place.query), jobs=jobs, gpus=gpus)
    elif jobs in (None, 1) and not stoppable:
        from mixbook.benchmarks.executors.local import InThisProcess

        pool = InThisProcess(work)
    else:
        from mixbook.benchmarks.executors.local import Processes

        pool = Processes(work, jobs or 1)
    with pool:
        yield pool


def check(on: str, gpus: float = 0.0) -> None:
    """Whether a place can be used at all: before anything starts, and quickly.

    Raises:
        BenchmarkError: if it is unknown or cannot be reached, if what it needs is not installed, or if GPUs are asked for
            that it cannot give.

    Example:
        >>> from mixbook.benchmarks.executors import check
        >>> check("here")
        >>> check("moon")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        mixbook.benchmarks.BenchmarkError: --on must be here, ray, ...
    """
    place = _parse(on)
    if not 0 <= gpus < math.inf:
        raise BenchmarkError(f"--gpus must be a number of at least 0, got {gpus:g}")
    if gpus and place.scheme == "here":
        raise BenchmarkError("--gpus is for clusters (--on ray, --on slurm): here a GPU is used wherever there is one")
    if place.scheme == "ray":
        from mixbook.benchmarks.executors.ray_cluster import need_ray

        need_ray()
        if place.netloc:
            _reach(on, place)
    elif place.scheme == "slurm":
        from mixbook.benchmarks.executors.slurm import check_slurm

        check_slurm(place.query, gpus)


def _parse(on: str) -> SplitResult:
    try:
        place = urlsplit(on if "://" in on else f"{on}://")
    except ValueError as error:  # brackets of an address that does not end
        raise BenchmarkError(f"--on must be {PLACES}, got {on!r} ({error})") from error
    if place.scheme not in ("here", "ray", "slurm") or (place.scheme == "here" and place.netloc):
        raise BenchmarkError(f"--on must be {PLACES}, got {on!r}")
    return place


def _reach(on: str, place: SplitResult) -> None:
    try:
        host, port = place.hostname, place.port
    except ValueError:
        host, port = None, None
    if host is None or port is None:
        raise BenchmarkError(f"--on must name host and port, such as ray://head:10001, got {on!r}")
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError as error:
        raise BenchmarkError(
            f"--on {on}: the cluster cannot be reached ({error}). Is it up, is its client server on that port (10001 "
            "unless told otherwise), and does a firewall let this machine through?"
        ) from error
