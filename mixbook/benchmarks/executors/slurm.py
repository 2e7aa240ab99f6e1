"""Pieces run as jobs of a Slurm cluster, handed in through submitit."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs

from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.executors.pool import Found, Work, WorkerDied
from mixbook.benchmarks.spec import Piece

_AT_ONCE = 64  # jobs in the queue, unless --jobs says otherwise
_MINUTES = 240


def need_submitit() -> Any:
    """The module ``submitit``.

    Raises:
        BenchmarkError: if it is not installed.
    """
    try:
        import submitit
    except ImportError as error:
        raise BenchmarkError("--on slurm needs submitit: pip install '.[slurm]' in the clone") from error
    return submitit


def check_slurm(query: str, gpus: float) -> None:
    """Whether jobs can be handed in from here.

    Raises:
        BenchmarkError: if submitit or Slurm is missing, or if minutes or GPUs make no sense.
    """
    from shutil import which

    minutes_of(query)
    if gpus != int(gpus):
        raise BenchmarkError(f"--gpus {gpus:g}: Slurm gives whole GPUs only. Use --on ray to share one")
    need_submitit()
    if which("sbatch") is None:
        raise BenchmarkError("--on slurm: there is no sbatch here. Run this on a machine that hands in Slurm jobs")


def minutes_of(query: str) -> int:
    """Minutes that a job may take, from ``minutes=60``; four hours if it says nothing.

    Raises:
        BenchmarkError: if it is anything else.
    """
    named = parse_qs(query, keep_blank_values=True)
    minutes, *others = named.pop("minutes", [str(_MINUTES)])
    if named or others or not minutes.isdecimal() or int(minutes) < 1:
        raise BenchmarkError(
            f"--on slurm://PARTITION?minutes=60 takes a whole number of minutes and nothing else, got {query!r}"
        )
    return int(minutes)


class Slurm:
    """One job for each piece. This machine, the nodes and the home folder share a file system, as submitit needs.

    Args:
        work: what runs a piece.
        partition: where; the default one if empty.
        minutes: that a job may take.
        jobs: in the queue at a time.
        gpus: whole GPUs for each job.
        logs: folder for what jobs say and answer; one in the home folder's cache if None.
        cluster: ``"local"`` runs the jobs as processes of this machine, for tests.
    """

    def __init__(
        self,
        work: Work,
        *,
        partition: str = "",
        minutes: int = _MINUTES,
        jobs: int | None = None,
        gpus: float = 0.0,
        logs: Path | None = None,
        cluster: str = "slurm",
    ) -> None:
        self._work = work
        self.slots = jobs or _AT_ONCE
        self._submitit = need_submitit()
        self._poll = 2.0 if cluster == "slurm" else 0.1
        folder = logs or Path.home() / ".cache" / "mixbook" / "slurm"
        options: dict[str, Any] = {"name": "mixbook", "timeout_min": minutes, "cpus_per_task": 1}
        if gpus:
            options["gpus_per_node"] = int(gpus)
        if partition:
            options["slurm_partition"] = partition
        try:
            self._executor = self._submitit.AutoExecutor(folder=folder, cluster=cluster)
            self._executor.update_parameters(**options)
        except Exception as error:  # submitit raises what comes to hand
            raise BenchmarkError(f"--on slurm: {error}") from error
        self._jobs: dict[str, Any] = {}

    def start(self, piece: Piece) -> str:
        """Hand in a job; its number."""
        try:
            job = self._executor.submit(self._work, piece)
        except self._submitit.core.utils.FailedSubmissionError as error:
            raise BenchmarkError(f"--on slurm: the job was not accepted: {error}") from error
        self._jobs[job.job_id] = job
        return job.job_id

    def wait(self, handles: Sequence[str], timeout: float | None) -> list[str]:
        """Those that are over, however they ended."""
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            over = [handle for handle in handles if self._jobs[handle].done()]
            if over or (end is not None and time.monotonic() >= end):
                return over
            time.sleep(self._poll)

    def result(self, handle: str) -> Found:
        """The answer of a job."""
        job = self._jobs.pop(handle)
        error = job.exception()
        if error is None:
            return job.result()
        errors = self._submitit.core.utils
        if not isinstance(error, errors.FailedJobError) and isinstance(error, errors.UncompletedJobError):
            raise WorkerDied(
                f"its Slurm job {handle} ended without an answer (killed, out of memory or out of time?)"
            ) from error
        raise error

    def stop(self, handle: str) -> None:
        """Cancel a job."""
        self._jobs.pop(handle).cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for handle in list(self._jobs):
            self.stop(handle)
