"""What blends by masks have in common: which part of each mixture shows the original."""

import torch
from torch import Tensor

from mixbook.mixing.plan import MixPlan
from mixbook.mixing.scope import Scope
from mixbook.transfer import send


def image_size(x: Tensor) -> tuple[int, int]:
    """Height and width of images (R, channels, H, W).

    Raises:
        ValueError: if ``x`` has another number of axes, or no pixel.
    """
    if x.ndim != 4 or x.shape[2] == 0 or x.shape[3] == 0:
        raise ValueError(f"masks need images of shape (rows, channels, height, width), got x of shape {tuple(x.shape)}")
    return x.shape[2], x.shape[3]


def levels(lam: Tensor, per: Scope) -> Tensor:
    """The weights that need a mask of their own: (K, 1) where the batch shares its masks and lambda, (K, B) elsewhere."""
    first = lam[:, :1]
    one = lam.stride(1) == 0 or bool((lam == first).all())  # the first where a ratio per batch has been expanded
    return first if per == "batch" and one else lam


def covered(low: Tensor, high: Tensor, height: int, width: int) -> Tensor:
    """Which pixels boxes cover, bool (..., height, width).

    Args:
        low, high: first row and column of each, and the first ones behind it, (2, ...); beyond the image they are cut off.
    """
    pixel = torch.arange(max(height, width), device=low.device)
    within = (pixel >= low[..., None]) & (pixel < high[..., None])
    return within[0, ..., :height, None] & within[1, ..., None, :width]


def masked_plan(x: Tensor, partner: Tensor, original: Tensor) -> MixPlan:
    """Plan of mixtures that show the original where a mask says so, and the partner elsewhere.

    Args:
        x: what is mixed, (R, C, H, W).
        partner: row of ``x`` that each sample is mixed with, int64 (B,).
        original: how much of the original shows at each pixel, float32 or bool (K, B, H, W), or (K, 1, H, W) where the
            batch shares it: then it is stored once, as far as a view can.
    """
    weight = original.mean(dim=(2, 3), dtype=torch.float64).float()
    partners = ~original if original.dtype == torch.bool else 1 - original
    masks = torch.stack([original, partners], dim=2).float()
    return plan_of_masks(x, partner, torch.stack([weight, 1 - weight], dim=2), masks)


def plan_of_masks(x: Tensor, partner: Tensor, weights: Tensor, masks: Tensor) -> MixPlan:
    """The same from both masks of each mixture, float32 (K, B, 2, H, W) or (K, 1, 2, H, W), and their means, (K, B, 2)."""
    if masks.device != x.device:
        weights, masks = send(weights, x.device), send(masks, x.device)
    size = partner.shape[0]
    if masks.shape[1] != size:
        weights, masks = weights.expand(-1, size, -1), masks.expand(-1, size, -1, -1, -1)
    return MixPlan.of_pairs(partner, weights.flatten(0, 1), x.shape[0], masks=masks.flatten(0, 1)[:, :, None])
