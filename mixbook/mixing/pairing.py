"""Who is mixed with whom: a partner for each sample of a batch."""

from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import torch
from torch import Tensor

from mixbook.generators import drawn_by
from mixbook.mixing.checks import check_batches, check_count
from mixbook.mixing.matching import Cost, Matching, solve
from mixbook.mixing.transport import many_digits, squared_cost
from mixbook.transfer import send

Classes = Literal["same", "different", "any"]


class Pairing(Protocol):
    """Finds a partner for each sample."""

    def pair(
        self,
        x: Tensor,
        other: Tensor | None = None,
        generator: torch.Generator | None = None,
        y: Tensor | None = None,
        y2: Tensor | None = None,
    ) -> Tensor:
        """Partners of the samples of a batch.

        Args:
            x: the batch, (B, ...).
            other: a second, independent batch of the same length that partners come from; the batch itself if None.
            generator: source of randomness.
            y, y2: targets of ``x`` and of ``other``, for pairings that look at them; None where they are not known.

        Returns:
            int64 (B,) on the device of ``x``: row of ``other`` (or of ``x``) that each sample is mixed with.
        """
        ...


@dataclass(frozen=True)
class RandomPairing:
    """A random permutation, so nobody is chosen twice: mixup (Zhang et al. 2018).

    Example:
        >>> import torch, mixbook as mb
        >>> partner = mb.RandomPairing().pair(torch.rand(6, 8))
        >>> partner.sort().values
        tensor([0, 1, 2, 3, 4, 5])
    """

    def pair(
        self,
        x: Tensor,
        other: Tensor | None = None,
        generator: torch.Generator | None = None,
        y: Tensor | None = None,
        y2: Tensor | None = None,
    ) -> Tensor:
        """Partners (B,): see :class:`Pairing`."""
        return send(_shuffle(x, other, generator), x.device)


@dataclass(frozen=True)
class OptimalTransport:
    """Exact optimal matching in blocks of k: k-mixup (Section 2 of its TMLR version, squared Euclidean cost).

    The batch is cut into blocks of k consecutive samples, a randomly permuted copy of it (or of the second batch) too;
    each block is matched with its counterpart so that the summed squared distance is least. What remains when k does not
    divide B is matched as a smaller block. With k = 1 this is :class:`RandomPairing`.

    Nobody is chosen twice: partners are a permutation. Within one batch a sample finds itself in its counterpart block with
    probability k / B and then mostly stays unmixed (in high dimension nearly always, for k = B always);
    ``plan.self_matches`` reports the share. Use a batch much larger than k, or partners from a second batch; a batch of k
    rows that is its own source of partners is refused.

    Args:
        k: block size, >= 1.
        strict: refuse a batch smaller than k. ``False`` matches it as one smaller block, for the last batch of an epoch.
        cost: ``"squared"`` distances, as in the paper's text; ``"euclidean"`` ones, as in its Figure 5 and its released
            code. In many dimensions they rarely choose different partners, in the plane often.

    Raises:
        ValueError: if ``k`` is no whole number >= 1 or ``cost`` is neither; when pairing, if the batch is smaller than k,
            or as large and its own source of partners (and ``strict``), or a feature is NaN or infinite.

    Example:
        >>> import torch, mixbook as mb
        >>> x = torch.tensor([[0.0], [10.0]])
        >>> other = torch.tensor([[11.0], [1.0]])  # a second batch: its row 1 is near row 0 of the first
        >>> mb.OptimalTransport(2).pair(x, other)
        tensor([1, 0])
    """

    k: int
    strict: bool = True
    cost: Cost = "squared"

    def __post_init__(self) -> None:
        check_count("k", self.k, "k=1 is mixup, k=16 a good start")
        if self.cost not in get_args(Cost):
            raise ValueError(f"cost must be one of {get_args(Cost)}, got {self.cost!r}")

    def pair(
        self,
        x: Tensor,
        other: Tensor | None = None,
        generator: torch.Generator | None = None,
        y: Tensor | None = None,
        y2: Tensor | None = None,
    ) -> Tensor:
        """Partners (B,): see :class:`Pairing`."""
        return solve([self.begin(x, other, generator)])[0]

    def begin(self, x: Tensor, other: Tensor | None = None, generator: torch.Generator | None = None) -> Matching:
        """Draw the candidates and set up the matching, without solving it: for several batches that are solved together.

        ``solve([pairing.begin(x, generator=g) for x in batches])`` finds the partners that :meth:`pair` finds for each.
        """
        candidates = send(_shuffle(x, other, generator), x.device)
        self.block_size(len(x), within=other is None)  # which may refuse
        rows = _features(x)
        others = rows if other is None else _features(other)
        exact = torch.promote_types(rows.dtype, others.dtype)
        return Matching(rows.to(exact), others.to(exact), candidates, self.k, self.cost)

    def block_size(self, batch_size: int, *, within: bool = False) -> int:
        """Size of the blocks in a batch of this size: k, or less where the batch is smaller.

        Args:
            batch_size: B.
            within: whether partners come from the batch itself, which as one block would be matched with itself.

        Raises:
            ValueError: if the batch is smaller than k, or as large and its own source of partners (and ``strict``).
        """
        if self.strict and self.k > batch_size:
            raise ValueError(
                f"k={self.k} is larger than the batch of {batch_size}: use a smaller k, a larger batch, drop_last=True in "
                "the loader, or strict=False to match a short batch as one block"
            )
        if self.strict and within and self.k == batch_size > 1:
            raise ValueError(
                f"k={self.k} makes one block of the whole batch, which is matched with itself: nothing would be mixed. Use "
                "a batch much larger than k, or partners from a second batch"
            )
        return min(self.k, batch_size)


@dataclass(frozen=True)
class NearestNeighbour:
    """One of the k nearest other samples: what k-mixup is not, and the control for it (its footnote 1).

    A sample may be chosen many times, so most partners lie in the same cluster and the space between clusters stays empty.
    The footnote does not say which of the k neighbours is taken. Here each is equally likely, and distances are Euclidean.

    Args:
        k: number of neighbours to choose from, >= 1.
        strict: refuse a batch with fewer than k other samples. ``False`` chooses from those that there are; a batch of one
            then stays unmixed.

    Raises:
        ValueError: if ``k`` is no whole number >= 1; when pairing, if there are fewer than k others (and ``strict``), or a
            feature is NaN or infinite.

    Example:
        >>> import torch, mixbook as mb
        >>> mb.NearestNeighbour(1).pair(torch.tensor([[0.0], [1.0], [5.0]]))
        tensor([1, 0, 1])
    """

    k: int
    strict: bool = True

    def __post_init__(self) -> None:
        check_count("k", self.k, "k=1 takes the nearest neighbour, the paper took k=16")

    def pair(
        self,
        x: Tensor,
        other: Tensor | None = None,
        generator: torch.Generator | None = None,
        y: Tensor | None = None,
        y2: Tensor | None = None,
    ) -> Tensor:
        """Partners (B,), not a permutation: see :class:`Pairing`. In a second batch every row is a candidate."""
        check_batches(x, other)
        available = len(x) - 1 if other is None else len(x)
        if self.strict and self.k > available:
            raise ValueError(
                f"k={self.k} is larger than the {available} other samples of the batch: use a smaller k, a larger batch, "
                "drop_last=True in the loader, or strict=False to choose from fewer"
            )
        if available == 0:
            return torch.zeros(1, dtype=torch.int64, device=x.device)
        left = many_digits(_features(x))
        right = left if other is None else many_digits(_features(other))
        distances = squared_cost(left[None], right[None])[0]
        if other is None:
            distances.fill_diagonal_(float("inf"))
        nearest = distances.topk(min(self.k, available), largest=False).indices
        choice = torch.randint(nearest.shape[1], (len(x), 1), **drawn_by(generator))
        return nearest.gather(1, send(choice, x.device)).squeeze(1)


@dataclass(frozen=True)
class ByClass:
    """A random other sample of the same class, of a different class, or of any: what a pair's labels contribute.

    Each sample draws its partner anew, so one may be chosen many times: classes have different sizes, and no permutation
    pairs every sample with another class where one class holds most of the batch.

    Args:
        classes: ``"same"``, ``"different"`` or ``"any"``. The last differs from the others in nothing else.
        strict: refuse a batch where some sample has no candidate. ``False`` leaves such a sample unmixed; with a second
            batch that is impossible.

    Raises:
        ValueError: if ``classes`` is none of the three; when pairing, if labels are missing (not needed for ``"any"``) or
            not integers (B,), or some sample has no candidate (and ``strict``, or partners come from a second batch).

    Example:
        >>> import torch, mixbook as mb
        >>> y = torch.tensor([0, 0, 1, 1])
        >>> partner = mb.ByClass("different").pair(torch.rand(4, 8), y=y)
        >>> y[partner]
        tensor([1, 1, 0, 0])
    """

    classes: Classes
    strict: bool = True

    def __post_init__(self) -> None:
        if self.classes not in get_args(Classes):
            raise ValueError(f"classes must be one of {get_args(Classes)}, got {self.classes!r}")

    def pair(
        self,
        x: Tensor,
        other: Tensor | None = None,
        generator: torch.Generator | None = None,
        y: Tensor | None = None,
        y2: Tensor | None = None,
    ) -> Tensor:
        """Partners (B,), not a permutation: see :class:`Pairing`."""
        check_batches(x, other)
        candidates = self._candidates(x, other, y, y2).cpu()
        if other is None:
            candidates.fill_diagonal_(False)
        alone = ~candidates.any(1)
        if alone.any():
            if self.strict or other is not None:
                raise ValueError(self._nobody(int(alone.nonzero()[0]), y, other is not None))
            candidates |= torch.diag(alone)
        # The largest of independent uniform numbers is equally likely to be any of the candidates'.
        tickets = torch.rand(candidates.shape, **drawn_by(generator))
        return tickets.masked_fill(~candidates.to(tickets.device), -1).argmax(1).to(x.device)

    def _candidates(self, x: Tensor, other: Tensor | None, y: Tensor | None, y2: Tensor | None) -> Tensor:
        """Who may be the partner of whom, bool (B, B)."""
        if self.classes == "any":
            return torch.ones(len(x), len(x), dtype=torch.bool)
        left = _labels("y", y, len(x))
        right = left if other is None else _labels("y2", y2, len(x))
        same = left[:, None] == right
        return same if self.classes == "same" else ~same

    def _nobody(self, row: int, y: Tensor | None, second: bool) -> str:
        who = f"sample {row}" if y is None or y.ndim > 1 else f"sample {row} of class {int(y[row])}"
        wanted = {"same": "sample of its class", "different": "sample of another class", "any": "sample"}[self.classes]
        where, advice = ("second batch", "") if second else ("batch", ", or strict=False to leave it unmixed")
        return f"{who} has no other {wanted} in the {where} to be mixed with: use larger batches{advice}"


def _shuffle(x: Tensor, other: Tensor | None, generator: torch.Generator | None) -> Tensor:
    check_batches(x, other)
    return torch.randperm(x.shape[0], **drawn_by(generator))


def _features(x: Tensor) -> Tensor:
    """Rows to measure distances between, (B, d). Half precision has too few digits for that; products of bytes overflow."""
    rows = x.detach().reshape(x.shape[0], -1)
    return rows if rows.dtype in (torch.float32, torch.float64) else rows.float()


def _labels(name: str, y: Tensor | None, size: int) -> Tensor:
    if y is None:
        raise ValueError(f"{name} is needed to pair by class, got None: pass it to the mixer's plan")
    if y.is_floating_point() or y.shape != (size,):
        raise ValueError(
            f"{name} must be integer labels of shape ({size},) to pair by class, got {y.dtype} {tuple(y.shape)}"
        )
    return y
