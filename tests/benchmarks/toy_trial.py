"""An experiment whose trials take no time, for tests of what surrounds a trial. Workers import it by name."""

import os
import random
import time
from dataclasses import replace

from mixbook.benchmarks.experiments import EXPERIMENTS
from mixbook.benchmarks.spec import Cell, Experiment, Profile

TOY = replace(
    EXPERIMENTS["kmixup-tmlr-table5-iris"],
    name="toy",
    trial="toy_trial:trial",
    profiles={"smoke": Profile(1, 1, every=5), "laptop": Profile(3, 1)},
)


def trial(experiment: Experiment, cell: Cell, number: int, profile: Profile) -> dict[str, float]:
    """A different number each time it is called, so that a cell that was run twice shows."""
    if str(cell) == os.environ.get("TOY_STOPS_AT"):
        time.sleep(120)
    return {"error": random.SystemRandom().random(), "process": float(os.getpid())}
