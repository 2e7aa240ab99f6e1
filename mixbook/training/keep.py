"""Which weights are the result of a run: the last ones, their moving average, or those of the best epoch."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class Average:
    """An exponential moving average of a network's weights and buffers; nothing at all where ``decay`` is 0."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._model = model
        self._mean = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True) if decay else None

    def update(self) -> None:
        """Take the weights of a step in."""
        if self._mean is not None:
            self._mean.update_parameters(self._model)

    def weights(self) -> dict[str, Tensor]:
        """What would be the result now: the average, or the network's own weights."""
        return (self._model if self._mean is None else self._mean.module).state_dict()

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Within it the network has the average's weights."""
        if self._mean is None:
            yield
            return
        own = {name: tensor.clone() for name, tensor in self._model.state_dict().items()}
        self._model.load_state_dict(self._mean.module.state_dict())
        try:
            yield
        finally:
            self._model.load_state_dict(own)

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {} if self._mean is None else self._mean.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a checkpoint."""
        if self._mean is not None:
            self._mean.load_state_dict(state)


class Best:
    """The weights of the epoch in which a score was least; nothing at all where no score is named."""

    def __init__(self, score: str | None) -> None:
        self._score, self._least, self._weights = score, math.inf, dict[str, Tensor]()

    def look(self, weights: dict[str, Tensor], scores: Mapping[str, float]) -> None:
        """An epoch has ended with these weights and scores.

        Raises:
            ValueError: if the score is not among them.
        """
        if self._score is None:
            return
        if self._score not in scores:
            raise ValueError(f"choose={self._score!r} is no score of validate, which gave {', '.join(scores) or 'none'}")
        # A score that is no number is never the least: the first such epoch is kept only until there is another.
        if not self._weights or scores[self._score] < self._least:
            self._least = _or_infinity(scores[self._score])
            self._weights = {name: tensor.detach().clone() for name, tensor in weights.items()}

    def weights(self) -> dict[str, Tensor] | None:
        """Those of the best epoch, if a score was named."""
        return self._weights or None

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"least": self._least, "weights": self._weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a checkpoint."""
        self._least, self._weights = _or_infinity(state["least"]), state["weights"]


def _or_infinity(score: float) -> float:
    return math.inf if math.isnan(score) else score


class Total:
    """The mean loss of an epoch, added up on the device: reading each value would stall it."""

    def __init__(self, device: torch.device) -> None:
        self._sum = torch.zeros((), dtype=torch.float32 if device.type == "mps" else torch.float64, device=device)
        self._fine = torch.zeros((), dtype=torch.int64, device=device)
        self.samples, self.steps = 0, 0

    def add(self, loss: Tensor, samples: int) -> None:
        """The mean loss of a step over its samples."""
        self._sum.add_(loss.detach(), alpha=samples)
        # Steps before the first loss that is no number, with which the sum is none either.
        self._fine.add_(self._sum.isfinite())
        self.samples += samples
        self.steps += 1

    def loss(self) -> Tensor:
        """The mean over the samples so far."""
        return self._sum / self.samples

    def first_bad(self) -> int:
        """The step, counted from 0, whose loss was the first that is no number."""
        return int(self._fine)

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"sums": torch.stack([self._sum, self._fine]), "samples": self.samples, "steps": self.steps}

    def load_state_dict(self, state: dict[str, Any], rank: int = 0) -> None:
        """Continue from a checkpoint, where the sums have a row for each process."""
        total, fine = state["sums"].reshape(-1, 2)[rank]
        self._sum.copy_(total)
        self._fine.copy_(fine)
        self.samples, self.steps = state["samples"], state["steps"]
