"""Operations of a step, against the sizes of the layers."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from mixbook.mixing.cost import step_flops
from mixbook.models import MLP


@pytest.mark.parametrize(("layer", "before"), [("input", 0), ("layer1", 1), ("layer2", 2)])
@pytest.mark.parametrize("draws", [1, 5])
def test_layers_before_the_mixture_count_once_and_the_others_for_every_draw(layer, before, draws):
    widths, batch_size = [7, 20, 30, 3], 4
    model = MLP(7, (20, 30), 3)
    # For each weight and row 2 operations forward, 2 for the weight's gradient, and 2 for the input's, where it is needed.
    maps = [(2 if i == 0 else 3) * 2 * a * b for i, (a, b) in enumerate(pairwise(widths))]
    expected = sum(cost * batch_size * (1 if i < before else draws) for i, cost in enumerate(maps))
    assert step_flops(model, torch.rand(4, 7), layer, draws) == expected
    assert model.training and next(model.parameters()).device.type == "cpu"
    # A step trains whatever the mode of the model is, which stays as it was.
    assert step_flops(model.eval(), torch.rand(4, 7), layer, draws) == expected
    assert not model.training


def test_at_least_one_draw_is_needed():
    with pytest.raises(ValueError, match="draws must be at least 1, got 0"):
        step_flops(MLP(2, (3,), 2), torch.rand(4, 2), "input", 0)


class Block(nn.Module):
    """A pre-activation residual block (He et al. 2016)."""

    def __init__(self, before, after, stride):
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(before), nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.norm2, self.conv2 = nn.BatchNorm2d(after), nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.shortcut = nn.Conv2d(before, after, 1, stride, bias=False) if before != after else None

    def forward(self, x):
        h = self.norm1(x).relu()
        kept = x if self.shortcut is None else self.shortcut(h)
        return kept + self.conv2(self.norm2(self.conv1(h)).relu())


def preactresnet18():
    stages = [nn.Conv2d(3, 64, 3, 1, 1, bias=False)]
    for before, after in ((64, 64), (64, 128), (128, 256), (256, 512)):
        stages.append(nn.Sequential(Block(before, after, 1 if before == after else 2), Block(after, after, 1)))
    return nn.Sequential(*stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


def test_five_interpolations_of_a_preactresnet18_cost_less_in_later_layers():
    with torch.device("meta"):
        model = preactresnet18()
    x = torch.empty(2, 3, 32, 32, device="meta")
    five, one = step_flops(model, x, "input", 5), step_flops(model, x, "input", 1)
    assert five == 5 * one
    assert step_flops(model, x, "1", 5) / five == pytest.approx(0.78, abs=0.005)
    assert step_flops(model, x, "2", 5) / five == pytest.approx(0.59, abs=0.005)
