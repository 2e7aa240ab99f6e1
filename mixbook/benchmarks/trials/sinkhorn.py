"""Entropic optimal transport between blocks of equal size, by Sinkhorn's scaling in the log domain (Cuturi 2013).

For one comparison with the exact assignment. POT does it too, and much more; a few lines here save every user a dependency.
"""

from math import log

import torch
from torch import Tensor


def sinkhorn(cost: Tensor, regularisation: float, *, tolerance: float = 1e-2, most: int = 10_000) -> tuple[Tensor, int]:
    """Plans that minimise cost minus ``regularisation`` times entropy, with rows and columns that each sum to 1.

    Args:
        cost: (blocks, k, k), finite.
        regularisation: > 0, in units of the cost. The smaller, the nearer to a permutation, and the slower.
        tolerance: the scaling ends when no row sum is further from 1 than this; columns then sum to 1 exactly.
        most: rounds after which it ends in any case.

    Returns:
        The plans (blocks, k, k), and the rounds that were taken, of all blocks together.

    Raises:
        ValueError: if ``regularisation`` or ``tolerance`` is not positive, or ``most`` is less than 1.
    """
    if not (regularisation > 0 and tolerance > 0 and most >= 1):
        raise ValueError(
            f"regularisation and tolerance must be positive and most at least 1, got {regularisation}, {tolerance}, {most}"
        )
    kernel = -cost / regularisation
    rows = torch.zeros_like(kernel[:, :, :1])
    columns = -torch.logsumexp(kernel, dim=1, keepdim=True)
    done = 0
    while done < most:
        done += 1
        sums = torch.logsumexp(kernel + columns, dim=2, keepdim=True)
        # With the columns just scaled, exp(rows + sums) are the row sums of the plan.
        if (rows + sums).abs().max() <= log(1 + tolerance):
            break
        rows = -sums
        columns = -torch.logsumexp(kernel + rows, dim=1, keepdim=True)
    return (kernel + rows + columns).exp(), done
