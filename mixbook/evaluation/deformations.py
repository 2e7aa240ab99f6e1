"""Images turned, sheared and rescaled as no training image was: manifold mixup's test of generalisation (Tables 4 and 9).

The settings are those of the published tables; interpolation, filling and axes follow the released code: nearest neighbour,
black outside, and matrices that take (row, column) of a pixel to where it comes from. (A pixel belongs to the image up to
its edge here; code that stops at the middle of the outermost pixels has half a pixel less at the rim.) The released code
turned images about a point one pixel off their centre; here it is the centre unless ``centre="released"``. Give pixels, in
which 0 is black, and let the network normalise them (:class:`mixbook.models.Normalise`).
"""

import math
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import torch
from torch import Tensor

from mixbook.generators import drawn_by

Centre = Literal["middle", "released"]

TABLE_9 = (
    *("rotation_20", "rotation_40", "rotation_60", "rotation_80"),
    *("shear_28.6", "shear_57.3", "shear_114.6", "shear_143.2", "shear_171.9"),
    *("zoomin_20", "zoomin_40", "zoomin_60", "zoomin_80"),
    *("zoomout_120", "zoomout_140", "zoomout_160", "zoomout_180"),
)


class Deformation(Protocol):
    """Where the pixels of deformed images come from."""

    def matrices(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Maps (count, 2, 2) about the centre, from the (row, column) of a pixel to that where it comes from."""
        ...


@dataclass(frozen=True)
class Rotation:
    """Each image is turned by an angle uniform on (-degrees, degrees).

    Args:
        degrees: in (0, 180]; 20 to 80 in Table 9.

    Raises:
        ValueError: if ``degrees`` is out of range.
    """

    degrees: float

    def __post_init__(self) -> None:
        if not 0 < self.degrees <= 180:
            raise ValueError(f"degrees must lie in (0, 180], got {self.degrees}")

    def matrices(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """(count, 2, 2): see :class:`Deformation`."""
        angle = _symmetric(math.radians(self.degrees), count, generator)
        cos, sin = angle.cos(), angle.sin()
        return torch.stack([cos, -sin, sin, cos], dim=1).view(-1, 2, 2)


@dataclass(frozen=True)
class Shear:
    """Each image is sheared by an angle s uniform on (-radians, radians): ((1, -sin s), (0, cos s)).

    Beyond a right angle cos s is negative: the image is then mirrored, as some are in Table 9's last three shears.

    Args:
        radians: in (0, pi]; 0.5, 1, 2, 2.5 and 3 in Table 9, which prints them in degrees.

    Raises:
        ValueError: if ``radians`` is out of range.
    """

    radians: float

    def __post_init__(self) -> None:
        if not 0 < self.radians <= math.pi:
            raise ValueError(f"radians must lie in (0, pi], got {self.radians}: 28.6 degrees are 0.5")

    def matrices(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """(count, 2, 2): see :class:`Deformation`."""
        angle = _symmetric(self.radians, count, generator)
        zero, one = torch.zeros_like(angle), torch.ones_like(angle)
        return torch.stack([one, -angle.sin(), zero, angle.cos()], dim=1).view(-1, 2, 2)


@dataclass(frozen=True)
class Zoom:
    """The box around the centre with ``factor`` times the sides of the image becomes the image.

    Args:
        factor: > 0. Below 1 the image grows ("zoom in"), above 1 it shrinks and black surrounds it ("zoom out").

    Raises:
        ValueError: if ``factor`` is not positive.
    """

    factor: float

    def __post_init__(self) -> None:
        if not 0 < self.factor < math.inf:
            raise ValueError(f"factor must be positive and finite, got {self.factor}")

    def matrices(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """(count, 2, 2): see :class:`Deformation`."""
        return (self.factor * torch.eye(2)).expand(count, 2, 2)


def deformation(name: str) -> Deformation:
    """The deformation that a row of Table 9 names: ``"rotation_20"``, ``"shear_28.6"``, ``"zoomin_60"``, ``"zoomout_140"``.

    Angles are in degrees, zooms in per cent. Degrees of shear that are a rounded tenth of a radian, as in the
    table, are taken for that tenth.

    Raises:
        ValueError: if the name is of no such form, or an image would shrink by zooming in or grow by zooming out.

    Example:
        >>> from mixbook.evaluation import deformation
        >>> deformation("rotation_20"), deformation("zoomin_60")
        (Rotation(degrees=20.0), Zoom(factor=0.6))
    """
    kind, _, amount = name.partition("_")
    try:
        value = float(amount)
    except ValueError:
        kind, value = "", 0.0
    if kind == "rotation":
        return Rotation(value)
    if kind == "shear":
        radians = math.radians(value)
        tenth = round(radians, 1)
        return Shear(tenth if abs(math.degrees(tenth) - value) < 0.051 else radians)
    if kind in ("zoomin", "zoomout"):
        if value != 100 and (value > 100) == (kind == "zoomin"):
            raise ValueError(
                f"zoomin must be below 100 per cent and zoomout above, got {name!r}: the image would do the other"
            )
        return Zoom(value / 100)
    raise ValueError(f"name must be one such as {', '.join(TABLE_9[::4])}, got {name!r}")


def as_deformation(how: Deformation | str) -> Deformation:
    """A deformation, or that of a name."""
    return deformation(how) if isinstance(how, str) else how


def deform(
    x: Tensor,
    how: Deformation | str,
    generator: torch.Generator | None = None,
    fill: float = 0.0,
    centre: Centre = "middle",
) -> Tensor:
    """Deformed copies of images, (B, channels, H, W), in their dtype and on their device.

    Args:
        x: images.
        how: drawn for each image anew; or its name, as for :func:`deformation`.
        generator: source of the angles.
        fill: value of pixels that come from outside; 0 is black where images are pixels.
        centre: ``"middle"``, or ``"released"``: one pixel further down and right.

    Raises:
        ValueError: if ``x`` are not images, ``centre`` is neither, or no deformation is called so.

    Example:
        >>> import torch
        >>> from mixbook.evaluation import deform
        >>> deform(torch.rand(2, 1, 28, 28), "zoomout_140").shape
        torch.Size([2, 1, 28, 28])
    """
    if x.ndim != 4:
        raise ValueError(f"x must be images of shape (B, channels, H, W), got {tuple(x.shape)}")
    if centre not in get_args(Centre):
        raise ValueError(f"centre must be one of {get_args(Centre)}, got {centre!r}")
    how = as_deformation(how)
    height, width = x.shape[2:]
    middle = torch.tensor([height, width]) / 2 + (0.5 if centre == "released" else -0.5)
    behind = torch.cartesian_prod(torch.arange(height), torch.arange(width)) - middle  # (H W, 2), row and column
    with torch.autocast("cpu", enabled=False):  # pixels are counted in more digits than half precision has
        before = behind @ how.matrices(len(x), generator).cpu().transpose(1, 2) + middle
    # Halves are rounded up, not to even numbers, or an image that shrinks to one half would lose its regular grid. The
    # margin keeps rounding errors of a rotation by nothing, or by a right angle, from moving a pixel.
    row, column = (before + 0.5 + 1e-4).floor().long().unbind(-1)
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    source = (row.clamp(0, height - 1) * width + column.clamp(0, width - 1)).to(x.device)
    pixels = x.flatten(2).gather(2, source[:, None].expand(-1, x.shape[1], -1))
    return pixels.masked_fill(~inside.to(x.device)[:, None], fill).view_as(x)


def _symmetric(most: float, count: int, generator: torch.Generator | None) -> Tensor:
    return most * (2 * torch.rand(count, **drawn_by(generator)) - 1)
