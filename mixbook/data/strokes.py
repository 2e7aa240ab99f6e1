"""Images of a "1" or a "7" drawn with two thick lines, each rendered from eight numbers, its factors.

Source: Verma et al., "Manifold Mixup" (ICML 2019), appendix A, which does not say what is drawn; the script that was
released with it does, and its canvas, ranges and colours are used here. Because factors are known, images can be mixed as
pixels, or their factors can be mixed and one image rendered from them.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

FACTORS = ("x", "y", "foot", "tilt", "bar", "height", "width", "angle")
CANVAS = 256  # edge of the square that factors are measured in
_RED = 76 / 255  # what pure red becomes in grey
_LOW = torch.tensor([30.0, 20.0, -30.0, -10.0, 0.0, 200.0])
_HIGH = torch.tensor([150.0, 50.0, 5.0, 10.0, 0.0, 200.0])
_BARS = torch.tensor([[0.0, 20.0], [40.0, 100.0]])  # of a "1" and of a "7"
_WIDTHS = (15, 35)


@dataclass(frozen=True)
class Law:
    """From which angles images are drawn, and whether the label is the range of the angle or the digit.

    Args:
        ranges: two ranges of angles in degrees, anticlockwise, each taken half of the time.
        label: ``"angle"``: the number of the range; ``"digit"``: 0 for a "1", 1 for a "7", whatever the angle.

    Raises:
        ValueError: if ``label`` is neither.

    Example:
        >>> from mixbook.data.strokes import Law
        >>> Law(((0, 30), (60, 90))).label
        'angle'
    """

    ranges: tuple[tuple[float, float], tuple[float, float]]
    label: str = "angle"

    def __post_init__(self) -> None:
        if self.label not in ("angle", "digit"):
            raise ValueError(f"label must be 'angle' or 'digit', got {self.label!r}")


def draw_factors(n: int, law: Law, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Factors of n random images, float32 (n, 8) in the order of ``FACTORS``, and their labels, int64 (n,), 0 or 1.

    Lengths are in 256ths of the canvas: the corner that starts the bar (x, y), length and drop of the bar (bar, tilt), how
    far the foot of the stem is to the right of its top (foot), the height of the stem, the width of the lines. The angle
    is in degrees, anticlockwise.

    Raises:
        ValueError: if ``n`` is less than 1.

    Example:
        >>> import torch
        >>> from mixbook.data.strokes import Law, draw_factors
        >>> factors, labels = draw_factors(3, Law(((0, 30), (60, 90))), torch.Generator().manual_seed(0))
        >>> factors.shape, labels
        (torch.Size([3, 8]), tensor([0, 1, 1]))
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}: it is the number of images")
    digit, side = torch.randint(2, (2, n), generator=generator)
    factors = torch.empty(n, len(FACTORS))
    factors[:, :6] = _LOW + (_HIGH - _LOW) * torch.rand(n, 6, generator=generator)
    factors[:, 4] = _between(_BARS[digit], generator)
    factors[:, 6] = torch.randint(_WIDTHS[0], _WIDTHS[1] + 1, (n,), generator=generator).float()
    factors[:, 7] = _between(torch.tensor(law.ranges)[side], generator)
    return factors, side if law.label == "angle" else digit


def render(factors: Tensor, size: int = 64, outside: float = 0.0) -> Tensor:
    """Images of factors, all at once: float32 (n, 1, size, size), 0 black to 1 white, lines grey on white.

    The canvas is turned about its centre, and what comes in from outside of it is black, as in the released script. So the
    corners show the angle, up to multiples of 90 degrees. Edges are smoothed over one pixel. The factors need not be whole
    or within their ranges.

    Args:
        factors: (n, 8), as :func:`draw_factors` gives, or mixtures of such rows.
        size: height and width in pixels, at least 1.
        outside: grey of what lies outside of the canvas, in [0, 1]; 1 is the white of the paper.

    Raises:
        ValueError: if the shape is another, ``size`` is less than 1, or ``outside`` is out of range.

    Example:
        >>> import torch
        >>> from mixbook.data.strokes import Law, draw_factors, render
        >>> factors, _ = draw_factors(3, Law(((0, 30), (60, 90))), torch.Generator().manual_seed(0))
        >>> render(factors, size=32).shape
        torch.Size([3, 1, 32, 32])
    """
    if factors.ndim != 2 or factors.shape[1] != len(FACTORS):
        raise ValueError(f"factors must have shape (n, {len(FACTORS)}), got {tuple(factors.shape)}: {', '.join(FACTORS)}")
    if size < 1:
        raise ValueError(f"size must be at least 1 pixel, got {size}")
    if not 0 <= outside <= 1:
        raise ValueError(f"outside must be a grey from 0, black, to 1, white, got {outside}")
    x, y, foot, tilt, bar, height, width, angle = factors.float().T[..., None, None]
    pixel = CANVAS / size
    centres = (torch.arange(size) + 0.5) * pixel - CANVAS / 2
    down, right = centres[:, None], centres[None, :]
    cos, sin = (angle * math.pi / 180).cos(), (angle * math.pi / 180).sin()
    # Where each pixel was before the turn; the second axis points down, so this turn looks anticlockwise.
    u, v = right * cos - down * sin, right * sin + down * cos
    paper = _covered(torch.maximum(u.abs(), v.abs()) - CANVAS / 2, pixel)
    u, v = u + CANVAS / 2 - x, v + CANVAS / 2 - y
    ink = torch.maximum(
        _covered(_beyond(u, v, bar, tilt, width), pixel), _covered(_beyond(u - bar, v - tilt, foot, height, width), pixel)
    )
    return (outside + paper * (1 - (1 - _RED) * ink - outside))[:, None]


def _beyond(u: Tensor, v: Tensor, across: Tensor, down: Tensor, width: Tensor) -> Tensor:
    """Signed distance to a line of some width from the origin to (across, down) with square ends; negative inside."""
    across = torch.where((across == 0) & (down == 0), 1e-3, across)  # a point gets a direction
    length = torch.hypot(across, down)
    along = (u * across + v * down) / length
    beside = (u * down - v * across) / length
    return torch.maximum(beside.abs() - width / 2, (along - length / 2).abs() - length / 2)


def _covered(distance: Tensor, pixel: float) -> Tensor:
    """The share of a pixel that lies inside of an edge at this signed distance from its centre."""
    return (0.5 - distance / pixel).clamp(0, 1)


def _between(bounds: Tensor, generator: torch.Generator) -> Tensor:
    """Uniform in each row's range, (n,) from (n, 2)."""
    low, high = bounds.T
    return low + (high - low) * torch.rand(len(low), generator=generator)
