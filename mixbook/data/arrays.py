"""A labelled data set held in memory, and how it is scaled and cut into batches."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np
import torch
from torch import Tensor

from mixbook.data.labelled import Labelled, check_tensors
from mixbook.transfer import send


@dataclass(frozen=True, eq=False)
class Arrays(Labelled):
    """Samples and labels as two tensors.

    Args:
        x: samples, float32 (n, ...), finite.
        y: labels, int64 (n,), each in [0, num_classes).
        num_classes: C, at least 2. Given rather than counted, because a small subset may miss a class.
        name: what messages and result files call it.
        missing: ``x`` may hold NaN where a value is not known. Only ``split`` and ``impute`` are for such a set.

    Raises:
        TypeError: if ``x`` or ``y`` has another dtype.
        ValueError: if the set is empty, the lengths differ, ``x`` is not finite, or a label is out of range.

    Example:
        >>> import torch
        >>> from mixbook.data import Arrays
        >>> data = Arrays(torch.rand(6, 4), torch.tensor([0, 1, 2, 0, 1, 2]), num_classes=3)
        >>> len(data), data[torch.tensor([0, 3])].y
        (6, tensor([0, 0]))
    """

    missing: bool = False

    def __post_init__(self) -> None:
        check_tensors(self.name, x=self.x)
        if self.x.dtype != torch.float32:
            raise TypeError(f"{self.name}: x must be float32, got {self.x.dtype}: use x.float()")
        if self.x.ndim < 2:
            raise ValueError(f"{self.name}: x must have shape (n, ...), got {tuple(self.x.shape)}: try x[:, None]")
        super().__post_init__()
        usable = self.x.isfinite() | self.x.isnan() if self.missing else self.x.isfinite()
        bad = ~usable.flatten(1).all(dim=1)
        if bad.any():
            raise ValueError(
                f"{self.name}: x must be finite, but {int(bad.sum())} of {len(bad)} samples hold NaN or infinity, "
                f"the first at row {int(bad.nonzero()[0])}: remove them, or set missing=True and impute"
            )

    def batch(self, rows: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """The samples at ``rows``, int64 (B,), and their labels. Nothing is changed, so ``generator`` is not used.

        Raises:
            ValueError: if values are missing, which no network can take.
        """
        refuse_missing(self)
        rows = send(rows, self.x.device) if self.x.is_cuda else rows
        return self.x[rows], self.y[rows]


def refuse_missing(data: Arrays) -> None:
    """Raise ``ValueError`` if values of ``data`` are missing: no network can take NaN."""
    if data.missing:
        raise ValueError(f"{data.name}: values are missing: impute(train, test) first")


class Batched(Protocol):
    """What training and evaluation ask of data: ``Arrays``, or images that become numbers in batches (``Resident``)."""

    @property
    def num_classes(self) -> int: ...

    @property
    def name(self) -> str: ...

    def __len__(self) -> int: ...

    def batch(self, rows: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Samples at ``rows``, floating point, and their labels; changed at random where there is a generator to do so."""
        ...

    def to(self, device: torch.device | str) -> Self: ...

    def checksum(self) -> str: ...


def min_max(train: Arrays, *others: Arrays) -> tuple[Arrays, ...]:
    """Scale every feature so that the training part spans [0, 1]; the other parts get the same map.

    Fitted on the training part alone: other parts may leave [0, 1]. A feature that is constant in training becomes 0
    there and is only shifted elsewhere. Returns the parts in the order given.

    Raises:
        ValueError: if a value is missing, or a part has other features.

    Example:
        >>> import torch
        >>> from mixbook.data import Arrays, min_max
        >>> train = Arrays(torch.tensor([[2.0], [4.0]]), torch.tensor([0, 1]), 2)
        >>> test = Arrays(torch.tensor([[5.0]]), torch.tensor([1]), 2)
        >>> min_max(train, test)[1].x
        tensor([[1.5000]])
    """
    _check_same_features(train, others)
    for part in (train, *others):
        if part.missing:
            raise ValueError(f"{part.name}: values are missing, so there is no scale yet: impute(train, test) first")
    low, high = train.x.amin(dim=0), train.x.amax(dim=0)
    span = torch.where(high > low, high - low, 1.0)
    return tuple(replace(part, x=(part.x - low) / span) for part in (train, *others))


def impute(train: Arrays, *others: Arrays) -> tuple[Arrays, ...]:
    """Fill missing values (NaN) with the median of their column in the training part.

    Fitted on the training part alone. A column without any value there becomes 0 wherever it is missing. Parts without
    missing values come back as they are. Returns the parts in the order given.

    Raises:
        ValueError: if a part has other features.

    Example:
        >>> import torch
        >>> from mixbook.data import Arrays, impute
        >>> x, y = torch.tensor([[1.0], [3.0], [float("nan")]]), torch.tensor([0, 1, 1])
        >>> train = Arrays(x, y, 2, missing=True)
        >>> impute(train)[0].x.flatten()
        tensor([1., 3., 2.])
    """
    _check_same_features(train, others)
    parts = (train, *others)
    if not any(part.missing for part in parts):
        return parts
    # numpy's median of an even count is the mean of the middle two; torch's nanmedian is the lower of them.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # columns without any value
        found = np.nanmedian(train.x.double().cpu().numpy(), axis=0)
    median = torch.from_numpy(np.nan_to_num(found)).float().to(train.x.device)

    def filled(part: Arrays) -> Arrays:
        return replace(part, x=torch.where(part.x.isnan(), median, part.x), missing=False) if part.missing else part

    return tuple(filled(part) for part in parts)


def _check_same_features(train: Arrays, others: tuple[Arrays, ...]) -> None:
    for part in others:
        if part.x.shape[1:] != train.x.shape[1:]:
            got = f"{tuple(part.x.shape[1:])} and {tuple(train.x.shape[1:])}"
            raise ValueError(f"{part.name} must have the features of {train.name}, got samples of shape {got}")


def shuffled_batches(
    n: int, batch_size: int, generator: torch.Generator, *, drop_last: bool = False, rank: int = 0, world: int = 1
) -> Iterator[Tensor]:
    """Row numbers of one epoch's batches, int64 (m,) each, in a fresh random order.

    Every process draws the same order from an equally seeded generator and keeps each ``world``-th row of each batch, so
    the processes together see the batches that one process would see. Rows that do not fill all processes equally are
    left out (fewer than ``world`` per epoch).

    Args:
        n: number of samples.
        batch_size: samples per batch over all processes, a multiple of ``world``.
        generator: source of the order, on the CPU so that every device sees the same one.
        drop_last: leave out a last batch that is shorter than the others.
        rank, world: which process this is, of how many.

    Example:
        >>> import torch
        >>> from mixbook.data import shuffled_batches
        >>> rows = list(shuffled_batches(10, 4, torch.Generator().manual_seed(0)))
        >>> [len(each) for each in rows], torch.cat(rows).sort().values
        ([4, 4, 2], tensor([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]))
    """
    order = torch.randperm(n, generator=generator)
    order = order[: n - n % (batch_size if drop_last else world)]
    return (batch[rank::world] for batch in order.split(batch_size))
