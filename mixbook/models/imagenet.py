"""Networks that are torchvision's own, with random weights; torchvision is needed only where one is built.

Their layers are ``conv1``, ``layer1`` to ``layer4`` and ``fc``.
"""

from torch import nn

from mixbook import vision
from mixbook.least import at_least


def resnet50(num_classes: int = 1000) -> nn.Module:
    """ResNet-50, (B, 3, s, s) to logits (B, num_classes): multi-mix on ImageNet (Tables III to VI and VIII).

    Raises:
        ValueError: if ``num_classes`` is below 1.
        ImportError: if torchvision is not installed.

    Example:
        >>> import torch
        >>> from mixbook.models import resnet50
        >>> with torch.device("meta"):  # its shapes alone
        ...     print(resnet50()(torch.rand(2, 3, 224, 224)).shape)
        torch.Size([2, 1000])
    """
    at_least(1, num_classes=num_classes)
    return vision.load().models.resnet50(weights=None, num_classes=num_classes)


def wide_resnet101(num_classes: int = 10) -> nn.Module:
    """Wide ResNet-101-2, (B, 3, s, s) to logits (B, num_classes): our reading of k-mixup's "WideResnet-101" (Table 10b).

    The paper gives the name alone. Torchvision's network of that name has a stem for ImageNet, which leaves one place of
    32 x 32 pixels; an error of 11.6% on CIFAR-10, more than twice PreActResNet-18's, fits that.

    Raises:
        ValueError: if ``num_classes`` is below 1.
        ImportError: if torchvision is not installed.

    Example:
        >>> import torch
        >>> from mixbook.models import wide_resnet101
        >>> with torch.device("meta"):  # its shapes alone
        ...     print(wide_resnet101()(torch.rand(2, 3, 32, 32)).shape)
        torch.Size([2, 10])
    """
    at_least(1, num_classes=num_classes)
    return vision.load().models.wide_resnet101_2(weights=None, num_classes=num_classes)
