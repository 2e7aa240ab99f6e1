"""FMix: masks of any shape, from smooth noise that is cut at a level."""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from mixbook.generators import draw_device
from mixbook.mixing.blend.spatial import image_size, levels, masked_plan
from mixbook.mixing.plan import MixPlan
from mixbook.mixing.scope import Scope, check_scope

Legacy = Literal["rows", "real"]
_STEEPEST = 50  # beyond it nothing is left but the lowest frequency, and powers overflow in the end


@dataclass(frozen=True)
class FMix:
    """The original shows where smooth noise is largest, on a share lambda of the pixels (Harris et al. 2020).

    The number of those pixels is lambda H W, rounded up or down at random so that its mean is that; the weight is the
    mask's own mean, not lambda. (The released code tosses a fair coin between up and down, and weighs by lambda.)

    The K draws of a pair cut one and the same noise at K levels, so their masks are nested, and what the original loses
    from one mixture to the next it does not get back. No paper defines multi-mix for FMix; this is its natural ordered
    form.

    Args:
        per: ``"batch"`` shares the noise among all pairs of a batch, as in the released code; ``"pair"`` draws it for each.
        decay: amplitudes of the noise fall with frequency to the power of -decay; the larger, the smoother. >= 0.
        max_soft: width of the soft edge, as the share of all pixels on each side of the level; 0 for hard masks. In
            [0, 1/2]. It narrows near lambda = 0 and 1, so that the mask's mean stays what it is.
        legacy: a fault of the released code to reproduce, or None: see :func:`smooth_noise`.

    Raises:
        ValueError: if an argument is out of range; when planning, if ``x`` is not a batch of images (R, C, H, W).

    Example:
        >>> import torch, mixbook as mb
        >>> plan = mb.Mixer(ratio=mb.Fixed(0.75), blend=mb.FMix()).plan(torch.rand(4, 1, 8, 8))
        >>> plan.masks.shape, plan.weights[0]  # 48 of 64 pixels
        (torch.Size([4, 2, 1, 8, 8]), tensor([0.7500, 0.2500]))
    """

    per: Scope = "batch"
    decay: float = 3.0
    max_soft: float = 0.0
    legacy: Legacy | None = None

    def __post_init__(self) -> None:
        check_scope(self.per)
        _check_noise(self.decay, self.legacy)
        if not 0 <= self.max_soft <= 0.5:
            raise ValueError(f"max_soft must lie in [0, 0.5], got {self.max_soft}: 0 gives hard masks")

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
        pixels = height * width
        images = 1 if self.per == "batch" else len(partner)
        noise = smooth_noise(images, height, width, self.decay, legacy=self.legacy, generator=generator).flatten(1)
        coin = torch.rand(images, dtype=torch.float64, generator=generator, device=noise.device)
        shown = (levels(lam, self.per).double() * pixels + coin).floor().clamp(max=pixels)[..., None]
        order = noise.argsort(dim=1, descending=True)
        rank = torch.empty_like(order).scatter_(1, order, torch.arange(pixels, device=order.device).expand_as(order))
        if self.max_soft == 0:
            mask = rank < shown
        else:
            # A ramp from 1 to 0 over the ranks near the level, symmetric to it, so that its sum is still `shown`.
            soft = torch.minimum(shown, pixels - shown).clamp(max=self.max_soft * pixels)
            mask = (0.5 + (shown - rank - 0.5) / (2 * soft).clamp(min=1)).clamp(0, 1)
        return masked_plan(x, partner, mask.float().unflatten(2, (height, width)))


def smooth_noise(
    images: int,
    height: int,
    width: int,
    decay: float = 3.0,
    *,
    legacy: Legacy | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Periodic random images with amplitudes that fall with frequency: float64 (images, height, width).

    White noise whose complex spectrum is divided by frequency (cycles per pixel, at least one per longer side) to the power
    of ``decay``. That is the law, but for a factor, of the real part of a full complex spectrum's inverse transform. Half a
    spectrum of independent numbers has another: the inverse real transform halves the energy of its first column, so that
    one meets fewer edges along the height than along the width.

    Args:
        images, height, width: the shape.
        decay: the exponent, >= 0.
        legacy: ``"rows"`` takes the spectrum's first two rows for its real and imaginary parts, so that the noise is made
            of the frequencies 0 and 1 along the width only. ``"real"`` lays real and imaginary parts beside one another
            as columns of a real spectrum, so that the noise is symmetric about a point, and squeezed along the width.
            Versions of the paper's repository (ecs-vlc/FMix) have the one or the other.
        generator: source of randomness; the noise is on its device.

    Raises:
        ValueError: if ``decay`` or ``legacy`` is out of range, or ``legacy="rows"`` is asked for images of one row.

    Example:
        >>> from mixbook.mixing.blend.fmix import smooth_noise
        >>> smooth_noise(2, 32, 24, decay=3.0).shape
        torch.Size([2, 32, 24])
    """
    _check_noise(decay, legacy)
    if legacy == "rows" and height < 2:
        raise ValueError(f"legacy='rows' needs images of at least 2 rows, got height {height}")
    device = draw_device(generator)
    down = torch.fft.fftfreq(height, dtype=torch.float64, device=device)
    across = torch.fft.rfftfreq(width, dtype=torch.float64, device=device)
    frequency = (down.square()[:, None] + across.square()).sqrt().clamp(min=1 / max(height, width))
    columns = frequency.shape[1]
    shape = (height, width) if legacy is None else (height, columns, 2)
    normal = torch.randn(images, *shape, dtype=torch.float64, generator=generator, device=device)
    scale = frequency.pow(-decay)
    if legacy is None:
        spectrum = torch.fft.rfft2(normal) * scale
    elif legacy == "rows":
        first, second = (normal * scale[..., None])[:, :2].unbind(1)
        spectrum = torch.complex(first, second)  # (images, columns, 2): all other bins are zero
    else:
        spectrum = (normal * scale[..., None]).flatten(2)[..., :columns].to(torch.complex128)
    return torch.fft.irfft2(spectrum, s=(height, width))


def _check_noise(decay: float, legacy: str | None) -> None:
    if not 0 <= decay <= _STEEPEST:
        raise ValueError(f"decay must lie in [0, {_STEEPEST}], got {decay}: 3 is what the paper uses")
    if legacy is not None and legacy not in get_args(Legacy):
        raise ValueError(f"legacy must be None or one of {get_args(Legacy)}, got {legacy!r}")
