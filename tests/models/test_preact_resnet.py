import pytest
import torch
from part_of import part_of
from torch import nn

from mixbook.models import PreActResNet


def silence(block: nn.Module) -> nn.Module:
    """The block without its long path: what is left is what the skip carries."""
    for part in block.body.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.zeros_(part.weight)
    return block


@pytest.mark.parametrize("variant", ["manifold", "facebook"])
def test_the_two_variants_carry_different_things_over(variant, generator):
    model = PreActResNet(18, width=4, variant=variant)
    x = torch.randn(3, 4, 8, 8, generator=generator)
    block = silence(model.layer1[1])
    expected = x if variant == "manifold" else block.activation(x)
    torch.testing.assert_close(block(x), expected)
    projecting = silence(model.layer2[0])  # where shapes change they agree
    torch.testing.assert_close(projecting(x), projecting.projection(projecting.activation(x)))


def test_only_facebook_s_stem_has_a_batch_norm_and_neither_has_one_at_the_end():
    kinds = {
        variant: [type(part) for part in PreActResNet(variant=variant, width=4).stem.modules()] for variant in VARIANTS
    }
    assert nn.BatchNorm2d not in kinds["manifold"]
    assert nn.BatchNorm2d in kinds["facebook"]
    assert [name for name, _ in PreActResNet(width=4).named_children()] == NAMES


VARIANTS = ("manifold", "facebook")
NAMES = ["stem", "layer1", "layer2", "layer3", "layer4", "pool", "head"]


def test_a_stem_with_stride_two_halves_every_map():
    with torch.device("meta"):
        one, two = (PreActResNet(18, 200, stem_stride=stride) for stride in (1, 2))
        x = torch.zeros(1, 3, 64, 64)
        assert part_of(one, 0, 5)(x).shape == (1, 512, 8, 8)
        assert part_of(two, 0, 5)(x).shape == (1, 512, 4, 4)


def test_blocks_of_each_depth():
    with torch.device("meta"):
        counts = {depth: [len(stage) for stage in part_of(PreActResNet(depth), 1, 5)] for depth in (18, 34, 50)}
        assert part_of(PreActResNet(50), 0, 5)(torch.zeros(1, 3, 32, 32)).shape == (1, 2048, 4, 4)
    assert counts == {18: [2, 2, 2, 2], 34: [3, 4, 6, 3], 50: [3, 4, 6, 3]}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"depth": 20}, "depth must be one of 18, 34, 50, got 20"),
        ({"variant": "he"}, r"variant must be one of \('manifold', 'facebook'\), got 'he'"),
        ({"num_classes": 0}, "num_classes must be at least 1, got 0"),
        ({"stem_stride": 0}, "stem_stride must be at least 1, got 0"),
    ],
)
def test_bad_settings_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        PreActResNet(**arguments)
