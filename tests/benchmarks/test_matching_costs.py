"""What is timed must be the same matching on every side; how long it takes is no test."""

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from mixbook.benchmarks.experiments import EXPERIMENTS
from mixbook.benchmarks.spec import Cell, Profile
from mixbook.benchmarks.trials import matching_costs
from mixbook.benchmarks.trials.matching_costs import (
    against_sinkhorn,
    block_costs,
    block_distances,
    epoch,
    images,
    released_distances,
    shuffled,
)
from mixbook.mixing.transport import assignment

SMOKE = Profile(trials=1, epochs=1, stand_in=True)


def test_the_printed_loop_and_the_released_matrix_find_the_same_partners():
    x = images(64, 3, SMOKE)
    blocks = [
        start + linear_sum_assignment(block)[1]
        for start, block in zip((0, 16, 32, 48), block_distances(x, 16), strict=True)
    ]
    whole = linear_sum_assignment(released_distances(x, 16))[1]
    np.testing.assert_array_equal(np.concatenate(blocks), whole)


def test_ours_decides_by_squared_distances_of_the_same_candidates():
    x = images(64, 3, SMOKE)
    chosen = assignment(block_costs(x, 16))
    for found, left, right in zip(chosen, np.split(x, 4), np.split(shuffled(x), 4), strict=True):
        squared = ((left[:, None] - right) ** 2).sum(2)
        best = squared[linear_sum_assignment(squared)].sum()
        assert squared[np.arange(16), found].sum() == pytest.approx(best, rel=1e-5)


@pytest.mark.parametrize("name", ["kmixup-tmlr-cost", "kmixup-tmlr-cost-parts"])
def test_every_printed_cost_is_answered_by_what_the_row_names(name, monkeypatch):
    """Rounds of a clock that adds up: the printed loop 1 s a batch, the released one 2 s, ours 3 s and mixup 1 s."""
    monkeypatch.setattr(matching_costs, "by_turns", lambda sides, rounds: [[1.0], [2.0], [3.0], [1.0]][: len(sides)])
    experiment = EXPERIMENTS[name]
    for row in experiment.printed:
        found = epoch(experiment, Cell(row.method, row.params), 0, SMOKE)
        per_batch = 50_000 / 128
        assert found[row.metric] == per_batch
        assert found["released"] == 2 * 50_000 / 512
        assert found["mixbook"] == pytest.approx((3 - (row.params == "k=32")) * per_batch)


def test_a_sharper_plan_is_nearer_to_the_optimum_and_takes_more_rounds():
    experiment = EXPERIMENTS["sinkhorn"]
    blurred, sharp = (against_sinkhorn(experiment, Cell("sinkhorn", f"k=8;reg={reg}"), 0, SMOKE) for reg in ("0.1", "0.01"))
    assert blurred["excess"] > sharp["excess"] > -1.1  # within the tolerance of the scaling
    assert blurred["rounds"] < sharp["rounds"]
    assert blurred["differs"] > sharp["differs"]
    assert min(sharp[name] for name in ("exact", "sinkhorn", "sinkhorn_one")) > 0


def test_the_same_trial_has_the_same_images():
    assert torch.equal(*(torch.from_numpy(images(10, number, SMOKE)) for number in (1, 1)))
    assert not np.array_equal(images(10, 1, SMOKE), images(10, 2, SMOKE))
