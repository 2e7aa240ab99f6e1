import pytest
import torch
from part_of import part_of
from torch import nn

from mixbook.models import ResNet18, ResNeXt29


def test_a_block_adds_its_input_before_the_last_relu(generator):
    block = ResNet18(width=4).layer1[0]
    for part in block.body.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.zeros_(part.weight)
    x = torch.randn(2, 4, 5, 5, generator=generator)
    torch.testing.assert_close(block(x), x.relu())


def test_resnext_s_groups_and_channels():
    """Three stages of 96, 192 and 384 grouped channels, and 256, 512 and 1024 behind them."""
    with torch.device("meta"):
        model = ResNeXt29()
        for stage, (inner, outer) in zip(part_of(model, 1, 4), [(96, 256), (192, 512), (384, 1024)], strict=True):
            assert len(stage) == 3
            for block in stage:
                sizes = [(c.out_channels, c.groups) for c in block.body.modules() if isinstance(c, nn.Conv2d)]
                assert sizes == [(inner, 1), (inner, 4), (outer, 1)]


def test_resnext_starts_with_he_s_weights():
    model = ResNeXt29(100)
    grouped = model.layer3[1].body[1][0]
    assert grouped.weight.std().item() == pytest.approx((2 / (9 * 384)) ** 0.5, rel=0.02)
    assert model.head.weight.std().item() == pytest.approx((2 / 1024) ** 0.5, rel=0.02)
    assert not model.head.bias.any()


@pytest.mark.parametrize("network", [ResNet18, ResNeXt29])
def test_bad_settings_are_named(network):
    with pytest.raises(ValueError, match="in_channels must be at least 1, got 0"):
        network(10, 0)
