"""A linear layer of n networks at once, with its backward pass written out.

Autograd's own takes the gradient of the transposed weights, which must be copied, and products with narrow results, five
times slower than their transposes.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

_NARROW = 16  # columns of a result; below, a product on a CPU is faster turned round, up to five times


def linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Outputs (n, B, out) of n layers with weights (n, out, in) and biases (n, out) on inputs (n, B, in)."""
    return _Linear.apply(x, weight, bias)


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return torch.bmm(x, weight.mT) if bias is None else torch.baddbmm(bias[:, None], x, weight.mT)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        of_x, of_weight, of_bias = ctx.needs_input_grad
        return (
            _product(gradient, weight) if of_x else None,
            _product(gradient.mT, x) if of_weight else None,
            gradient.sum(1) if of_bias else None,
        )


def _product(a: Tensor, b: Tensor) -> Tensor:
    if b.shape[2] < _NARROW <= a.shape[1]:
        return torch.bmm(b.mT, a.mT).mT
    return torch.bmm(a, b)
