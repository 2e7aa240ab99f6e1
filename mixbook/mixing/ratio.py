"""How much of each sample goes into a mixture: the laws of lambda, the weight of the original."""

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Protocol

import torch
from torch import Tensor

from mixbook.generators import draw_device, drawn_by
from mixbook.mixing.checks import built_in, check_count
from mixbook.mixing.scope import Scope, check_scope


class Ratio(Protocol):
    """A law of lambda."""

    def sample(self, batch_size: int, generator: torch.Generator | None = None) -> Tensor:
        """Weights of the original samples, float32 (K, B), sorted along the K draws, on the generator's device (CPU)."""
        ...


@dataclass(frozen=True)
class Beta:
    """lambda ~ Beta(alpha, alpha), the law of mixup (Zhang et al. 2018, eq. 2).

    A small alpha keeps mixtures near one of their ends, alpha = 1 is uniform, a large alpha gives midpoints.

    Args:
        alpha: shape of the law, > 0.
        draws: K, the number of interpolations of each pair, in increasing order (multi-mix, eq. 6).
        per: ``"batch"`` shares each draw among all pairs of a batch, as the papers do; ``"pair"`` draws for each pair, that
            is, for each sample with its partner. So a draw per pair is one per sample; they differ only where two samples
            are each other's partners and may share a draw, as in timm's modes: ``compat.Mixup(mode=)``.

    Raises:
        ValueError: if ``alpha`` is not positive, ``draws`` is no whole number >= 1, or ``per`` is neither.

    Example:
        >>> import torch, mixbook as mb
        >>> lam = mb.Beta(0.2, draws=5).sample(batch_size=3)
        >>> lam.shape, bool((lam.diff(dim=0) >= 0).all())
        (torch.Size([5, 3]), True)
    """

    alpha: float = 1.0
    draws: int = 1
    per: Scope = "batch"

    def __post_init__(self) -> None:
        if not 0 < self.alpha < float("inf"):
            raise ValueError(f"alpha must be positive and finite, got {self.alpha}: try 1.0, or Fixed(1.0) for no mixing")
        _check(self.draws, self.per)

    def sample(self, batch_size: int, generator: torch.Generator | None = None) -> Tensor:
        """Weights of the original samples, float32 (draws, B): see :class:`Ratio`."""

        def law(shape: tuple[int, ...]) -> Tensor:
            return symmetric_beta(self.alpha, shape, generator)

        return _draw(law, self.draws, self.per, batch_size)


@dataclass(frozen=True)
class TruncatedBeta:
    """lambda ~ Beta(alpha, alpha) on [1/2, 1]: the original is always the larger part (k-mixup, Theorem H.1).

    A Beta(alpha, alpha) is symmetric, so its restriction to [1/2, 1] is the law of max(lambda, 1 - lambda).

    Args:
        alpha, draws, per: as for :class:`Beta`.

    Raises:
        ValueError: if ``alpha`` is not positive, ``draws`` is no whole number >= 1, or ``per`` is neither.

    Example:
        >>> import mixbook as mb
        >>> bool((mb.TruncatedBeta(1.0, per="pair").sample(100) >= 0.5).all())
        True
    """

    alpha: float = 1.0
    draws: int = 1
    per: Scope = "batch"

    def __post_init__(self) -> None:
        Beta(self.alpha, self.draws, self.per)  # the same arguments, so the same checks

    def sample(self, batch_size: int, generator: torch.Generator | None = None) -> Tensor:
        """Weights of the original samples, float32 (draws, B): see :class:`Ratio`."""

        def law(shape: tuple[int, ...]) -> Tensor:
            lam = symmetric_beta(self.alpha, shape, generator)
            return torch.maximum(lam, 1 - lam)

        return _draw(law, self.draws, self.per, batch_size)


@dataclass(frozen=True)
class Uniform:
    """lambda uniform on [low, high]; Uniform() is Beta(1).

    Args:
        low, high: ends of the interval, 0 <= low <= high <= 1.
        draws, per: as for :class:`Beta`.

    Raises:
        ValueError: if the interval is not within [0, 1], ``draws`` is no whole number >= 1, or ``per`` is neither.

    Example:
        >>> import mixbook as mb
        >>> lam = mb.Uniform(0.4, 0.6, per="pair").sample(100)
        >>> bool(lam.min() >= 0.4), bool(lam.max() <= 0.6)
        (True, True)
    """

    low: float = 0.0
    high: float = 1.0
    draws: int = 1
    per: Scope = "batch"

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high <= 1:
            raise ValueError(f"low and high must satisfy 0 <= low <= high <= 1, got {self.low} and {self.high}")
        _check(self.draws, self.per)

    def sample(self, batch_size: int, generator: torch.Generator | None = None) -> Tensor:
        """Weights of the original samples, float32 (draws, B): see :class:`Ratio`."""

        def law(shape: tuple[int, ...]) -> Tensor:
            unit = torch.rand(shape, dtype=torch.float64, **drawn_by(generator))
            return self.low + (self.high - self.low) * unit

        return _draw(law, self.draws, self.per, batch_size)


@dataclass(frozen=True, init=False)
class Fixed:
    """The same weights in every batch: ``Fixed(0.5)`` gives midpoints, ``Fixed(1.0)`` does not mix.

    Args:
        lam: the weights, one for each interpolation, each in [0, 1]: ``Fixed(0.25, 0.5, 0.75)`` has K = 3.

    Raises:
        ValueError: if there is no weight, or one is not a number in [0, 1], such as a list of them.

    Example:
        >>> import mixbook as mb
        >>> mb.Fixed(0.25, 0.5, 0.75).sample(batch_size=2)
        tensor([[0.2500, 0.2500],
                [0.5000, 0.5000],
                [0.7500, 0.7500]])
    """

    lam: tuple[float, ...]

    def __init__(self, *lam: float) -> None:
        if not lam or not all(isinstance(weight, Real) and 0 <= weight <= 1 for weight in lam):
            raise ValueError(f"lam must be one or more weights in [0, 1], got {lam}: e.g. Fixed(0.25, 0.5)")
        object.__setattr__(self, "lam", lam)

    def sample(self, batch_size: int, generator: torch.Generator | None = None) -> Tensor:
        """Weights of the original samples, float32 (draws, B): see :class:`Ratio`."""
        weights = torch.tensor(sorted(self.lam), dtype=torch.float32, device=draw_device(generator))
        return weights[:, None].expand(-1, batch_size)


def lambdas(ratio: Ratio, batch_size: int, generator: torch.Generator | None) -> Tensor:
    """What a ratio draws for a batch, float32 (K, B); of a reader's own it is looked at.

    Raises:
        TypeError: if it is no tensor of floats.
        ValueError: if its shape is another, a number is not in [0, 1], or the draws of a pair are not in increasing order.

    Example:
        >>> import torch, mixbook as mb
        >>> from mixbook.mixing.ratio import lambdas
        >>> lambdas(mb.Fixed(0.75), 4, torch.Generator().manual_seed(0))
        tensor([[0.7500, 0.7500, 0.7500, 0.7500]])
    """
    lam = ratio.sample(batch_size, generator)
    if built_in(ratio):
        return lam
    wanted = f"{type(ratio).__name__}.sample must give lambda in [0, 1], float32 (K, {batch_size})"
    if not isinstance(lam, Tensor) or not lam.is_floating_point():
        raise TypeError(f"{wanted}, got {lam.dtype if isinstance(lam, Tensor) else type(lam).__name__}")
    if lam.ndim != 2 or lam.shape[1] != batch_size or not len(lam):
        raise ValueError(f"{wanted}, got shape {tuple(lam.shape)}")
    if not ((lam >= 0) & (lam <= 1)).all():
        raise ValueError(f"{wanted}, got values from {float(lam.min()):.3g} to {float(lam.max()):.3g}")
    if len(lam) > 1 and (lam.diff(dim=0) < 0).any():
        raise ValueError(f"{wanted}, in increasing order along the K draws: return lam.sort(dim=0).values")
    return lam.float()


def symmetric_beta(alpha: float, shape: tuple[int, ...], generator: torch.Generator | None) -> Tensor:
    """Draws from Beta(alpha, alpha), float64 of this shape, on the generator's device; right for the smallest alpha too.

    Example:
        >>> from mixbook.mixing.ratio import symmetric_beta
        >>> symmetric_beta(1.0, (2, 3), None).shape
        torch.Size([2, 3])
    """
    # Two gammas, normalised, of shapes whose sum is still finite.
    shapes = torch.full((*shape, 2), min(alpha, 1e300), dtype=torch.float64, device=draw_device(generator))
    if alpha >= 0.01:
        return torch._sample_dirichlet(shapes, generator)[..., 0]
    # Both gammas underflow to 0 more and more often, and PyTorch then says 1/2. So in logarithms: a gamma of shape alpha is
    # one of shape alpha + 1 times a power of a uniform number.
    unit = torch.rand(shapes.shape, dtype=torch.float64, generator=generator, device=shapes.device)
    log_gamma = torch._standard_gamma(shapes + 1, generator).log() + unit.log() / alpha
    return (log_gamma[..., 0] - log_gamma[..., 1]).sigmoid()


def _draw(law: Callable[[tuple[int, ...]], Tensor], draws: int, per: Scope, batch_size: int) -> Tensor:
    lam = law((draws, batch_size if per == "pair" else 1))
    ordered = lam if draws == 1 else lam.sort(dim=0).values
    return ordered.float().expand(draws, batch_size)


def _check(draws: int, per: str) -> None:
    check_count("draws", draws, "1 is mixup, 5 is multi-mix as published")
    check_scope(per)
