"""Residual networks with the activation after the sum, for images of about 32 pixels: ResNet-18 and ResNeXt-29."""

from collections import OrderedDict

from torch import nn

from mixbook.least import at_least
from mixbook.models.blocks import PostActBlock, average, conv, he_normal, normalised, widths_and_strides


class ResNet18(nn.Sequential):
    """ResNet-18 with a stem for small images: (B, in_channels, s, s) to logits (B, num_classes).

    ``stem`` (3 x 3, no pooling), ``layer1`` to ``layer4`` (64, 128, 256, 512 channels), ``pool``, ``head``. The data
    dependency paper trains it on MNIST (``in_channels=1``), CIFAR-10 and CIFAR-100 (Figure 2). It is that of
    kuangliu/pytorch-cifar; torchvision's begins with a stride of 4 and other random weights.

    Args:
        num_classes: classes, C.
        in_channels: 1 for grey images.
        width: channels of the first stage, 64 as published.

    Raises:
        ValueError: if a number is below 1.

    Example:
        >>> import torch
        >>> from mixbook.models import ResNet18
        >>> ResNet18(num_classes=10, width=8)(torch.rand(2, 3, 32, 32)).shape
        torch.Size([2, 10])
    """

    def __init__(self, num_classes: int = 10, in_channels: int = 3, width: int = 64) -> None:
        at_least(1, num_classes=num_classes, in_channels=in_channels, width=width)
        widths = [width * 2**stage for stage in range(4)]
        layers: OrderedDict[str, nn.Module] = OrderedDict(stem=normalised(conv(in_channels, width), nn.ReLU()))
        for number, blocks in enumerate(widths_and_strides([width, *widths], [2] * 4), start=1):
            layers[f"layer{number}"] = nn.Sequential(*(_basic(*block) for block in blocks))
        layers["pool"] = average()
        layers["head"] = nn.Linear(widths[-1], num_classes)
        super().__init__(layers)


class ResNeXt29(nn.Sequential):
    """ResNeXt-29 (Xie et al. 2017, form C), 4 x 24d: (B, in_channels, s, s) to logits (B, num_classes).

    ``stem``, ``layer1`` to ``layer3`` (256, 512 and 1024 channels), ``pool``, ``head``. Multi-mix's Table I trains
    "ResNeXt29-4-24"; that of Co-Mixup's code is this one.

    Args:
        num_classes: classes, C.
        in_channels: 1 for grey images.
        cardinality: number of groups.
        base_width: channels of a group in the first stage.
        width: channels of the stem, 64 as published.

    Raises:
        ValueError: if a number is below 1.

    Example:
        >>> import torch
        >>> from mixbook.models import ResNeXt29
        >>> ResNeXt29(num_classes=100, cardinality=2, base_width=4)(torch.rand(2, 3, 32, 32)).shape
        torch.Size([2, 100])
    """

    def __init__(
        self, num_classes: int = 100, in_channels: int = 3, cardinality: int = 4, base_width: int = 24, width: int = 64
    ) -> None:
        at_least(
            1, num_classes=num_classes, in_channels=in_channels, cardinality=cardinality, base_width=base_width, width=width
        )
        widths = [width, 4 * width, 8 * width, 16 * width]
        layers: OrderedDict[str, nn.Module] = OrderedDict(stem=normalised(conv(in_channels, width), nn.ReLU()))
        for number, blocks in enumerate(widths_and_strides(widths, [3] * 3), start=1):
            inner = cardinality * base_width * 2 ** (number - 1)
            layers[f"layer{number}"] = nn.Sequential(*(_grouped(*block, inner, cardinality) for block in blocks))
        layers["pool"] = average()
        layers["head"] = head = nn.Linear(widths[-1], num_classes)
        super().__init__(layers)
        he_normal(self)
        nn.init.kaiming_normal_(head.weight, nonlinearity="relu")
        nn.init.zeros_(head.bias)


def _basic(before: int, after: int, stride: int) -> PostActBlock:
    return PostActBlock([conv(before, after, stride=stride), conv(after, after)], _projection(before, after, stride))


def _grouped(before: int, after: int, stride: int, inner: int, groups: int) -> PostActBlock:
    convolutions = [conv(before, inner, 1), conv(inner, inner, 3, stride, groups), conv(inner, after, 1)]
    return PostActBlock(convolutions, _projection(before, after, stride))


def _projection(before: int, after: int, stride: int) -> nn.Conv2d | None:
    return conv(before, after, 1, stride) if stride != 1 or before != after else None
