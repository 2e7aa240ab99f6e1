"""What a layer of a trained network makes of samples."""

import torch
from torch import Tensor, nn

from mixbook.evaluation.batches import device_of
from mixbook.modes import evaluation_mode


def hidden_states(model: nn.Module, x: Tensor, layer: str, batch_size: int = 2048) -> Tensor:
    """The outputs of ``layer`` on ``x``, flattened to float32 (n, units) on the CPU.

    The network runs in evaluation mode and without gradients, and is left as it was. Spectra of the classes come from
    :func:`mixbook.theory.spectra.flatness` of the states, the error of their neighbours from
    :func:`~mixbook.evaluation.neighbours.knn_error`.

    Args:
        model: the network, on any device.
        x: samples, (n, ...).
        layer: a name from ``model.named_modules()``, whose output is one tensor.
        batch_size: samples at once.

    Raises:
        AttributeError: if the model has no such layer.
        ValueError: if the layer did not run once for each batch.

    Example:
        >>> import torch
        >>> from mixbook.evaluation import hidden_states
        >>> from mixbook.models import MLP
        >>> hidden_states(MLP(8, (16, 12), 3), torch.rand(5, 8), "layer2").shape
        torch.Size([5, 12])
    """
    kept: list[Tensor] = []
    # Copied, or an activation that works in place would change what is kept.
    watched = model.get_submodule(layer).register_forward_hook(
        lambda module, inputs, output: kept.append(output.flatten(1).to("cpu", torch.float32, copy=True))
    )
    device = device_of(model) or x.device
    with watched, evaluation_mode(model), torch.inference_mode():
        for rows in x.split(batch_size):
            model(rows.to(device))
    states = torch.cat(kept) if kept else torch.empty(0, 0)
    if len(states) != len(x):
        raise ValueError(f"layer {layer!r} must run once for each sample, got {len(states)} states of {len(x)} samples")
    return states
