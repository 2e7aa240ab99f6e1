"""Losses and accuracies for mixed targets: rows of weights over classes instead of labels."""

from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

from mixbook.mixing.checks import can_be_looked_at

Reduction = Literal["mean", "sum", "none"]
_REDUCTIONS = get_args(Reduction)
_IGNORED = -100  # an integer label that PyTorch's cross entropy leaves out


def mixed_cross_entropy(
    logits: Tensor,
    targets: Tensor,
    reduction: Reduction = "mean",
    *,
    weight: Tensor | None = None,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Cross entropy with mixed targets: the average, weighted by the plan, of the cross entropies with the hard labels.

    It is computed in float32, or in float64 where the logits are.

    With targets t, class weights w (1 without them) and smoothing e, the mean is

        sum_nc w_c (e / C sum_j t_nj + (1 - e) t_nc) (-log p_nc)  /  sum_nc w_c t_nc.

    The divisor is what PyTorch's mean over hard labels divides by, mixed like the targets: so the loss is the average of
    the hard losses also with class weights, where ``F.cross_entropy`` of soft targets, which divides by N, is not. (It
    is so exactly where both hard losses have the same divisor: if partners are a permutation and share one lambda.) A row
    that sums to less than 1 belongs in part to ignored labels (``ignore_index`` of :meth:`MixPlan.targets`), which count
    neither above nor below. If nothing is left to count, the mean is NaN, as PyTorch's is.

    Args:
        logits: (N, C), or (N, C, ...) with one prediction for each pixel or step. Those of a sequence are often (N, T, C):
            pass ``logits.movedim(-1, 1)``. Nothing can tell, where T is C. They must be finite: the logit ``-inf`` of a
            class that is ruled out makes the loss NaN, also where its target is 0, so rule it out by -1e9 or the like.
        targets: weights over classes, float with the shape of ``logits``, or integer labels (N, ...).
        reduction: ``"mean"`` as above, ``"sum"`` of its numerator, or ``"none"`` for (N, ...).
        weight: weights of the classes, (C,).
        label_smoothing: e, in [0, 1].

    Raises:
        TypeError: if ``weight`` is not a tensor.
        ValueError: if the shapes do not fit, there is one logit alone, ``reduction`` is none of the three,
            ``label_smoothing`` is not in [0, 1], or targets on a CPU sum to more than 1, as those of several labels at once
            do.

    Example:
        >>> import torch, mixbook as mb
        >>> logits = torch.tensor([[2.0, 0.0]])
        >>> mixed = mb.mixed_cross_entropy(logits, torch.tensor([[0.75, 0.25]]))
        >>> hard = [torch.nn.functional.cross_entropy(logits, torch.tensor([c])) for c in (0, 1)]
        >>> bool(torch.isclose(mixed, 0.75 * hard[0] + 0.25 * hard[1]))
        True
    """
    if reduction not in _REDUCTIONS:
        raise ValueError(f"reduction must be one of {_REDUCTIONS}, got {reduction!r}")
    _check(logits, targets)
    _check_classes(logits)
    classes = logits.shape[1]
    if weight is not None and not isinstance(weight, Tensor):
        raise TypeError(f"weight must be a tensor, got {type(weight).__name__}: torch.tensor(weight) makes one")
    if weight is not None and weight.shape != (classes,):
        raise ValueError(f"weight must have one number for each of the {classes} classes, got shape {tuple(weight.shape)}")
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing must lie in [0, 1], got {label_smoothing}")
    # In float32 also under autocast: a sum over many classes of half-precision weights loses what mixing is about.
    logits = _exact(logits)
    weight = None if weight is None else weight.to(logits.dtype)
    if not targets.is_floating_point():
        return F.cross_entropy(logits, targets.long(), weight, reduction=reduction, label_smoothing=label_smoothing)
    targets = targets.to(logits.dtype)
    present = targets.sum(1, keepdim=True)
    if can_be_looked_at(present) and present.max() > 1.01:
        raise ValueError(
            f"targets must sum to 1 over the classes, got up to {float(present.max()):.3g}: for several labels at once "
            "take F.binary_cross_entropy_with_logits"
        )
    smooth = torch.lerp(targets, present / classes, label_smoothing) if label_smoothing else targets
    losses = F.cross_entropy(logits, smooth, weight, reduction="none")
    if reduction == "none":
        return losses
    total = losses.sum()
    return total if reduction == "sum" else total / _mass(targets, weight)


def bce_of_softmax(logits: Tensor, targets: Tensor) -> Tensor:
    """Binary cross entropy of the softmax probabilities, averaged over mixtures and classes: the loss of manifold mixup's
    released code, whose paper writes cross entropy.

    It also pushes the probabilities of wrong classes down one by one, and it is about 1 / C of a cross entropy's size: a
    learning rate that was chosen for one does not suit the other.

    Args:
        logits: (N, C).
        targets: weights over classes, float (N, C), each in [0, 1].

    Raises:
        ValueError: if the shapes do not fit, there is one logit alone, or the targets are integers.

    Example:
        >>> import torch, mixbook as mb
        >>> loss = mb.bce_of_softmax(torch.zeros(4, 2), torch.full((4, 2), 0.5))
        >>> round(loss.item(), 4)  # log 2
        0.6931
    """
    if not targets.is_floating_point():
        raise ValueError(f"targets must be float (N, C), got {targets.dtype}: F.one_hot(y, C).float()")
    _check_flat(logits, targets)
    _check_classes(logits)
    logits = _exact(logits)
    with torch.autocast(logits.device.type, enabled=False):  # which refuses this loss, but these are float32 already
        p = logits.softmax(1)
        # PyTorch stops at NaN, on a GPU for good. As in other losses, a network that diverged has the loss NaN.
        return F.binary_cross_entropy(p.nan_to_num(), targets.to(logits.dtype)) + 0 * p.sum()


def mixed_accuracy(logits: Tensor, targets: Tensor) -> Tensor:
    """Expected top-1 accuracy: the weight that each target gives to the predicted class, averaged. Scalar in [0, 1].

    Logits and targets are (N, C). Its ceiling is below 1 (0.75 for uniform lambda and two different classes), so compare it
    with that of the targets themselves, ``targets.max(1).values.mean()``, and not with the accuracy on clean data. Ignored
    labels (``ignore_index`` of :meth:`MixPlan.targets`; among integer labels (N,), -100) are left out, as in the loss.

    Example:
        >>> import torch, mixbook as mb
        >>> mb.mixed_accuracy(torch.tensor([[2.0, 0.0]]), torch.tensor([[0.75, 0.25]]))
        tensor(0.7500)
    """
    _check_flat(logits, targets)
    if not targets.is_floating_point():
        known = targets != _IGNORED
        return ((logits.argmax(1) == targets) & known).sum() / known.sum()
    return targets.gather(1, logits.argmax(1, keepdim=True)).sum() / targets.sum()


def dominant_accuracy(logits: Tensor, targets: Tensor) -> Tensor:
    """Share of mixtures whose predicted class is the one with the largest weight. Scalar in [0, 1].

    Logits and targets are (N, C). A target without a single largest weight (lambda = 1/2) counts any of its largest classes
    as right; one without any (all its labels are ignored) is left out.

    Example:
        >>> import torch, mixbook as mb
        >>> mb.dominant_accuracy(torch.tensor([[2.0, 0.0]]), torch.tensor([[0.75, 0.25]]))
        tensor(1.)
    """
    _check_flat(logits, targets)
    if not targets.is_floating_point():
        return mixed_accuracy(logits, targets)
    largest, weight = targets.max(1).values, targets.gather(1, logits.argmax(1, keepdim=True)).squeeze(1)
    known = largest > 0
    return ((weight == largest) & known).sum() / known.sum()


def _exact(logits: Tensor) -> Tensor:
    """Logits with at least the digits of float32."""
    return logits if logits.dtype == torch.float64 else logits.float()


def _mass(targets: Tensor, weight: Tensor | None) -> Tensor:
    """Sum of the targets, each class by its weight: how many hard labels' worth of loss there is."""
    by_class = targets.sum([axis for axis in range(targets.ndim) if axis != 1])
    # No product of vectors, which autocast would compute in half precision: counts of pixels are too large for that.
    return by_class.sum() if weight is None else (by_class * weight).sum()


def _check(logits: Tensor, targets: Tensor) -> None:
    label_shape = (*logits.shape[:1], *logits.shape[2:])
    fits = targets.shape == logits.shape if targets.is_floating_point() else targets.shape == label_shape
    if logits.ndim < 2 or not fits:
        raise ValueError(
            "targets must be float with the shape of logits, or int without axis 1, that of the classes: "
            f"got {targets.dtype} {tuple(targets.shape)} for logits {tuple(logits.shape)}"
            + (". With the classes last, pass logits.movedim(-1, 1)" if logits.ndim > 2 else "")
        )


def _check_classes(logits: Tensor) -> None:
    if logits.shape[1] == 1:
        raise ValueError(
            f"logits must be of two classes or more, got {tuple(logits.shape)}: one logit alone has the softmax 1 whatever "
            "it is, and nothing would be learned. Take F.binary_cross_entropy_with_logits, or F.mse_loss for regression"
        )


def _check_flat(logits: Tensor, targets: Tensor) -> None:
    if logits.ndim != 2:
        raise ValueError(f"logits must have shape (N, C), got {tuple(logits.shape)}")
    _check(logits, targets)
