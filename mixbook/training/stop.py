"""What ends a run before its last epoch, in good order."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Diverged(RuntimeError):
    """The loss is no number any more.

    Args:
        epoch, step: where it was not for the first time, both counted from 0.
        advice: what to try.
    """

    def __init__(self, epoch: int, step: int, advice: str) -> None:
        super().__init__(f"the loss is not finite since step {step} of epoch {epoch}: {advice}")
        self.epoch, self.step = epoch, step


class Terminated(SystemExit):
    """The process was asked to end (SIGTERM) and has saved its work: exit status 143, as shells expect."""

    def __init__(self) -> None:
        super().__init__(128 + signal.SIGTERM)


class StopRequest:
    """Whether the process was asked to end."""

    asked = False


@contextmanager
def noticing_sigterm(wanted: bool) -> Iterator[StopRequest]:
    """Within it a SIGTERM does not end the process but is remembered; afterwards everything is as before.

    Only the main thread can, and it does so only if ``wanted``: where nothing can be saved, nothing is gained by waiting.
    """
    request = StopRequest()
    if not wanted or threading.current_thread() is not threading.main_thread():
        yield request
        return

    def remember(number: int, frame: FrameType | None) -> None:
        request.asked = True

    before = signal.signal(signal.SIGTERM, remember)
    try:
        yield request
    finally:
        signal.signal(signal.SIGTERM, before)
