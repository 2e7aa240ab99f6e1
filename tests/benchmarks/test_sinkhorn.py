"""Sinkhorn's scaling: a plan, and the exact matching where it is sharp."""

import pytest
import torch

from mixbook.benchmarks.trials.sinkhorn import sinkhorn
from mixbook.mixing.transport import assignment


@pytest.mark.parametrize("regularisation", [0.02, 0.5])
def test_rows_and_columns_sum_to_one(regularisation, generator):
    plan, rounds = sinkhorn(torch.rand(5, 8, 8, generator=generator), regularisation, tolerance=1e-3)
    assert rounds > 1 and (plan >= 0).all()
    torch.testing.assert_close(plan.sum(1), torch.ones(5, 8))
    assert (plan.sum(2) - 1).abs().max() <= 1.1e-3


def test_little_regularisation_gives_the_exact_matching(generator):
    cost = torch.rand(20, 6, 6, generator=generator, dtype=torch.float64)
    plan, _ = sinkhorn(cost, 1e-3, tolerance=1e-3, most=100_000)
    best = assignment(cost)
    least = cost.gather(2, best[..., None]).sum((1, 2))
    assert ((plan * cost).sum((1, 2)) - least).max() < 0.02


def test_much_regularisation_mixes_everybody_with_everybody(generator):
    plan, _ = sinkhorn(torch.rand(3, 7, 7, generator=generator), 1e4)
    torch.testing.assert_close(plan, torch.full((3, 7, 7), 1 / 7), rtol=1e-3, atol=0)


def test_two_points_in_closed_form():
    """With costs a, b on and off the diagonal, the diagonal gets 1 / (1 + exp((a - b) / regularisation))."""
    cost = torch.tensor([[[1.0, 3.0], [3.0, 1.0]]])
    plan, _ = sinkhorn(cost, 2.0)
    assert plan[0, 0, 0].item() == pytest.approx(1 / (1 + torch.tensor(-1.0).exp().item()))


def test_it_ends_where_it_is_told_to_and_refuses_nonsense(generator):
    cost = torch.rand(1, 30, 30, generator=generator)
    assert sinkhorn(cost, 1e-4, most=7)[1] == 7
    for wrong in ({"regularisation": 0.0}, {"regularisation": 1.0, "tolerance": 0.0}, {"regularisation": 1.0, "most": 0}):
        with pytest.raises(ValueError, match="must be positive and most at least 1"):
            sinkhorn(cost, **wrong)
