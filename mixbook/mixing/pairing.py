"""Who is mixed with whom: a partner for each sample of a batch."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from mixbook.mixing.transport import assignment, squared_cost


class Pairing(Protocol):
    """Finds a partner for each sample. Nobody is chosen twice: partners are a permutation."""

    def pair(self, x: Tensor, other: Tensor | None = None, generator: torch.Generator | None = None) -> Tensor:
        """Partners of the samples of a batch.

        Args:
            x: the batch, (B, ...).
            other: a second, independent batch of the same length that partners come from; the batch itself if None.
            generator: source of the random permutation.

        Returns:
            int64 (B,) on the device of ``x``: row of ``other`` (or of ``x``) that each sample is mixed with.
        """
        ...


@dataclass(frozen=True)
class RandomPairing:
    """A random permutation: mixup (Zhang et al. 2018)."""

    def pair(self, x: Tensor, other: Tensor | None = None, generator: torch.Generator | None = None) -> Tensor:
        """Partners (B,): see :class:`Pairing`."""
        return _shuffle(x, other, generator).to(x.device)


@dataclass(frozen=True)
class OptimalTransport:
    """Exact optimal matching in blocks of k: k-mixup (Section 2 of its TMLR version, squared Euclidean cost).

    The batch is cut into blocks of k consecutive samples, a randomly permuted copy of it (or of the second batch) too;
    each block is matched with its counterpart so that the summed squared distance is least. What remains when k does not
    divide B is matched as a smaller block. With k = 1 this is :class:`RandomPairing`.

    Within one batch a sample finds itself in its counterpart block with probability k / B and then mostly stays unmixed
    (in high dimension nearly always, for k = B always): use a batch much larger than k, or partners from a second batch.

    Args:
        k: block size, >= 1.
        strict: refuse a batch smaller than k. ``False`` matches it as one smaller block, for the last batch of an epoch.

    Raises:
        ValueError: if ``k`` is less than 1; when pairing, if the batch is smaller than k (and ``strict``), or a feature is
            NaN or infinite.
    """

    k: int
    strict: bool = True

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ValueError(f"k must be at least 1, got {self.k}: k=1 is mixup, k=16 a good start")

    def pair(self, x: Tensor, other: Tensor | None = None, generator: torch.Generator | None = None) -> Tensor:
        """Partners (B,): see :class:`Pairing`."""
        candidates = _shuffle(x, other, generator).to(x.device)
        if self.k == 1:
            return candidates
        if self.strict and self.k > len(x):
            raise ValueError(
                f"k={self.k} is larger than the batch of {len(x)}: use a smaller k, a larger batch, drop_last=True in the "
                "loader, or strict=False to match a short batch as one block"
            )
        left = x.detach().flatten(1)
        right = (x if other is None else other).detach().flatten(1)[candidates]
        if left.dtype in (torch.float16, torch.bfloat16):
            left, right = left.float(), right.float()
        whole = len(x) - len(x) % self.k
        columns = [_match(left[:whole], right[:whole], self.k), _match(left[whole:], right[whole:], len(x) - whole)]
        columns[1] += whole
        return candidates[torch.cat(columns).to(x.device)]


def _shuffle(x: Tensor, other: Tensor | None, generator: torch.Generator | None) -> Tensor:
    if len(x) == 0:
        raise ValueError("x is an empty batch: there is nobody to pair")
    if other is not None and other.shape != x.shape:
        raise ValueError(f"the second batch must have the shape of the first, {tuple(x.shape)}, got {tuple(other.shape)}")
    device = "cpu" if generator is None else generator.device
    return torch.randperm(len(x), generator=generator, device=device)


def _match(left: Tensor, right: Tensor, size: int) -> Tensor:
    """Rows of ``right`` matched with the rows of ``left``, block of ``size`` by block."""
    if len(left) == 0:
        return torch.empty(0, dtype=torch.int64)
    blocks = (-1, size, left.shape[1])
    columns = assignment(squared_cost(left.reshape(blocks), right.reshape(blocks)))
    return (columns + size * torch.arange(len(columns))[:, None]).flatten()
