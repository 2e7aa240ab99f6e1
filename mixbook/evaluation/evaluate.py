"""Run a network over a data set and score it."""

import torch
from torch import nn

from mixbook.data import Batched
from mixbook.evaluation.metrics import accuracy, brier, expected_calibration_error, nll
from mixbook.evaluation.mode import device_of, evaluation_mode


def evaluate(model: nn.Module, data: Batched, batch_size: int = 1024) -> dict[str, float]:
    """Accuracy, NLL (nats), Brier score and ECE (10 bins) of ``model`` on clean ``data``.

    The network runs in evaluation mode without gradients, on the device where it lives; each of its modules is then put
    back into the mode it was found in, so a batch norm that was frozen stays frozen.

    Raises:
        ValueError: if ``batch_size`` is less than 1, or the network has too few outputs for the labels.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    outputs, labels = [], []
    with evaluation_mode(model), torch.inference_mode():
        for rows in torch.arange(len(data)).split(batch_size):
            x, y = data.batch(rows)
            outputs.append(model(x.to(device_of(model, x.device))))
            labels.append(y)
    # Scored on the CPU: some devices have no float64.
    logits, y = torch.cat(outputs).cpu(), torch.cat(labels).cpu()
    return {
        "accuracy": accuracy(logits, y),
        "nll": nll(logits, y),
        "brier": brier(logits, y),
        "ece": expected_calibration_error(logits, y),
    }
