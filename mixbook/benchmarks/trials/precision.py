"""Mixed precision where it pays."""

import logging
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def mixed_precision() -> "Fabric":
    """One device whose products are in bfloat16, about twice as fast; weights, losses and all that is reported in float32.

    Processors without AVX-512 do such products slowly, so they keep float32.
    """
    from lightning_fabric import Fabric

    fast = torch.cuda.is_available() or torch.backends.cpu.get_cpu_capability().startswith("AVX512")
    logging.getLogger("lightning_fabric.utilities.rank_zero").setLevel(logging.WARNING)  # or it says so for every network
    return Fabric(devices=1, precision="bf16-mixed" if fast else "32-true")
