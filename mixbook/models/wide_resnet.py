"""Wide residual networks for images of 32 pixels."""

from collections import OrderedDict

from torch import nn

from mixbook.least import at_least
from mixbook.models.blocks import PreActBlock, average, conv, widths_and_strides


class WideResNet(nn.Sequential):
    """WRN-28-10, WRN-16-8 and the like: images (B, in_channels, s, s) to logits (B, num_classes).

    ``stem`` (16 channels), ``layer1`` to ``layer3`` (16, 32 and 64 times ``widen`` channels), ``norm``, ``pool``, ``head``.
    As in manifold mixup's code, which Co-Mixup's took over: convolutions have biases, the second one of a block has the
    stride, every skip starts at the block's input, there is no dropout, and the last batch norm forgets at a rate of 0.9.

    Args:
        depth: 6 n + 4, for n blocks in each stage: 28 or 16 as published.
        widen: width factor: 10 or 8.
        num_classes: classes, C.
        in_channels: 1 for grey images.
        stem_stride: 2 for images of 64 pixels.

    Raises:
        ValueError: if ``depth`` is not 6 n + 4 with n >= 1, or a number is below 1.

    Example:
        >>> import torch
        >>> from mixbook.models import WideResNet
        >>> WideResNet(16, widen=1, num_classes=10)(torch.rand(2, 3, 32, 32)).shape
        torch.Size([2, 10])
    """

    def __init__(
        self, depth: int = 28, widen: int = 10, num_classes: int = 10, in_channels: int = 3, stem_stride: int = 1
    ) -> None:
        if depth < 10 or (depth - 4) % 6:
            raise ValueError(f"depth must be 6 n + 4 with n at least 1, such as 16 or 28, got {depth}")
        at_least(1, widen=widen, num_classes=num_classes, in_channels=in_channels, stem_stride=stem_stride)
        widths = [16, 16 * widen, 32 * widen, 64 * widen]
        layers: OrderedDict[str, nn.Module] = OrderedDict(stem=conv(in_channels, 16, stride=stem_stride, bias=True))
        for number, blocks in enumerate(widths_and_strides(widths, [(depth - 4) // 6] * 3), start=1):
            layers[f"layer{number}"] = nn.Sequential(*(_block(*block) for block in blocks))
        layers["norm"] = nn.Sequential(nn.BatchNorm2d(widths[-1], momentum=0.9), nn.ReLU())
        layers["pool"] = average()
        layers["head"] = nn.Linear(widths[-1], num_classes)
        super().__init__(layers)


def _block(before: int, after: int, stride: int) -> PreActBlock:
    convolutions = [conv(before, after, bias=True), conv(after, after, stride=stride, bias=True)]
    projection = conv(before, after, 1, stride, bias=True) if stride != 1 or before != after else None
    return PreActBlock(convolutions, "input", projection)
