"""How long the parts of a training step take, without holding up a GPU to find out."""

from time import perf_counter

import torch

PHASES = ("data", "forward", "backward", "update")  # forward includes planning and mixing


class Phases:
    """Adds up the time between marks. On a GPU the marks are events in its queue, read at the end of the epoch."""

    def __init__(self, device: torch.device) -> None:
        self._cuda = device.type == "cuda"
        self._sums: dict[str, float] = {}
        self._events: dict[str, list[tuple[torch.cuda.Event, torch.cuda.Event]]] = {}
        self.start()

    def start(self) -> None:
        """The next mark's phase begins here."""
        self._last = self._now()

    def mark(self, phase: str) -> None:
        """A phase ends here, and the next begins."""
        now = self._now()
        if isinstance(now, float) and isinstance(self._last, float):
            self._sums[phase] = self._sums.get(phase, 0.0) + now - self._last
        else:
            self._events.setdefault(phase, []).append((self._last, now))  # type: ignore[arg-type]
        self._last = now

    def seconds(self) -> dict[str, float]:
        """Seconds of each phase since the last call."""
        found = dict(self._sums)
        if self._events:
            torch.cuda.synchronize()
            found |= {phase: sum(a.elapsed_time(b) for a, b in pairs) / 1e3 for phase, pairs in self._events.items()}
        self._sums, self._events = {}, {}
        return found

    def _now(self) -> "float | torch.cuda.Event":
        if not self._cuda:
            return perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event
