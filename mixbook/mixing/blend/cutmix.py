"""CutMix: a box of the partner pasted into the original."""

from dataclasses import dataclass

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
        side = (1 - levels(lam, self.per).double()).sqrt()
        places = 1 if self.per == "batch" else len(partner)
        place = torch.rand(2, 1, places, dtype=torch.float64, generator=generator, device=lam.device)
        low, high = self._ends(side, place, torch.tensor([height, width], device=lam.device)[:, None, None])
        # The box's ends are drawn where the generator is; its pixels need not be sent from there.
        pixel, low, high = torch.arange(max(height, width), device=x.device), low.to(x.device), high.to(x.device)
        covered = (pixel >= low[..., None]) & (pixel < high[..., None])
        box = covered[0, ..., :height, None] & covered[1, ..., None, :width]
        return masked_plan(x, partner, (~box).float())

    def _ends(self, side: Tensor, place: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
        """First row or column that boxes cover, and the first one behind them: (2, K, B) for height and width.

        Sides (K, B) and places (2, 1, B) are shares of ``length`` (2, 1, 1). What sticks out is not cut off yet.
        """
        if self.inside:
            size = (side * length).round()
            low = (place * (length - size + 1)).floor()
            return low, low + size
        centre, half = (place * length).floor(), (side * length / 2).floor()
        return centre - half, centre + half
