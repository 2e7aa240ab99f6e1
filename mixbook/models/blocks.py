"""What convolutional networks are built from: residual blocks, and how a network ends.

Layers that mixing can name are ``stem`` (the first convolution), ``layer1``, ``layer2`` ... (the stages), ``pool`` and
``head`` (the last linear map), in that order.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from torch import Tensor, nn

Skip = Literal["input", "activation"]


class PreActBlock(nn.Module):
    """Residual block in which a batch norm and a ReLU come before each convolution (He et al., "Identity mappings", 2016).

    Args:
        convolutions: of the long path, in order.
        skip: where the short path starts: at the block's input, or behind the first batch norm and ReLU.
        projection: on the short path, where shapes change; None carries the skip over as it is.
    """

    def __init__(self, convolutions: Sequence[nn.Conv2d], skip: Skip, projection: nn.Conv2d | None) -> None:
        super().__init__()
        first, *others = convolutions
        self.skip = skip
        self.activation = _activation(first)
        self.body = nn.Sequential(first, *(nn.Sequential(_activation(each), each) for each in others))
        self.projection = projection

    def forward(self, x: Tensor) -> Tensor:
        """Images (B, C, H, W) to (B, C', H', W')."""
        active = self.activation(x)
        skip = x if self.skip == "input" else active
        return self.body(active) + (skip if self.projection is None else self.projection(skip))


class PostActBlock(nn.Module):
    """Residual block as first published: convolutions with batch norm, ReLU between and after the sum (He et al. 2015).

    Args:
        convolutions: of the long path, in order.
        projection: on the short path, where shapes change, with a batch norm behind it; None carries the input over.
    """

    def __init__(self, convolutions: Sequence[nn.Conv2d], projection: nn.Conv2d | None) -> None:
        super().__init__()
        *others, last = convolutions
        self.body = nn.Sequential(*(normalised(each, nn.ReLU()) for each in others), normalised(last))
        self.projection = None if projection is None else normalised(projection)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Images (B, C, H, W) to (B, C', H', W')."""
        return self.relu(self.body(x) + (x if self.projection is None else self.projection(x)))


def conv(inside: int, outside: int, size: int = 3, stride: int = 1, groups: int = 1, bias: bool = False) -> nn.Conv2d:
    """A convolution that keeps height and width, but for the stride."""
    return nn.Conv2d(inside, outside, size, stride, padding=size // 2, groups=groups, bias=bias)


def normalised(convolution: nn.Conv2d, *then: nn.Module) -> nn.Sequential:
    """A convolution with a batch norm behind it, and what follows."""
    return nn.Sequential(convolution, nn.BatchNorm2d(convolution.out_channels), *then)


def average() -> nn.Sequential:
    """The mean of each channel over all places: (B, C, H, W) to (B, C), for images of any size."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())


def widths_and_strides(widths: Sequence[int], depths: Sequence[int]) -> list[list[tuple[int, int, int]]]:
    """For each stage and each of its blocks: channels before, channels after, stride. All stages but the first halve.

    Args:
        widths: channels before the first stage, then behind each.
        depths: number of blocks of each stage.
    """
    stages = []
    for number, ((before, after), depth) in enumerate(zip(pairwise(widths), depths, strict=True)):
        first = (before, after, 1 if number == 0 else 2)
        stages.append([first, *[(after, after, 1)] * (depth - 1)])
    return stages


def he_normal(model: nn.Module) -> None:
    """Weights of all convolutions normal with variance 2 / (out_channels k k), as networks of 2015 to 2017 began."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def _activation(convolution: nn.Conv2d) -> nn.Sequential:
    return nn.Sequential(nn.BatchNorm2d(convolution.in_channels), nn.ReLU())
