"""What mixing adds to the loss: the exact loss of a law of partners, and its expansion into three penalties.

Source: Greenewald et al., "k-Mixup Regularization for Deep Learning via Optimal Transport" (TMLR 2023), Theorem 4.1, after
Zhang et al., "How Does Mixup Help With Robustness and Generalization?" (ICLR 2021). Losses have the form
l(f(x), y) = h(f(x)) - y . f(x): :func:`softmax` gives the cross entropy, :func:`logistic` its binary form, and
:func:`squared` half the squared error, up to a constant of the targets.

A *model* is any callable from inputs (rows, ...) to outputs (rows, C) or (rows,) that treats rows apart and, for the
expansion, that ``torch.func.jvp`` can differentiate twice: a module in eval mode will do. Targets ``y`` are float (n, C) or
(n,). A *law* (n, n) says who is mixed with whom, see :mod:`mixbook.theory.partners`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.func import jvp

from mixbook.theory.laws import beta_rule
from mixbook.theory.partners import check_law

Model = Callable[[Tensor], Tensor]
Link = Callable[[Tensor], Tensor]  # h: outputs (rows, C) to (rows,), convex
ROWS = 1 << 16  # that go through the model at once, which bounds the memory


def softmax(z: Tensor) -> Tensor:
    """h of the cross entropy: log-sum-exp of logits (rows, C).

    Example:
        >>> import torch
        >>> from mixbook.theory.expansion import softmax
        >>> softmax(torch.zeros(1, 2))
        tensor([0.6931])
    """
    return z.logsumexp(-1)


def logistic(z: Tensor) -> Tensor:
    """h of the binary cross entropy: softplus of logits (rows, C), summed over C.

    Example:
        >>> import torch
        >>> from mixbook.theory.expansion import logistic
        >>> logistic(torch.zeros(1, 1))
        tensor([0.6931])
    """
    return torch.nn.functional.softplus(z).sum(-1)


def squared(z: Tensor) -> Tensor:
    """h of half the squared error: half the squared norm of outputs (rows, C).

    Example:
        >>> import torch
        >>> from mixbook.theory.expansion import squared
        >>> squared(torch.tensor([[3.0, 4.0]]))
        tensor([12.5000])
    """
    return z.square().sum(-1) / 2


def mixed_loss(model: Model, x: Tensor, y: Tensor, law: Tensor, alpha: float, *, h: Link = softmax) -> float:
    """The loss that mixing minimises, as it is trained: both labels, lambda ~ Beta(alpha, alpha), no sampling.

    (1/n) sum_ij law_ij E l(f(lambda x_i + (1 - lambda) x_j), lambda y_i + (1 - lambda) y_j).

    Raises:
        ValueError: if ``alpha`` is not positive, or ``law`` or ``y`` do not fit ``x``.

    Example:
        >>> import torch
        >>> from mixbook.theory.expansion import mixed_loss
        >>> from mixbook.theory.partners import matching_law
        >>> x, y = torch.tensor([[0.0], [1.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
        >>> law = matching_law(x, k=1)  # any partner
        >>> round(mixed_loss(lambda x: torch.cat([1 - x, x], 1), x, y, law, alpha=1.0), 4)
        0.4402
    """
    pairs, rule = _pairs(x, y, law, alpha), beta_rule(alpha)
    return float(sum(mass * _mean_loss(model, h, pairs, 1 - lam, 1 - lam) for lam, mass in zip(*rule, strict=True)))


def one_label_loss(
    model: Model, x: Tensor, y: Tensor, law: Tensor, alpha: float, *, h: Link = softmax, scale: float = 1.0
) -> float:
    """The same loss with one label: each sample moves towards partners and keeps its own, lambda ~ Beta(alpha + 1, alpha).

    (1/n) sum_ij law_ij E l(f(x_i + (1 - lambda) scale (x_j - x_i)), y_i), as in the proof of Theorem 4.1. At ``scale=1`` it
    equals :func:`mixed_loss` if ``law`` is symmetric; of any other law, pass ``(law + law.T) / 2``.

    Args:
        scale: shrinks the way to each partner, which is what an expansion is in; 0 gives the loss without mixing.

    Raises:
        ValueError: as :func:`mixed_loss`.

    Example:
        >>> import torch
        >>> from mixbook.theory.expansion import mixed_loss, one_label_loss
        >>> from mixbook.theory.partners import matching_law
        >>> model = torch.nn.Linear(1, 2)
        >>> x, y = torch.tensor([[0.0], [1.0]]), torch.eye(2)
        >>> law = matching_law(x, k=1)
        >>> one, two = (of(model, x, y, law, alpha=1.0) for of in (one_label_loss, mixed_loss))
        >>> abs(one - two) < 1e-5
        True
    """
    pairs, rule = _pairs(x, y, law, alpha), beta_rule((alpha + 1, alpha))
    return float(sum(mass * _mean_loss(model, h, pairs, scale * (1 - lam), 0) for lam, mass in zip(*rule, strict=True)))


@dataclass(frozen=True)
class Expansion:
    """The terms of Theorem 4.1, in nats for a cross entropy.

    Args:
        standard: the loss on the samples as they are, each weighted by how often it takes part: alike where nobody is
            chosen twice, as in k-mixup.
        r1: towards the mean partner: residual times slope.
        r2: slope, squared, along the ways to partners; >= 0 for a convex h.
        r3: curvature along them, times the residual; 0 for a model that is linear, or linear piece by piece.
    """

    standard: float
    r1: float
    r2: float
    r3: float

    @property
    def total(self) -> float:
        """The loss of mixing, to second order."""
        return self.standard + self.r1 + self.r2 + self.r3


def expand(
    model: Model, x: Tensor, y: Tensor, law: Tensor, alpha: float, *, h: Link = softmax, scale: float = 1.0
) -> Expansion:
    """Standard loss and the penalties R1, R2, R3 of Theorem 4.1, for any model, data set and law of partners.

    With u = x_j - x_i and derivatives along it, the mean over i and over j ~ law_i of

        R1: a (h'(f) - y_i) . f'u,    R2: (a/4) f'u . h''(f) f'u,    R3: (a/4) (h'(f) - y_i) . f''uu,

    where a = alpha / (2 alpha + 1) is E(1 - lambda) and 2 E(1 - lambda)^2 of Beta(alpha + 1, alpha). So alpha multiplies
    all three by one number below 1/2, and the law decides the rest. The law is taken as (law + law.T) / 2, which changes
    nothing for k-mixup without ties.

    Args:
        scale: shrinks the way to each partner, as in :func:`one_label_loss`; what is left out is of order ``scale ** 3``.

    Raises:
        ValueError: as :func:`mixed_loss`.

    Example:
        >>> import torch
        >>> from mixbook.theory.expansion import expand
        >>> from mixbook.theory.partners import matching_law
        >>> x, y = torch.tensor([[0.0], [1.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
        >>> found = expand(lambda x: torch.cat([1 - x, x], 1), x, y, matching_law(x, 1), alpha=1.0)
        >>> round(found.standard, 4), found.r2 > 0, found.r3  # a linear model has no curvature
        (0.3133, True, 0.0)
    """
    pairs = _pairs(x, y, (law + law.T) / 2, alpha)
    sums = torch.zeros(4, dtype=torch.float64)
    for start, end, target, _, weight in pairs.parts():
        z = _flat(model)(start)
        dz, ddz = _derivatives(_flat(model), start, end - start)
        slope, bend = _derivatives(h, z, dz)
        along = _derivatives(h, z, ddz)[0]
        terms = [h(z) - (target * z).sum(-1), slope - (target * dz).sum(-1), bend, along - (target * ddz).sum(-1)]
        sums += torch.stack([(weight * term.detach().double().cpu()).sum() for term in terms])
    standard, r1, r2, r3 = sums.tolist()
    first, second = one_minus_lambda(alpha)
    return Expansion(standard, scale * first * r1, scale**2 * second / 2 * r2, scale**2 * second / 2 * r3)


def one_minus_lambda(alpha: float) -> tuple[float, float]:
    """E(1 - lambda) and E(1 - lambda)^2 for lambda ~ Beta(alpha + 1, alpha); the second is half of the first.

    Example:
        >>> from mixbook.theory.expansion import one_minus_lambda
        >>> tuple(round(mean, 4) for mean in one_minus_lambda(1.0))
        (0.3333, 0.1667)
    """
    first = alpha / (2 * alpha + 1)
    return first, first / 2


class _Pairs(NamedTuple):
    """Samples, targets (n, C), and who meets whom: rows i and j, and the probability of each pair, summing to 1."""

    x: Tensor
    y: Tensor
    i: Tensor
    j: Tensor
    weight: Tensor

    def parts(self) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor, Tensor]]:
        """Sample, partner, target of the sample, target of the partner, and weight of as many pairs as memory allows."""
        for i, j, weight in zip(self.i.split(ROWS), self.j.split(ROWS), self.weight.split(ROWS), strict=True):
            yield self.x[i], self.x[j], self.y[i], self.y[j], weight


def _pairs(x: Tensor, y: Tensor, law: Tensor, alpha: float) -> _Pairs:
    if not 0 < alpha < np.inf:
        raise ValueError(f"alpha must be positive and finite, got {alpha}")
    check_law(x, law)
    if len(y) != len(x) or not y.is_floating_point():
        raise ValueError(
            f"y must be float targets, one row for each of the {len(x)} samples, got {y.dtype} {tuple(y.shape)}"
        )
    i, j = law.nonzero().T
    return _Pairs(x, y.reshape(len(x), -1), i, j, law[i, j].double() / len(x))


@torch.no_grad()
def _mean_loss(model: Model, h: Link, pairs: _Pairs, moved: float, blurred: float) -> float:
    """Mean loss where inputs are moved, and targets blurred, by these shares of the way to the partner."""
    total = 0.0
    for start, end, own, other, weight in pairs.parts():
        z = _flat(model)(torch.lerp(start, end, moved))
        loss = h(z) - (torch.lerp(own, other, blurred) * z).sum(-1)
        total += float((weight * loss.double().cpu()).sum())
    return total


def _flat(model: Model) -> Model:
    """The model with outputs (rows, C), also if it gives (rows,)."""
    return lambda x: model(x).reshape(len(x), -1)


def _derivatives(f: Callable[[Tensor], Tensor], at: Tensor, step: Tensor) -> tuple[Tensor, Tensor]:
    """First and second derivative of ``f`` along ``step``."""
    found = jvp(lambda u: jvp(f, (u,), (step,))[1], (at,), (step,))
    return found[0], found[1]
