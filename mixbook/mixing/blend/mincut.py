"""Exact minima of label costs on grids, many grids as one minimum cut, by SciPy's maximum flow."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]

# Flows are int32, so costs are rounded to this grain: a labelling is at most half a grain per cost above the best one.
GRAIN = 2.0**-20
_NEVER = 2**30  # more than all costs of a grid together, in grains
_SINK, _SOURCE = 0, 1  # rows are searched in order, and the sink ends a search
_NODES = 4096  # in one graph: enough to make calls few, and it stays in the cache (a third faster than 50,000)


def best_labels(unary: Floats, down: Floats, across: Floats) -> Ints:
    """Labels of least cost, up to the rounding of costs to ``GRAIN``: int64 (P, h, w), in 0 ... m - 1.

    The cost is that of each cell's label, and weighted squared differences between the levels of neighbours: the labels
    stand for 0, 1 / (m - 1), ..., 1. It is :func:`~mixbook.mixing.blend.swap.labelling_energy` with these squares.

    They grow convexly with the difference of labels, so a minimum cut finds the minimum (Ishikawa 2003). A node for
    each cell and each label above 0 says whether the cell has at least that label. A difference of j labels costs j^2
    if neighbours' nodes are joined with weight 1 at equal labels, and with weight 2 from each higher to each lower one.
    Many grids are one graph, but a grid's labels do not depend on the others: of equally good labellings the lowest is
    taken.

    Args:
        unary: (P, h, w, m), the cost of each label in each cell.
        down, across: weight between a cell and the one below it, (P, h - 1, w), and the one to its right, (P, h, w - 1).
            Weights must not be negative.

    Raises:
        ValueError: if the shapes do not fit, there are fewer than two labels, a weight is negative, or the costs of a grid
            are not finite or leave int32.

    Example:
        >>> import numpy as np
        >>> from mixbook.mixing.blend.mincut import best_labels
        >>> # Three cells in a row, of which one wants a 1.
        >>> unary = np.array([[[[0.0, 1.0], [0.4, 0.0], [0.0, 1.0]]]])
        >>> down = np.zeros((1, 0, 3))
        >>> across = [np.full((1, 1, 2), weight) for weight in (0.1, 0.3)]
        >>> [best_labels(unary, down, each).tolist() for each in across]
        [[[[0, 1, 0]]], [[[0, 0, 0]]]]
    """
    _check(unary, down, across)
    together = max(1, _NODES // max(1, unary[0, ..., 1:].size if len(unary) else 1))
    parts = [slice(start, start + together) for start in range(0, len(unary), together)]
    labels = [_cut(unary[part], down[part], across[part]) for part in parts]
    return np.concatenate([np.empty((0, *unary.shape[1:3]), dtype=np.int64), *labels])


def _cut(unary: Floats, down: Floats, across: Floats) -> Ints:
    """Labels of grids that are one graph."""
    step = (unary.shape[-1] - 1) ** 2
    rise = _grains(np.diff(unary, axis=-1)).ravel()
    weight = _grains(np.concatenate([down.reshape(len(down), -1), across.reshape(len(across), -1)], 1) / step).ravel()
    costs = np.concatenate([rise.clip(min=0), (-rise).clip(min=0), weight, 2 * weight, [_NEVER, 0]]).astype(np.int32)

    indptr, heads, entry = _graph(*unary.shape)
    capacity = costs[entry]
    size = len(indptr) - 1
    flow = maximum_flow(csr_array((capacity, heads, indptr), shape=(size, size)), _SOURCE, _SINK).flow
    # The cut: a cell has at least a label if its node is still within reach of the source.
    open_arcs = capacity > flow.data
    open_ends = np.concatenate([[0], np.cumsum(open_arcs, dtype=np.int32)])[indptr]
    residual = csr_array((np.ones(open_ends[-1]), heads[open_arcs], open_ends), shape=(size, size))
    reached = np.zeros(size, dtype=np.int64)
    reached[breadth_first_order(residual, _SOURCE, return_predecessors=False)] = 1
    return reached[2:].reshape(*unary.shape[:3], -1).sum(-1)


@lru_cache(maxsize=32)
def _graph(problems: int, height: int, width: int, labels: int) -> tuple[Ints, Ints, Ints]:
    """The graph of :func:`_cut`, in CSR form with both directions of every arc.

    Returns ``indptr``, ``heads`` and, for each arc, the entry of ``costs`` that is its capacity.
    """
    cell = np.arange(height * width).reshape(height, width)
    first = np.concatenate([cell[:-1].ravel(), cell[:, :-1].ravel()])
    second = np.concatenate([cell[1:].ravel(), cell[:, 1:].ravel()])
    levels = labels - 1
    nodes, pairs = height * width * levels, len(first)
    rises, weights = problems * nodes, problems * pairs  # where `costs` goes on to its next part
    doubled = 2 * rises + weights
    never, nothing = doubled + weights, doubled + weights + 1

    node, pair = np.arange(nodes), np.arange(pairs)
    tails, heads, entries = [], [], []

    def join(tail: Ints, head: Ints, forth: tuple[Ints | int, int], back: tuple[Ints | int, int]) -> None:
        """Arcs of every grid in both directions; each capacity is an entry for the first grid and its stride."""
        grid = np.arange(problems)[:, None]
        shifted = [np.where(end > _SOURCE, end + grid * nodes, end) for end in (tail, head)]
        for (a, b), (entry, stride) in ((shifted, forth), (shifted[::-1], back)):
            tails.append(a.ravel())
            heads.append(b.ravel())
            entries.append(np.broadcast_to(entry + grid * stride, a.shape).ravel())

    never_, nothing_ = (never, 0), (nothing, 0)
    join(2 + node, np.full(nodes, _SINK), (node, nodes), nothing_)
    join(np.full(nodes, _SOURCE), 2 + node, (rises + node, nodes), nothing_)
    for high in range(levels):
        a, b = 2 + first * levels + high, 2 + second * levels + high
        join(a, b, (2 * rises + pair, pairs), (2 * rises + pair, pairs))
        for low in range(high):
            join(a, b - high + low, (doubled + pair, pairs), nothing_)
            join(b, a - high + low, (doubled + pair, pairs), nothing_)
        if high:
            own = 2 + cell.ravel() * levels + high
            join(own, own - 1, never_, nothing_)

    tail, head, entry = np.concatenate(tails), np.concatenate(heads), np.concatenate(entries)
    order = np.lexsort((head, tail))
    indptr = np.searchsorted(tail[order], np.arange(problems * nodes + 3))
    return indptr.astype(np.int32), head[order].astype(np.int32), entry[order]


def _grains(cost: Floats) -> Ints:
    return np.rint(cost.astype(np.float64) / GRAIN).astype(np.int64)


def _check(unary: Floats, down: Floats, across: Floats) -> None:
    if unary.ndim != 4 or unary.shape[-1] < 2:
        raise ValueError(f"unary must be (P, h, w, m) with at least m = 2 labels, got {unary.shape}")
    count, height, width, _ = unary.shape
    if down.shape != (count, height - 1, width) or across.shape != (count, height, width - 1):
        raise ValueError(
            f"down and across must be {(count, height - 1, width)} and {(count, height, width - 1)}, "
            f"got {down.shape} and {across.shape}"
        )
    if min(down.min(initial=0), across.min(initial=0)) < 0:
        raise ValueError("weights between neighbours must not be negative: the minimum would be no cut")
    total = np.abs(np.diff(unary, axis=-1)).sum((1, 2, 3)) + 4 * (down.sum((1, 2)) + across.sum((1, 2)))
    if count and not total.max() < _NEVER * GRAIN:  # also if NaN
        raise ValueError(f"the costs of a grid must sum to less than {_NEVER * GRAIN:.0f}, got {total.max()}")
