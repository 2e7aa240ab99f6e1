"""Networks for spectrograms of one second of speech: 161 frequencies by 101 frames, of 30 words."""

from collections import OrderedDict

from torch import nn

from mixbook.least import at_least
from mixbook.models.blocks import conv, normalised

Size = tuple[int, int]


class SpeechLeNet(nn.Sequential):
    """The LeNet of k-mixup's Table 6, from its released code: spectrograms ``(B, 1, *size)`` to logits (B, num_classes).

    ``layer1`` to ``layer3`` are convolutions of 5 x 5 with 6, 16 and 120 channels, the first two with pooling, ``layer4``
    is fully connected with 84 units. The paper writes 160 frequencies, the data have 161: the network is the same.

    Args:
        num_classes: classes, C.
        size: frequencies and frames, at least 32 each.

    Raises:
        ValueError: if ``size`` leaves nothing behind the convolutions, or ``num_classes`` is below 1.

    Example:
        >>> import torch
        >>> from mixbook.models import SpeechLeNet
        >>> SpeechLeNet(num_classes=30)(torch.rand(2, 1, 161, 101)).shape
        torch.Size([2, 30])
    """

    def __init__(self, num_classes: int = 30, size: Size = (161, 101)) -> None:
        at_least(1, num_classes=num_classes)
        rows, columns = (((side - 4) // 2 - 4) // 2 - 4 for side in size)
        _check_size(size, rows, columns, 32)
        super().__init__(
            OrderedDict(
                layer1=nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2)),
                layer2=nn.Sequential(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
                layer3=nn.Sequential(nn.Conv2d(16, 120, 5), nn.ReLU()),
                layer4=nn.Sequential(nn.Flatten(), nn.Linear(120 * rows * columns, 84), nn.ReLU()),
                head=nn.Linear(84, num_classes),
            )
        )


class CommandsLeNet(nn.Sequential):
    """LeNet of adiyoss/GCommandsPytorch, where the papers' spectrograms come from: ``(B, 1, *size)`` to (B, num_classes).

    ``layer1`` and ``layer2`` are convolutions of 5 x 5 with 20 channels and pooling, ``layer3`` has 1000 units; one half of
    the second convolution's channels and of the units is silent in training.

    Args:
        num_classes: classes, C.
        size: frequencies and frames, at least 16 each.

    Raises:
        ValueError: if ``size`` leaves nothing behind the convolutions, or ``num_classes`` is below 1.

    Example:
        >>> import torch
        >>> from mixbook.models import CommandsLeNet
        >>> CommandsLeNet(num_classes=30)(torch.rand(2, 1, 161, 101)).shape
        torch.Size([2, 30])
    """

    def __init__(self, num_classes: int = 30, size: Size = (161, 101)) -> None:
        at_least(1, num_classes=num_classes)
        rows, columns = (((side - 4) // 2 - 4) // 2 for side in size)
        _check_size(size, rows, columns, 16)
        super().__init__(
            OrderedDict(
                layer1=nn.Sequential(nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.ReLU()),
                layer2=nn.Sequential(nn.Conv2d(20, 20, 5), nn.Dropout2d(0.5), nn.MaxPool2d(2), nn.ReLU()),
                layer3=nn.Sequential(nn.Flatten(), nn.Linear(20 * rows * columns, 1000), nn.ReLU(), nn.Dropout(0.5)),
                head=nn.Linear(1000, num_classes),
            )
        )


class SpeechVGG11(nn.Sequential):
    """VGG-11 with batch norm for spectrograms: ``(B, 1, *size)`` to logits (B, num_classes).

    ``layer1`` to ``layer5`` end in pooling (64, 128, 256, 512, 512 channels), ``layer6`` is linear with 512 outputs and no
    activation, and so is ``head``. Multi-mix's Table VII trains a VGG-11 and does not give its last layers; these are from
    adiyoss/GCommandsPytorch.

    Args:
        num_classes: classes, C.
        size: frequencies and frames, at least 32 each.
        width: channels of the first convolution, 64 as published.

    Raises:
        ValueError: if ``size`` leaves nothing behind the pooling, or ``num_classes`` is below 1.

    Example:
        >>> import torch
        >>> from mixbook.models import SpeechVGG11
        >>> SpeechVGG11(num_classes=30)(torch.rand(2, 1, 161, 101)).shape
        torch.Size([2, 30])
    """

    def __init__(self, num_classes: int = 30, size: Size = (161, 101), width: int = 64) -> None:
        at_least(1, num_classes=num_classes, width=width)
        rows, columns = (side // 32 for side in size)
        _check_size(size, rows, columns, 32)
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        before = 1
        for number, (times, convolutions) in enumerate([(1, 1), (2, 1), (4, 2), (8, 2), (8, 2)], start=1):
            parts = []
            for _ in range(convolutions):
                parts.append(normalised(conv(before, times * width, bias=True), nn.ReLU()))
                before = times * width
            layers[f"layer{number}"] = nn.Sequential(*parts, nn.MaxPool2d(2))
        layers["layer6"] = nn.Sequential(nn.Flatten(), nn.Linear(8 * width * rows * columns, 8 * width))
        layers["head"] = nn.Linear(8 * width, num_classes)
        super().__init__(layers)


def _check_size(size: Size, rows: int, columns: int, least: int) -> None:
    if rows < 1 or columns < 1:
        raise ValueError(f"size must be at least {least} frequencies and {least} frames, got {size}")
