"""The batches that a network is evaluated on, on its device and as numbers."""

from collections.abc import Iterable, Iterator
from typing import cast

import torch
from torch import Tensor, nn

from mixbook.data import Batched
from mixbook.data.batches import in_unit_range

Batch = tuple[Tensor, Tensor]


def device_of(model: nn.Module) -> torch.device | None:
    """Where the parameters of ``model`` live; None if it has none, so that data stay where they are."""
    return next((p.device for p in model.parameters()), None)


def batches_of(data: Batched | Iterable[Batch], batch_size: int, device: torch.device | None) -> Iterator[Batch]:
    """Batches of samples and labels on ``device``: of data held in memory, or of a loader, as they are.

    Bytes become numbers in [0, 1] there.

    Raises:
        ValueError: if ``batch_size`` is less than 1, or there is no batch.
        TypeError: if a loader gives something else than pairs of tensors, or labels that are no integers.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    in_memory = hasattr(data, "batch")
    batches = _in_order(cast(Batched, data), batch_size) if in_memory else cast(Iterable[Batch], data)
    empty = True
    for batch in batches:
        if not (isinstance(batch, tuple | list) and len(batch) == 2 and all(isinstance(part, Tensor) for part in batch)):
            raise TypeError(f"data must be Arrays or give pairs (samples, labels) of tensors, got {type(batch).__name__}")
        empty = False
        x, y = batch
        x, y = (x, y) if device is None else (x.to(device), y.to(device))
        yield in_unit_range(x), class_numbers(y)
    if empty:
        raise ValueError("data must hold at least one batch, got none: has the iterator been used up?")


def class_numbers(y: Tensor) -> Tensor:
    """Labels of any integer type as int64: bytes would be read as a mask, where they index.

    Raises:
        TypeError: if they are no integers.
    """
    if y.is_floating_point() or y.is_complex() or y.dtype == torch.bool:
        raise TypeError(f"labels must be integers, got {y.dtype}: classes are numbered from 0")
    return y.long()


def _in_order(data: Batched, batch_size: int) -> Iterator[Batch]:
    return (data.batch(rows) for rows in torch.arange(len(data)).split(batch_size))
