"""A batch's matching: set up where the batch is, solved on the CPU, alone or many batches at once."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from mixbook.mixing.transport import NotFinite, assignment, cross_cost, many_digits, squared_cost
from mixbook.transfer import Fetched, send

Cost = Literal["squared", "euclidean"]

_BYTES = 8 << 20  # of rows that are copied at once on a CPU, so that they are still in its cache when they are multiplied
_ROUNDED = 8  # units in the last place of a product of many numbers that rounding may have taken
_CONFUSED = 0.02, 2  # share and number of pairs looked at, of which the smaller is too much: usual data have none
_FEW = 64  # rows of a batch in which one pair for each would be too few to look at: there all are, and one is too much
_BETTER = 1e-6  # share that other partners found with many digits must save of what the first ones cost, to replace them


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


def solve(matchings: Sequence[Matching]) -> list[Tensor]:
    """Partners (B,) of each batch, int64 on its device: rows of ``other``, each block at the least summed cost.

    Costs of batches of one size come to the host in one copy, so a GPU is waited for once.

    Raises:
        ValueError: if a feature is NaN or infinite, or products of features overflow.
    """
    return begin_solving(matchings)()


def begin_solving(matchings: Sequence[Matching], pool: Executor | None = None) -> Callable[[], list[Tensor]]:
    """Ask for the costs now, and solve later, when what is returned is called: as :func:`solve`.

    On a GPU nothing is waited for here, so it can be given other work before the costs are needed. (Later it is waited for
    once more where costs need more digits.)

    Args:
        matchings: as for :func:`solve`.
        pool: of threads; one solves as soon as the costs are there, while the caller goes on. SciPy's solver releases
            Python's lock.
    """
    alike: dict[tuple[object, ...], list[int]] = {}
    for number, matching in enumerate(matchings):
        kinds = matching.x.dtype, matching.other.dtype, matching.x.device, matching.cost
        alike.setdefault((matching.x.shape, matching.k, *kinds), []).append(number)
    finishers = [_begin_alike([matchings[number] for number in numbers], pool) for numbers in alike.values()]

    def finish() -> list[Tensor]:
        partners: dict[int, Tensor] = {}
        for numbers, of_one_kind in zip(alike.values(), finishers, strict=True):
            partners |= zip(numbers, of_one_kind(), strict=True)
        return [partners[number] for number in range(len(matchings))]

    return finish


def _begin_alike(matchings: list[Matching], pool: Executor | None) -> Callable[[], list[Tensor]]:
    """The same for batches of one size: after their products, whose time what follows would take too, all go together."""
    candidates = [matching.candidates for matching in matchings]
    if matchings[0].k == 1:
        return lambda: candidates
    fetched = Fetched(_costs(matchings))
    parts = _parts(matchings[0])

    def solved() -> tuple[Tensor, list[int]]:
        """The order, and the batches for which the costs have too few digits. On the host alone."""
        tables = fetched.tensors()
        _check_finite(tables)
        order = _order(tables, parts)
        return order, _unclear(tables, parts, order) if matchings[0].cost == "squared" else []

    ahead = None if pool is None else pool.submit(solved)

    def finish() -> list[Tensor]:
        order, unclear = solved() if ahead is None else ahead.result()
        for number in unclear:
            _improve(order[number], [table.cpu() for table in _costs([matchings[number]], many=True)], parts)
        order = send(order, candidates[0].device)
        return [rows[places] for rows, places in zip(candidates, order, strict=True)]

    return finish


def _order(tables: list[Tensor], parts: list[tuple[int, int, int]]) -> Tensor:
    """Where in its batch the partner of each row is, (batches, B), from the costs of each part."""
    orders = []
    for costs, (start, stop, size) in zip(tables, parts, strict=True):
        columns = assignment(costs.view(-1, size, size)).view(-1, (stop - start) // size, size)
        orders.append((columns + torch.arange(start, stop, size)[:, None]).view(-1, stop - start))
    return orders[0] if len(orders) == 1 else torch.cat(orders, dim=1)


def _improve(order: Tensor, tables: list[Tensor], parts: list[tuple[int, int, int]]) -> None:
    """Put into the order (B,) of one batch, in place, what costs with many digits find, in each block where that is better.

    Of partners that are equally good for all that matters, the first ones stay.
    """
    found = _order(tables, parts)[0]
    for costs, (start, stop, size) in zip(tables, parts, strict=True):
        now, then = (each[start:stop].view(-1, size) for each in (found, order))
        blocks, other = costs.view(-1, size, size), now != then  # the rest may cost far more than these
        less, paid = ((blocks.gather(2, ((each - start) % size)[..., None])[..., 0] * other).sum(1) for each in (now, then))
        better = less < (1 - _BETTER) * paid
        then[better] = now[better]


def _parts(matching: Matching) -> list[tuple[int, int, int]]:
    """First row, row behind the last one, and block size: of the blocks of k, then of what remains, where there are any."""
    total = len(matching.x)
    whole = total - total % matching.k
    parts = (0, whole, matching.k), (whole, total, total - whole)
    return [part for part in parts if part[0] < part[1]]


def _costs(matchings: list[Matching], *, many: bool = False) -> list[Tensor]:
    """Costs (batches, blocks, size, size) of each part of batches of one size, on their device.

    Args:
        matchings: of one size, with one k and one kind of cost.
        many: squared distances themselves, centred and with many digits, in place of the products that decide the same.
            That costs some passes over the batch, and saves the digits that a large common offset would swallow.
    """
    between = _distances if matchings[0].cost == "euclidean" else _squares if many else cross_cost
    count, at_once = len(matchings), len(matchings[0].x)
    if _as_one(matchings[0]):
        matchings = [_joined(matchings)]
        at_once *= count
    if matchings[0].x.device.type == "cpu":
        at_once = _BYTES // max(1, matchings[0].other[0].nbytes)
    tables = []
    for start, stop, size in _parts(matchings[0]):
        step = min(stop - start, size * max(1, at_once // size))
        memory = matchings[0].other.new_empty(step, matchings[0].other.shape[1])  # the same for all batches
        costs = []
        for matching in matchings:
            for first in range(start, stop, step):
                rows = slice(first, min(first + step, stop))
                right = torch.index_select(matching.other, 0, matching.candidates[rows], out=memory[: rows.stop - first])
                left, right = (side.unflatten(0, (-1, size)) for side in (matching.x[rows], right))
                costs.append(between(left, right))
        together = costs[0] if len(costs) == 1 else torch.cat(costs)
        tables.append(together.view(count, -1, size, size))
    return tables


def _as_one(matching: Matching) -> bool:
    """Whether to take several like this one for one large batch: on a GPU, which a few large operations suit better."""
    return matching.x.device.type != "cpu" and len(matching.x) % matching.k == 0


def _joined(matchings: list[Matching]) -> Matching:
    """One batch with the blocks of all: of batches of one size that k divides."""
    first, size = matchings[0], len(matchings[0].x)
    x, other = (torch.cat(sides) for sides in zip(*((m.x, m.other) for m in matchings), strict=True))
    candidates = torch.cat([m.candidates + number * size for number, m in enumerate(matchings)])
    return Matching(x, other, candidates, first.k, first.cost)


def _squares(left: Tensor, right: Tensor) -> Tensor:
    return squared_cost(many_digits(left), many_digits(right), check=False)


def _distances(left: Tensor, right: Tensor) -> Tensor:
    return _squares(left, right).sqrt()  # a root of nearly nothing needs more digits than float32 has


def _check_finite(tables: list[Tensor]) -> None:
    """Refuse costs that no matching could be best for.

    Raises:
        NotFinite: if a cost is NaN or infinite.
    """
    if not all(np.isfinite(table.numpy()).all() for table in tables):
        raise NotFinite("x has NaN, infinite or huge values: optimal transport needs finite features")


def _unclear(tables: list[Tensor], parts: list[tuple[int, int, int]], order: Tensor) -> list[int]:
    """Batches in which many pairs of samples could as well exchange their partners, for all that the digits of costs tell.

    An exchange costs about the squared distance of the two samples. Where products are far larger, as in samples with a
    large common offset or in a few tight clusters far apart, their last digits hide it. (A difference of exactly 0 is left
    out: samples that are equal, or made of whole numbers, can be exchanged.) A sample is compared with that whose place in
    the block its partner has: any other, as candidates are in random order. In a small batch these may all be itself, or
    differ by exactly 0 for want of digits: there all pairs of a block are compared, and one that is not clear is too much.
    A difference of 0 is left out there if costs are whole numbers, as of counts and of categories.
    """
    small = order.shape[1] <= _FEW
    unclear = np.zeros(len(order), dtype=np.int64)
    for table, (start, stop, size) in zip(tables, parts, strict=True):
        costs, column = table.numpy().ravel(), (order[:, start:stop].numpy().ravel() - start) % size
        row = np.arange(len(column))
        first = row - row % size  # of its block
        paid = costs.take(row * size + column)
        if small:
            row, first, column = row[:, None], first[:, None], column[:, None]
        other = first + (np.arange(size) if small else column)
        now = paid.take(row) + paid.take(other)
        exchanged = costs.take(row * size + column.take(other)) + costs.take(other * size + column)
        apart = exchanged - now  # below 0 where a sum over the block had too few digits
        close = apart <= _ROUNDED * np.finfo(costs.dtype).eps * (np.abs(exchanged) + np.abs(now))
        close &= other != row if small else apart != 0
        if small and close.any() and _is_whole(costs):
            close &= apart != 0
        unclear += close.reshape(len(order), -1).sum(1)
    share, number = _CONFUSED
    return np.flatnonzero(unclear > (0 if small else min(share * order.shape[1], number))).tolist()


def _is_whole(costs: np.ndarray) -> bool:
    """Whether they are whole numbers, and not so large that any number would be rounded to one."""
    return bool(np.abs(costs).max() < 0.25 / np.finfo(costs.dtype).eps and (costs == np.rint(costs)).all())
