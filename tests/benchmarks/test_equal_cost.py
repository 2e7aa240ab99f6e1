"""Trials at equal gradient computations: the same loss for all, and as many mixtures a step."""

import pytest
import torch

from mixbook.benchmarks.experiments import EXPERIMENTS
from mixbook.benchmarks.spec import Profile
from mixbook.benchmarks.trials import equal_cost
from mixbook.benchmarks.trials.equal_cost import fixed_mixtures, mixup_loss, trials
from mixbook.benchmarks.trials.small_images import small_images
from mixbook.models import MLP, seeded

DIGITS = EXPERIMENTS["multimix-large-batch-digits"]
MULTIMIX, ONE_RATIO, RATIO_EACH = DIGITS.cells[-3:]


def test_every_method_has_its_points_after_the_same_steps():
    short = Profile(trials=1, epochs=4)
    curves = [list(trials(DIGITS, [(cell, 0)], short)[0]) for cell in (MULTIMIX, ONE_RATIO)]
    assert curves[0] == curves[1]
    assert [name for name in curves[0] if "loss" in name] == ["mixup_loss@100", "mixup_loss@200"]


@pytest.mark.parametrize("cell", [MULTIMIX, ONE_RATIO, RATIO_EACH], ids=str)
def test_a_step_is_made_of_a_hundred_mixtures(cell):
    mixer = equal_cost._mixer(DIGITS, cell, 10)
    plan = mixer.plan(torch.rand(int(cell.value("B")), 4), generator=torch.Generator().manual_seed(0))
    assert len(plan) == 100
    ratios = plan.weights[:, 0].unique()
    assert len(ratios) == {str(MULTIMIX): 5, str(ONE_RATIO): 1, str(RATIO_EACH): 100}[str(cell)]


def test_the_loss_is_that_of_mixtures_of_training_samples():
    train, _ = small_images("digits", 300, 0)
    mixed, targets = fixed_mixtures(train, 2000, 1.0)
    assert torch.equal(mixed, fixed_mixtures(train, 2000, 1.0)[0])
    torch.testing.assert_close(mixed.mean(0), train.x.mean(0), atol=0.05, rtol=0)
    torch.testing.assert_close(targets.sum(1), torch.ones(2000))
    assert len(targets.amax(1).unique()) > 1000, "each has a lambda of its own"
    untrained = seeded(0, lambda: MLP(64, (64,), 10))
    assert mixup_loss(untrained, mixed, targets) == pytest.approx(torch.tensor(10.0).log().item(), rel=0.1)


def test_training_lowers_the_loss():
    found = trials(DIGITS, [(MULTIMIX, n) for n in (0, 1)], Profile(trials=2, epochs=4))
    assert all(one["mixup_loss@200"] < one["mixup_loss@100"] < 2 for one in found)
    assert found[0] != found[1]
