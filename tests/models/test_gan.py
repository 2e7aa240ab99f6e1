import pytest
import torch

from mixbook.models import seeded
from mixbook.models.gan import Discriminator, Generator


def parameters(model: torch.nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def test_sizes_of_the_released_networks():
    with torch.device("meta"):
        images = (model := Generator())(torch.zeros(2, 62))
    block = 2 * (2 * 128) + 2 * (128 * 128 * 9 + 128)
    assert parameters(model) == 62 * 2048 + 2048 + 3 * block + 2 * 128 + 3 * 128 * 9 + 3
    assert images.shape == (2, 3, 32, 32)
    model = Discriminator()
    conv, one = 128 * 128 * 9 + 128, 128 * 128 + 128
    first = 3 * 128 * 9 + 128 + conv + 3 * 128 + 128
    assert parameters(model) == first + (2 * conv + one) + 2 * (2 * conv) + 129


def test_maps_halve_in_the_first_two_resblocks_alone(generator):
    model = Discriminator(1, width=4)
    x, shapes = torch.rand(2, 1, 32, 32, generator=generator), []
    for layer in model:
        x = layer(x)
        shapes.append(tuple(x.shape[1:]))
    assert shapes == [(4, 16, 16), (4, 8, 8), (4, 8, 8), (4, 8, 8), (4,), (1,)]
    assert [name for name, _ in model.named_children()] == ["layer1", "layer2", "layer3", "layer4", "pool", "head"]


def test_every_weight_of_the_discriminator_has_spectral_norm_one(generator):
    model = seeded(0, lambda: Discriminator(width=8)).train()
    x = torch.rand(2, 3, 32, 32, generator=generator)
    for _ in range(40):  # each pass makes the estimate of the norm better
        model(x)
    layers = [part for part in model.modules() if isinstance(part, torch.nn.Conv2d | torch.nn.Linear)]
    assert len(layers) == 3 + 3 + 2 + 2 + 1
    for layer in layers:
        assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1, abs=0.02)


def test_maps_of_skips_start_wider_than_all_others():
    """Spectral norm hides the size that a weight starts with from what the network gives, not from what a step changes."""
    model = seeded(0, lambda: Discriminator(width=64))
    skips = {id(part) for block in (model.layer1, model.layer2) for part in block.skip.modules()}
    layers = [part for part in model.modules() if isinstance(part, torch.nn.Conv2d)]
    gains = {True: [], False: []}
    for layer in layers:
        field = layer.kernel_size[0] * layer.kernel_size[1]
        bound = (6 / (field * (layer.in_channels + layer.out_channels))) ** 0.5  # of Glorot and Bengio (2010)
        largest = layer.parametrizations.weight.original.abs().max().item()
        gains[id(layer) in skips].append(largest / bound)
    assert gains[True] == pytest.approx([2**0.5] * 2, rel=0.03)
    assert gains[False] == pytest.approx([1] * 8, rel=0.03)


def test_fakes_lie_in_the_range_of_images_and_differ(generator):
    fakes = seeded(0, lambda: Generator(8, channels=1, width=4))(torch.randn(5, 8, generator=generator))
    assert fakes.shape == (5, 1, 32, 32)
    assert -1 < fakes.min() < fakes.max() < 1
    assert (fakes[0] - fakes[1]).abs().max() > 0.01


@pytest.mark.parametrize("network", [Generator, Discriminator])
def test_bad_sizes_are_named(network):
    with pytest.raises(ValueError, match="width must be at least 1, got 0"):
        network(width=0)
