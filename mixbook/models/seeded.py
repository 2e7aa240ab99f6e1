"""Initial weights that depend on a seed and on nothing else."""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

Model = TypeVar("Model", bound=nn.Module)


def seeded(seed: int, make_model: Callable[[], Model]) -> Model:
    """Build a model on the CPU with weights drawn from ``seed``; the global random state stays as it was.

    Layers of torch draw their weights from the global generator and take no other, so it is lent to them::

        model = seeded(0, lambda: MLP(4, (120, 84), 3))

    Example:
        >>> import torch
        >>> from mixbook.models import MLP, seeded
        >>> one, two = (seeded(0, lambda: MLP(4, (8,), 3)) for _ in range(2))
        >>> torch.equal(one.head.weight, two.head.weight)
        True
    """
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        # Not torch.manual_seed: that would also reseed every GPU, outside of this fork.
        torch.default_generator.manual_seed(seed)
        return make_model()
