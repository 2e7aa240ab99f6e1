"""The toy sets that k-mixup names One Ring, Four Bars and Swiss Roll: two classes in the plane, no noise, a clear gap.

No source defines them: the papers show small pictures, and no code was released. The definitions here are ours. The shapes
follow the names. The scales follow from print: Table 1 of the TMLR paper gives xi, the root mean square distance that a
mixture is moved, and xi^2 / E min(lam, 1 - lam)^2 is the mean squared distance of two random points, E|x - x'|^2. It comes
out at .27 to .29 for One Ring, 6.4 to 7.3 for Four Bars and 41 to 43 for Swiss Roll; each docstring says what ours is.
"""

import math

import torch
from torch import Tensor

from mixbook.data.arrays import Arrays


def one_ring(n: int, generator: torch.Generator) -> Arrays:
    """A disc of radius 1/4 (class 0) inside a circle of radius 1/2 (class 1); ``E|x - x'|^2 = 9/32 = .281``.

    Args:
        n: number of samples, at least 1. Labels are independent fair coins.
        generator: source of all randomness.

    Example:
        >>> import torch
        >>> from mixbook.data import one_ring
        >>> data = one_ring(100, torch.Generator().manual_seed(0))
        >>> data.x.shape, round(data.x.norm(dim=1).max().item(), 3)
        (torch.Size([100, 2]), 0.5)
    """
    y = _labels(n, generator)
    turn, area = torch.rand(2, n, generator=generator)
    radius = torch.where(y == 0, area.sqrt() / 4, 0.5)  # the root makes the disc uniform in area
    return Arrays(_polar(radius, 2 * math.pi * turn), y, 2, "one_ring")


def four_bars(n: int, generator: torch.Generator) -> Arrays:
    """Four upright bars side by side, labels 0 1 0 1; each 1/2 wide and 5/2 high, 3/2 from centre to centre.

    Alternating labels put midpoints of like bars on bars of the other class, which is what makes random pairs costly
    here. ``E|x - x'|^2 = 6.71``. Arguments as for ``one_ring``.

    Example:
        >>> import torch
        >>> from mixbook.data import four_bars
        >>> data = four_bars(100, torch.Generator().manual_seed(0))
        >>> data.x.shape, data.y.unique()
        (torch.Size([100, 2]), tensor([0, 1]))
    """
    y = _labels(n, generator)
    bar = 2 * torch.randint(2, (n,), generator=generator) + y
    across, along = torch.rand(2, n, generator=generator) - 0.5
    return Arrays(torch.stack([1.5 * (bar - 1.5) + across / 2, 2.5 * along], dim=1), y, 2, "four_bars")


def swiss_roll(n: int, generator: torch.Generator) -> Arrays:
    """Two spirals, one inside the windings of the other: radius = angle, from pi/2 to 9 pi/4, class 1 half a turn on.

    The arms are pi apart along every ray; samples are uniform in the angle, so denser towards the middle.
    ``E|x - x'|^2 = 42.4``. Arguments as for ``one_ring``.

    Example:
        >>> import torch
        >>> from mixbook.data import swiss_roll
        >>> data = swiss_roll(100, torch.Generator().manual_seed(0))
        >>> data.x.shape, data.y.unique()
        (torch.Size([100, 2]), tensor([0, 1]))
    """
    y = _labels(n, generator)
    angle = math.pi * (0.5 + 1.75 * torch.rand(n, generator=generator))
    return Arrays(_polar(angle, angle + math.pi * y), y, 2, "swiss_roll")


def _labels(n: int, generator: torch.Generator) -> Tensor:
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}: it is the number of samples")
    return torch.randint(2, (n,), generator=generator)


def _polar(radius: Tensor, angle: Tensor) -> Tensor:
    return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)
