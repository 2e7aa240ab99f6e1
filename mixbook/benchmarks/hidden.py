"""What a layer of a trained network makes of samples."""

import torch
from torch import Tensor, nn

from mixbook.evaluation.mode import evaluation_mode


def hidden_states(model: nn.Module, x: Tensor, layer: str, batch_size: int = 2048) -> Tensor:
    """The outputs of ``layer`` on ``x``, flattened to float32 (n, units), in evaluation mode and without gradients.

    Args:
        model: a network on the CPU.
        x: samples, (n, ...).
        layer: a name from ``model.named_modules()``.
        batch_size: samples at once.

    Raises:
        AttributeError: if the model has no such layer.
    """
    kept: list[Tensor] = []
    handle = model.get_submodule(layer).register_forward_hook(lambda module, inputs, output: kept.append(output.flatten(1)))
    try:
        with evaluation_mode(model), torch.inference_mode():
            for rows in x.split(batch_size):
                model(rows)
    finally:
        handle.remove()
    return torch.cat(kept).float()
