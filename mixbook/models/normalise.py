"""Normalisation of pixels as the first layer of a network, so that what is outside stays in pixels."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Normalise(nn.Module):
    """(x - mean) / std for each channel of images (B, channels, ...), for pixels in [0, 1]. Bytes become 255ths first.

    As the first layer of a network it makes budgets of attacks and sizes of noise mean the same for every network::

        model = nn.Sequential(OrderedDict(normalise=Normalise((0.1307,), (0.3081,)), net=LeNet()))

    Args:
        mean, std: one number for each channel; ``std`` positive.

    Raises:
        ValueError: if their lengths differ or are 0, or a standard deviation is not positive.

    Example:
        >>> import torch
        >>> from mixbook.models import Normalise
        >>> Normalise([0.5], [0.25])(torch.ones(1, 1, 1, 2))
        tensor([[[[2., 2.]]]])
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        if len(mean) != len(std) or len(mean) == 0:
            raise ValueError(f"mean and std must have one number for each channel, got {len(mean)} and {len(std)}")
        if not min(std) > 0:
            raise ValueError(f"std must be positive, got {tuple(std)}")
        # Buffers: they follow the network to its device, but are settings, not something that training has found.
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32), persistent=False)
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Normalised images of the same shape.

        Raises:
            ValueError: if the images have another number of channels.
        """
        if x.ndim < 2 or x.shape[1] != len(self.mean):
            raise ValueError(f"x must have {len(self.mean)} channels in its second axis, got shape {tuple(x.shape)}")
        if x.dtype == torch.uint8:
            x = x.to(self.mean.dtype) / 255
        shape = (-1, *[1] * (x.ndim - 2))
        return (x - self.mean.view(shape)) / self.std.view(shape)

    def extra_repr(self) -> str:
        """Settings, for ``print(model)``."""
        return f"mean={[round(m, 4) for m in self.mean.tolist()]}, std={[round(s, 4) for s in self.std.tolist()]}"
