"""Generator and discriminator of manifold mixup's Appendix E: the residual GAN of Miyato et al. (2018) for 32 pixels."""

from collections import OrderedDict

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from mixbook.least import at_least
from mixbook.models.blocks import average, conv

SQRT2 = 2**0.5


class Generator(nn.Sequential):
    """Noise (B, noise) to images (B, channels, 32, 32) in [-1, 1]: ``dense``, ``layer1`` to ``layer3``, ``image``.

    Each layer doubles height and width, from 4 x 4 on.

    Args:
        noise: numbers that an image is made from, 62 in the released code.
        channels: 3 for colour.
        width: channels of every layer, 128 in the released code.

    Raises:
        ValueError: if a number is below 1.
    """

    def __init__(self, noise: int = 62, channels: int = 3, width: int = 128) -> None:
        at_least(1, noise=noise, channels=channels, width=width)
        last = conv(width, channels, bias=True)
        dense = nn.Linear(noise, 4 * 4 * width)
        for part in (dense, last):
            nn.init.xavier_uniform_(part.weight)
        super().__init__(
            OrderedDict(
                dense=nn.Sequential(dense, nn.Unflatten(1, (width, 4, 4))),
                layer1=_up(width),
                layer2=_up(width),
                layer3=_up(width),
                image=nn.Sequential(nn.BatchNorm2d(width), nn.ReLU(), last, nn.Tanh()),
            )
        )


class Discriminator(nn.Sequential):
    """Images (B, channels, 32, 32) to logits of being real (B, 1): ``layer1`` to ``layer4``, ``pool``, ``head``.

    The first two resblocks halve the images; Appendix E mixes the input or what comes out of these two. All weights have
    spectral norm 1.

    Args:
        channels: 3 for colour.
        width: channels of every layer, 128 in the released code.

    Raises:
        ValueError: if a number is below 1.
    """

    def __init__(self, channels: int = 3, width: int = 128) -> None:
        at_least(1, channels=channels, width=width)
        head = nn.Linear(width, 1)
        nn.init.xavier_uniform_(head.weight)
        super().__init__(
            OrderedDict(
                layer1=_first_down(channels, width),
                layer2=_down(width, halve=True),
                layer3=_down(width, halve=False),
                layer4=_down(width, halve=False),
                pool=nn.Sequential(nn.ReLU(), average()),
                head=spectral_norm(head),
            )
        )


class Residual(nn.Module):
    """What a body and a skip make of the same images, added up."""

    def __init__(self, body: nn.Module, skip: nn.Module) -> None:
        super().__init__()
        self.body, self.skip = body, skip

    def forward(self, x: Tensor) -> Tensor:
        """Images (B, C, H, W) to (B, C', H', W')."""
        return self.skip(x) + self.body(x)


def _up(width: int) -> Residual:
    """Block of the generator, which doubles height and width."""
    first, second = _xavier(width, width), _xavier(width, width)
    twice = nn.Upsample(scale_factor=2)
    body = (nn.BatchNorm2d(width), nn.ReLU(), twice, first, nn.BatchNorm2d(width), nn.ReLU(), second)
    return Residual(nn.Sequential(*body), nn.Upsample(scale_factor=2))


def _first_down(channels: int, width: int) -> Residual:
    """First block of the discriminator: no ReLU on the image itself, and the skip is pooled before its map."""
    first, second = (spectral_norm(_xavier(before, width)) for before in (channels, width))
    skip = nn.Sequential(nn.AvgPool2d(2), spectral_norm(_xavier(channels, width, 1, SQRT2)))
    return Residual(nn.Sequential(first, nn.ReLU(), second, nn.AvgPool2d(2)), skip)


def _down(width: int, halve: bool) -> Residual:
    """Block of the discriminator, which may halve height and width."""
    pool = [nn.AvgPool2d(2)] if halve else []
    first, second = (spectral_norm(_xavier(width, width)) for _ in range(2))
    skip = spectral_norm(_xavier(width, width, 1, SQRT2)) if halve else nn.Identity()
    return Residual(nn.Sequential(nn.ReLU(), first, nn.ReLU(), second, *pool), nn.Sequential(skip, *pool))


def _xavier(before: int, after: int, size: int = 3, gain: float = 1.0) -> nn.Conv2d:
    convolution = conv(before, after, size, bias=True)
    nn.init.xavier_uniform_(convolution.weight, gain)
    return convolution
