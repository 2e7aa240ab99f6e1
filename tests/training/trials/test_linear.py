"""Linear layers of many networks: the same as one by one, forth and back."""

import pytest
import torch
from torch.nn import functional as F

from mixbook.training.trials.linear import linear


@pytest.mark.parametrize("batch", [3, 40])
@pytest.mark.parametrize(("inputs", "outputs"), [(2, 33), (33, 2), (1, 1), (20, 24)])
@pytest.mark.parametrize("with_bias", [True, False])
def test_each_layer_is_as_alone(batch, inputs, outputs, with_bias):
    generator = torch.Generator().manual_seed(0)
    shapes = (4, batch, inputs), (4, outputs, inputs), (4, outputs)
    x, weight, bias = (torch.randn(s, generator=generator, dtype=torch.float64, requires_grad=True) for s in shapes)
    upstream = torch.randn(4, batch, outputs, generator=generator, dtype=torch.float64)
    given = (x, weight, bias) if with_bias else (x, weight)
    out = linear(x, weight, bias if with_bias else None)
    alone = torch.stack([F.linear(x[n], weight[n], bias[n] if with_bias else None) for n in range(4)])
    assert torch.allclose(out, alone)
    ours, theirs = (torch.autograd.grad(o, given, upstream) for o in (out, alone))
    for gradient, expected in zip(ours, theirs, strict=True):
        assert torch.allclose(gradient, expected)


def test_gradients_are_laid_out_as_their_weights_where_a_layer_is_wide():
    """Or an optimizer would copy each."""
    x, weight = torch.randn(2, 64, 32), torch.randn(2, 48, 32, requires_grad=True)
    linear(x, weight, None).sum().backward()
    assert weight.grad.is_contiguous()


def test_what_needs_no_gradient_gets_none():
    x, weight = torch.randn(2, 5, 3), torch.randn(2, 4, 3, requires_grad=True)
    linear(x, weight, torch.zeros(2, 4)).sum().backward()
    assert x.grad is None and weight.grad is not None
