"""Which side of the plane a network gives to which class, small enough for a table of results.

A map of R x R yes-or-no answers is R metrics, ``map@0`` to ``map@{R-1}``: each row, read as a binary number. A float holds
53 binary digits exactly, so R may be up to 53.
"""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mixbook.modes import evaluation_mode

MOST = 53  # binary digits of a float


def decision_map(model: nn.Module, size: int, reach: float) -> NDArray[np.bool_]:
    """Where a network of two classes prefers class 1, on a grid of the square from ``-reach`` to ``reach``.

    Args:
        model: from points (n, 2) to logits (n, 2).
        size: R, points along each side, at least 2.
        reach: half the side of the square, in units of the features.

    Returns:
        bool (R, R): rows from the lowest second feature up, columns from the lowest first feature to the right.
    """
    with evaluation_mode(model), torch.inference_mode():
        logits = model(grid(size, reach))
    return (logits[:, 1] > logits[:, 0]).reshape(size, size).numpy()


def grid(size: int, reach: float) -> Tensor:
    """The points of a decision map, float32 (R R, 2), row by row."""
    axis = torch.linspace(-reach, reach, size)
    up, across = torch.meshgrid(axis, axis, indexing="ij")
    return torch.stack([across.flatten(), up.flatten()], dim=1)


def boundary_length(chosen: NDArray[np.bool_], reach: float) -> float:
    """Length of the line between the two classes on a map, along the grid, in units of the features.

    A line along the grid is longer than the slanted one that it stands for, by 4 / pi on average over directions; that
    factor is taken out.
    """
    side = 2 * reach / (len(chosen) - 1)
    changes = (chosen[1:] != chosen[:-1]).sum() + (chosen[:, 1:] != chosen[:, :-1]).sum()
    return float(np.pi / 4 * side * changes)


def pack(chosen: NDArray[np.bool_]) -> dict[str, float]:
    """A map as metrics.

    Raises:
        ValueError: if it is not square, or larger than a float can hold a row of.
    """
    if chosen.ndim != 2 or len(set(chosen.shape)) != 1 or len(chosen) > MOST:
        raise ValueError(f"a map must be square with at most {MOST} rows, got shape {chosen.shape}")
    return {f"map@{row}": float(int("".join("01"[int(bit)] for bit in bits), 2)) for row, bits in enumerate(chosen)}


def unpack(metrics: Mapping[str, float]) -> NDArray[np.bool_]:
    """The map that :func:`pack` put among ``metrics``.

    Raises:
        KeyError: if there is none.
    """
    size = sum(name.startswith("map@") for name in metrics)
    if not size:
        raise KeyError(f"no map among the metrics {', '.join(metrics)}")
    rows = [f"{int(metrics[f'map@{row}']):0{size}b}" for row in range(size)]
    return np.array([[bit == "1" for bit in row] for row in rows])
