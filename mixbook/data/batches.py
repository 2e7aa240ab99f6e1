"""Batches of what is too large for memory: torch's ``DataLoader``, seeded so that a run can be repeated."""

from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler


def loader(
    dataset: Dataset[Any],
    batch_size: int,
    *,
    seed: int,
    shuffle: bool = True,
    workers: int = 0,
    drop_last: bool = False,
    sampler: "Sampler[int] | None" = None,
    pin_memory: bool = False,
) -> DataLoader[Any]:
    """A ``DataLoader`` whose order and random views follow from ``seed``, the epoch and the number of workers alone.

    Each pass over it is another epoch, which starts from the state of its ``generator``: save that between epochs to go on
    later. Workers are started afresh each epoch and seeded from it; with ``workers=0``, random views draw from torch's
    global generator in this process, which ``fit`` seeds for them.

    Images as bytes, uint8, stay bytes in the batches: a quarter of the memory and of the way to a GPU. ``fit`` and
    ``evaluate`` make numbers of them where the network is; a loop of your own calls :func:`in_unit_range`.

    Args:
        dataset: gives a sample and its class for each number.
        batch_size: samples per batch.
        seed: of the order and of the workers.
        shuffle: a fresh random order each epoch, else the data set's own.
        workers: processes that prepare batches; 0 to prepare them in this one.
        drop_last: leave out a last batch that is shorter than the others.
        sampler: gives the order instead of ``shuffle``, e.g. a ``DistributedSampler``.
        pin_memory: batches in page-locked memory, from where they can be copied to a GPU in the background.

    Example:
        >>> import torch
        >>> from mixbook.data import loader
        >>> data = torch.utils.data.TensorDataset(torch.rand(10, 3), torch.arange(10))
        >>> [y.shape[0] for x, y in loader(data, batch_size=4, seed=0)]
        [4, 4, 2]
    """
    return DataLoader(
        dataset,
        batch_size,
        shuffle=shuffle if sampler is None else None,
        sampler=sampler,
        num_workers=workers,
        drop_last=drop_last,
        pin_memory=pin_memory,
        generator=torch.Generator().manual_seed(seed),
    )


def pair_of(batch: Any) -> tuple[Tensor, Tensor]:
    """Samples and labels, where a batch of a loader is just these.

    Raises:
        TypeError: if it is anything else.
    """
    if isinstance(batch, tuple | list) and len(batch) == 2 and all(isinstance(part, Tensor) for part in batch):
        return batch[0], batch[1]
    got = f"{len(batch)} parts" if isinstance(batch, tuple | list) and len(batch) != 2 else type(batch).__name__
    raise TypeError(f"data must be Arrays or give pairs (samples, labels) of tensors, got {got}")


def in_unit_range(x: Tensor) -> Tensor:
    """Images as bytes, uint8, to float32 in [0, 1], on their device; anything else as it is."""
    return x.float().div_(255) if x.dtype == torch.uint8 else x
