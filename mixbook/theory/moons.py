"""How far the boundary between two separated moons bends: the networks of data dependency's Figure 3, many at a time.

Source: Chidambaram et al. 2022, section 3.1, and their released code, after Pezeshki et al. 2021: two half-moons, moved
apart so that a straight line separates them; one hidden layer of 500 ReLUs; full-batch Adam. The line is vertical, at 0.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from mixbook.theory.full_batch import Draw, descend, logits

WINDOW = 2.0  # answers are read off on the square from -2 to 2


def separated_moons(n: int, separation: float, seed: int, noise: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Two moons, one on each side of the vertical line at 0.

    The steps are those of the released generator: the moons are turned so that their open sides face one another, one
    shifted along the other, moved apart, and the axes are swapped.

    Args:
        n: number of samples, even; half of them of each class.
        separation: how far each moon is moved away from the line: 0.1 in Pezeshki et al., also 0.5 in Figure 3.
        seed: of the noise.
        noise: its standard deviation, per feature.

    Returns:
        Samples (n, 2) and labels 0 or 1 (n,). Class 1 is on the left.

    Raises:
        ValueError: if ``n`` is odd or less than 2.

    Example:
        >>> from mixbook.theory.moons import separated_moons
        >>> x, y = separated_moons(100, separation=0.5, seed=0)
        >>> x.shape, int(y.sum())
        ((100, 2), 50)
    """
    if n < 2 or n % 2:
        raise ValueError(f"n must be even and at least 2, got {n}: half of the samples are in each moon")
    along = np.linspace(0, np.pi, n // 2)
    outer = np.stack([np.cos(along), np.sin(along)], axis=1)
    x = np.concatenate([outer, [1, 0.5] - outer]) + noise * np.random.default_rng(seed).standard_normal((n, 2))
    y = np.repeat([0, 1], n // 2)
    sign = 2 * y - 1
    x[:, 0] -= 0.5
    x[:, 1] -= 0.3 * sign
    x[:, 1] -= x[:, 1].mean()
    x[:, 1] *= np.sign(-x[:, 1] * sign)
    x[:, 1] -= separation * sign
    return x[:, ::-1].copy(), y


def boundaries(
    alpha: Sequence[float],
    seeds: Sequence[int],
    zero_grad: Sequence[bool] | None = None,
    *,
    separation: float = 0.5,
    n: int = 300,
    width: int = 500,
    steps: int = 1500,
    side: int = 81,
) -> np.ndarray:
    """What networks that were trained side by side answer on the square from -2 to 2.

    Every step mixes each sample with a random one, itself included, and with one lambda per network.

    Args:
        alpha: one network each: lambda ~ Beta(alpha, alpha), 0 for training without mixup.
        seeds: of each network's samples; initial weights and mixtures are drawn from all of them together.
        zero_grad: whether a network forgets its gradient after each step, as it should. The mixup branch of the released
            code does not, so that Adam is fed the sum of all gradients so far.
        separation, n: see :func:`separated_moons`.
        width: hidden units.
        steps: of Adam, step size 0.001; the paper says 1500 epochs, its code 1000.
        side: answers along each side of the square.

    Returns:
        bool (networks, side, side), true for class 1; the last axis runs to the right, the one before it upwards.

    Raises:
        ValueError: if the lengths of ``alpha``, ``seeds`` and ``zero_grad`` differ, or an alpha is negative.

    Example:
        >>> from mixbook.theory.moons import boundaries
        >>> boundaries([0.0, 1.0], seeds=[0, 1], n=20, width=8, steps=5, side=9).shape
        (2, 9, 9)
    """
    zero_grad = [True] * len(alpha) if zero_grad is None else zero_grad
    if not len(alpha) == len(seeds) == len(zero_grad) or not len(alpha):
        raise ValueError(
            f"one alpha, seed and zero_grad for each network, got {len(alpha)}, {len(seeds)}, {len(zero_grad)}"
        )
    if min(alpha) < 0:
        raise ValueError(f"alpha must not be negative, got {min(alpha)}: 0 trains without mixup")
    nets = len(alpha)
    rng = np.random.default_rng(list(seeds))
    generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
    x, labels = (np.stack(each) for each in zip(*(separated_moons(n, separation, seed) for seed in seeds), strict=True))
    samples, onehot = torch.tensor(x).float(), torch.eye(2)[torch.tensor(labels)]

    def uniform(bound: float, *shape: int) -> Tensor:  # torch's own initial weights of a linear layer
        return (bound * (2 * torch.rand(nets, *shape, generator=generator) - 1)).requires_grad_()

    weights = [uniform(2**-0.5, 2, width), uniform(2**-0.5, 1, width)]
    weights += [uniform(width**-0.5, width, 2), uniform(width**-0.5, 1, 2)]
    mixing, law = np.array(alpha) > 0, np.where(np.array(alpha) > 0, alpha, 1)

    def draws() -> Iterator[Draw]:
        for _ in range(steps):
            lam = torch.tensor(np.where(mixing, rng.beta(law, law), 1)).float()
            yield lam, torch.randint(n, (nets, n), generator=generator)

    for _ in descend(weights, samples, onehot, draws(), zero_grad):
        pass
    return answers_on_square(weights, side)


def answers_on_square(weights: Sequence[Tensor], side: int) -> np.ndarray:
    """What networks answer on the square from -2 to 2, bool (networks, side, side), as :func:`boundaries` returns it.

    Args:
        weights: of the networks, as :mod:`mixbook.theory.full_batch` has them.
        side: answers along each side.

    Example:
        >>> import torch
        >>> from mixbook.theory.full_batch import initial_weights
        >>> from mixbook.theory.moons import answers_on_square
        >>> weights = initial_weights(2, 8, 2, [torch.Generator().manual_seed(0)])
        >>> answers_on_square(weights, side=9).shape
        (1, 9, 9)
    """
    axis = torch.linspace(-WINDOW, WINDOW, side)
    square = torch.cartesian_prod(axis, axis).flip(1)
    with torch.no_grad():
        answers = logits(square.expand(len(weights[0]), -1, -1), weights).argmax(2)
    return answers.bool().reshape(-1, side, side).numpy()


def bend(answers: np.ndarray) -> np.ndarray:
    """Share of the square that networks give to the other class than the vertical line does, (networks,).

    Args:
        answers: as :func:`boundaries` returns them, bool (networks, side, side).

    Example:
        >>> import numpy as np
        >>> from mixbook.theory.moons import bend
        >>> # The vertical line's own answers:
        >>> left = np.broadcast_to(np.linspace(-2, 2, 10) < 0, (1, 10, 10))
        >>> bend(left), bend(~left)
        (array([0.]), array([1.]))
    """
    axis = np.linspace(-1, 1, answers.shape[-1])
    return (answers[..., axis != 0] != (axis[axis != 0] < 0)).mean(axis=(-2, -1))
