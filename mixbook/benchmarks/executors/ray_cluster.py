"""Pieces run on a Ray cluster: the one that runs here already, one at an address, or a new one of this machine alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import mixbook
from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.executors.pool import Found, Work, WorkerDied
from mixbook.benchmarks.spec import Piece


def need_ray() -> Any:
    """The module ``ray``.

    Raises:
        BenchmarkError: if it is not installed.
    """
    try:
        import ray
    except ImportError as error:
        raise BenchmarkError("--on ray needs Ray: pip install '.[ray]' in the clone") from error
    return ray


class RayCluster:
    """As many pieces at a time as the cluster has room for.

    The nodes need mixbook's dependencies. Mixbook itself is sent along to a cluster at an address, so that all run the same
    code. Each finds data where its own ``MIXBOOK_DATA`` says.

    Args:
        work: what runs a piece.
        address: ``ray://HOST:PORT``. None is the cluster that ``ray start`` has begun on this machine, or a new one.
        jobs: pieces at a time; what there is room for if None.
        gpus: GPUs for each piece; one half puts two on a GPU.
    """

    def __init__(self, work: Work, address: str | None, *, jobs: int | None, gpus: float) -> None:
        self._work, self._address, self._jobs, self._gpus = work, address, jobs, gpus
        self._ray = need_ray()

    def __enter__(self) -> Self:
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        if self._address:
            package = str(Path(mixbook.__file__).parent)
            options |= {"address": self._address, "runtime_env": {"py_modules": [package]}}
        else:
            options["include_dashboard"] = False
        try:
            self._ray.init(**options)
        except Exception as error:  # Ray has no common class for them
            raise BenchmarkError(
                f"Ray cannot be started or reached at {self._address or 'this machine'}: {error}"
            ) from error
        # What is lost is handed out again by ourselves, wherever it ran.
        self._run = self._ray.remote(num_cpus=1, num_gpus=self._gpus, max_retries=0)(_call)
        self._shared = self._ray.put(self._work)
        return self

    def __exit__(self, *exception: object) -> None:
        self._ray.shutdown()

    @property
    def slots(self) -> int:
        """What there is room for now: nodes come and go."""
        there = self._ray.cluster_resources()
        room = int(there.get("CPU", 0))
        if self._gpus:
            room = min(room, int(there.get("GPU", 0) / self._gpus))
            if not room:
                raise BenchmarkError(f"--gpus {self._gpus:g}: this Ray cluster has {there.get('GPU', 0):g} GPUs")
        return max(1, min(room, self._jobs or room))

    def start(self, piece: Piece) -> Any:
        """Hand a piece to the cluster."""
        return self._run.remote(self._shared, piece)

    def wait(self, handles: Sequence[Any], timeout: float | None) -> list[Any]:
        """Those whose answer is there, or that were lost."""
        return list(self._ray.wait(list(handles), num_returns=1, timeout=timeout)[0])

    def result(self, handle: Any) -> Found:
        """The answer."""
        errors = self._ray.exceptions
        try:
            return self._ray.get(handle)
        except errors.RayTaskError as error:
            raise error.cause from error
        except (errors.TaskCancelledError, errors.RaySystemError):
            raise
        except errors.RayError as error:
            raise WorkerDied(f"its worker or node is gone ({type(error).__name__})") from error

    def stop(self, handle: Any) -> None:
        """Kill the worker of a piece."""
        self._ray.cancel(handle, force=True)


def _call(work: Work, piece: Piece) -> Found:
    import torch

    torch.set_num_threads(1)
    return work(piece)
