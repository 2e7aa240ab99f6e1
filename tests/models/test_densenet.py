import pytest
import torch
from part_of import part_of

from mixbook.models import DenseNetBC


def test_each_layer_keeps_its_input_and_adds_growth_channels(generator):
    model = DenseNetBC(16, 6, 10)
    x = torch.randn(2, 12, 4, 4, generator=generator)
    out = model.layer1[0](x)
    assert out.shape == (2, 18, 4, 4)
    assert torch.equal(out[:, :12], x)


def test_transitions_halve_channels_and_images():
    with torch.device("meta"):
        model = DenseNetBC()
        x, shapes = torch.zeros(1, 3, 32, 32), []
        for layer in part_of(model, 0, 4):
            x = layer(x)
            shapes.append(tuple(x.shape[1:]))
    after = [(80 + 31 * 40) // 2]
    after.append((after[0] + 31 * 40) // 2)
    assert shapes == [(80, 32, 32), (after[0], 16, 16), (after[1], 8, 8), (after[1] + 31 * 40, 8, 8)]


def test_it_starts_with_he_s_weights():
    torch.manual_seed(0)
    model = DenseNetBC(16, 12, 10)
    narrow, wide = (part[2] for part in model.layer2[0].body)  # behind a batch norm and a ReLU each
    for convolution, fan_out in ((narrow, 48), (wide, 9 * 12)):
        assert convolution.weight.std().item() == pytest.approx((2 / fan_out) ** 0.5, rel=0.05)
    assert not model.head.bias.any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((191, 40), "depth must be 6 n \\+ 4"), ((16, 0), "growth must be at least 1, got 0")],
)
def test_bad_settings_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        DenseNetBC(*arguments)
