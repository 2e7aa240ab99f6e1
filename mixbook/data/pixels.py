"""Images in memory as bytes, a quarter of what they take as float32."""

from dataclasses import dataclass

import torch
from torch import Tensor

from mixbook.data.arrays import Arrays
from mixbook.data.labelled import Labelled, check_tensors


@dataclass(frozen=True, eq=False)
class Pixels(Labelled):
    """Images and labels as two tensors.

    Args:
        x: images, uint8 (n, channels, H, W).
        y: labels, int64 (n,), each in [0, num_classes).
        num_classes: C, at least 2. Given rather than counted, because a small subset may miss a class.
        name: what messages and result files call it.

    Raises:
        TypeError: if ``x`` or ``y`` has another dtype.
        ValueError: if ``x`` are not images, the set is empty, the lengths differ, or a label is out of range.

    Example:
        >>> import torch
        >>> from mixbook.data import Pixels
        >>> white = torch.full((4, 1, 8, 8), 255, dtype=torch.uint8)
        >>> pixels = Pixels(white, torch.tensor([0, 1, 0, 1]), num_classes=2)
        >>> pixels.arrays().x.max()
        tensor(1.)
    """

    def __post_init__(self) -> None:
        check_tensors(self.name, x=self.x)
        if self.x.dtype != torch.uint8:
            raise TypeError(f"{self.name}: x must be uint8, got {self.x.dtype}: use Arrays for floating point")
        if self.x.ndim != 4:
            raise ValueError(f"{self.name}: x must have shape (n, channels, H, W), got {tuple(self.x.shape)}")
        super().__post_init__()

    def arrays(self, rows: Tensor | None = None) -> Arrays:
        """The images, or those at ``rows``, as float32 in [0, 1]."""
        part = self if rows is None else self[rows]
        return Arrays(part.x.float().div_(255), part.y, part.num_classes, part.name)

    def statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and standard deviation of each channel over all pixels, in units of [0, 1]."""
        # Counted value by value: exact, and without a floating-point copy of the images.
        value = torch.arange(256, dtype=torch.float64) / 255
        means, spreads = [], []
        for channel in self.x.unbind(1):
            share = channel.flatten().bincount(minlength=256).cpu().double() / channel.numel()
            means.append(float((share * value).sum()))
            spreads.append(float((share * (value - means[-1]) ** 2).sum().sqrt()))
        return tuple(means), tuple(spreads)
