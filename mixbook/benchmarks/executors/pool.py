"""What a place where pieces are run has to offer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeVar

from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.spec import Piece
from mixbook.benchmarks.tidy import Trial


@dataclass(frozen=True)
class Found:
    """What came of a piece: its trials in order, and the machine that ran it, with its choice of precision."""

    trials: tuple[Trial, ...]
    machine: dict[str, Any]


Work = Callable[[Piece], Found]
Handle = TypeVar("Handle")


class WorkerDied(BenchmarkError):
    """The process or the machine that ran a piece is gone, and with it what it had of it."""

    exit_code = 1


class Pool(Protocol[Handle]):
    """Runs pieces, some at a time. As a context it stops whatever still runs when it is left."""

    @property
    def slots(self) -> int:
        """How many pieces should be under way now; it may change as a cluster grows or shrinks."""

    def start(self, piece: Piece) -> Handle:
        """Begin a piece."""

    def wait(self, handles: Sequence[Handle], timeout: float | None) -> list[Handle]:
        """Those that are over, whatever came of them; at least one, unless ``timeout`` (seconds) runs out first."""

    def result(self, handle: Handle) -> Found:
        """What came of a piece that is over.

        Raises:
            WorkerDied: if its worker is gone.
            Exception: what the trial raised.
        """

    def stop(self, handle: Handle) -> None:
        """End a piece that is under way, and lose it."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...
