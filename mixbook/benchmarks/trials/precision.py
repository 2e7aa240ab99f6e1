"""Mixed precision where it pays, and a note of where it was used."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from lightning_fabric import Fabric

_chosen: ContextVar[set[str] | None] = ContextVar("precisions chosen by the trials that are noted", default=None)


def mixed_precision() -> "Fabric":
    """One device whose products are in bfloat16, about twice as fast; weights, losses and all that is reported in float32.

    Processors without AVX-512 do such products slowly, so they keep float32.
    """
    from lightning_fabric import Fabric

    fast = torch.cuda.is_available() or torch.backends.cpu.get_cpu_capability().startswith("AVX512")
    if (chosen := _chosen.get()) is not None:
        chosen.add("bf16" if fast else "fp32")
    logging.getLogger("lightning_fabric.utilities.rank_zero").setLevel(logging.WARNING)  # or it says so for every network
    return Fabric(devices=1, precision="bf16-mixed" if fast else "32-true")


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
