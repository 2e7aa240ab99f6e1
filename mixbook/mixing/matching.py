"""A batch's matching: set up where the batch is, solved on the CPU, alone or many batches at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from mixbook.mixing.transport import assignment, cross_cost, squared_cost

Cost = Literal["squared", "euclidean"]

_OFFSET = 8  # costs so much larger than their range lose three binary digits of it


@dataclass(frozen=True)
class Matching:
    """Blocks of samples and of their candidates, and the costs that will decide between them.

    Args:
        x: rows that look for a partner, (B, d).
        other: rows that the candidates are rows of, (B, d).
        candidates: row of ``other`` behind each place, int64 (B,): a permutation, on the device of ``x``.
        k: block size; what remains when it does not divide B is a smaller block. 1 leaves the candidates as they are.
        cost: by squared or by plain Euclidean distances.
    """

    x: Tensor
    other: Tensor
    candidates: Tensor
    k: int
    cost: Cost

    def costs(self, *, centred: bool = False, into: Tensor | None = None) -> list[Tensor]:
        """Costs (blocks, size, size) of the blocks of k, then of what remains, where there are any; on the device of ``x``.

        Args:
            centred: move the candidates by the mean of ``x``. For squared distances that changes no matching, and costs
                two passes over the batch; it saves the digits that a large common offset would swallow. In one side the
                offset may stay: there it adds the same to a whole column, with no more rounding than the data's own.
            into: memory like ``other`` for the candidates' rows, which is overwritten; new memory if None.
        """
        if self.k == 1:
            return []
        right = torch.index_select(self.other, 0, self.candidates, out=into)
        if centred:
            right -= self.x.mean(dim=0)
        whole = len(self.x) - len(self.x) % self.k
        sizes = [(slice(0, whole), self.k), (slice(whole, None), len(self.x) - whole)]
        return [self._between(self.x[part], right[part], size) for part, size in sizes if size > 0 and len(self.x[part])]

    def _between(self, left: Tensor, right: Tensor, size: int) -> Tensor:
        left, right = left.unflatten(0, (-1, size)), right.unflatten(0, (-1, size))
        if self.cost == "squared":
            return cross_cost(left, right)
        # A root of nearly nothing needs more digits than float32 has.
        return squared_cost(left.double(), right.double()).sqrt()


def solve(matchings: Sequence[Matching]) -> list[Tensor]:
    """Partners (B,) of each batch, int64 on its device: rows of ``other``, each block at the least summed cost.

    All costs come to the host in one copy, so a GPU is waited for once.

    Raises:
        ValueError: if a feature is NaN or infinite, or products of features overflow.
    """
    costs: list[list[Tensor]] = []
    rows: Tensor | None = None  # fresh memory for each batch would cost more than filling it
    for matching in matchings:
        other = matching.other
        if rows is None or (rows.shape, rows.dtype, rows.device) != (other.shape, other.dtype, other.device):
            rows = torch.empty_like(other)
        costs.append(matching.costs(into=rows))
    on_host = _to_host([each for one in costs for each in one])
    partners = []
    for matching, one in zip(matchings, costs, strict=True):
        found = [on_host.pop(0) for _ in one]
        if matching.cost == "squared" and any(map(_offset_hides, found)):
            found = [each.cpu() for each in matching.costs(centred=True)]
        partners.append(_choose(matching, found))
    return partners


def _choose(matching: Matching, costs: list[Tensor]) -> Tensor:
    """The candidates in the order that the solved problems say."""
    columns, start = [], 0
    for problems in costs:
        blocks, size = problems.shape[:2]
        first = torch.arange(start, start + blocks * size, size)
        columns.append((assignment(problems) + first[:, None]).flatten())
        start += blocks * size
    if not columns:
        return matching.candidates
    order = columns[0] if len(columns) == 1 else torch.cat(columns)
    return matching.candidates[order.to(matching.candidates.device)]


def _to_host(tensors: list[Tensor]) -> list[Tensor]:
    if all(tensor.device.type == "cpu" for tensor in tensors):
        return tensors
    together = torch.cat([tensor.flatten() for tensor in tensors]).cpu()
    parts = together.split([tensor.numel() for tensor in tensors])
    return [part.view(tensor.shape) for part, tensor in zip(parts, tensors, strict=True)]


def _offset_hides(cost: Tensor) -> bool:
    """Whether costs are large only because they have much in common, so that too few digits tell them apart.

    Raises:
        ValueError: if one is NaN or infinite.
    """
    low, high = (end.item() for end in cost.aminmax())
    if not (abs(low) < float("inf") and abs(high) < float("inf")):  # NaN is not less than anything either
        raise ValueError("x has NaN, infinite or huge values: optimal transport needs finite features")
    return max(abs(low), abs(high)) > _OFFSET * (high - low)
