"""How well classes are kept apart in a representation: the error of k nearest neighbours on it."""

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from mixbook.evaluation.batches import class_numbers


def knn_error(states: Tensor, y: Tensor, test_states: Tensor, test_y: Tensor, k: int, batch_size: int = 512) -> float:
    """Share of test samples that the majority of their k nearest training samples gets wrong, in [0, 1].

    Distances are Euclidean; where classes draw, the one of the nearer neighbour wins. Manifold mixup (section 5.1) reports
    such errors of a PreActResNet-18 on CIFAR-10 and says neither k nor the layer; ``"pool"`` is what its last map gets.

    Args:
        states: representations of training samples, (n, units): see :func:`~mixbook.evaluation.hidden.hidden_states`.
            Distances are computed in float32, or in float64 where either side is.
        y: their labels, integers (n,).
        test_states: of test samples, (m, units).
        test_y: (m,).
        k: neighbours that vote, from 1 to n.
        batch_size: test samples at once.

    Raises:
        ValueError: if shapes do not fit, ``k`` is out of range, or a state is not finite.
        TypeError: if labels are no integers.

    Example:
        >>> import torch
        >>> from mixbook.evaluation import knn_error
        >>> states, y = torch.tensor([[0.0], [1.0], [5.0]]), torch.tensor([0, 0, 1])
        >>> knn_error(states, y, torch.tensor([[0.4], [4.0]]), torch.tensor([0, 0]), k=1)
        0.5
    """
    for name, rows, labels in (("states", states, y), ("test_states", test_states, test_y)):
        if rows.ndim != 2 or labels.shape != (len(rows),) or len(rows) == 0:
            raise ValueError(f"{name} must be (n, units) with n labels, got {tuple(rows.shape)} and {tuple(labels.shape)}")
    if states.shape[1] != test_states.shape[1]:
        raise ValueError(f"states must have the units of test_states, {test_states.shape[1]}, got {states.shape[1]}")
    for name, rows in (("states", states), ("test_states", test_states)):
        if not rows.isfinite().all():
            raise ValueError(f"{name} must be finite: what is no number has no neighbours. Has the network diverged?")
    if not 1 <= k <= len(states):
        raise ValueError(f"k must lie between 1 and the {len(states)} training samples, got {k}")
    y, test_y = class_numbers(y), class_numbers(test_y)
    exact = torch.promote_types(torch.promote_types(states.dtype, test_states.dtype), torch.float32)
    states, test_states = states.to(exact), test_states.to(exact)
    classes = int(torch.cat([y, test_y]).max()) + 1
    wrong = 0
    for rows, labels in zip(test_states.split(batch_size), test_y.split(batch_size), strict=True):
        # Without products, whose rounding hides small distances between large numbers. Nearest first.
        distances = torch.cdist(rows, states, compute_mode="donot_use_mm_for_euclid_dist")
        nearest = distances.topk(k, largest=False).indices
        votes = one_hot(y[nearest], classes)
        # Votes count k + 1, and the first of a class up to k more, the nearer the more: less than a vote in all, so that
        # decides between equal numbers alone.
        first = torch.where(votes.any(1), k - votes.argmax(1), 0)
        wrong += int((((k + 1) * votes.sum(1) + first).argmax(1) != labels).sum())
    return wrong / len(test_y)
