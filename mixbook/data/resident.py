"""Batches of images that live on the device: no worker processes, no copies from the host.

All pixels go to the device once, as bytes. An epoch is then index arithmetic there: shuffled, shifted, mirrored and
normalised::

    train = pixels_of("cifar10", "train")
    mean, std = train.statistics()
    batches = Resident(train, 128, shift=4, flip=True, mean=mean, std=std, device="cuda")
    for x, y in batches.epoch(generator):
        ...

Only random numbers come from the host, a few for each image, so a seed gives the same batches on every device.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from mixbook.data.arrays import shuffled_batches
from mixbook.data.pixels import Pixels

Batch = tuple[Tensor, Tensor]


class Resident:
    """Batches made on the device from images that stay there.

    Args:
        data: the images.
        batch_size: samples per batch, at least 1.
        shift: each image moves by up to this many pixels up, down, left and right; black comes in (the "random crop" of
            training on CIFAR, with 2 or 4 pixels). Unlike ``Shift`` after normalising, where the mean comes in.
        flip: each image is mirrored left to right with probability one half.
        mean, std: for each channel, in units of [0, 1]: x becomes (x / 255 - mean) / std.
        drop_last: leave out a last batch that is shorter than the others.
        block: batches that are made at once.
        device: where the images go and the batches are.
        dtype: of the batches, floating point.
        memory_format: of the batches; ``torch.channels_last`` for convolutions on a GPU.

    Raises:
        ValueError: if a number is too small, or ``mean`` or ``std`` does not fit the channels.
    """

    def __init__(
        self,
        data: Pixels,
        batch_size: int,
        *,
        shift: int = 0,
        flip: bool = False,
        mean: Sequence[float] = (0.0,),
        std: Sequence[float] = (1.0,),
        drop_last: bool = False,
        block: int = 16,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        memory_format: torch.memory_format = torch.contiguous_format,
    ) -> None:
        for name, value, least in (("batch_size", batch_size, 1), ("shift", shift, 0), ("block", block, 1)):
            if value < least:
                raise ValueError(f"{name} must be at least {least}, got {value}")
        if drop_last and batch_size > len(data):
            raise ValueError(f"batch_size={batch_size} leaves no batch of {data.name}'s {len(data)} samples with drop_last")
        self.data, self.batch_size, self.shift, self.flip = data, batch_size, shift, flip
        self.drop_last, self.block, self.dtype, self.memory_format = drop_last, block, dtype, memory_format
        self.device = torch.device(device)
        self._mean = self._per_channel("mean", mean)
        self._std = self._per_channel("std", std)
        if (self._std <= 0).any():
            raise ValueError(f"std must be positive, got {tuple(std)}")
        padded = F.pad(data.x.to(self.device), [shift] * 4)
        self._height, self._width = padded.shape[2:]
        # A row for each pixel: one look-up then moves all channels, and shifting is arithmetic on row numbers.
        self._pixels = padded.permute(0, 2, 3, 1).reshape(-1, padded.shape[1])
        self._labels = data.y.to(self.device)

    def __len__(self) -> int:
        """Number of batches in an epoch."""
        whole, rest = divmod(len(self.data), self.batch_size)
        return whole + (rest > 0 and not self.drop_last)

    def epoch(self, generator: torch.Generator, changes: torch.Generator | None = None) -> Iterator[Batch]:
        """The batches of one epoch, in a fresh random order: x (B, channels, H, W) and y, int64 (B,).

        Args:
            generator: source of the order, on the CPU.
            changes: source of shifts and flips, on the CPU; ``generator`` if None.
        """
        for batches in self.blocks(generator, changes):
            yield from batches

    def blocks(self, generator: torch.Generator, changes: torch.Generator | None = None) -> Iterator[list[Batch]]:
        """The same batches in lists of up to ``block``, e.g. for ``plan_many``."""
        rows = list(shuffled_batches(len(self.data), self.batch_size, generator, drop_last=self.drop_last))
        # Drawn for the whole epoch, so that the batches do not depend on how many are made at once.
        drawn = self._changes(len(self.data), changes or generator)
        for start in range(0, len(rows), self.block):
            block = rows[start : start + self.block]
            sizes = [len(batch) for batch in block]
            done, count = start * self.batch_size, sum(sizes)
            x, y = self._make(torch.cat(block), *(change[done : done + count] for change in drawn))
            yield list(zip(x.split(sizes), y.split(sizes), strict=True))

    def batch(self, rows: Tensor, generator: torch.Generator | None = None) -> Batch:
        """The images at ``rows``, int64 (B,), changed at random (with a generator) or as they are (without), and labels."""
        return self._make(rows, *self._changes(len(rows), generator))

    def _make(self, rows: Tensor, down: Tensor, right: Tensor, mirrored: Tensor) -> Batch:
        channels, height, width = self.data.x.shape[1:]
        row, column = torch.arange(height), torch.arange(width)
        column = torch.where(mirrored[:, None], width - 1 - column, column)
        # Small index tables are made on the host and travel; the big one, a row for each pixel, is made on the device.
        tops = ((rows[:, None] * self._height + down[:, None] + row) * self._width).to(self.device)
        lefts = (right[:, None] + column).to(self.device)
        pixels = self._pixels.index_select(0, (tops[:, :, None] + lefts[:, None, :]).flatten())
        shape = (len(rows), channels, height, width)
        x = torch.empty(shape, device=self.device, memory_format=self.memory_format)
        x.copy_(pixels.view(len(rows), height, width, channels).permute(0, 3, 1, 2))
        return x.sub_(self._mean).div_(self._std).to(self.dtype), self._labels[rows.to(self.device)]

    def _changes(self, count: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor, Tensor]:
        """How far each image's window lies below and right of the padded one's corner, and whether it is mirrored."""
        down = right = torch.full((count,), self.shift)
        mirrored = torch.zeros(count, dtype=torch.bool)
        if generator is not None and self.shift:
            down, right = torch.randint(2 * self.shift + 1, (2, count), generator=generator)
        if generator is not None and self.flip:
            mirrored = torch.rand(count, generator=generator) < 0.5
        return down, right, mirrored

    def _per_channel(self, name: str, values: Sequence[float]) -> Tensor:
        channels = self.data.x.shape[1]
        if len(values) not in (1, channels):
            raise ValueError(f"{name} must have 1 or {channels} values, one for each channel, got {tuple(values)}")
        return 255 * torch.tensor(values, device=self.device).view(-1, 1, 1)
