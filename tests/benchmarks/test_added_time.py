"""What is timed for Figure 7 is a training step with K interpolations; how long it takes is no test."""

import pytest
import torch

from mixbook.benchmarks.experiments import EXPERIMENTS
from mixbook.benchmarks.spec import Cell, Profile
from mixbook.benchmarks.trials import added_time
from mixbook.benchmarks.trials.added_time import Step, trial

FIGURE_7 = EXPERIMENTS["multimix-figure7"]


@pytest.mark.parametrize("method", ["mixup", "manifold_mixup", "cutmix", "puzzlemix"])
def test_a_step_trains_on_k_mixtures_of_each_image(method, monkeypatch):
    step = Step(FIGURE_7, method, 3, number=0)
    step.x, step.y = step.x[:4], step.y[:4]
    rows, real = [], added_time.mixed_cross_entropy

    def spy(logits, targets):
        rows.append(len(logits))
        return real(logits, targets)

    monkeypatch.setattr(added_time, "mixed_cross_entropy", spy)
    before = [parameter.clone() for parameter in step.model.parameters()]
    step()
    assert rows == [12]
    assert all(not torch.equal(old, new) for old, new in zip(before, step.model.parameters(), strict=True))


def test_twice_the_shortest_time_is_a_hundred_percent_more(monkeypatch):
    monkeypatch.setattr(added_time, "by_turns", lambda sides, rounds: [[0.5, 0.2, 0.3], [0.1, 0.4, 0.9]])
    found = trial(FIGURE_7, Cell("mixup", "K=3"), 0, Profile(1, 1))
    assert found == {"added": pytest.approx(100), "seconds": pytest.approx(100), "seconds_one": pytest.approx(50)}
