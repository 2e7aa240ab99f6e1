"""Many networks of one hidden layer that train at once on their whole data sets: the networks of the data-dependency paper.

Source: Chidambaram et al. 2022, sections 2.3 and 3.1: one hidden layer of ReLUs, full-batch Adam, step size 0.001. Unlike a
training loop, :func:`descend` can also forget to reset a gradient, as a branch of the code released with the paper does,
or take over the moments of Adam from another run, as the rest of that code does.
"""

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor

Draw = tuple[Tensor, Tensor]  # of one step: lambda of each network (M,), partner of each of its samples (M, n)


def initial_weights(inputs: int, width: int, classes: int, generators: Sequence[torch.Generator]) -> list[Tensor]:
    """Weights of M networks, each drawn from its own generator as torch draws a linear layer's.

    Returns:
        hidden weights (M, inputs, width) and biases (M, 1, width), output weights (M, width, classes) and biases
        (M, 1, classes), float32, ready for gradients.

    Example:
        >>> import torch
        >>> from mixbook.theory.full_batch import initial_weights
        >>> generators = [torch.Generator().manual_seed(seed) for seed in range(3)]
        >>> [tuple(weight.shape) for weight in initial_weights(2, 500, 2, generators)]
        [(3, 2, 500), (3, 1, 500), (3, 500, 2), (3, 1, 2)]
    """
    layers = ((inputs, inputs, width), (inputs, 1, width), (width, width, classes), (width, 1, classes))  # fan-in, shape
    each = [[_uniform(fan_in**-0.5, *shape, generator=one) for fan_in, *shape in layers] for one in generators]
    return [torch.stack(parts).requires_grad_() for parts in zip(*each, strict=True)]


def logits(x: Tensor, weights: Sequence[Tensor]) -> Tensor:
    """Outputs (M, n, classes) of M networks, each on its own samples, x (M, n, inputs).

    Example:
        >>> import torch
        >>> from mixbook.theory.full_batch import initial_weights, logits
        >>> weights = initial_weights(2, 8, 2, [torch.Generator().manual_seed(seed) for seed in range(3)])
        >>> logits(torch.rand(3, 5, 2), weights).shape
        torch.Size([3, 5, 2])
    """
    into, bias, out, offset = weights
    return torch.baddbmm(offset, torch.baddbmm(bias, x, into).relu(), out)


def descend(
    weights: Sequence[Tensor],
    samples: Tensor,
    targets: Tensor,
    draws: Iterable[Draw],
    zero_grad: Sequence[bool],
    lr: float = 1e-3,
    adam: torch.optim.Adam | None = None,
) -> Iterator[int]:
    """Train M networks in place, each on its own samples: a step of Adam for each of ``draws``; yields the steps done.

    Args:
        weights: as :func:`initial_weights` gives them.
        samples: (M, n, inputs). targets: (M, n, classes).
        draws: how each step mixes; lambda = 1 does not mix.
        zero_grad: for each network, whether it forgets its gradient after a step, as it should. Where it does not, Adam is
            fed the sum of all gradients so far.
        lr: step size of Adam.
        adam: an optimizer of these very weights that goes on with its moments, at its own step size; None for a new one.

    Example:
        >>> import torch
        >>> from mixbook.theory.full_batch import descend, initial_weights
        >>> weights = initial_weights(1, 8, 2, [torch.Generator().manual_seed(0)])
        >>> x, y = torch.tensor([[[0.0], [1.0]]]), torch.eye(2)[None]
        >>> plain = torch.ones(1), torch.tensor([[0, 1]])  # lambda, and partners, of one network
        >>> list(descend(weights, x, y, [plain] * 3, zero_grad=[True]))
        [1, 2, 3]
    """
    network = torch.arange(len(samples))[:, None]
    kept = torch.tensor([0.0 if forgets else 1.0 for forgets in zero_grad])[:, None, None]
    adam = torch.optim.Adam(weights, lr=lr) if adam is None else adam
    for step, (lam, partner) in enumerate(draws, start=1):
        share = lam[:, None, None]
        inputs = share * samples + (1 - share) * samples[network, partner]
        wanted = share * targets + (1 - share) * targets[network, partner]
        for weight in weights:
            if weight.grad is not None:
                weight.grad *= kept
        # Mean over samples, sum over networks: each gets its own gradient.
        (-(wanted * logits(inputs, weights).log_softmax(2)).sum() / samples.shape[1]).backward()
        adam.step()
        yield step


def _uniform(bound: float, *shape: int, generator: torch.Generator) -> Tensor:
    return bound * (2 * torch.rand(*shape, generator=generator) - 1)
