"""Memory that rows are copied into on the way to a product: kept from batch to batch, since fresh memory is slow."""

import threading

import torch
from torch import Tensor

_MOST = 8 << 20  # bytes: a batch of small images, and less than the cache that a processor's cores share
_kept = threading.local()


def rows_at_once(x: Tensor) -> int:
    """How many rows like those of ``x`` (n, d) to copy at once: on a CPU those that stay in its cache, on a GPU all."""
    return max(1, _MOST // _row_bytes(x)) if x.device.type == "cpu" else len(x)


def rows_memory(count: int, x: Tensor) -> Tensor:
    """Memory (count, d) for rows like those of ``x`` (n, d), with anything in it.

    On a CPU a thread gets the same memory as the last time if it asks for the same, no larger than a core's cache: to have
    new pages from the system takes longer than to fill them. So use it before the next call, and give it to nobody.
    """
    shape = (count, x.shape[1])
    if x.device.type != "cpu" or count * _row_bytes(x) > _MOST:
        return torch.empty(shape, dtype=x.dtype, device=x.device)
    rows: Tensor | None = getattr(_kept, "rows", None)
    if rows is None or rows.shape != shape or rows.dtype != x.dtype:
        with torch.inference_mode(False):  # else it could not be written to outside inference mode
            rows = _kept.rows = torch.empty(shape, dtype=x.dtype)
    return rows


def _row_bytes(x: Tensor) -> int:
    return max(1, x.shape[1] * x.element_size())
