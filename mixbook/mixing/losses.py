"""Losses and accuracies for mixed targets: rows of weights over classes instead of labels."""

from typing import Literal

from torch import Tensor
from torch.nn import functional as F

Reduction = Literal["mean", "sum", "none"]


def mixed_cross_entropy(logits: Tensor, targets: Tensor, reduction: Reduction = "mean") -> Tensor:
    """Cross entropy with mixed targets: the average, weighted by the plan, of the cross entropies with the hard labels.

    Args:
        logits: (N, C).
        targets: weights over classes, float (N, C), or integer labels (N,).
        reduction: ``"mean"`` over mixtures, ``"sum"``, or ``"none"`` for (N,).

    Raises:
        ValueError: if the shapes do not fit.
    """
    _check(logits, targets)
    if not targets.is_floating_point():
        return F.cross_entropy(logits, targets.long(), reduction=reduction)
    # In float32 also under autocast: a sum over many classes of half-precision weights loses what mixing is about.
    return F.cross_entropy(logits.float(), targets.float(), reduction=reduction)


def mixed_accuracy(logits: Tensor, targets: Tensor) -> Tensor:
    """Expected top-1 accuracy: the weight that each target gives to the predicted class, averaged. Scalar in [0, 1].

    Its ceiling is below 1 (0.75 for uniform lambda and two different classes), so compare it with that of the targets
    themselves, ``targets.max(1).values.mean()``, and not with the accuracy on clean data.
    """
    _check(logits, targets)
    if not targets.is_floating_point():
        return (logits.argmax(1) == targets).float().mean()
    return targets.gather(1, logits.argmax(1, keepdim=True)).mean()


def dominant_accuracy(logits: Tensor, targets: Tensor) -> Tensor:
    """Share of mixtures whose predicted class is the one with the largest weight. Scalar in [0, 1].

    A target without a single largest weight (lambda = 1/2) counts any of its largest classes as right.
    """
    _check(logits, targets)
    if not targets.is_floating_point():
        return mixed_accuracy(logits, targets)
    weight = targets.gather(1, logits.argmax(1, keepdim=True)).squeeze(1)
    return (weight == targets.max(1).values).float().mean()


def _check(logits: Tensor, targets: Tensor) -> None:
    fits = targets.shape == logits.shape if targets.is_floating_point() else targets.shape == logits.shape[:1]
    if logits.ndim != 2 or not fits:
        raise ValueError(
            f"targets must be float with the shape of logits, or int (N,): got {targets.dtype} {tuple(targets.shape)} "
            f"for logits {tuple(logits.shape)}"
        )
