"""What every data set held in memory is: samples with class labels, that can be taken apart and moved."""

import zlib
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Labelled:
    """Samples ``x`` (n, ...) and labels ``y``, int64 (n,); see ``Arrays`` and ``Pixels`` for what ``x`` may be."""

    x: Tensor
    y: Tensor
    num_classes: int
    name: str = "data"

    def __post_init__(self) -> None:
        check_tensors(self.name, x=self.x, y=self.y)
        if self.y.shape != (len(self.x),):
            raise ValueError(f"{self.name}: y must have shape ({len(self.x)},) as x does, got {tuple(self.y.shape)}")
        if len(self.x) == 0:
            raise ValueError(f"{self.name}: x is empty, shape {tuple(self.x.shape)}: at least one sample is needed")
        if self.num_classes < 2:
            raise ValueError(f"{self.name}: num_classes must be at least 2, got {self.num_classes}")
        check_classes(self.name, self.y, self.num_classes)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, rows: Tensor) -> Self:
        """The samples at ``rows``, int64 (m,).

        Raises:
            TypeError: if it is a single number, as a ``DataLoader`` asks for.
        """
        if isinstance(rows, Integral) or (isinstance(rows, Tensor) and rows.ndim == 0):
            raise TypeError(
                f"{self.name}: rows must be a tensor (m,), got {rows}: data[torch.tensor([{rows}])] for one sample; for "
                "batches give the data to fit or evaluate, or TensorDataset(data.x, data.y) to mixbook.data.loader"
            )
        return replace(self, x=self.x[rows], y=self.y[rows])

    def to(self, device: torch.device | str) -> Self:
        """The same data on another device."""
        return replace(self, x=self.x.to(device), y=self.y.to(device))

    def checksum(self) -> str:
        """Eight hexadecimal digits that change with the samples, their order or their labels."""
        return f"{zlib.crc32(self.y.cpu().numpy().tobytes(), zlib.crc32(self.x.cpu().numpy().tobytes())):08x}"

    def split(self, test: int | float, generator: torch.Generator | None = None) -> tuple[Self, Self]:
        """A random split into a training and a test part, without stratification.

        Args:
            test: size of the test part: a count (int) or a fraction of the samples (float), rounded.
            generator: source of the shuffle.

        Raises:
            TypeError: if ``test`` is a truth value.
            ValueError: if a part would be empty.
        """
        if isinstance(test, bool):
            raise TypeError(f"test must be a count or a fraction, got {test}")
        count = int(test) if isinstance(test, Integral) else round(test * len(self))
        if not 0 < count < len(self):
            raise ValueError(
                f"test must leave both parts of {self.name} non-empty, got {test} of {len(self)} samples: "
                f"give a count from 1 to {len(self) - 1}, or a fraction"
            )
        order = torch.randperm(len(self), generator=generator)
        return self[order[count:]], self[order[:count]]


def check_tensors(name: str, **values: object) -> None:
    """Arrays of another library have the same names for their kinds, and the advice for tensors does not help there.

    Raises:
        TypeError: if one of the values of the data set ``name`` is no tensor.
    """
    for what, value in values.items():
        if not isinstance(value, Tensor):
            got = type(value).__name__
            raise TypeError(f"{name}: {what} must be a tensor, got {got}: use torch.as_tensor({what})")


def check_classes(name: str, y: Tensor, num_classes: int) -> None:
    """Whether labels (n,), at least one, number classes.

    Raises:
        TypeError: if they are not int64.
        ValueError: if one is out of range.
    """
    if y.dtype != torch.int64:
        raise TypeError(f"{name}: y must be int64 class labels, got {y.dtype}: use y.long()")
    low, high = y.aminmax()
    if low < 0 or high >= num_classes:
        raise ValueError(f"{name}: labels must lie in [0, {num_classes}), got {int(low)} to {int(high)}")
