"""CutMix: a box of the partner pasted into the original."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mixbook.mixing.blend.spatial import image_size, levels, masked_plan
from mixbook.mixing.plan import MixPlan
from mixbook.mixing.scope import Scope, check_scope


@dataclass(frozen=True)
class CutMix:
    """A box of the partner, at the same place, covers a share 1 - lambda of the original (Yun et al. 2019).

    The sides of the box are sqrt(1 - lambda) times those of the image. Its centre is uniform, so a box may stick out and is
    then clipped: the weight is the true area of what is left of the original, at least lambda but for rounding, and lambda
    = 0 still shows some of it. Half sides are rounded down to pixels, as in the released code.

    The K draws of a pair share one centre, so their boxes are nested (multi-mix, Section III-A2, whose lambda is the pasted
    share and thus ours subtracted from 1).

    Args:
        per: ``"batch"`` shares the place among all pairs of a batch, as in the released code; ``"pair"`` draws it for each.
        inside: keep every box whole within the image, at a uniform place. Then the weight is lambda but for rounding, and
            lambda = 0 shows the partner alone. Not as published.

    Raises:
        ValueError: if ``per`` is neither; when planning, if ``x`` is not a batch of images (R, C, H, W).

    Example:
        >>> import torch, mixbook as mb
        >>> x = torch.stack([torch.zeros(1, 8, 8), torch.ones(1, 8, 8)])
        >>> plan = mb.Mixer(ratio=mb.Fixed(0.75), blend=mb.CutMix(inside=True)).plan(x)
        >>> plan.masks.shape, plan.weights[0]  # a box of 4 x 4 pixels
        (torch.Size([2, 2, 1, 8, 8]), tensor([0.7500, 0.2500]))
    """

    per: Scope = "batch"
    inside: bool = False

    def __post_init__(self) -> None:
        check_scope(self.per)

    def plan(
        self,
        x: Tensor,
        partner: Tensor,
        lam: Tensor,
        generator: torch.Generator | None = None,
        y: Tensor | None = None,
    ) -> MixPlan:
        """Plan for ``K * B`` mixtures: see :class:`mixbook.mixing.blend.Blend`."""
        height, width = image_size(x)
        shared = levels(lam, self.per)
        places = 1 if self.per == "batch" else len(partner)
        place = torch.rand(2, 1, places, dtype=torch.float64, generator=generator, device=lam.device)
        if x.device.type == lam.device.type == "cpu":  # on arrays as small as these, NumPy takes a fraction of the time
            ends = self._ends(shared.double().numpy(), place.numpy(), np.array([height, width])[:, None, None])
            return masked_plan(x, partner, torch.from_numpy(~_covered(np.arange(max(height, width)), *ends, height, width)))
        # The box's ends are found where the generator is; its pixels need not be sent from there.
        low, high = self._ends(shared.double(), place, torch.tensor([height, width], device=lam.device)[:, None, None])
        pixel = torch.arange(max(height, width), device=x.device)
        return masked_plan(x, partner, ~_covered(pixel, low.to(x.device), high.to(x.device), height, width))

    def _ends(self, lam: Any, place: Any, length: Any) -> tuple[Any, Any]:
        """First row or column that boxes cover, and the first one behind them: (2, K, B) for height and width.

        All are tensors or all are arrays: lambda (K, B), places (2, 1, B) as shares of ``length`` (2, 1, 1). What sticks
        out of the image is not cut off yet.
        """
        side = (1 - lam) ** 0.5
        if self.inside:
            size = (side * length + 0.5) // 1
            low = place * (length - size + 1) // 1
            return low, low + size
        centre, half = place * length // 1, side * length / 2 // 1
        return centre - half, centre + half


def _covered(pixel: Any, low: Any, high: Any, height: int, width: int) -> Any:
    """Which pixels boxes cover, bool (K, B, height, width), from the ends (2, K, B) of their sides."""
    within = (pixel >= low[..., None]) & (pixel < high[..., None])
    return within[0, ..., :height, None] & within[1, ..., None, :width]
