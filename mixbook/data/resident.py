"""Images that live on the device as bytes, and become batches there: no worker processes, no copies from the host.

All pixels go to the device once. Batches are then index arithmetic there: shuffled, shifted, mirrored, normalised::

    train = pixels_of("cifar10", "train")
    mean, std = train.statistics()
    fit(model, Resident(train, shift=4, flip=True, mean=mean, std=std), recipe, mixer=mixer)

or, in a loop of your own, ``for x, y in images.epoch(128, generator): ...``. Only random numbers come from the host, a few
for each image, so a seed gives the same batches on every device.
"""

import zlib
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from mixbook.data.arrays import shuffled_batches
from mixbook.data.pixels import Pixels
from mixbook.least import at_least
from mixbook.transfer import send, together_on

Batch = tuple[Tensor, Tensor]


class Resident:
    """Images on a device, and how they are changed on their way into a batch.

    Args:
        pixels: the images.
        shift: each image moves by up to this many pixels up, down, left and right; black comes in (the "random crop" of
            training on CIFAR, with 2 or 4 pixels). Unlike ``Shift`` after normalising, where the mean comes in.
        flip: each image is mirrored left to right with probability one half.
        mean, std: for each channel, in units of [0, 1]: x becomes (x / 255 - mean) / std.
        device: where the images are and the batches are made.
        dtype: of the batches, floating point.
        memory_format: of the batches; ``torch.channels_last`` for convolutions on a GPU.

    Raises:
        ValueError: if ``shift`` is negative, or ``mean`` or ``std`` does not fit the channels.

    Example:
        >>> import torch
        >>> from mixbook.data import Pixels, Resident
        >>> black = torch.zeros(4, 1, 8, 8, dtype=torch.uint8)
        >>> pixels = Pixels(black, torch.tensor([0, 1, 0, 1]), num_classes=2)
        >>> data = Resident(pixels, mean=[0.5], std=[0.25])
        >>> x, y = data.batch(torch.tensor([0, 2]))
        >>> x.shape, x.unique(), y
        (torch.Size([2, 1, 8, 8]), tensor([-2.]), tensor([0, 0]))
    """

    def __init__(
        self,
        pixels: Pixels,
        *,
        shift: int = 0,
        flip: bool = False,
        mean: Sequence[float] = (0.0,),
        std: Sequence[float] = (1.0,),
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        memory_format: torch.memory_format = torch.contiguous_format,
    ) -> None:
        at_least(0, shift=shift)
        self.num_classes, self.name, self.shape = pixels.num_classes, pixels.name, tuple(pixels.x.shape[1:])
        self.shift, self.flip, self.mean, self.std = shift, flip, tuple(mean), tuple(std)
        self.device, self.dtype, self.memory_format = torch.device(device), dtype, memory_format
        self._pixels = pixels
        self._scale = self._per_channel("std", std)
        self._offset = self._per_channel("mean", mean)
        if (self._scale <= 0).any():
            raise ValueError(f"std must be positive, got {self.std}")
        padded = F.pad(pixels.x.to(self.device), [shift] * 4)
        self._height, self._width = padded.shape[2:]
        # A row for each pixel: one look-up then moves all channels, and shifting is arithmetic on row numbers.
        self._rows = padded.permute(0, 2, 3, 1).reshape(-1, self.shape[0])
        self._labels = pixels.y.to(self.device)

    def __len__(self) -> int:
        """Number of images."""
        return len(self._labels)

    def to(self, device: torch.device | str) -> "Resident":
        """The same on another device."""
        if torch.device(device) == self.device:
            return self
        settings = {name: getattr(self, name) for name in ("shift", "flip", "mean", "std", "dtype", "memory_format")}
        return Resident(self._pixels, device=device, **settings)

    def bare(self) -> "Resident":
        """The same images as pixels in [0, 1], never changed."""
        return Resident(self._pixels, device=self.device, dtype=self.dtype, memory_format=self.memory_format)

    def checksum(self) -> str:
        """Eight hexadecimal digits that change with the images, their labels, and what is done to them."""
        settings = f"{self._pixels.checksum()} {self.shift} {self.flip} {self.mean} {self.std}"
        return f"{zlib.crc32(settings.encode()):08x}"

    def batch(self, rows: Tensor, generator: torch.Generator | None = None) -> Batch:
        """The images at ``rows``, int64 (B,), and their labels: changed at random, or as they are without a generator.

        Args:
            rows: which, on the CPU.
            generator: source of shifts and flips, on the CPU.

        Returns:
            x (B, channels, H, W) and y, int64 (B,).
        """
        return self._make(rows, *self._draw(len(rows), generator))

    def batches(self, rows: Sequence[Tensor], generator: torch.Generator | None = None) -> list[Batch]:
        """The batches that :meth:`batch` gives one after the other, made at once: on a GPU that starts fewer operations."""
        if not rows:
            return []
        drawn = zip(*(self._draw(len(each), generator) for each in rows), strict=True)
        return self._cut(rows, *map(torch.cat, drawn))

    def together(self, batch_size: int) -> int:
        """How many batches of this size to make at once: one on a CPU, up to 16 on a GPU."""
        channels, height, width = self.shape
        of_pixel = 4 * channels + 8  # bytes: its values in float32, and the row that it comes from
        return together_on(self.device, batch_size * height * width * of_pixel)

    def epoch(
        self,
        batch_size: int,
        generator: torch.Generator,
        *,
        changes: torch.Generator | None = None,
        drop_last: bool = False,
        block: int | None = None,
    ) -> Iterator[Batch]:
        """The batches of one epoch, in a fresh random order.

        Args:
            batch_size: images per batch, at least 1.
            generator: source of the order, on the CPU.
            changes: source of shifts and flips, on the CPU; ``generator`` if None.
            drop_last: leave out a last batch that is shorter than the others.
            block: batches that are made at once, at least 1; they do not depend on it. By default as many as ``together``
                says.
        """
        for batches in self.blocks(batch_size, generator, changes=changes, drop_last=drop_last, block=block):
            yield from batches

    def blocks(
        self,
        batch_size: int,
        generator: torch.Generator,
        *,
        changes: torch.Generator | None = None,
        drop_last: bool = False,
        block: int | None = None,
    ) -> Iterator[list[Batch]]:
        """The batches of ``epoch`` in lists of up to ``block``, e.g. for ``plan_many``.

        Raises:
            ValueError: if ``batch_size`` or ``block`` is less than 1.
        """
        if block is None:
            block = self.together(batch_size)
        at_least(1, batch_size=batch_size, block=block)
        batches = list(shuffled_batches(len(self), batch_size, generator, drop_last=drop_last))
        drawn = self._draw(len(self), changes or generator)
        for start in range(0, len(batches), block):
            rows = batches[start : start + block]
            here = slice(start * batch_size, start * batch_size + sum(map(len, rows)))
            yield self._cut(rows, *(change[here] for change in drawn))

    def _draw(self, count: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor, Tensor]:
        """How far each image's window lies below and right of the padded one's corner, and whether it is mirrored."""
        down = right = torch.full((count,), self.shift)
        mirrored = torch.zeros(count, dtype=torch.bool)
        if generator is not None and self.shift:
            down, right = torch.randint(2 * self.shift + 1, (2, count), generator=generator)
        if generator is not None and self.flip:
            mirrored = torch.rand(count, generator=generator) < 0.5
        return down, right, mirrored

    def _cut(self, rows: Sequence[Tensor], *drawn: Tensor) -> list[Batch]:
        """Several batches, made as one."""
        x, y = self._make(torch.cat(list(rows)), *drawn)
        sizes = [len(each) for each in rows]
        # Detached, or torch would refuse a network that changes its input in place.
        return [(own.detach(), labels) for own, labels in zip(x.split(sizes), y.split(sizes), strict=True)]

    def _make(self, rows: Tensor, down: Tensor, right: Tensor, mirrored: Tensor) -> Batch:
        channels, height, width = self.shape
        row, column = torch.arange(height), torch.arange(width)
        column = torch.where(mirrored[:, None], width - 1 - column, column)
        # Small index tables are made on the host and travel; the big one, a row for each pixel, is made on the device.
        tops = send((rows[:, None] * self._height + down[:, None] + row) * self._width, self.device)
        lefts = send(right[:, None] + column, self.device)
        found = self._rows.index_select(0, (tops[:, :, None] + lefts[:, None, :]).flatten())
        x = torch.empty((len(rows), *self.shape), device=self.device, memory_format=self.memory_format)
        x.copy_(found.view(len(rows), height, width, channels).permute(0, 3, 1, 2))
        return x.sub_(self._offset).div_(self._scale).to(self.dtype), self._labels[send(rows, self.device)]

    def _per_channel(self, name: str, values: Sequence[float]) -> Tensor:
        if len(values) not in (1, self.shape[0]):
            raise ValueError(f"{name} must have 1 or {self.shape[0]} values, one for each channel, got {tuple(values)}")
        return 255 * torch.tensor(values, device=self.device).view(-1, 1, 1)
