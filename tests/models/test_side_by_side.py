import pytest
import torch
from torch import nn

from mixbook.models import SideBySide, seeded


def test_each_network_is_a_linear_layer_of_its_own(generator):
    layer = seeded(3, lambda: SideBySide(4, 5, networks=3))
    alone = seeded(3, lambda: nn.ModuleList(nn.Linear(4, 5) for _ in range(3)))
    x = torch.rand(7, 3, 4, generator=generator)
    expected = torch.stack([each(x[:, m]) for m, each in enumerate(alone)], dim=1)
    torch.testing.assert_close(layer(x), expected)
    layer(x)[:, 1].sum().backward()
    alone[1](x[:, 1]).sum().backward()
    torch.testing.assert_close(layer.weight.grad[1], alone[1].weight.grad.T)
    assert not layer.weight.grad[[0, 2]].any()
    assert "networks=3" in repr(layer)


def test_sizes_are_positive():
    with pytest.raises(ValueError, match="networks must be at least 1, got 0"):
        SideBySide(4, 5, networks=0)
