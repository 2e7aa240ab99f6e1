"""Mixing as shrinking towards partners plus noise: mean reversion, the moments of the noise, and the truncated Beta law.

Source: Greenewald et al., "k-Mixup Regularization for Deep Learning via Optimal Transport" (TMLR 2023), Theorem H.1 and
Lemma H.2, after Carratino et al., "On Mixup Regularization" (JMLR 2022). There the partners of a sample are those that it
meets in one block; here they follow any symmetric law of partners (:mod:`mixbook.theory.partners`), for which the identity
holds as well: D_i, or block by block as in the paper, with ``anchors``.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import roots_jacobi
from torch import Tensor

from mixbook.mixing.transport import mean_deviation, mean_square_ratio, rows_of
from mixbook.theory.expansion import Link, Model, softmax

_NODES = 60  # of the rule for the law of theta


def truncated_beta(alpha: float) -> tuple[float, float]:
    """Mean and variance of theta = max(lambda, 1 - lambda), lambda ~ Beta(alpha, alpha): the paper's Beta_[1/2, 1].

    The mean is 1/2 + E|lambda - 1/2|, and (theta - 1/2)^2 = (lambda - 1/2)^2 gives the variance.

    Raises:
        ValueError: if ``alpha`` is not positive.

    Example:
        >>> from mixbook.theory.reversion import truncated_beta
        >>> tuple(round(moment, 4) for moment in truncated_beta(1.0))  # uniform on [1/2, 1]
        (0.75, 0.0208)
    """
    deviation = mean_deviation(alpha)
    return 0.5 + deviation, 0.25 / (2 * alpha + 1) - deviation**2


def truncated_beta_rule(alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """Points in [1/2, 1] and weights, (60,) each, that integrate smooth functions against the law of theta.

    The density may be singular at 1, and is smooth elsewhere: Gauss-Jacobi takes the first, a factor the second. For a
    large alpha it is a narrow bell at 1/2, all of which float64 sees within nine of its widths.

    Example:
        >>> from mixbook.theory.reversion import truncated_beta_rule
        >>> theta, weights = truncated_beta_rule(1.0)
        >>> round(float(weights @ theta), 4)
        0.75
    """
    if alpha >= 100:
        points, weights = np.polynomial.legendre.leggauss(_NODES)
        above = min(1.0, 9 / math.sqrt(alpha)) * (1 + points) / 2  # 2 theta - 1
        weights = weights * np.exp((alpha - 1) * np.log1p(-(above**2)))
        return (1 + above) / 2, weights / weights.sum()
    points, weights = roots_jacobi(_NODES, alpha - 1, 0)
    theta = (3 + points) / 4
    # The largest factor divides out, so that a large alpha does not underflow.
    factor = np.exp((alpha - 1) * (np.log(theta) - np.log(theta).max()))
    return theta, weights * factor / (weights * factor).sum()


@dataclass(frozen=True)
class Reversion:
    """Where the mixtures of each anchor lie (Theorem H.1, Lemma H.2); float64.

    Args:
        centre: mean partner, (rows, d).
        reverted: mean mixture, (rows, d): ``centre + mean theta * (anchor - centre)``.
        covariance: of the mixtures about it, (rows, d, d).
    """

    centre: Tensor
    reverted: Tensor
    covariance: Tensor


def mean_reversion(x: Tensor, law: Tensor, alpha: float, *, anchors: Tensor | None = None) -> Reversion:
    """Mean and covariance of the mixtures of each sample, theta = max(lambda, 1 - lambda) being its own weight.

    A mixture is ``reverted`` plus noise of mean 0, whose covariance is

        s^2 (x - centre)(x - centre)^T + v^2 Cov(partner),    s^2 = Var theta,  v^2 = E(1 - theta)^2.

    Lemma H.2 prints a further division of the second term, see the book. Append targets to the columns of ``x`` for their
    moments and the cross terms.

    Args:
        x: samples, (n, ...), flattened to (n, d).
        law: row r is the law of the partner of anchor r, (rows, n), rows summing to 1.
        alpha: lambda ~ Beta(alpha, alpha).
        anchors: int64 (rows,), the sample that each row of ``law`` belongs to; None if row i belongs to sample i.

    Raises:
        ValueError: if shapes do not fit, or ``alpha`` is not positive.

    Example:
        >>> import torch
        >>> from mixbook.theory.partners import matching_law
        >>> from mixbook.theory.reversion import mean_reversion
        >>> x = torch.tensor([[0.0], [4.0]])
        >>> found = mean_reversion(x, matching_law(x, k=1), alpha=1.0)
        >>> found.centre.T, found.reverted.T.numpy().round(3)  # a quarter of the way to the mean
        (tensor([[2., 2.]], dtype=torch.float64), array([[0.5, 3.5]]))
    """
    points, own, law = _anchored(x, law, anchors)
    kept, variance = truncated_beta(alpha)
    origin = points.mean(0)  # large common offsets would swallow the digits of the covariance
    points, own = points - origin, own - origin
    centre = law @ points
    away = own - centre
    spread = torch.einsum("rn,nd,ne->rde", law, points, points) - centre[:, :, None] * centre[:, None, :]
    covariance = variance * away[:, :, None] * away[:, None, :] + mean_square_ratio(alpha) * spread
    return Reversion(centre + origin, centre + kept * away + origin, covariance)


@torch.no_grad()
def reverted_loss(
    model: Model,
    x: Tensor,
    y: Tensor,
    law: Tensor,
    alpha: float,
    *,
    h: Link = softmax,
    anchors: Tensor | None = None,
) -> float:
    """The loss of mixing as Theorem H.1 writes it: at reverted samples and targets, plus their noise, averaged.

    Args:
        model, y, h: as in :mod:`mixbook.theory.expansion`; ``x`` float64, or a model that takes float64.
        x, law, alpha, anchors: as in :func:`mean_reversion`.

    Raises:
        ValueError: as :func:`mean_reversion`.

    Example:
        >>> import torch
        >>> from mixbook.theory.expansion import mixed_loss
        >>> from mixbook.theory.partners import matching_law
        >>> from mixbook.theory.reversion import reverted_loss
        >>> model = torch.nn.Linear(1, 2).double()
        >>> x, y = torch.tensor([[0.0], [1.0]]).double(), torch.eye(2).double()
        >>> law = matching_law(x, k=1)
        >>> one, two = (of(model, x, y, law, alpha=1.0) for of in (reverted_loss, mixed_loss))
        >>> bool(abs(one - two) < 1e-9)
        True
    """
    targets, own_target, _ = _anchored(y, law, anchors)
    points, own, law = _anchored(x, law, anchors)
    moved, blurred = mean_reversion(x, law, alpha, anchors=anchors), mean_reversion(targets, law, alpha, anchors=anchors)
    kept, _ = truncated_beta(alpha)
    row, j = law.nonzero().T
    weight = law[row, j] / len(law)
    total = 0.0
    for theta, mass in zip(*truncated_beta_rule(alpha), strict=True):

        def noise(own: Tensor, partner: Tensor, centre: Tensor, theta: float = theta) -> Tensor:
            return (theta - kept) * own + (1 - theta) * partner - (1 - kept) * centre

        inputs = moved.reverted[row] + noise(own[row], points[j], moved.centre[row])
        soft = blurred.reverted[row] + noise(own_target[row], targets[j], blurred.centre[row])
        z = model(inputs.reshape(-1, *x.shape[1:])).reshape(len(row), -1)
        total += mass * float((weight * (h(z) - (soft * z).sum(-1))).sum())
    return total


def _anchored(x: Tensor, law: Tensor, anchors: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Samples as float64 (n, d), the anchor of each row of ``law``, (rows, d), and that law, float64."""
    points = rows_of(x)
    anchors = torch.arange(len(points)) if anchors is None else anchors
    if law.shape != (len(anchors), len(points)):
        raise ValueError(
            f"law must have shape ({len(anchors)}, {len(points)}), a row for each anchor and a column for each sample, "
            f"got {tuple(law.shape)}"
        )
    return points, points[anchors], law.detach().double().cpu()
