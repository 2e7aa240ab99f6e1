"""How two samples are put together: one file for each way."""

from typing import Protocol

import torch
from torch import Tensor

from mixbook.mixing.plan import MixPlan


class Blend(Protocol):
    """Turns pairs and weights into a plan.

    A blend that itself chooses who is mixed with whom has an attribute ``chooses_partners``, true; a mixer then refuses a
    pairing that would change nothing.
    """

    def plan(
        self,
        x: Tensor,
        partner: Tensor,
        lam: Tensor,
        generator: torch.Generator | None = None,
        y: Tensor | None = None,
    ) -> MixPlan:
        """Plan for ``K * B`` mixtures of a batch ``x`` (B, ...).

        Args:
            x: what is mixed, of shape (R, ...) with R >= B rows: the batch and, behind it, any second batch.
            partner: row of ``x`` that each sample is mixed with, int64 (B,).
            lam: weight of the original sample, float32 (K, B).
            generator: source of randomness for blends that draw something of their own.
            y: targets of the rows of ``x``, for blends that look at them (saliency); None where they are not known.
        """
        ...
