"""Networks with a narrow layer in their middle."""

import pytest
import torch
from torch import nn

from mixbook.models import BottleneckMLP


def test_names_and_widths():
    model = BottleneckMLP(6, (5, 4), 2, (3,), 7)
    names = [name for name, _ in model.named_children()]
    assert names == ["flatten", "layer1", "layer2", "bottleneck", "layer3", "head"]
    shapes = [tuple(m.weight.shape) for m in model.modules() if isinstance(m, nn.Linear)]
    assert shapes == [(5, 6), (4, 5), (2, 4), (3, 2), (7, 3)]
    assert model(torch.rand(4, 1, 2, 3)).shape == (4, 7)


def test_the_bottleneck_is_linear():
    model = BottleneckMLP(6, (5,), 2, (3,), 7)
    wide = torch.randn(50, 5)
    a, b = wide[:25], wide[25:]
    torch.testing.assert_close(model.bottleneck((a + b) / 2), (model.bottleneck(a) + model.bottleneck(b)) / 2)


def test_dropout_spares_the_bottleneck_and_batch_norm_does_not():
    silent = BottleneckMLP(6, (5, 4), 2, (3,), 7, dropout=0.2)
    assert [m.p for m in silent.modules() if isinstance(m, nn.Dropout)] == [0.2] * 3
    assert not any(isinstance(m, nn.Dropout) for m in silent.bottleneck.modules())
    normed = BottleneckMLP(6, (5, 4), 2, (3,), 7, batch_norm=True)
    assert [m.num_features for m in normed.modules() if isinstance(m, nn.BatchNorm1d)] == [5, 4, 2, 3]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"before": ()}, "a layer on each side"),
        ({"bottleneck": 0}, "widths must be at least 1"),
        ({"activation": "sine"}, "activation must be one of relu, tanh, leaky_relu, got 'sine'"),
        ({"dropout": 1.0}, "dropout must be a share"),
    ],
)
def test_what_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        BottleneckMLP(**({"in_features": 6, "before": (5,), "bottleneck": 2, "after": (3,), "out_features": 7} | arguments))
