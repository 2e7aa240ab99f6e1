"""A network in evaluation mode for a while, and back as it was."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Evaluation mode inside the block; then each module is put back into its own mode, also after an error.

    So a batch norm that was frozen in a network that trains stays frozen.
    """
    modes = [(module, module.training) for module in model.modules()]
    try:
        model.eval()
        yield
    finally:
        for module, training in modes:
            module.training = training


def device_of(model: nn.Module, default: torch.device) -> torch.device:
    """Where the parameters of ``model`` live; ``default`` if it has none."""
    return next((p.device for p in model.parameters()), default)
