"""Images whose background was exchanged or made noisy, given boxes around what they show (multi-mix, Section IV-E).

The paper took ready-made files whose recipe is not published. Here the background is what lies in no box, another image is
drawn at random from the same data, and noise is added to pixels in [0, 1], which stay there.
"""

import math
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from mixbook.data.batches import in_unit_range
from mixbook.evaluation.batches import at_least_one_batch, check_clip, check_in_clip, device_of, logits_of
from mixbook.evaluation.boxes import held
from mixbook.evaluation.localisation import Located
from mixbook.evaluation.metrics import accuracy
from mixbook.generators import drawn_by

_MANY = 16  # labels that are hardly in order by chance


class Corruption(Protocol):
    """Changes images outside of their boxes."""

    def __call__(self, x: Tensor, boxes: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Changed copies of images (B, channels, H, W), given their boxes, (B, 4) or (B, m, 4)."""
        ...


@dataclass(frozen=True, eq=False)
class OtherBackground:
    """The background becomes that part of another image, drawn uniformly: "random replacement".

    Args:
        pool: where other images come from, (n, channels, H, W); if None, from the rest of the batch, which must then be in
            random order: in the order of classes most backgrounds would show the right one. In the units of the images that
            are changed; bytes, as those of ``Pixels``, count as numbers in [0, 1] where these are floating point.

    Example:
        >>> import torch
        >>> from mixbook.evaluation import OtherBackground
        >>> x = torch.stack([torch.zeros(1, 4, 4), torch.ones(1, 4, 4)])
        >>> box = torch.tensor([[1.0, 1.0, 2.0, 2.0]] * 2)  # left, top, width, height
        >>> OtherBackground()(x, box, torch.Generator().manual_seed(0))[0, 0]
        tensor([[1., 1., 1., 1.],
                [1., 0., 0., 1.],
                [1., 0., 0., 1.],
                [1., 1., 1., 1.]])
    """

    pool: Tensor | None = None

    def __call__(self, x: Tensor, boxes: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """See :class:`Corruption`.

        Raises:
            ValueError: if the pool's images have another shape, or are numbers where ``x`` are bytes, or the batch has no
                other image.
        """
        if self.pool is not None:
            if self.pool.shape[1:] != x.shape[1:]:
                raise ValueError(f"pool must hold images {tuple(x.shape[1:])}, got {tuple(self.pool.shape[1:])}")
            if self.pool.is_floating_point() and not x.is_floating_point():
                raise ValueError(f"pool must be of the dtype of x, {x.dtype}, got {self.pool.dtype}: use x.float() / 255")
            others = self.pool[_integers(len(self.pool), len(x), generator)]
            others = in_unit_range(others) if x.is_floating_point() else others
        elif len(x) < 2:
            raise ValueError("x must hold two images at least, or there must be a pool: another image is to be drawn")
        else:
            # Uniform over the others: so many places further on, and not one's own.
            further = 1 + _integers(len(x) - 1, len(x), generator)
            others = x[((torch.arange(len(x)) + further) % len(x)).to(x.device)]
        return torch.where(_kept(x, boxes), x, others.to(x))


@dataclass(frozen=True)
class NoisyBackground:
    """Normal noise is added to each pixel and channel of the background: N(0, 0.1^2) in the paper.

    Args:
        std: standard deviation, > 0, in units of the images.
        clip: smallest and largest value of a pixel, or None.

    Raises:
        ValueError: if ``std`` is not positive and finite, or the smallest value of ``clip`` not below the largest.

    Example:
        >>> import torch
        >>> from mixbook.evaluation import NoisyBackground
        >>> x = torch.full((1, 1, 4, 4), 0.5)
        >>> box = torch.tensor([[1.0, 1.0, 2.0, 2.0]])  # left, top, width, height
        >>> noisy = NoisyBackground(0.1)(x, box, torch.Generator().manual_seed(0))
        >>> int((noisy == x).sum())  # the pixels of the object
        4
    """

    std: float = 0.1
    clip: tuple[float, float] | None = (0.0, 1.0)

    def __post_init__(self) -> None:
        if not 0 < self.std < math.inf:
            raise ValueError(f"std must be positive and finite, got {self.std}")
        check_clip(self.clip)

    def __call__(self, x: Tensor, boxes: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """See :class:`Corruption`.

        Raises:
            ValueError: if images lie outside of ``clip``, as normalised ones do, or hold NaN.
        """
        check_in_clip(x, self.clip)
        noise = torch.randn(x.shape, dtype=x.dtype, **drawn_by(generator, without=x.device)).to(x.device)
        noisy = x + self.std * noise
        return torch.where(_kept(x, boxes), x, noisy if self.clip is None else noisy.clamp(*self.clip))


def corrupted_accuracy(
    model: nn.Module, data: Iterable[Located], corruption: Corruption, generator: torch.Generator | None = None
) -> float:
    """Share of corrupted images that the network gets right, in [0, 1].

    Args:
        model: gives logits (B, C); pixels in [0, 1] are normalised inside (:class:`mixbook.models.Normalise`).
        data: batches of images, labels and boxes, such as ``tiny_imagenet("val").located(seed=0)``.
        corruption: how backgrounds are changed.
        generator: source of other images and of noise.

    Raises:
        ValueError: if there is no batch, or as the corruption does.

    Example:
        >>> import torch
        >>> from mixbook.evaluation import OtherBackground, corrupted_accuracy
        >>> # Two images of two pixels: the object, and the background, which this network sees.
        >>> x = torch.tensor([[[[0.5, 0.0]]], [[[0.5, 1.0]]]])
        >>> batch = x, torch.tensor([0, 1]), torch.tensor([[0.0, 0.0, 1.0, 1.0]] * 2)
        >>> corrupted_accuracy(torch.nn.Flatten(), [batch], OtherBackground())
        0.0
    """
    logits, labels = [], []
    device = device_of(model)
    for x, y, boxes in at_least_one_batch(data):
        if isinstance(corruption, OtherBackground) and corruption.pool is None:
            _warn_of_order(y)
        changed = corruption(in_unit_range(x), boxes, generator)
        logits.append(logits_of(model, changed if device is None else changed.to(device)))
        labels.append(y.cpu())
    return accuracy(torch.cat(logits), torch.cat(labels))


def _kept(x: Tensor, boxes: Tensor) -> Tensor:
    """Pixels that stay as they are, bool (B, 1, H, W)."""
    if x.ndim != 4 or len(boxes) != len(x):
        raise ValueError(f"x must be images (B, channels, H, W) with boxes for each, got {tuple(x.shape)} and {len(boxes)}")
    return held(boxes, x.shape[2], x.shape[3])[:, None].to(x.device)


def _warn_of_order(y: Tensor) -> None:
    if len(y) >= _MANY and bool((y.diff() >= 0).all()):
        warnings.warn(
            "images come in the order of their classes, so other images of a batch are mostly of the same class: mix the "
            "order, as located(seed=0) does, or pass OtherBackground(pool)",
            stacklevel=3,
        )


def _integers(high: int, count: int, generator: torch.Generator | None) -> Tensor:
    return torch.randint(high, (count,), **drawn_by(generator)).cpu()
