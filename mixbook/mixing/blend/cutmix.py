"""CutMix: a box of the partner pasted into the original."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mixbook.mixing.blend.spatial import covered, image_size, levels, masked_plan, plan_of_masks
from mixbook.mixing.plan import MixPlan
from mixbook.mixing.scope import Scope, check_scope
from mixbook.transfer import send


@dataclass(frozen=True)
class CutMix:
    """A box of the partner, at the same place, covers a share 1 - lambda of the original (Yun et al. 2019).

    The sides of the box are sqrt(1 - lambda) times those of the image. Its centre is uniform, so a box may stick out and is
    then clipped: the weight is the true area of what is left of the original, at least lambda but for rounding, and lambda
    = 0 still shows some of it. Half sides are rounded down to pixels, as in the released code. So where a side of the image
    has 2 pixels or fewer no box holds any, which is refused, and of 3 or 4 pixels many boxes hold none.

    The K draws of a pair share one centre, so their boxes are nested (multi-mix, Section III-A2, whose lambda is the pasted
    share and thus ours subtracted from 1).

    Args:
        per: ``"batch"`` shares the place among all pairs of a batch, as in the released code; ``"pair"`` draws it for each.
        inside: keep every box whole within the image, at a uniform place. Then the weight is lambda but for rounding, and
            lambda = 0 shows the partner alone. Not as published.

    Raises:
        ValueError: if ``per`` is neither; when planning, if ``x`` is not a batch of images (R, C, H, W), or a side of
            them has 2 pixels or fewer and not ``inside``.

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
        if not self.inside and min(height, width) < 3:  # half a side is then less than 1 pixel, unless lambda is 0
            whole = "" if height * width == 1 else "take CutMix(inside=True), on the command line --blend whole_cutmix, or "
            raise ValueError(
                f"no box of whole pixels fits into {height} x {width}, for half its side is rounded down to 0, and nothing "
                f"would be mixed: {whole}mix at an earlier layer or by averages, as mixup does"
            )
        shared = levels(lam, self.per)
        places = 1 if self.per == "batch" else partner.shape[0]
        place = torch.rand(2, 1, places, dtype=torch.float64, generator=generator, device=lam.device)
        if lam.device.type == "cpu" and (x.device.type == "cpu" or shared.shape[1] == 1):
            return plan_of_masks(x, partner, *self._pasted(shared, place, height, width))
        # The ends of many boxes are found where the generator is; their pixels need not be sent from there.
        low, high = self._ends(shared.double(), place, torch.tensor([height, width], device=lam.device)[:, None, None])
        low, high = send(torch.stack([low, high]), x.device)
        return masked_plan(x, partner, ~covered(low, high, height, width))

    def _pasted(self, lam: Tensor, place: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Weights (K, B, 2) and masks (K, B, 2, height, width), box by box: a few numbers are faster than small tensors."""
        weights = np.empty((lam.numel(), 2), dtype=np.float32)
        masks = np.zeros((lam.numel(), 2, height, width), dtype=np.float32)
        masks[:, 0] = 1
        places = place.expand(2, *lam.shape).reshape(2, -1).tolist()
        for n, (one, down, across) in enumerate(zip(lam.flatten().tolist(), *places, strict=True)):
            top, bottom = _within(*self._ends(one, down, height), height)
            left, right = _within(*self._ends(one, across, width), width)
            masks[n, 0, top:bottom, left:right] = 0
            masks[n, 1, top:bottom, left:right] = 1
            weights[n, 0] = (height * width - (bottom - top) * (right - left)) / (height * width)
        weights[:, 1] = 1 - weights[:, 0]
        return torch.from_numpy(weights).view(*lam.shape, 2), torch.from_numpy(masks).view(*lam.shape, 2, height, width)

    def _ends(self, lam: Any, place: Any, length: Any) -> tuple[Any, Any]:
        """First row or column that boxes cover, and the first one behind them: (2, K, B) for height and width.

        Tensors lambda (K, B), places (2, 1, B) as shares of ``length`` (2, 1, 1), or a number each, for one side of one
        box. What sticks out of the image is not cut off yet.
        """
        side = (1 - lam) ** 0.5
        if self.inside:
            size = (side * length + 0.5) // 1
            low = place * (length - size + 1) // 1
            return low, low + size
        centre, half = place * length // 1, side * length / 2 // 1
        return centre - half, centre + half


def _within(low: float, high: float, length: int) -> tuple[int, int]:
    return max(0, int(low)), min(length, int(high))
