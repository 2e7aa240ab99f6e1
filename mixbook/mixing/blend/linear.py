"""The linear blend: lambda x + (1 - lambda) x'."""

from dataclasses import dataclass

import torch
from torch import Tensor

from mixbook.mixing.plan import MixPlan
from mixbook.transfer import send


@dataclass(frozen=True)
class Linear:
    """Convex combination of the two samples (mixup, eq. 1; manifold mixup, Section 2; multi-mix, eq. 2, whose lambda is
    ours subtracted from 1).

    Example:
        >>> import torch, mixbook as mb
        >>> plan = mb.Mixer(ratio=mb.Fixed(0.75), blend=mb.Linear()).plan(torch.rand(4, 8))
        >>> plan.weights[0]
        tensor([0.7500, 0.2500])
    """

    def plan(
        self,
        x: Tensor,
        partner: Tensor,
        lam: Tensor,
        generator: torch.Generator | None = None,
        y: Tensor | None = None,
    ) -> MixPlan:
        """Plan for ``K * B`` mixtures: see :class:`mixbook.mixing.blend.Blend`."""
        weight = lam.flatten()
        return MixPlan.of_pairs(partner, send(torch.stack([weight, 1 - weight], dim=1), x.device), rows=x.shape[0])
