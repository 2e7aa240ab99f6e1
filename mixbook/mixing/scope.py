"""Random draws: what one is shared by, all pairs of a batch or nobody, and where it is made."""

from typing import Literal, get_args

import torch

Scope = Literal["batch", "pair"]


def check_scope(per: str) -> None:
    """Refuse a scope that is neither.

    Raises:
        ValueError: if ``per`` is not a :data:`Scope`.
    """
    if per not in get_args(Scope):
        raise ValueError(f"per must be one of {get_args(Scope)}, got {per!r}")


def draw_device(generator: torch.Generator | None) -> torch.device:
    """Where numbers are drawn: on the generator's device, on the CPU with torch's global one."""
    return torch.device("cpu") if generator is None else generator.device
