import pytest
import torch

from mixbook.models import LeNet


@pytest.mark.parametrize(("size", "flat"), [(28, 16 * 5 * 5), (32, 16 * 5 * 5), (8, 16 * 2 * 2)])
@pytest.mark.parametrize("channels", [1, 3])
def test_parameters_and_shapes(size, flat, channels):
    model = LeNet(10, channels, size)
    counts = [25 * channels * 6 + 6, 25 * 6 * 16 + 16, flat * 120 + 120, 120 * 84 + 84, 84 * 10 + 10]
    assert [sum(p.numel() for p in layer.parameters()) for layer in model] == counts
    assert model(torch.zeros(2, channels, size, size)).shape == (2, 10)


@pytest.mark.parametrize("size", range(4, 65))
def test_every_size_from_four_pixels_up_runs(size):
    assert LeNet(3, 1, size)(torch.zeros(1, 1, size, size)).shape == (1, 3)


def test_layers_are_named_for_mixing():
    assert [name for name, _ in LeNet().named_children()] == ["layer1", "layer2", "layer3", "layer4", "head"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((10, 1, 3), "image_size must be at least 4, got 3"), ((0, 1, 28), "num_classes must be at least 1, got 0")],
)
def test_bad_sizes_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        LeNet(*arguments)
