"""Whom k-mixup mixes each sample with, as a matrix: the locally-informed distributions D_i, all at once.

Source: Greenewald et al., "k-Mixup Regularization for Deep Learning via Optimal Transport" (TMLR 2023), section 4. A *law
of partners* is a row-stochastic matrix (n, n): row i is the distribution of the partner of sample i. k-mixup's has rows
D_i; mixup's has 1/n everywhere; any other pairing has one too, so what :mod:`mixbook.theory.expansion` does with a law
serves them all.
"""

import math

import torch
from torch import Tensor

from mixbook.mixing import transport


def block_laws(x: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """For each block of k samples, whom its members meet: the matchings with all blocks of k, by enumeration.

    Args:
        x: the data set, (n, ...), small.
        k: block size, 1 <= k <= n.

    Returns:
        ``blocks``, int64 (m, k), all m = n choose k blocks, each ascending; and
        ``laws``, float64 (m, k, n), where ``laws[b, i, j]`` is the probability that the i-th member of block b is
        matched with sample j, over the blocks that it may be matched with.

    Raises:
        ValueError: if ``k`` is out of range, ``x`` is not finite, or there are too many pairs of blocks.

    Example:
        >>> import torch
        >>> from mixbook.theory.partners import block_laws
        >>> blocks, laws = block_laws(torch.tensor([[0.0], [1.0], [5.0]]), k=2)
        >>> blocks.tolist(), laws.shape
        ([[0, 1], [0, 2], [1, 2]], torch.Size([3, 2, 3]))
    """
    points = transport.rows_of(x)
    size = len(points)
    transport.check_k(k, size)
    count = math.comb(size, k)
    if count**2 > transport.MOST_PAIRS:
        raise ValueError(f"{count**2} pairs of blocks are too many to enumerate: use matching_law with trials=4096")
    blocks = torch.combinations(torch.arange(size), k)
    laws = torch.zeros(count, k, size, dtype=torch.float64)
    for block, law in zip(blocks, laws, strict=True):
        cost = transport.squared_cost(points[block].expand(count, k, -1), points[blocks])
        met = blocks.gather(1, transport.assignment(cost))  # (m, k): partner of each member, for each other block
        law.scatter_add_(1, met.T.contiguous(), torch.full((k, count), 1 / count, dtype=torch.float64))
    return blocks, laws


def matching_law(x: Tensor, k: int, *, trials: int | None = None, generator: torch.Generator | None = None) -> Tensor:
    """The law of partners of k-mixup: row i is D_i, whom sample i is matched with (TMLR, section 4).

    Rows and columns sum to 1, as nobody is chosen twice. Where no two matchings tie it is symmetric, since an optimal
    matching read backwards is one; so with ``trials=None``, ``(law - law.T).abs().max()`` tells whether there are ties.

    Args:
        x: the data set, (n, ...).
        k: block size, 1 <= k <= n. 1 gives 1/n everywhere, n the identity.
        trials: pairs of blocks to draw, each read in both directions; None enumerates them all, for small sets. The counts
            are scaled so that rows and columns sum to 1 (Sinkhorn), as those of all pairs do.
        generator: source of the random blocks.

    Returns:
        float64 (n, n) on the CPU.

    Raises:
        ValueError: as :func:`block_laws`, or if ``trials`` are too few for every sample to take its part.

    Example:
        >>> import torch
        >>> from mixbook.theory.partners import matching_law
        >>> matching_law(torch.tensor([[0.0], [1.0], [5.0]]), k=2).numpy().round(3)
        array([[0.667, 0.333, 0.   ],
               [0.333, 0.333, 0.333],
               [0.   , 0.333, 0.667]])
    """
    size = len(x)
    joint = torch.zeros(size, size, dtype=torch.float64)
    if trials is None:
        blocks, laws = block_laws(x, k)
        joint.index_add_(0, blocks.flatten(), laws.flatten(0, 1))
        return joint / joint.sum(dim=1, keepdim=True)
    transport.check_k(k, size)
    if trials < 1:
        raise ValueError(f"trials must be at least 1, or None to enumerate all pairs of blocks, got {trials}")
    if k == 1:
        return torch.full_like(joint, 1 / size)
    points = transport.rows_of(x)
    ours, theirs = torch.rand(2, trials, size, generator=generator).topk(k).indices
    columns = transport.assignment(transport.squared_cost(points[ours], points[theirs]))
    met = theirs.gather(1, columns).flatten()
    joint.index_put_((ours.flatten(), met), torch.ones((), dtype=torch.float64), accumulate=True)
    return _balanced(joint + joint.T, trials)


def _balanced(counts: Tensor, trials: int) -> Tensor:
    """A symmetric table of counts, rows and columns scaled alike until they sum to 1."""
    for _ in range(1000):
        rows = counts.sum(dim=1)
        if not (rows > 0).all():
            break
        if (rows - 1).abs().max() < 1e-10:
            return counts
        counts = counts / (rows[:, None] * rows).sqrt()
    raise ValueError(
        f"trials={trials} pairs of blocks are too few for every sample to take its part: take ten times as many"
    )


def mean_squared_match(x: Tensor, law: Tensor) -> float:
    """Mean squared distance of a sample to its partner, in squared units of ``x``: E W_2^2 for k-mixup's law.

    Args:
        x: the data set, (n, ...).
        law: law of partners, (n, n).

    Example:
        >>> import torch
        >>> from mixbook.theory.partners import matching_law, mean_squared_match
        >>> x = torch.tensor([[0.0], [1.0]])
        >>> mean_squared_match(x, matching_law(x, k=1)), mean_squared_match(x, matching_law(x, k=2))
        (0.5, 0.0)
    """
    points = check_law(x, law)
    rows, columns = law.nonzero().T
    return float((law[rows, columns] * (points[rows] - points[columns]).square().sum(1)).sum() / len(points))


def check_law(x: Tensor, law: Tensor) -> Tensor:
    """``x`` (n, ...) as float64 (n, d), if ``law`` is a law of partners for it.

    Rows need not sum to 1 one by one, only on average: of a pairing that chooses some samples more often than others, the
    symmetric law weights these more.

    Raises:
        ValueError: if ``law`` is not (n, n), has a negative entry, or rows that do not sum to 1 on average.

    Example:
        >>> import torch
        >>> from mixbook.theory.partners import check_law
        >>> check_law(torch.rand(2, 3), torch.full((2, 2), 0.5)).dtype
        torch.float64
    """
    points = transport.rows_of(x)
    size = len(points)
    if law.shape != (size, size):
        raise ValueError(f"law must have shape ({size}, {size}), a row for each sample, got {tuple(law.shape)}")
    mean = float(law.sum()) / size
    if not (law >= 0).all() or not abs(mean - 1) < 1e-6:
        raise ValueError(
            f"law must be >= 0 with rows that sum to 1, got a least entry of {law.min():.2g}, mean sum {mean:.6g}"
        )
    return points
