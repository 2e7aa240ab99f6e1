"""Mixed precision where it pays, and a note of where it was used."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

import torch

from mixbook.training.extras import one_device

if TYPE_CHECKING:
    from lightning_fabric import Fabric

_chosen: ContextVar[set[str] | None] = ContextVar("precisions chosen by the trials that are noted", default=None)


def mixed_precision() -> "Fabric":
    """One device whose products are in bfloat16, about twice as fast; weights, losses and all that is reported in float32.

    Processors without AVX-512 do such products slowly, so they keep float32.
    """
    fast = torch.cuda.is_available() or torch.backends.cpu.get_cpu_capability().startswith("AVX512")
    precision = "bf16" if fast else "fp32"
    if (chosen := _chosen.get()) is not None:
        chosen.add(precision)
    return one_device(precision=precision)


@contextmanager
def noting_precision() -> Iterator[dict[str, str]]:
    """Within it :func:`mixed_precision` is watched: what it chose is ``"precision"``, "bf16" or "fp32", in what this gives.

    It stays empty for trials whose precision does not depend on the machine.
    """
    chosen, noted = set[str](), dict[str, str]()
    token = _chosen.set(chosen)
    try:
        yield noted
    finally:
        _chosen.reset(token)
        if chosen:
            (noted["precision"],) = chosen
