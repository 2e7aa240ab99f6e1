"""Generator and discriminator of manifold mixup's Appendix E: the residual GAN of Miyato et al. (2018) for 32 pixels."""

from collections import OrderedDict

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from mixbook.models.blocks import at_least_one, average, conv

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
        at_least_one(noise=noise, channels=channels, width=width)
        last = conv(width, channels, bias=True)
        dense = nn.Linear(noise, 4 * 4 * width)
        for part in (dense, last):
            nn.init.xavier_uniform_(part.weight)
        super().__init__(
            OrderedDict(
                dense=nn.Sequential(dense, nn.Unflatten(1, (width, 4, 4))),
                layer1=Up(width),
                layer2=Up(width),
                layer3=Up(width),
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
        at_least_one(channels=channels, width=width)
        head = nn.Linear(width, 1)
        nn.init.xavier_uniform_(head.weight)
        super().__init__(
            OrderedDict(
                layer1=FirstDown(channels, width),
                layer2=Down(width, halve=True),
                layer3=Down(width, halve=False),
                layer4=Down(width, halve=False),
                pool=nn.Sequential(nn.ReLU(), average()),
                head=spectral_norm(head),
            )
        )


class Up(nn.Module):
    """Residual block of the generator, which doubles height and width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.skip = nn.Upsample(scale_factor=2)
        self.body = nn.Sequential(
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Upsample(scale_factor=2),
            _xavier(width, width),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            _xavier(width, width),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, H, W) to (B, width, 2 H, 2 W)."""
        return self.skip(x) + self.body(x)


class FirstDown(nn.Module):
    """First residual block of the discriminator: no ReLU on the image itself, and the skip is pooled before its map."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        first, second = (spectral_norm(_xavier(before, width)) for before in (channels, width))
        self.body = nn.Sequential(first, nn.ReLU(), second, nn.AvgPool2d(2))
        self.skip = nn.Sequential(nn.AvgPool2d(2), spectral_norm(_xavier(channels, width, 1, SQRT2)))

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) to (B, width, H / 2, W / 2)."""
        return self.skip(x) + self.body(x)


class Down(nn.Module):
    """Residual block of the discriminator, which may halve height and width."""

    def __init__(self, width: int, halve: bool) -> None:
        super().__init__()
        pool = [nn.AvgPool2d(2)] if halve else []
        first, second = (spectral_norm(_xavier(width, width)) for _ in range(2))
        self.body = nn.Sequential(nn.ReLU(), first, nn.ReLU(), second, *pool)
        skip = spectral_norm(_xavier(width, width, 1, SQRT2)) if halve else nn.Identity()
        self.skip = nn.Sequential(skip, *pool)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, H, W) to (B, width, H', W')."""
        return self.skip(x) + self.body(x)


def _xavier(before: int, after: int, size: int = 3, gain: float = 1.0) -> nn.Conv2d:
    convolution = conv(before, after, size, bias=True)
    nn.init.xavier_uniform_(convolution.weight, gain)
    return convolution
