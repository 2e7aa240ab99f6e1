"""PreActResNet for images of 32 or 64 pixels, in the two variants that papers on mixing have trained."""

from collections import OrderedDict
from typing import Literal, get_args

from torch import nn

from mixbook.least import at_least
from mixbook.models.blocks import PreActBlock, average, conv, normalised, widths_and_strides

Variant = Literal["manifold", "facebook"]
DEPTHS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}


class PreActResNet(nn.Sequential):
    """PreActResNet-18, -34 or -50: images (B, in_channels, s, s) to logits (B, num_classes).

    ``stem``, ``layer1`` to ``layer4`` (64, 128, 256, 512 channels; four times as many at depth 50, whose blocks have
    bottlenecks), ``pool``, ``head``. Two released networks have this name, and weights of one do not fit the other:

    * ``"manifold"``: the stem is a convolution alone, and where no shape changes the skip carries a block's input. That is
      He et al.'s, without the last batch norm. From manifold mixup's code; Puzzle Mix and Co-Mixup, whose protocol
      multi-mix follows, took it over.
    * ``"facebook"``: batch norm and ReLU belong to the stem, and every skip starts behind the first batch norm and ReLU of
      its block. From facebookresearch/mixup-cifar10; k-mixup's code, and so its "Resnet18". Only depth 18 was published.

    Args:
        depth: 18, 34 or 50.
        num_classes: classes, C.
        in_channels: 1 for grey images.
        variant: ``"manifold"`` or ``"facebook"``.
        stem_stride: 2 for Tiny ImageNet's 64 pixels (manifold mixup's code), else 1.
        width: channels of the first stage, 64 as published.

    Raises:
        ValueError: if ``depth`` or ``variant`` is another, or a number is below 1.

    Example:
        >>> import torch
        >>> from mixbook.models import PreActResNet
        >>> PreActResNet(18, num_classes=100, width=8)(torch.rand(2, 3, 32, 32)).shape
        torch.Size([2, 100])
    """

    def __init__(
        self,
        depth: int = 18,
        num_classes: int = 10,
        in_channels: int = 3,
        variant: Variant = "manifold",
        stem_stride: int = 1,
        width: int = 64,
    ) -> None:
        if depth not in DEPTHS:
            raise ValueError(f"depth must be one of {', '.join(map(str, DEPTHS))}, got {depth}")
        if variant not in get_args(Variant):
            raise ValueError(f"variant must be one of {get_args(Variant)}, got {variant!r}")
        at_least(1, num_classes=num_classes, in_channels=in_channels, stem_stride=stem_stride, width=width)
        expansion = 4 if depth == 50 else 1
        widths = [width * expansion * 2**stage for stage in range(4)]
        stem = conv(in_channels, width, stride=stem_stride)
        layers: OrderedDict[str, nn.Module] = OrderedDict(
            stem=stem if variant == "manifold" else normalised(stem, nn.ReLU())
        )
        for number, blocks in enumerate(widths_and_strides([width, *widths], DEPTHS[depth]), start=1):
            layers[f"layer{number}"] = nn.Sequential(*(_block(*block, expansion, variant) for block in blocks))
        layers["pool"] = average()
        layers["head"] = nn.Linear(widths[-1], num_classes)
        super().__init__(layers)


def _block(before: int, after: int, stride: int, expansion: int, variant: Variant) -> PreActBlock:
    inner = after // expansion
    if expansion == 1:
        convolutions = [conv(before, inner, stride=stride), conv(inner, after)]
    else:
        convolutions = [conv(before, inner, 1), conv(inner, inner, stride=stride), conv(inner, after, 1)]
    projection = conv(before, after, 1, stride) if stride != 1 or before != after else None
    # Projections start behind the activation in both variants; carrying an input over is what differs.
    return PreActBlock(convolutions, "input" if variant == "manifold" and projection is None else "activation", projection)
