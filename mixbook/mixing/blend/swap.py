"""Labels on a grid for any distance between labels: swap moves, each of them exact, until none improves."""

import numpy as np

from mixbook.mixing.blend.mincut import Floats, Ints, best_labels

LEAST = 1e-5  # a swap has to save this much: minimum cuts round costs, by less than this on a grid


def labelling_energy(labels: Ints, unary: Floats, down: Floats, across: Floats, distance: Floats) -> Floats:
    """Cost of labellings, (...): that of each cell's label, and weighted distances between the labels of neighbours.

    Args:
        labels: (..., h, w), integers in 0 ... m - 1.
        unary: (..., h, w, m), the cost of each label in each cell.
        down, across: weight between a cell and the one below it, (..., h - 1, w), and that to its right, (..., h, w - 1).
        distance: (m, m) between labels: symmetric, not negative, 0 on the diagonal. It need not be a metric.

    Example:
        >>> import numpy as np
        >>> from mixbook.mixing.blend.swap import labelling_energy
        >>> labels, unary = np.array([[0, 1, 0]]), np.zeros((1, 3, 2))
        >>> float(labelling_energy(labels, unary, np.zeros((0, 3)), np.full((1, 2), 0.25), 1 - np.eye(2)))
        0.5
    """
    own = np.take_along_axis(np.broadcast_to(unary, (*labels.shape, unary.shape[-1])), labels[..., None], -1)
    below = (down * distance[labels[..., :-1, :], labels[..., 1:, :]]).sum((-2, -1))
    beside = (across * distance[labels[..., :-1], labels[..., 1:]]).sum((-2, -1))
    return own.sum((-3, -2, -1)) + below + beside


def swap_labels(start: Ints, unary: Floats, down: Floats, across: Floats, distance: Floats) -> Ints:
    """Labels (h, w) that no swap improves, reached from ``start`` without ever costing more.

    A swap takes two labels and gives each cell that has either one of them, in the best of all ways. With two labels that
    is a minimum cut for any distance (Boykov, Veksler and Zabih 2001). With more than two labels the result is a local
    minimum: it may cost more than the best labelling, and it depends on ``start``.

    Single cells move first, as long as that helps, which is cheap and a swap as well. Then all pairs of labels that could
    gain are cut at once, and the best swap is made.

    Args:
        start: (h, w), integers in 0 ... m - 1.
        unary, down, across, distance: as for :func:`labelling_energy`. Weights must not be negative.

    Example:
        >>> import numpy as np
        >>> from mixbook.mixing.blend.swap import swap_labels
        >>> # Three cells in a row, of which one wants a 1.
        >>> unary = np.array([[[0.0, 1.0], [0.4, 0.0], [0.0, 1.0]]])
        >>> down, across = np.zeros((0, 3)), np.full((1, 2), 0.3)
        >>> swap_labels(np.array([[0, 1, 0]]), unary, down, across, 1 - np.eye(2))
        array([[0, 0, 0]])
    """
    labels, problem = start, (unary, down, across, distance)
    while True:
        labels = _move_single_cells(labels, *problem)
        energy = labelling_energy(labels, *problem)
        swapped = _all_swaps(labels, *problem)
        energies = labelling_energy(swapped, *problem)
        if not len(swapped) or energies.min() > energy - LEAST:
            return labels
        labels = swapped[energies.argmin()]


def _move_single_cells(labels: Ints, unary: Floats, down: Floats, across: Floats, distance: Floats) -> Ints:
    """Each cell takes its best label given its neighbours; first the black cells of a chessboard, then the white ones."""
    labels = labels.copy()
    black = np.indices(labels.shape).sum(0) % 2 == 0
    unchanged, colour = 0, black
    while unchanged < 2:
        cost = unary + _around(labels, unary.shape[-1], down, across) @ distance
        now = np.take_along_axis(cost, labels[..., None], -1)[..., 0]
        better = colour & (cost.min(-1) < now - LEAST)
        labels[better] = cost.argmin(-1)[better]
        unchanged = 0 if better.any() else unchanged + 1
        colour = ~colour
    return labels


def _all_swaps(labels: Ints, unary: Floats, down: Floats, across: Floats, distance: Floats) -> Ints:
    """The best swap of each pair of labels that could gain anything, (pairs, h, w)."""
    m = unary.shape[-1]
    around = _around(labels, m, down, across)
    toll = around @ distance
    has = labels[..., None] == np.arange(m)
    mine = np.take_along_axis(unary + toll, labels[..., None], -1)
    near_mine = np.take_along_axis(around, labels[..., None], -1)
    # What a cell gains by taking another label, at most: the neighbours that have either of the two are left out here,
    # and in the best case none of their borders remains.
    gap = distance[labels]
    gain = (mine - gap * around - (unary + toll - gap * near_mine)).clip(min=0)
    by_label = has.reshape(-1, m).T.astype(float)
    bound = by_label @ gain.reshape(-1, m)
    border = by_label @ around.reshape(-1, m)
    bound = bound + bound.T + distance * border
    first, second = np.nonzero(np.triu(bound > LEAST, 1))
    if not len(first):
        return np.empty((0, *labels.shape), dtype=labels.dtype)

    # Graphs are kept for each number of problems, so the number is rounded up; the last pair is solved again.
    fill = 2 ** int(np.ceil(np.log2(len(first)))) - len(first)
    a, b = np.pad(first, (0, fill), mode="edge"), np.pad(second, (0, fill), mode="edge")
    apart = distance[a, b][:, None, None]
    either = (labels == a[:, None, None]) | (labels == b[:, None, None])
    cost = unary + toll
    choice = np.stack(
        [
            cost[..., a].transpose(2, 0, 1) - apart * around[..., b].transpose(2, 0, 1),
            cost[..., b].transpose(2, 0, 1) - apart * around[..., a].transpose(2, 0, 1),
        ],
        axis=-1,
    )
    below, beside = either[:, 1:] & either[:, :-1], either[:, :, 1:] & either[:, :, :-1]
    side = best_labels(choice * either[..., None], apart * down * below, apart * across * beside)[: len(first)]
    swapped = np.where(side == 1, second[:, None, None], first[:, None, None])
    return np.where(either[: len(first)], swapped, labels)


def _around(labels: Ints, m: int, down: Floats, across: Floats) -> Floats:
    """Weights of each cell's neighbours, summed by their labels: (h, w, m)."""
    has = labels[..., None] == np.arange(m)
    down, across = down[..., None], across[..., None]
    around = np.zeros(has.shape)
    around[1:] += down * has[:-1]
    around[:-1] += down * has[1:]
    around[:, 1:] += across * has[:, :-1]
    around[:, :-1] += across * has[:, 1:]
    return around
