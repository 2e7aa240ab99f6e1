"""LeNet for small square images."""

from collections import OrderedDict

from torch import nn

from mixbook.least import at_least


class LeNet(nn.Sequential):
    """LeNet-5 with ReLU and max pooling, (B, in_channels, s, s) to logits (B, num_classes), widths 6-16-120-84.

    ``layer1`` and ``layer2`` are convolution, activation and pooling, ``layer3`` and ``layer4`` fully connected, ``head``
    the last linear map. The first convolution pads images below 32 pixels by 2 (28 becomes the classic 32), the second
    those below 16, so that something is left to pool. k-mixup trains "a slightly modified LeNet" on MNIST (TMLR, Table 3)
    without saying more; this is the usual one.

    Args:
        num_classes: classes, C.
        in_channels: 1 for grey images.
        image_size: s, height and width in pixels, at least 4.

    Raises:
        ValueError: if ``image_size`` is below 4, or another argument below 1.

    Example:
        >>> import torch
        >>> from mixbook.models import LeNet
        >>> LeNet(num_classes=10)(torch.rand(4, 1, 28, 28)).shape
        torch.Size([4, 10])
    """

    def __init__(self, num_classes: int = 10, in_channels: int = 1, image_size: int = 28) -> None:
        at_least(4, image_size=image_size)
        at_least(1, num_classes=num_classes, in_channels=in_channels)
        pad1, pad2 = (2 if image_size < 32 else 0), (2 if image_size < 16 else 0)
        side = (image_size + 2 * pad1 - 4) // 2
        side = (side + 2 * pad2 - 4) // 2
        super().__init__(
            OrderedDict(
                layer1=nn.Sequential(nn.Conv2d(in_channels, 6, 5, padding=pad1), nn.ReLU(), nn.MaxPool2d(2)),
                layer2=nn.Sequential(nn.Conv2d(6, 16, 5, padding=pad2), nn.ReLU(), nn.MaxPool2d(2)),
                layer3=nn.Sequential(nn.Flatten(), nn.Linear(16 * side**2, 120), nn.ReLU()),
                layer4=nn.Sequential(nn.Linear(120, 84), nn.ReLU()),
                head=nn.Linear(84, num_classes),
            )
        )
