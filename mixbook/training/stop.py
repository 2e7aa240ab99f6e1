"""What ends a run before its last epoch, in good order."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import torch
from torch import nn

BEYOND = 1e18  # squares of larger weights are not finite in float32, so neither is what a network makes of them


class Diverged(RuntimeError):
    """The loss is no number any more, or the next one would not be.

    Args:
        epoch, step: where it was not for the first time, both counted from 0.
        advice: what to try.
        what: what is not finite, the loss or the weights.
    """

    def __init__(self, epoch: int, step: int, advice: str, what: str = "the loss is") -> None:
        super().__init__(f"{what} not finite since step {step} of epoch {epoch}: {advice}")
        self.epoch, self.step = epoch, step


class DivergenceWarning(UserWarning):
    """What :class:`Diverged` says, of a run that goes on."""


def in_bounds(model: nn.Module) -> bool:
    """Whether a network can still be computed with: its trained weights are numbers, and none is beyond all bounds."""
    trained = (weight.detach() for weight in model.parameters() if weight.requires_grad and weight.numel())
    largest = [weight.abs().amax().float() for weight in trained]
    return not largest or bool(torch.stack(largest).amax() < BEYOND)  # false for NaN too; a GPU is waited for once


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
