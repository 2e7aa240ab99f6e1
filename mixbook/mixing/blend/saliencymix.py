"""SaliencyMix: a box of the partner, around its most salient point."""

from dataclasses import dataclass

import torch
from torch import Tensor

from mixbook.mixing.blend.saliency import Saliency, magnitude, saliency_of
from mixbook.mixing.blend.spatial import covered, image_size, masked_plan
from mixbook.mixing.plan import MixPlan
from mixbook.transfer import send


@dataclass(frozen=True)
class SaliencyMix:
    """Pastes a box of the partner where the partner is most salient (Uddin et al. 2021; multi-mix, Figure 2).

    The box has the image's shape and, before it is cut at the image's border, the share 1 - lambda of its area; the weight
    of the original is what is left of it. K draws are boxes around the same point, the smallest last. With lambda 0 the
    partner is taken whole.

    Args:
        saliency: where each image matters: a function of images and targets. The paper uses a detector that is not
            learned; ``GradientSaliency(model)`` asks a model. The default is the values' own magnitude.

    Raises:
        ValueError: when planning, if ``x`` is not a batch of images, or the saliency needs targets that are not there.

    Example:
        >>> import torch, mixbook as mb
        >>> x = torch.zeros(2, 1, 8, 8)
        >>> x[:, :, 4, 4] = 1.0  # the salient pixel, around which the box lies
        >>> plan = mb.Mixer(ratio=mb.Fixed(0.75), blend=mb.SaliencyMix()).plan(x)
        >>> plan.weights[0]
        tensor([0.7500, 0.2500])
    """

    saliency: Saliency = magnitude

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
        peak = saliency_of(self.saliency, x, y)[partner].flatten(1).argmax(1)
        side = (1 - send(lam, x.device)).sqrt()
        size = torch.stack([side * height, side * width]).round().long()
        low = torch.stack([peak // width, peak % width])[:, None] - size // 2
        pasted = covered(low, low + size, height, width) | (side == 1)[..., None, None]
        return masked_plan(x, partner, ~pasted)
