"""Optimal transport between small sets of points: costs, exact assignment, and alpha at constant xi."""

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from itertools import permutations

import numpy as np
import torch
from scipy.optimize import brentq, linear_sum_assignment
from scipy.special import betaln
from torch import Tensor

_FEW = 4  # columns, whose 24 permutations are compared faster than one problem is solved
MOST_PAIRS = 2_000_000  # of subsets, to enumerate: about a minute
_PART = 4096  # problems that are solved at once, which bounds the memory


class InfeasibleXi(ValueError):
    """No alpha reaches the wanted perturbation: even the midpoints of k-matched pairs move samples less than that."""


class NotFinite(ValueError):
    """Features or a saliency are NaN, infinite or so large that their products are: those of data, or of a network."""


def rows_of(x: Tensor) -> Tensor:
    """Samples (n, ...) as float64 (n, d) on the CPU; (n,) are n numbers, (n, 1).

    Example:
        >>> import torch
        >>> from mixbook.mixing.transport import rows_of
        >>> rows_of(torch.rand(5, 2, 3)).shape, rows_of(torch.rand(5)).shape
        (torch.Size([5, 6]), torch.Size([5, 1]))
    """
    return x.detach().reshape(len(x), math.prod(x.shape[1:])).double().cpu()


def check_k(k: int, size: int) -> None:
    """Refuse blocks that do not fit a data set of this size.

    Raises:
        ValueError: if ``k`` is less than 1, or more than ``size``.

    Example:
        >>> from mixbook.mixing.transport import check_k
        >>> check_k(16, size=100)
    """
    if not 1 <= k <= size:
        raise ValueError(f"k must be between 1 and {size}, the size of the data set, got {k}")


def squared_cost(x: Tensor, y: Tensor, *, check: bool = True) -> Tensor:
    """Squared Euclidean distances within each block: ``x`` and ``y`` (blocks, k, d) to (blocks, k, k).

    Both sides are first moved by the mean of ``x``: distances stay as they are, but large common offsets no longer
    swallow the digits that decide the matching.

    Args:
        x, y: the points.
        check: look for features that are not finite; on a GPU that waits for it. Otherwise their distances are NaN.

    Raises:
        NotFinite: if a feature is NaN or infinite, for which no matching is optimal.

    Example:
        >>> import torch
        >>> from mixbook.mixing.transport import squared_cost
        >>> squared_cost(torch.tensor([[[0.0], [1.0]]]), torch.tensor([[[0.0], [3.0]]]))
        tensor([[[0., 9.],
                 [1., 4.]]])
    """
    if check and not (x.isfinite().all() and y.isfinite().all()):
        raise NotFinite("x has NaN or infinite values: optimal transport needs finite features")
    origin = x.mean(dim=(0, 1))
    x, y = x - origin, y - origin
    norms = x.square().sum(-1)[:, :, None] + y.square().sum(-1)[:, None, :]
    with _full_precision(x.device.type):
        return torch.baddbmm(norms, x, y.mT, alpha=-2).clamp(min=0)


def cross_cost(x: Tensor, y: Tensor) -> Tensor:
    """What decides a matching by squared distances, within each block: ``x`` and ``y`` (blocks, k, d) to (blocks, k, k).

    ``|x - y|^2 = |x|^2 + |y|^2 - 2 x.y``, and each row and each column is matched once: its square is always in the sum.
    So the same matchings are optimal for ``-x.y``, one product. Centre one side first where there is a large common offset.
    Nothing is looked at: a NaN or infinite feature gives a NaN or infinite cost.

    Example:
        >>> import torch
        >>> from mixbook.mixing.transport import cross_cost
        >>> cross_cost(torch.tensor([[[1.0], [2.0]]]), torch.tensor([[[1.0], [3.0]]]))
        tensor([[[-1., -3.],
                 [-2., -6.]]])
    """
    with _full_precision(x.device.type):
        return torch.bmm(x, y.mT).neg_()


def _full_precision(device: str) -> AbstractContextManager[object]:
    """No autocast: half precision has too few digits to tell partners apart. Asking is faster than switching it off."""
    return torch.autocast(device, enabled=False) if torch.is_autocast_enabled(device) else nullcontext()


def many_digits(x: Tensor) -> Tensor:
    """Rows (..., d) as float64, where the device has it: a small distance between two large numbers needs the digits.

    Example:
        >>> import torch
        >>> from mixbook.mixing.transport import many_digits
        >>> many_digits(torch.zeros(2)).dtype
        torch.float64
    """
    return x if x.device.type == "mps" else x.double()


def assignment(cost: Tensor) -> Tensor:
    """The permutation that minimises the summed cost of each problem, exactly.

    SciPy's shortest augmenting paths; up to k = 4 all permutations of all problems are compared at once, which is faster.

    Args:
        cost: (blocks, k, k); ``cost[b, i, j]`` is the price of matching row i with column j in block b.

    Returns:
        int64 (blocks, k) on the CPU: the column matched with each row.

    Raises:
        ValueError: if a cost is NaN, or every matching costs infinitely much.

    Example:
        >>> import torch
        >>> from mixbook.mixing.transport import assignment
        >>> assignment(torch.tensor([[[4.0, 1.0], [1.0, 9.0]]]))
        tensor([[1, 0]])
    """
    cost = cost.detach().cpu()
    problems = (cost.float() if cost.dtype == torch.bfloat16 else cost).numpy()  # which starts small operations faster
    count, k = problems.shape[:2]
    if k <= _FEW and np.isfinite(problems).all():
        columns, places = _permutations(k)
        totals = problems.reshape(count, k * k).take(places, axis=1).reshape(count, *columns.shape).sum(2)
        return torch.from_numpy(columns.take(totals.argmin(1), axis=0))
    solved = np.empty(problems.shape[:2], dtype=np.int64)
    for problem, row in zip(problems, solved, strict=True):
        row[:] = linear_sum_assignment(problem)[1]
    return torch.from_numpy(solved)


@cache
def _permutations(k: int) -> tuple[np.ndarray, np.ndarray]:
    """All permutations of k columns, (k!, k), and the places of what they match in a flat (k, k) table, (k! k,)."""
    columns = np.array(list(permutations(range(k))), dtype=np.int64)
    return columns, (columns + k * np.arange(k)).ravel()


def mean_deviation(alpha: float) -> float:
    """E|lambda - 1/2| for lambda ~ Beta(alpha, alpha): 1 / (alpha 4^alpha B(alpha, alpha)), from 1/2 down to 0.

    Raises:
        ValueError: if ``alpha`` is not positive.

    Example:
        >>> from mixbook.mixing.transport import mean_deviation
        >>> round(mean_deviation(1.0), 4)
        0.25
    """
    if not alpha > 0:
        raise ValueError(f"alpha must be positive, got {alpha}")
    return math.exp(-math.log(alpha) - alpha * math.log(4) - betaln(alpha, alpha))


def mean_square_ratio(alpha: float) -> float:
    """E min(lambda, 1 - lambda)^2 for lambda ~ Beta(alpha, alpha), in closed form.

    It is the mean squared step of a mixture away from its nearer end, for ends at distance 1. It grows with alpha from
    0 to 1/4. (Algorithm 1 of k-mixup estimates it by sampling; it is 1/4 - E|lambda - 1/2| + Var lambda.)

    Raises:
        ValueError: if ``alpha`` is not positive.

    Example:
        >>> from mixbook.mixing.transport import mean_square_ratio
        >>> round(mean_square_ratio(1.0), 6)  # lambda uniform: 1/12
        0.083333
    """
    return 0.25 - mean_deviation(alpha) + 0.25 / (2 * alpha + 1)


def alpha_of_ratio(ratio: float) -> float:
    """The alpha with E min(lambda, 1 - lambda)^2 = ``ratio``: :func:`mean_square_ratio`, inverted by root finding.

    Raises:
        ValueError: if ``ratio`` is not between 0 and 1/4, or so near to either that alpha is below 1e-8 or above 1e12.

    Example:
        >>> from mixbook.mixing.transport import alpha_of_ratio
        >>> round(alpha_of_ratio(1 / 12), 6)
        1.0
    """
    # The value is 1/4 - O(alpha^-1/2) above and alpha / 4 below: these ends are beyond what double precision tells apart.
    ends = 1e-8, 1e12
    low, high = (mean_square_ratio(end) for end in ends)
    if not low < ratio < high:
        raise ValueError(f"ratio must be between 0 and 1/4, the least and the largest of any alpha, got {ratio}")
    log_alpha = brentq(lambda t: mean_square_ratio(math.exp(t)) - ratio, *(math.log(end) for end in ends), xtol=1e-13)
    return math.exp(log_alpha)


def matching_cost(x: Tensor, k: int, *, trials: int = 1024, generator: torch.Generator | None = None) -> float:
    """Mean squared distance between matched points of two random k-subsets of ``x``: E W_2^2 (Algorithm 1, lines 1-2).

    Args:
        x: the data set, (n, ...).
        k: size of the subsets, 1 <= k <= n.
        trials: pairs of subsets to average over. For k = 1 the mean over all n^2 pairs is returned, exactly.
        generator: source of the random subsets.

    Raises:
        ValueError: if ``k`` or ``trials`` is out of range or ``x`` is not finite.

    Example:
        >>> import torch
        >>> from mixbook.mixing.transport import matching_cost
        >>> x = torch.tensor([[0.0], [1.0]])
        >>> matching_cost(x, k=1), matching_cost(x, k=2)  # half of all pairs are 1 apart; matched, none is
        (0.5, 0.0)
    """
    check_k(k, len(x))
    points = rows_of(x)
    if k == 1:
        if not points.isfinite().all():
            raise ValueError("x has NaN or infinite values: optimal transport needs finite features")
        return float(2 * points.var(dim=0, correction=0).sum())
    if trials < 1:
        raise ValueError(f"trials must be at least 1, got {trials}")
    subsets = torch.stack([torch.randperm(len(points), generator=generator)[:k] for _ in range(2 * trials)])
    cost = squared_cost(points[subsets[:trials]], points[subsets[trials:]])
    return float(cost.gather(2, assignment(cost)[..., None]).mean())


def matching_distribution(
    x: Tensor, i: int, k: int, *, trials: int | None = 1024, generator: torch.Generator | None = None
) -> Tensor:
    """Whom sample i is matched with: the locally-informed distribution D_i (k-mixup, Section 4).

    A k-subset of ``x`` that holds sample i and any k-subset of ``x`` are drawn, independently and uniformly, and matched
    at the least squared distance. k = 1 gives the uniform distribution, k = n all weight to i itself.

    Args:
        x: the data set, (n, ...).
        i: row of the sample, 0 <= i < n.
        k: size of the subsets, 1 <= k <= n.
        trials: pairs of subsets to draw; None enumerates all of them, for small sets.
        generator: source of the random subsets.

    Returns:
        float64 (n,) on the CPU: probability of each row to be the partner. With ``trials`` these are frequencies, with
        standard errors of at most 1 / (2 sqrt(trials)).

    Raises:
        ValueError: if ``i``, ``k`` or ``trials`` is out of range, ``x`` is not finite, or there are too many pairs of
            subsets to enumerate (more than 2,000,000).

    Example:
        >>> import torch
        >>> from mixbook.mixing.transport import matching_distribution
        >>> x = torch.tensor([[0.0], [0.1], [5.0], [5.1]])
        >>> matching_distribution(x, i=0, k=2, trials=None).numpy().round(3)
        array([0.5  , 0.333, 0.167, 0.   ])
    """
    points = rows_of(x)
    size = len(points)
    if not 0 <= i < size:
        raise ValueError(f"i must be a row of the data set, between 0 and {size - 1}, got {i}")
    check_k(k, size)
    counts = torch.zeros(size, dtype=torch.float64)
    for ours, theirs in _subset_pairs(size, i, k, trials, generator):
        matched = assignment(squared_cost(points[ours], points[theirs]))[:, 0]
        counts += theirs.gather(1, matched[:, None]).flatten().bincount(minlength=size)
    return counts / counts.sum()


def xi(x: Tensor, k: int, alpha: float, *, trials: int = 1024, generator: torch.Generator | None = None) -> float:
    """Root mean square distance of a mixture to its nearer end, in the units of ``x``, (n, ...) (k-mixup, Section 2).

    Example:
        >>> import torch
        >>> from mixbook.mixing.transport import xi
        >>> round(xi(torch.tensor([[0.0], [1.0]]), k=1, alpha=1.0), 4)  # sqrt(1/2 1/12)
        0.2041
    """
    return math.sqrt(mean_square_ratio(alpha) * matching_cost(x, k, trials=trials, generator=generator))


def alpha_at_constant_xi(
    x: Tensor, k: int, alpha: float, *, trials: int = 1024, generator: torch.Generator | None = None
) -> float:
    """The alpha that moves samples as far at block size ``k`` as ``alpha`` does at k = 1 (k-mixup, Algorithm 1).

    Matched points are closer than random ones, so alpha has to grow with k. The paper multiplies alpha by a constant
    until a sampled mean is large enough; here the closed form of that mean is solved for its root.

    Args:
        x: the data set, (n, ...), as the network sees it (scaled).
        k: block size.
        alpha: the alpha that is used at k = 1.
        trials, generator: as in :func:`matching_cost`.

    Raises:
        InfeasibleXi: if even midpoints of the matched pairs would move samples less, such as at k = n, where each sample is
            its own partner.
        ValueError: if ``alpha`` or ``k`` is out of range.

    Example:
        >>> import torch
        >>> from mixbook.mixing.transport import alpha_at_constant_xi
        >>> x = torch.rand(256, 2, generator=torch.Generator().manual_seed(0))
        >>> alpha = alpha_at_constant_xi(x, k=2, alpha=0.5, generator=torch.Generator().manual_seed(0))
        >>> alpha > 0.5
        True
    """
    wanted = mean_square_ratio(alpha)
    if k == 1:
        return alpha
    moved = matching_cost(x, 1)
    if moved == 0:
        return alpha  # all samples are equal: nothing moves at any alpha
    matched = matching_cost(x, k, trials=trials, generator=generator)
    wanted = wanted * moved / matched if matched > 0 else math.inf
    if wanted >= 0.25:
        raise InfeasibleXi(
            f"xi of alpha={alpha} at k=1 cannot be reached at k={k}: E min(lambda, 1-lambda)^2 would have to be "
            f"{wanted:.3f}, and it is below 0.25 for every alpha. Use a smaller k or a smaller alpha"
        )
    return alpha_of_ratio(wanted)


def _subset_pairs(
    size: int, i: int, k: int, trials: int | None, generator: torch.Generator | None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Pairs of k-subsets of ``size`` rows, (pairs, k) each, part by part; the first of a pair starts with row i."""
    others = torch.tensor([row for row in range(size) if row != i], dtype=torch.int64)
    if trials is not None:
        if trials < 1:
            raise ValueError(f"trials must be at least 1, or None to enumerate all pairs of subsets, got {trials}")
        for start in range(0, trials, _PART):
            count = min(_PART, trials - start)
            ours = torch.stack([others[torch.randperm(size - 1, generator=generator)[: k - 1]] for _ in range(count)])
            theirs = torch.stack([torch.randperm(size, generator=generator)[:k] for _ in range(count)])
            yield torch.cat([torch.full((count, 1), i), ours], dim=1), theirs
        return
    pairs = math.comb(size - 1, k - 1) * math.comb(size, k)
    if pairs > MOST_PAIRS:
        raise ValueError(f"{pairs} pairs of subsets are too many to enumerate: pass trials, e.g. trials=1024")
    everyone = torch.combinations(torch.arange(size), k)
    for rest in torch.combinations(others, k - 1) if k > 1 else [others[:0]]:
        first = torch.cat([torch.tensor([i]), rest])
        for part in everyone.split(_PART):
            yield first.expand(len(part), k), part
