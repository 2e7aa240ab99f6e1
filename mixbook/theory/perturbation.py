"""How far mixing moves a sample, how soft it makes a label, and up to which alpha a perturbation can be kept.

Source: Greenewald et al., "k-Mixup Regularization for Deep Learning via Optimal Transport" (TMLR 2023), section 2 and
Algorithm 1; the preprint of 2021, Figures 5b and 6b. The laws of the step itself are in :mod:`mixbook.mixing.transport`:
``mean_square_ratio`` (its closed form), ``matching_cost``, ``xi`` and ``alpha_at_constant_xi``.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mixbook.mixing import transport
from mixbook.mixing.ratio import symmetric_beta
from mixbook.theory.reversion import truncated_beta

ROWS = 1 << 14  # mixtures that are compared with all samples at once


def label_softness(alpha: float) -> float:
    """E min(lambda, 1 - lambda), lambda ~ Beta(alpha, alpha): the mean weight of the lesser label in a mixture.

    It grows with alpha from 0 to 1/2. At constant xi the step is held and this is not: it grows with k.

    Raises:
        ValueError: if ``alpha`` is not positive.

    Example:
        >>> from mixbook.theory.perturbation import label_softness
        >>> round(label_softness(1.0), 4)
        0.25
    """
    return 1 - truncated_beta(alpha)[0]


def largest_alpha(shrinkage: float) -> float:
    """The alpha at k = 1 above which no alpha at k keeps xi, so that Algorithm 1 runs into its cap.

    Args:
        shrinkage: ``matching_cost(x, k) / matching_cost(x, 1)``, in (0, 1]: the mean squared distance of matched partners
            against that of random ones.

    Returns:
        infinity if nothing shrinks.

    Raises:
        ValueError: if ``shrinkage`` is not in (0, 1].

    Example:
        >>> from mixbook.theory.perturbation import largest_alpha
        >>> largest_alpha(1.0), round(largest_alpha(1 / 3), 4)
        (inf, 1.0)
    """
    if not 0 < shrinkage <= 1:
        raise ValueError(f"shrinkage must be in (0, 1], got {shrinkage}: matched partners are no farther than random ones")
    # Midpoints move each end by a quarter of the squared distance, and no mixture moves it farther.
    return np.inf if shrinkage == 1 else transport.alpha_of_ratio(shrinkage / 4)


class VicinalDistances(NamedTuple):
    """Mean squared distances of mixtures, in squared units of the data, and the standard errors of both means.

    Args:
        to_end: to the nearer one of the two samples that were mixed; xi squared.
        to_sample: to the nearest sample of the whole data set; at most ``to_end``.
    """

    to_end: float
    to_sample: float
    to_end_error: float
    to_sample_error: float


def vicinal_distances(
    x: Tensor, k: int, alpha: float, *, trials: int = 256, generator: torch.Generator | None = None
) -> VicinalDistances:
    """How far mixtures lie from the data, by sampling (k-mixup v1, Figures 5b and 6b).

    The text of the preprint describes the distance to the matched pair, the caption of its tables the distance to the
    training set. Both are returned.

    Args:
        x: the data set, (n, ...).
        k: block size, 1 <= k <= n.
        alpha: lambda ~ Beta(alpha, alpha), drawn for each pair of blocks.
        trials: pairs of blocks to draw.
        generator: source of blocks and lambda.

    Raises:
        ValueError: if ``k`` is out of range, ``alpha`` not positive, ``trials`` below 2, or ``x`` is not finite.

    Example:
        >>> import torch
        >>> from mixbook.theory.perturbation import vicinal_distances
        >>> x = torch.rand(50, 2, generator=torch.Generator().manual_seed(0))
        >>> found = vicinal_distances(x, k=4, alpha=1.0, trials=8)
        >>> found.to_sample <= found.to_end
        True
    """
    points = transport.rows_of(x)
    transport.check_k(k, len(points))
    if not alpha > 0 or trials < 2:
        raise ValueError(f"alpha must be positive and trials at least 2, got alpha={alpha}, trials={trials}")
    points = points - points.mean(0)  # large common offsets would swallow the digits of the distances
    ours, theirs = (points[rows] for rows in torch.rand(2, trials, len(points), generator=generator).topk(k).indices)
    matched = transport.assignment(transport.squared_cost(ours, theirs))
    partner = theirs.gather(1, matched[..., None].expand_as(theirs))
    lam = symmetric_beta(alpha, (trials, 1, 1), generator)
    mixed = torch.lerp(partner, ours, lam)
    step = torch.minimum((mixed - ours).square().sum(-1), (mixed - partner).square().sum(-1)).mean(1)
    rows = mixed.flatten(0, 1).split(ROWS)
    nearest = torch.cat([torch.cdist(part, points).amin(1).square() for part in rows]).reshape(trials, k).mean(1)
    means, errors = zip(*((float(v.mean()), float(v.std()) / trials**0.5) for v in (step, nearest)), strict=True)
    return VicinalDistances(*means, *errors)
