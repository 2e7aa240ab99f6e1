"""By how much other classes lead the label's: what the cross entropy is made of, right also where a network is sure.

The usual gradient of the cross entropy at the label's own logit is its probability less 1, which is 0 as soon as that
probability rounds to 1. That of the lead has no such factor, and log(1 + e^lead) brings it in without rounding.
"""

import math

import torch
from torch import Tensor


def lead(logits: Tensor, y: Tensor) -> Tensor:
    """By how much the other classes together lead the label's, (R,): m of the cross entropy log(1 + e^m).

    Args:
        logits: (R, C) with C of at least 2; half precision is computed in single.
        y: labels, int64 (R,).

    Example:
        >>> import torch
        >>> from mixbook.lead import lead
        >>> sure = torch.tensor([[0.0, 40.0]])
        >>> m = lead(sure, torch.tensor([1]))
        >>> m, torch.nn.functional.softplus(m)
        (tensor([-40.]), tensor([4.2484e-18]))
    """
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    own = logits.gather(1, y[:, None])
    return logits.scatter(1, y[:, None], -math.inf).logsumexp(dim=1) - own[:, 0]
