"""The hyper-parameters of a training run: everything but the network, the data and the mixer."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import nn


@dataclass(frozen=True)
class Recipe:
    """How a network is trained. The defaults are those of k-mixup (TMLR, section 5) where it states any.

    Args:
        epochs: passes over the training data.
        batch_size: samples per step, over all processes together.
        lr: learning rate of the first epoch, > 0.
        optimizer: "sgd" or "adam".
        momentum, nesterov: of SGD; Adam ignores them.
        weight_decay: L2 coefficient, on every parameter.
        milestones: epochs, counted from 0, at whose start the learning rate is multiplied by ``decay``.
        decay: factor in (0, 1].
        pairs: where partners come from: the same batch ("within", as released code does and a drop-in must), or a second
            batch, shuffled independently ("across", as in k-mixup's pseudo-code). Has no effect without a mixer.
        drop_last: leave out the last batch of an epoch when it is shorter than the others.
        seed: of the order of samples, the partners' order, mixing, and noise such as dropout.

    Raises:
        ValueError: if a value is out of range.
    """

    epochs: int
    batch_size: int = 128
    lr: float = 0.1
    optimizer: Literal["sgd", "adam"] = "sgd"
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 1e-4
    milestones: tuple[int, ...] = ()
    decay: float = 0.1
    pairs: Literal["within", "across"] = "within"
    drop_last: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "milestones", tuple(self.milestones))  # JSON gives a list
        checks = {
            "epochs": (self.epochs >= 1, "at least 1"),
            "batch_size": (self.batch_size >= 1, "at least 1"),
            "lr": (0 < self.lr < math.inf, "positive and finite"),
            "optimizer": (self.optimizer in ("sgd", "adam"), "'sgd' or 'adam'"),
            "momentum": (0 <= self.momentum < 1, "in [0, 1)"),
            "nesterov": (not self.nesterov or self.momentum > 0, "False where momentum is 0"),
            "weight_decay": (0 <= self.weight_decay < math.inf, "at least 0 and finite"),
            "milestones": (all(m >= 1 for m in self.milestones), "epochs, at least 1"),
            "decay": (0 < self.decay <= 1, "in (0, 1]"),
            "pairs": (self.pairs in ("within", "across"), "'within' or 'across'"),
        }
        for name, (holds, wanted) in checks.items():
            if not holds:
                raise ValueError(f"{name} must be {wanted}, got {getattr(self, name)!r}")

    def lr_at(self, epoch: int) -> float:
        """Learning rate in ``epoch``, counted from 0."""
        return self.lr * self.decay ** sum(epoch >= milestone for milestone in self.milestones)

    def make_optimizer(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """A fresh optimizer for ``parameters``."""
        if self.optimizer == "adam":
            return torch.optim.Adam(parameters, lr=self.lr, weight_decay=self.weight_decay)
        return torch.optim.SGD(
            parameters, lr=self.lr, momentum=self.momentum, weight_decay=self.weight_decay, nesterov=self.nesterov
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON: ``Recipe(**recipe.as_dict())`` gives the recipe back."""
        return asdict(self) | {"milestones": list(self.milestones)}
