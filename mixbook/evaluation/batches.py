"""The batches that a network is evaluated on, on its device and as numbers."""

from collections.abc import Iterable, Iterator
from typing import TypeVar, cast

import torch
from torch import Tensor, nn

from mixbook.data import Batched, ImageFiles, Pixels
from mixbook.data.batches import in_unit_range, pair_of
from mixbook.modes import evaluation_mode

Batch = tuple[Tensor, Tensor]
Each = TypeVar("Each")


def device_of(model: nn.Module) -> torch.device | None:
    """Where the parameters of ``model`` live; None if it has none, so that data stay where they are."""
    return next((p.device for p in model.parameters()), None)


def batches_of(data: Batched | Iterable[Batch], batch_size: int, device: torch.device | None) -> Iterator[Batch]:
    """Batches of samples and labels on ``device``: of data held in memory, or of a loader, as they are.

    Bytes become numbers in [0, 1] there.

    Raises:
        ValueError: if ``batch_size`` is less than 1, or there is no batch.
        TypeError: if data are to be wrapped first, a loader gives something else than pairs of tensors, or labels are no
            integers.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    if isinstance(data, Pixels | ImageFiles):
        where = "images as bytes in mixbook.data.Resident" if isinstance(data, Pixels) else "files in mixbook.data.loader"
        raise TypeError(f"data must be Arrays, Resident or a loader, got {type(data).__name__}: wrap {where}")
    in_memory = hasattr(data, "batch")
    batches = _in_order(cast(Batched, data), batch_size) if in_memory else cast(Iterable[Batch], data)
    for batch in at_least_one_batch(batches):
        x, y = pair_of(batch)
        x, y = (x, y) if device is None else (x.to(device), y.to(device))
        yield in_unit_range(x), class_numbers(y)


def at_least_one_batch(batches: Iterable[Each]) -> Iterator[Each]:
    """The same batches.

    Raises:
        ValueError: at their end, if there was none.
    """
    empty = True
    for batch in batches:
        empty = False
        yield batch
    if empty:
        raise ValueError("data must hold at least one batch, got none: has the iterator been used up?")


def logits_of(model: nn.Module, x: Tensor) -> Tensor:
    """The network's logits in evaluation mode without gradients, on the CPU: some devices have no float64 to score in."""
    with evaluation_mode(model), torch.inference_mode():
        return model(x).cpu()


def check_clip(clip: tuple[float, float] | None) -> None:
    """Refuse a range of pixels that is none.

    Raises:
        ValueError: if the smallest value is not below the largest.
    """
    if clip is not None and not clip[0] < clip[1]:
        raise ValueError(f"clip must be (smallest, largest) or None, got {clip}")


def check_in_clip(x: Tensor, clip: tuple[float, float] | None) -> None:
    """Refuse inputs outside of the range of pixels, as normalised ones are; nothing is looked at without a range.

    Raises:
        ValueError: if an input lies outside of ``clip``, or is NaN.
    """
    if clip is not None and x.device.type != "meta" and not ((x >= clip[0]) & (x <= clip[1])).all():
        raise ValueError(
            f"x must lie in clip={clip}, got values from {float(x.min()):.3g} to {float(x.max()):.3g}: give the pixels and "
            "normalise inside the network (mixbook.models.Normalise), or pass clip=None, with sizes in units of the inputs"
        )


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
