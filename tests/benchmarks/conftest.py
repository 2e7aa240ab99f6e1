from collections.abc import Callable

import pytest

from mixbook.benchmarks.results import Trial
from mixbook.benchmarks.spec import Cell, Experiment


@pytest.fixture
def invented() -> Callable[..., dict[Cell, list[Trial]]]:
    """Results that look real: each trial its own error."""

    def results(experiment: Experiment, profile: str, cells: int | None = None) -> dict[Cell, list[Trial]]:
        trials = range(experiment.profile(profile).trials)
        return {
            cell: [Trial(t, {"error": 5 + i + t / 7, "nll": 0.1}, 1.5) for t in trials]
            for i, cell in enumerate(experiment.selected(profile)[:cells])
        }

    return results
