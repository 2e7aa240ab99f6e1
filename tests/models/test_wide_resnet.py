import pytest
import torch
from part_of import part_of
from torch import nn

from mixbook.models import WideResNet


def test_blocks_carry_their_input_over_and_halve_at_the_second_convolution():
    model = WideResNet(16, 2)
    assert [len(stage) for stage in part_of(model, 1, 4)] == [2, 2, 2]
    strides = [part.stride[0] for part in model.layer2[0].body.modules() if isinstance(part, nn.Conv2d)]
    assert strides == [1, 2]
    block = model.layer1[1]
    for part in block.body.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.zeros_(part.weight)
            nn.init.zeros_(part.bias)
    x = torch.randn(2, 32, 4, 4)
    torch.testing.assert_close(block(x), x)
    first = model.layer1[0]
    assert first.skip == "input"  # also where it is projected
    assert first.projection is not None


def test_the_last_norm_forgets_fast_and_convolutions_have_biases():
    model = WideResNet(10, 1)
    assert model.norm[0].momentum == 0.9
    assert all(part.bias is not None for part in model.modules() if isinstance(part, nn.Conv2d))
    assert [name for name, _ in model.named_children()] == ["stem", "layer1", "layer2", "layer3", "norm", "pool", "head"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((4, 1), "depth must be 6 n \\+ 4"), ((20, 1), "got 20"), ((16, 0), "widen must be at least 1, got 0")],
)
def test_bad_settings_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        WideResNet(*arguments)
