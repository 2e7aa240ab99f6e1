"""Accuracy, proper scores and calibration of a classifier, from logits (n, C) and labels int64 (n,).

Every function takes logits; for probabilities pass their logarithm. Sums run in float64: a mean over 10,000 samples should
not depend on the order of adding. Each raises ValueError if the shapes do not fit, nothing is given, or a label is out of
range, and TypeError if labels are no integers.
"""

import math

import torch
from scipy.optimize import minimize_scalar
from torch import Tensor

from mixbook.evaluation.batches import class_numbers


def accuracy(logits: Tensor, y: Tensor) -> float:
    """Share of samples whose largest logit is their label's, in [0, 1], from logits (n, C) and labels int (n,).

    NaN is no prediction, so it counts as wrong.

    Example:
        >>> import torch
        >>> from mixbook.evaluation import accuracy
        >>> accuracy(torch.tensor([[2.0, 0.0], [2.0, 0.0]]), torch.tensor([0, 1]))
        0.5
    """
    y = _checked(logits, y)
    right = (logits.argmax(dim=1) == y) & ~logits.isnan().any(dim=1)
    return float(right.double().mean())


def top_accuracy(logits: Tensor, y: Tensor, k: int) -> float:
    """Share of samples whose label is among the k largest logits, in [0, 1]; one minus the "top-k error".

    Logits are (n, C), labels int (n,).

    Of equal logits the one of the smaller class counts as larger, as for ``accuracy``. NaN is no prediction.

    Raises:
        ValueError: if ``k`` is not between 1 and the number of classes, or as said at the top of the module.

    Example:
        >>> import torch
        >>> from mixbook.evaluation import top_accuracy
        >>> top_accuracy(torch.tensor([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0]]), torch.tensor([1, 2]), k=2)
        0.5
    """
    y = _checked(logits, y)
    if not 1 <= k <= logits.shape[1]:
        raise ValueError(f"k must lie between 1 and the {logits.shape[1]} classes, got {k}")
    own = logits.gather(1, y[:, None])
    earlier = torch.arange(logits.shape[1], device=logits.device) < y[:, None]
    ahead = ((logits > own) | ((logits == own) & earlier)).sum(dim=1)
    return float(((ahead < k) & ~logits.isnan().any(dim=1)).double().mean())


def nll(logits: Tensor, y: Tensor) -> float:
    """Mean negative log-likelihood of the labels, int (n,), in nats, from logits (n, C).

    Example:
        >>> import torch
        >>> from mixbook.evaluation import nll
        >>> round(nll(torch.zeros(4, 2), torch.tensor([0, 1, 1, 0])), 4)  # log 2
        0.6931
    """
    y = _checked(logits, y)
    return float(torch.nn.functional.cross_entropy(logits.double(), y))


def brier(logits: Tensor, y: Tensor) -> float:
    """Mean squared distance of predicted probabilities from the one-hot label, summed over classes, in [0, 2].

    Logits are (n, C), labels int (n,). The original score of Brier (1950). Some libraries halve it for two classes.

    Example:
        >>> import torch
        >>> from mixbook.evaluation import brier
        >>> brier(torch.zeros(4, 2), torch.tensor([0, 1, 1, 0]))  # 1/2 for each class: (1/2)^2 + (1/2)^2
        0.5
    """
    y = _checked(logits, y)
    probabilities = logits.double().softmax(dim=1)
    probabilities[torch.arange(len(y), device=y.device), y] -= 1
    return float(probabilities.square().sum(dim=1).mean())


def temperature(logits: Tensor, y: Tensor) -> float:
    """The T for which ``logits / T`` have the least NLL: temperature scaling (Guo et al. 2017), from held-out samples.

    It changes no answer, only how sure the network is of it: above 1 less sure, below 1 surer. Fitted on the samples that
    are tested afterwards, it flatters.

    Args:
        logits: of held-out samples, (n, C).
        y: their labels, int (n,).

    Returns:
        T, in [1/1000, 1000]. Where none is best, it is small if every answer is right, and large if they are worse than
        guesses.

    Raises:
        ValueError: if a logit is not finite, or as said at the top of the module.

    Example:
        >>> import torch
        >>> from mixbook.evaluation import temperature
        >>> logits, y = torch.tensor([[2.0, 0.0]]).repeat(4, 1), torch.tensor([0, 0, 0, 1])
        >>> # Right 3 times of 4, so the difference of the logits should be log 3.
        >>> round(temperature(logits, y), 3)
        1.82
    """
    y = _checked(logits, y)
    logits = logits.detach().double()
    if not logits.isfinite().all():
        raise ValueError("logits must be finite to fit a temperature: has training diverged?")
    # The NLL is convex in 1 / T, so it has one valley in log T.
    ends = -math.log(1000), math.log(1000)
    found = minimize_scalar(lambda t: nll(logits / math.exp(t), y), bounds=ends, method="bounded", options={"xatol": 1e-8})
    return math.exp(found.x)


def reliability(logits: Tensor, y: Tensor, bins: int = 10) -> tuple[Tensor, Tensor, Tensor]:
    """A reliability diagram: samples in ``bins`` bins of equal width by their confidence, the largest probability.

    Bins are [i / bins, (i + 1) / bins); the last one is closed, so that a confidence of exactly 1 belongs to it.

    Returns:
        Counts, mean confidence and accuracy of each bin, float64 (bins,); the means are 0 where a bin is empty.

    Raises:
        ValueError: if ``bins`` is less than 1, a probability is NaN, or as said at the top of the module.

    Example:
        >>> import torch
        >>> from mixbook.evaluation import reliability
        >>> logits = torch.tensor([[0.8, 0.2], [0.8, 0.2], [0.6, 0.4]]).log()
        >>> torch.stack(reliability(logits, torch.tensor([0, 1, 0]), bins=2)).numpy().round(3)
        array([[0.   , 3.   ],
               [0.   , 0.733],
               [0.   , 0.667]])
    """
    y = _checked(logits, y)
    if bins < 1:
        raise ValueError(f"bins must be at least 1, got {bins}")
    confidence, predicted = logits.double().softmax(dim=1).max(dim=1)
    if confidence.isnan().any():
        raise ValueError("logits must give probabilities, got NaN: has training diverged?")
    index = (confidence * bins).long().clamp(max=bins - 1)
    counts = torch.bincount(index, minlength=bins).double()
    total = counts.clamp(min=1)
    confidences = torch.bincount(index, weights=confidence, minlength=bins) / total
    accuracies = torch.bincount(index, weights=(predicted == y).double(), minlength=bins) / total
    return counts, confidences, accuracies


def expected_calibration_error(logits: Tensor, y: Tensor, bins: int = 10) -> float:
    """Mean distance of accuracy from confidence over the bins of ``reliability``, in [0, 1] (Guo et al. 2017, eq. 3).

    Logits are (n, C), labels int (n,). Ten bins, as in the comparison of multi-mix. It is not a proper score: a constant
    prediction of the class frequencies is perfectly calibrated. Read it beside ``nll`` or ``brier``. NaN for a network that
    diverged.

    Example:
        >>> import torch
        >>> from mixbook.evaluation import expected_calibration_error
        >>> logits = torch.tensor([[0.75, 0.25]] * 4).log()  # 75% sure, and right twice of four times
        >>> round(expected_calibration_error(logits, torch.tensor([0, 0, 1, 1])), 4)
        0.25
    """
    y = _checked(logits, y)
    if logits.softmax(dim=1).isnan().any():
        return math.nan  # as nll and brier are: a sweep goes on, and the reader sees it
    counts, confidences, accuracies = reliability(logits, y, bins)
    return float((counts * (accuracies - confidences).abs()).sum() / counts.sum())


def check_labels(logits: Tensor, y: Tensor) -> None:
    """Whether logits (n, C) can be scored by labels (n,).

    Raises:
        ValueError: if shapes do not fit, nothing is given, or a label is out of range.
    """
    if logits.ndim != 2 or y.shape != (len(logits),):
        raise ValueError(f"logits must be (n, C) and y (n,), got {tuple(logits.shape)} and {tuple(y.shape)}")
    if len(y) == 0:
        raise ValueError("logits and y are empty: a score needs at least one sample")
    if y.min() < 0 or y.max() >= logits.shape[1]:
        raise ValueError(f"labels must lie in [0, {logits.shape[1]}), got {int(y.min())} to {int(y.max())}")


def _checked(logits: Tensor, y: Tensor) -> Tensor:
    check_labels(logits, y)
    return class_numbers(y)
