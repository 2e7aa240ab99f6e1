"""The hyper-parameters of a training run: everything but the network, the data and the mixer."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import numpy as np
import torch
from torch import nn


@dataclass(frozen=True)
class Recipe:
    """How a network is trained. The defaults are those of k-mixup (TMLR, section 5) where it states any.

    Args:
        epochs: passes over the training data.
        batch_size: samples per step, over all processes together. A loader has its own, which counts instead.
        lr: learning rate of the first epoch, > 0.
        optimizer: "sgd" or "adam".
        momentum, nesterov: of SGD; Adam ignores them.
        weight_decay: L2 coefficient, on every parameter.
        schedule: how the learning rate changes: "step", at milestones; "cosine", to 0 at the end, step by step; "linear",
            step by step along ``knots``.
        milestones: epochs, counted from 0, at whose start the learning rate is multiplied by ``decay``.
        decay: factor in (0, 1].
        knots: for "linear", pairs (epoch, factor of ``lr``), the first at 0, increasing in the epoch; two at one epoch
            are a jump. ``((0, .5), (8, 1), (15, .125))`` begins multi-mix's ImageNet protocol with lr = 1.
        pairs: where partners come from: the same batch ("within", as released code does and a drop-in must), or a second
            batch, shuffled independently ("across", as in k-mixup's pseudo-code). Has no effect without a mixer.
        drop_last: leave out the last batch of an epoch when it is shorter than the others; a loader has its own here too.
        accumulate: parts that a step's batch is cut into, one after the other, where it does not fit the memory; their
            sizes differ by one sample at most. Each part is mixed by itself, and batch norm sees each by itself.
        precision: "bf16" or "fp16" for what torch's autocast computes in them; weights stay in float32. "fp32" leaves it to
            the ``fabric``, if one is passed.
        channels_last: images and filters with their channels together, which convolutions on GPUs (and often CPUs) like.
        compile: let ``torch.compile`` make the network faster; worth its minutes for long runs.
        ema: decay of a moving average of the weights, in [0, 1), which is then the result; 0 is off.
        seed: of the order of samples, the partners' order, mixing, and noise such as dropout.

    Raises:
        ValueError: if a value is out of range.

    Example:
        >>> from mixbook.training import Recipe
        >>> recipe = Recipe(epochs=10, batch_size=16, lr=0.1, milestones=(5,))
        >>> recipe.steps(100), [round(recipe.lr_at(epoch), 4) for epoch in (0, 5)]
        (7, [0.1, 0.01])
    """

    epochs: int
    batch_size: int = 128
    lr: float = 0.1
    optimizer: Literal["sgd", "adam"] = "sgd"
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 1e-4
    schedule: Literal["step", "cosine", "linear"] = "step"
    milestones: tuple[int, ...] = ()
    decay: float = 0.1
    knots: tuple[tuple[float, float], ...] = ()
    pairs: Literal["within", "across"] = "within"
    drop_last: bool = False
    accumulate: int = 1
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    channels_last: bool = False
    compile: bool = False
    ema: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            object.__setattr__(self, field.name, _plain(getattr(self, field.name)))
        if not isinstance(self.milestones, Iterable):
            raise ValueError(f"milestones must be a list of epochs, got {self.milestones!r}: e.g. ({self.milestones!r},)")
        object.__setattr__(self, "milestones", tuple(_plain(each) for each in self.milestones))  # JSON gives lists
        object.__setattr__(self, "knots", tuple((float(epoch), float(factor)) for epoch, factor in self.knots))
        checks = {
            "epochs": (isinstance(self.epochs, int) and self.epochs >= 1, "a whole number, at least 1"),
            "batch_size": (isinstance(self.batch_size, int) and self.batch_size >= 1, "a whole number, at least 1"),
            "lr": (0 < self.lr < math.inf, "positive and finite"),
            "optimizer": (self.optimizer in ("sgd", "adam"), "'sgd' or 'adam'"),
            "momentum": (0 <= self.momentum < 1, "in [0, 1)"),
            "nesterov": (not self.nesterov or self.momentum > 0, "False where momentum is 0"),
            "weight_decay": (0 <= self.weight_decay < math.inf, "at least 0 and finite"),
            "milestones": (all(m >= 1 for m in self.milestones), "epochs, at least 1"),
            "decay": (0 < self.decay <= 1, "in (0, 1]"),
            "schedule": (self.schedule in ("step", "cosine", "linear"), "'step', 'cosine' or 'linear'"),
            "knots": (self._knots_fit(), "pairs (epoch, factor >= 0) from epoch 0 on for 'linear', and else ()"),
            "pairs": (self.pairs in ("within", "across"), "'within' or 'across'"),
            "accumulate": (1 <= self.accumulate <= self.batch_size, "from 1 to batch_size"),
            "precision": (self.precision in ("fp32", "bf16", "fp16"), "'fp32', 'bf16' or 'fp16'"),
            "ema": (0 <= self.ema < 1, "in [0, 1)"),
        }
        for name, (holds, wanted) in checks.items():
            if not holds:
                raise ValueError(f"{name} must be {wanted}, got {getattr(self, name)!r}")

    def steps(self, samples: int) -> int:
        """Number of steps in an epoch of so many samples."""
        whole, rest = divmod(samples, self.batch_size)
        return whole + (rest > 0 and not self.drop_last)

    def lr_at(self, epoch: float) -> float:
        """Learning rate in ``epoch``, counted from 0; 2.5 is the middle of epoch 2, for schedules that change there."""
        if self.schedule == "cosine":
            return self.lr * (1 + math.cos(math.pi * min(epoch / self.epochs, 1))) / 2
        if self.schedule == "linear":
            return self.lr * _along(self.knots, epoch)
        return self.lr * self.decay ** sum(epoch >= milestone for milestone in self.milestones)

    def _knots_fit(self) -> bool:
        epochs = [epoch for epoch, _ in self.knots]
        ordered = epochs == sorted(epochs) and all(factor >= 0 for _, factor in self.knots)
        return ordered and (epochs[:1] == [0] if self.schedule == "linear" else not epochs)

    def make_optimizer(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """A fresh optimizer for ``parameters``."""
        if self.optimizer == "adam":
            return torch.optim.Adam(parameters, lr=self.lr, weight_decay=self.weight_decay)
        return torch.optim.SGD(
            parameters, lr=self.lr, momentum=self.momentum, weight_decay=self.weight_decay, nesterov=self.nesterov
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON: ``Recipe(**recipe.as_dict())`` gives the recipe back."""
        return asdict(self) | {"milestones": list(self.milestones), "knots": [list(knot) for knot in self.knots]}


def _plain(value: Any) -> Any:
    """A number of numpy as one of Python, the only ones that JSON and torch's safe reader of checkpoints take."""
    return value.item() if isinstance(value, np.generic) else value


def _along(knots: tuple[tuple[float, float], ...], epoch: float) -> float:
    """The broken line through the knots; at a jump the later value, after the last knot its value."""
    before = [knot for knot in knots if knot[0] <= epoch][-1]
    after = next((knot for knot in knots if knot[0] > epoch), before)
    share = (epoch - before[0]) / (after[0] - before[0]) if after is not before else 0.0
    return before[1] + share * (after[1] - before[1])
