"""The device that ``--device`` names."""

import re
from typing import TYPE_CHECKING

from mixbook.benchmarks import BenchmarkError

if TYPE_CHECKING:
    import torch


def device_of(name: str | None) -> "torch.device | None":
    """The device of a name, or None, which is the best that there is.

    Raises:
        BenchmarkError: if it is no name of a device, or of a GPU that is not there.
    """
    import torch

    if name is None:
        return None
    if not re.fullmatch(r"cpu|mps|cuda(:\d+)?", name):
        raise BenchmarkError(f"--device must be cpu, cuda or one GPU of several, such as cuda:1, got {name!r}")
    device, there = torch.device(name), torch.cuda.device_count()
    if device.type == "cuda" and (device.index or 0) >= there:
        found = f"finds GPUs up to cuda:{there - 1}" if there else "finds no GPU here"
        raise BenchmarkError(f"--device {name}: torch {found}. Use another, or see `mixbook doctor`")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise BenchmarkError("--device mps: torch finds no GPU of Apple's here. Use another, or see `mixbook doctor`")
    return device
