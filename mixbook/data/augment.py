"""Changes of samples that keep their labels: what the papers compare mixing with, or train under it.

Everything acts on a batch of floating-point tensors, draws for each sample, and returns new tensors::

    augment = Augment(Shift(4), Flip(), Cutout(16))
    fit(model, data, recipe, augment=augment, mixer=mb.mixup(1.0, 10))   # augmented first, then mixed

Random numbers are drawn where the generator lives (the CPU, unless it is given), so a seed gives the same samples on every
device. Sizes are those of images as the network sees them: after resizing, and after normalising, where 0 is the mean.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from mixbook.generators import drawn_by
from mixbook.least import at_least
from mixbook.transfer import send


class Change(Protocol):
    """Changes each sample of a batch a little, and not its label."""

    def __call__(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Changed copies of the samples ``x``, (B, ...), in its shape, dtype and device."""
        ...


@dataclass(frozen=True, init=False)
class Augment:
    """Changes, one after the other, on every sample of a batch; with ``repeats``, several changed copies of each.

    Copies in one batch are batch augmentation (Hoffer et al. 2020; comparator of multi-mix, Table II, with 5 copies): M B
    gradients from B samples. Mixed afterwards, with any mixer, they are that table's "batch augmentation with mixup".

    Args:
        changes: applied in this order.
        repeats: M, changed copies of each sample.

    Raises:
        TypeError: if one of the changes is none, such as a list of them.
        ValueError: if ``repeats`` is less than 1, or copies would all be the same because there is no change.

    Example:
        >>> import torch
        >>> from mixbook.data import Augment, Flip, Shift
        >>> augment = Augment(Shift(4), Flip(), repeats=2)
        >>> x, y = augment(torch.rand(8, 3, 32, 32), torch.arange(8), torch.Generator().manual_seed(0))
        >>> x.shape, y.shape
        (torch.Size([16, 3, 32, 32]), torch.Size([16]))
    """

    changes: tuple[Change, ...]
    repeats: int

    def __init__(self, *changes: Change, repeats: int = 1) -> None:
        at_least(1, repeats=repeats)
        if repeats > 1 and not changes:
            raise ValueError(f"repeats={repeats} without a change gives equal copies: pass changes, e.g. Shift(4), Flip()")
        wrong = next((each for each in changes if isinstance(each, type) or not callable(each)), None)
        if wrong is not None:
            raise TypeError(f"changes must be given one by one, such as Augment(Shift(4), Flip()), got {wrong!r}")
        object.__setattr__(self, "changes", changes)
        object.__setattr__(self, "repeats", repeats)

    def __call__(self, x: Tensor, y: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Changed samples (M B, ...) and their targets (M B, ...): row n comes from sample n mod B.

        Raises:
            TypeError: if ``x`` is not floating point.
            ValueError: if a change is for images and ``x`` is not.
        """
        x, y = x.repeat(self.repeats, *[1] * (x.ndim - 1)), y.repeat(self.repeats, *[1] * (y.ndim - 1))
        for change in self.changes:
            x = change(x, generator)
        return x, y


@dataclass(frozen=True)
class Cutout:
    """A square of each image is blanked (DeVries and Taylor 2017): its centre is any pixel, what sticks out is cut off.

    Comparator of multi-mix (Tables I and III to VIII) and of manifold mixup (section 5.1). DeVries and Taylor take 16
    pixels on CIFAR-10 and 8 on CIFAR-100, both 32 pixels wide; neither comparison says what it took.

    Args:
        size: side of the square in pixels, at least 1.
        fill: value that it gets; 0 is the mean of normalised images.

    Example:
        >>> import torch
        >>> from mixbook.data import Cutout
        >>> x = Cutout(16)(torch.ones(8, 3, 32, 32), torch.Generator().manual_seed(0))
        >>> x.shape, x.unique()
        (torch.Size([8, 3, 32, 32]), tensor([0., 1.]))
    """

    size: int
    fill: float = 0.0

    def __post_init__(self) -> None:
        at_least(1, size=self.size)

    def __call__(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        _check_images(x)
        height, width = x.shape[2:]
        row, column = (send(torch.randint(side, (len(x), 1), **drawn_by(generator)), x.device) for side in (height, width))

        def inside(centre: Tensor, side: int) -> Tensor:  # (B, side)
            start = centre - self.size // 2
            pixel = torch.arange(side, device=x.device)
            return (pixel >= start) & (pixel < start + self.size)

        hole = inside(row, height)[:, None, :, None] & inside(column, width)[:, None, None, :]
        return x.masked_fill(hole, self.fill)


@dataclass(frozen=True)
class InputNoise:
    """Gaussian noise on each feature, independent (manifold mixup, Figure 2, which does not say how much).

    Args:
        std: standard deviation in the units of the features, > 0.

    Example:
        >>> import torch
        >>> from mixbook.data import InputNoise
        >>> x = InputNoise(0.1)(torch.zeros(1000, 2), torch.Generator().manual_seed(0))
        >>> round(x.std().item(), 1)
        0.1
    """

    std: float

    def __post_init__(self) -> None:
        if not 0 < self.std < math.inf:
            raise ValueError(f"std must be positive and finite, got {self.std}")

    def __call__(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        _check_float(x)
        noise = torch.randn(x.shape, **drawn_by(generator))
        return x + self.std * send(noise, x.device).to(x)


@dataclass(frozen=True)
class Shift:
    """Each image moves by up to ``pixels`` up, down, left and right: zeros are padded around it and a window is cropped.

    The "random crop" of training on CIFAR and Tiny-ImageNet, with 2 or 4 pixels.

    Args:
        pixels: largest move, at least 1.

    Example:
        >>> import torch
        >>> from mixbook.data import Shift
        >>> Shift(4)(torch.rand(8, 3, 32, 32), torch.Generator().manual_seed(0)).shape
        torch.Size([8, 3, 32, 32])
    """

    pixels: int

    def __post_init__(self) -> None:
        at_least(1, pixels=self.pixels)

    def __call__(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        _check_images(x)
        batch, _, height, width = x.shape
        down, right = send(torch.randint(2 * self.pixels + 1, (2, batch, 1), **drawn_by(generator)), x.device)
        padded = F.pad(x, [self.pixels] * 4)
        rows = padded.take_along_dim((down + torch.arange(height, device=x.device))[:, None, :, None], dim=2)
        return rows.take_along_dim((right + torch.arange(width, device=x.device))[:, None, None, :], dim=3)


@dataclass(frozen=True)
class Flip:
    """Each image is mirrored left to right with probability ``p``.

    Args:
        p: in [0, 1].

    Example:
        >>> import torch
        >>> from mixbook.data import Flip
        >>> Flip(p=1.0)(torch.tensor([[[[1.0, 2.0]]]]), torch.Generator().manual_seed(0))
        tensor([[[[2., 1.]]]])
    """

    p: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.p <= 1:
            raise ValueError(f"p must lie in [0, 1], got {self.p}")

    def __call__(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        _check_images(x)
        mirrored = send(torch.rand(len(x), **drawn_by(generator)), x.device) < self.p
        return torch.where(mirrored[:, None, None, None], x.flip(3), x)


@dataclass(frozen=True)
class Rotate:
    """Each image is turned about its centre by up to ``degrees`` either way, bilinear, zeros where nothing is known.

    Args:
        degrees: largest angle, in (0, 180].

    Example:
        >>> import torch
        >>> from mixbook.data import Rotate
        >>> Rotate(20.0)(torch.rand(8, 1, 28, 28), torch.Generator().manual_seed(0)).shape
        torch.Size([8, 1, 28, 28])
    """

    degrees: float

    def __post_init__(self) -> None:
        if not 0 < self.degrees <= 180:
            raise ValueError(f"degrees must lie in (0, 180], got {self.degrees}")

    def __call__(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        _check_images(x)
        if len(x) == 0:
            return x.clone()
        exact = torch.promote_types(x.dtype, torch.float32)  # half precision has too few digits for the places of pixels
        turn = 2 * send(torch.rand(len(x), 1, 1, **drawn_by(generator)), x.device).to(exact) - 1
        angle, ratio = math.radians(self.degrees) * turn, x.shape[2] / x.shape[3]
        # Places run from -1 to 1 along both sides, so a turn of an oblong image must be told their ratio. They are computed
        # one by one: autocast would make the products of matrices in torch's affine_grid in half precision.
        down, across = ((2 * torch.arange(side, device=x.device, dtype=exact) + 1) / side - 1 for side in x.shape[2:])
        down, cos, sin = down[:, None], angle.cos(), angle.sin()
        grid = torch.stack([cos * across - sin * ratio * down, sin / ratio * across + cos * down], dim=-1)
        return F.grid_sample(x.to(exact), grid, align_corners=False).to(x.dtype)


def _check_float(x: Tensor) -> None:
    if not x.is_floating_point():
        raise TypeError(f"x must be floating point to be changed, got {x.dtype}: convert it first, e.g. x.float() / 255")


def _check_images(x: Tensor) -> None:
    _check_float(x)
    if x.ndim != 4:
        raise ValueError(f"x must be images of shape (B, channels, H, W), got {tuple(x.shape)}")
