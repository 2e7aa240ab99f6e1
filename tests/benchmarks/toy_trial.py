"""An experiment whose trials take no time, for tests of what surrounds a trial. Workers import it by name."""

import os
import random
import signal
import time
from collections.abc import Sequence
from dataclasses import replace

from mixbook.benchmarks.experiments import EXPERIMENTS
from mixbook.benchmarks.spec import Cell, Experiment, Metrics, Profile, Task
from mixbook.benchmarks.trials.precision import mixed_precision

TOY = replace(
    EXPERIMENTS["kmixup-tmlr-table5-iris"],
    name="toy",
    trial="toy_trial:trial",
    trials="",
    profiles={"smoke": Profile(1, 1, every=5), "laptop": Profile(3, 1)},
)

RUN = {
    **{"started": "2026-11-20T12:00:00+00:00", "commit": "0123456789", "dirty": False, "torch": "2", "seconds": 60.0},
    **{"threads_per_trial": 1, "jobs": 2, "processor": "Old", "device": "cpu"},
}  # what a run must say


def trial(experiment: Experiment, cell: Cell, number: int, profile: Profile) -> dict[str, float]:
    """A different number each time it is called, so that a cell that was run twice shows."""
    if str(cell) == os.environ.get("TOY_STOPS_AT"):
        time.sleep(120)
    time.sleep(float(os.environ.get("TOY_SECONDS", "0")))
    _die(str(cell), number)
    return {"error": random.SystemRandom().random(), "process": float(os.getpid())}


def _die(cell: str, number: int) -> None:
    """Kill this process at the first trial of ``TOY_DIES_AT``; once, if ``TOY_DIES_ONCE`` names a file to remember it."""
    once = os.environ.get("TOY_DIES_ONCE")
    if cell != os.environ.get("TOY_DIES_AT") or number:
        return
    if once:
        try:
            os.close(os.open(once, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
    os.kill(os.getpid(), signal.SIGKILL)


SIDE_BY_SIDE = replace(TOY, trial="", trials="toy_trial:side_by_side", together=2)


def side_by_side(experiment: Experiment, tasks: Sequence[Task], profile: Profile) -> list[Metrics]:
    """How many trials there were in this call, and which one each is."""
    return [{"error": 1.0, "at_once": float(len(tasks)), "number": float(number)} for _, number in tasks]


PRECISE = replace(TOY, trial="toy_trial:precise")


def precise(experiment: Experiment, cell: Cell, number: int, profile: Profile) -> dict[str, float]:
    """A trial whose precision is the machine's choice."""
    return {"error": float(mixed_precision()._precision.precision == "bf16-mixed")}
