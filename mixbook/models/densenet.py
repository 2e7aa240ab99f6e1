"""DenseNet-BC for images of 32 pixels."""

from collections import OrderedDict

import torch
from torch import Tensor, nn

from mixbook.least import at_least
from mixbook.models.blocks import average, conv, he_normal


class DenseNetBC(nn.Sequential):
    """DenseNet-BC-190 with growth rate 40 by default: (B, in_channels, s, s) to logits (B, num_classes).

    ``stem``, ``layer1`` to ``layer3`` (a dense block each, with the transition that halves its channels and its images in
    the first two), ``norm``, ``pool``, ``head``. k-mixup's Tables 10a and 11a train it, with the code of
    facebookresearch/mixup-cifar10; the network is that of Huang et al. (2017).

    Args:
        depth: 6 n + 4, for n bottleneck layers in each block: 190 as published.
        growth: k, the channels that each layer adds: 40.
        num_classes: classes, C.
        in_channels: 1 for grey images.

    Raises:
        ValueError: if ``depth`` is not 6 n + 4 with n >= 1, or a number is below 1.

    Example:
        >>> import torch
        >>> from mixbook.models import DenseNetBC
        >>> DenseNetBC(depth=22, growth=12)(torch.rand(2, 3, 32, 32)).shape
        torch.Size([2, 10])
    """

    def __init__(self, depth: int = 190, growth: int = 40, num_classes: int = 10, in_channels: int = 3) -> None:
        if depth < 10 or (depth - 4) % 6:
            raise ValueError(f"depth must be 6 n + 4 with n at least 1, such as 100 or 190, got {depth}")
        at_least(1, growth=growth, num_classes=num_classes, in_channels=in_channels)
        channels, each = 2 * growth, (depth - 4) // 6
        layers: OrderedDict[str, nn.Module] = OrderedDict(stem=conv(in_channels, channels))
        for number in (1, 2, 3):
            parts: list[nn.Module] = [Growing(channels + i * growth, growth) for i in range(each)]
            channels += each * growth
            if number < 3:
                parts += [_active_conv(channels, channels // 2, 1), nn.AvgPool2d(2)]
                channels //= 2
            layers[f"layer{number}"] = nn.Sequential(*parts)
        layers["norm"] = nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU())
        layers["pool"] = average()
        layers["head"] = head = nn.Linear(channels, num_classes)
        super().__init__(layers)
        he_normal(self)
        nn.init.zeros_(head.bias)


class Growing(nn.Module):
    """A layer of a dense block: its input (B, channels, H, W), with ``growth`` new channels behind it."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.body = nn.Sequential(_active_conv(channels, 4 * growth, 1), _active_conv(4 * growth, growth, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Images (B, channels, H, W) to (B, channels + growth, H, W)."""
        return torch.cat([x, self.body(x)], dim=1)


def _active_conv(before: int, after: int, size: int) -> nn.Sequential:
    return nn.Sequential(nn.BatchNorm2d(before), nn.ReLU(), conv(before, after, size))
