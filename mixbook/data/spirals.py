"""Two classes that wind around each other in the plane.

Manifold mixup (Figure 1) and multi-mix (Figure 4) draw such a set; neither says how it is made. This definition is ours.
"""

import math

import torch

from mixbook.data.arrays import Arrays


def two_spirals(n: int, generator: torch.Generator, *, turns: float = 1.25, noise: float = 0.03) -> Arrays:
    """Two arms around the origin, in the disc of radius 1; labels 0 1 0 1 ...

    A sample of class c lies at radius r and angle 2 pi turns r + pi c. The radius is .15 + .85 sqrt(u) with u uniform,
    which makes the samples about evenly dense in area, and normal noise is added to both coordinates.

    Args:
        n: number of samples, at least 2.
        generator: source of all randomness.
        turns: how often an arm winds around the origin between radius 0 and 1, > 0.
        noise: standard deviation of each coordinate, at least 0.

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> import torch
        >>> from mixbook.data import two_spirals
        >>> data = two_spirals(100, torch.Generator().manual_seed(0))
        >>> data.x.shape, data.num_classes
        (torch.Size([100, 2]), 2)
    """
    if n < 2:
        raise ValueError(f"n must be at least 2, got {n}: one sample of each class")
    if not 0 < turns < math.inf:
        raise ValueError(f"turns must be positive and finite, got {turns}: try 1.25")
    if not 0 <= noise < math.inf:
        raise ValueError(f"noise must be at least 0 and finite, got {noise}: try 0.03")
    y = torch.arange(n) % 2
    radius = 0.15 + 0.85 * torch.rand(n, generator=generator).sqrt()
    angle = 2 * math.pi * turns * radius + math.pi * y
    x = radius[:, None] * torch.stack([angle.cos(), angle.sin()], dim=1)
    return Arrays(x + noise * torch.randn(n, 2, generator=generator), y, 2, "two_spirals")
