"""Pieces run on this machine: in this process, or in others that live on from piece to piece."""

import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from typing import Any, Self

from mixbook.benchmarks.executors.pool import Found, Work, WorkerDied
from mixbook.benchmarks.spec import Piece


class InThisProcess:
    """One piece at a time, on one thread, when it is waited for. It cannot be stopped halfway."""

    slots = 1

    def __init__(self, work: Work) -> None:
        self._work = work

    def start(self, piece: Piece) -> Piece:
        """Take note of a piece."""
        return piece

    def wait(self, handles: Sequence[Piece], timeout: float | None) -> list[Piece]:
        """All are ready to be run."""
        return list(handles)

    def result(self, handle: Piece) -> Found:
        """Run the piece."""
        return self._work(handle)

    def stop(self, handle: Piece) -> None:
        """Nothing runs between two calls."""

    def __enter__(self) -> Self:
        import torch

        self._threads = torch.get_num_threads()
        torch.set_num_threads(1)
        return self

    def __exit__(self, *exception: object) -> None:
        import torch

        torch.set_num_threads(self._threads)


class Processes:
    """Several processes of one thread each. One that dies is replaced."""

    def __init__(self, work: Work, jobs: int) -> None:
        self.slots = jobs
        self._work = work
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()

    def start(self, piece: Piece) -> "_Worker":
        """Give a piece to an idle process, or to a new one."""
        worker = self._idle.pop() if self._idle else _Worker(self._work)
        self._all.add(worker)
        worker.give(piece)
        return worker

    def wait(self, handles: Sequence["_Worker"], timeout: float | None) -> list["_Worker"]:
        """Those whose answer is there, or that died."""
        waited: dict[Any, _Worker] = {sign: worker for worker in handles for sign in worker.signs}
        return list(dict.fromkeys(waited[sign] for sign in wait(list(waited), timeout)))

    def result(self, handle: "_Worker") -> Found:
        """The answer of a process, which is idle then."""
        try:
            answer = handle.answer()
        except WorkerDied:
            self.stop(handle)
            raise
        self._idle.append(handle)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def stop(self, handle: "_Worker") -> None:
        """Kill a process."""
        self._all.discard(handle)
        handle.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for worker in list(self._all):
            self.stop(worker)


@contextmanager
def deaf_to_ctrl_c() -> Iterator[None]:
    """Processes that are started within it ignore Ctrl-C, which a terminal sends to all at once: their parent ends them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # from their first moment on: it is inherited
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class _Worker:
    """A process that answers each piece that it is given."""

    def __init__(self, work: Work) -> None:
        # Started afresh rather than forked: torch's threads do not survive a fork.
        context = multiprocessing.get_context("spawn")
        os.environ["OMP_NUM_THREADS"] = "1"
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, work))
        with deaf_to_ctrl_c():
            self.process.start()
        theirs.close()
        self.signs = (self.pipe, self.process.sentinel)  # what shows that it has answered, or died

    def give(self, piece: Piece) -> None:
        with suppress(OSError):  # it died while it was idle: the answer will say so
            self.pipe.send(piece)

    def answer(self) -> Found | BaseException:
        try:
            return self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            code = self.process.exitcode or 0
            how = f"was killed by signal {-code}" if code < 0 else f"left with exit code {code}"
            raise WorkerDied(f"its process {how}{' (out of memory?)' if code == -9 else ''}") from None

    def kill(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


def _serve(pipe: Connection, work: Work) -> None:
    import torch

    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            piece = pipe.recv()
        except EOFError:
            return
        try:
            answer: Any = work(piece)
        except Exception as error:
            answer = _portable(error)
        pipe.send(answer)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)  # a killed parent cannot tell us to stop, and we would wait for ever


def _portable(error: Exception) -> Exception:
    """The error, or what it says if it cannot travel between processes."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
