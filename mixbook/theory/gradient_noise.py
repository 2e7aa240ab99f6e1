"""The gradient noise of a network: of one step, P and Q of a mixer, V1, V2 and VI of independent pairs, without bias.

The formulas are in :mod:`mixbook.theory.variance`. Everything is measured at the weights that the model has now; measure
again later in training. The model's mode is left as it is: call ``model.eval()`` first if it has dropout, whose noise would
count with the ratios', or batch normalisation, under which a mixture has no gradient of its own.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from mixbook.generators import drawn_by
from mixbook.least import at_least
from mixbook.mixing.losses import mixed_cross_entropy
from mixbook.mixing.mixer import Mixes
from mixbook.mixing.ratio import Beta, Ratio
from mixbook.theory.variance import Components, Split, estimate_components, estimate_split

Loss = Callable[[Tensor, Tensor], Tensor]
Parts = TypeVar("Parts", Split, Components)


@dataclass(frozen=True)
class StepNoise:
    """How much the gradient of one training step varies from batch to batch, and how large it is on average.

    Args:
        variance: ``E|G - E G|^2``, summed over the weights.
        signal: ``|E G|^2``; the estimate may be negative where it is small beside the noise.
    """

    variance: float
    signal: float


def measure_step(
    model: nn.Module,
    mixer: Mixes | None,
    x: Tensor,
    y: Tensor,
    batch_size: int,
    *,
    loss: Loss = mixed_cross_entropy,
    batches: int = 32,
    generator: torch.Generator | None = None,
) -> StepNoise:
    """The noise of one step as training takes it, with partners from a second batch: any mixer, or plain training.

    Unlike P and Q this needs no second interpolation, so that methods of one and of several can be put side by side.

    Args:
        model: the network, to logits (N, C); in training mode where the mixer mixes hidden layers.
        mixer: or None, for no mixing.
        x, y: data that both batches are drawn from, each without replacement, (n, ...) and float targets (n, C).
        batch_size: B, in 1..n.
        loss: from logits and targets to their mean loss.
        batches: at least 2; their gradients are held in memory together.
        generator: source of all randomness.

    Raises:
        ValueError: if ``y`` are labels, or a count is out of range.

    Example:
        >>> import torch, mixbook as mb
        >>> from mixbook.models import MLP
        >>> from mixbook.theory.gradient_noise import measure_step
        >>> x, y = torch.rand(30, 4), torch.eye(3)[torch.arange(30) % 3]
        >>> noise = measure_step(MLP(4, (8,), 3), mb.mixup(1.0), x, y, batch_size=6, batches=4)
        >>> noise.variance > 0
        True
    """
    if not 1 <= batch_size <= len(x):
        raise ValueError(f"batch_size must lie in [1, {len(x)}], the number of samples, got {batch_size}")
    at_least(2, batches=batches)
    _check_targets(y)
    weights = _trained(model)

    def gradient() -> Tensor:
        rows, others = (torch.randperm(len(x), **drawn_by(generator))[:batch_size].to(x.device) for _ in range(2))
        if mixer is None:
            logits, targets = model(x[rows]), y[rows]
        else:
            partner = (x[others], y[others])
            logits, targets = mixer.outputs(model, x[rows], y[rows], partner=partner, generator=generator)
        return _flat(torch.autograd.grad(loss(logits, targets), weights))

    gradients = torch.stack([gradient() for _ in range(batches)]).double()
    variance = float(gradients.var(dim=0).sum())
    return StepNoise(variance, float(gradients.mean(dim=0).square().sum()) - variance / batches)


def measure_split(
    model: nn.Module,
    mixer: Mixes,
    x: Tensor,
    y: Tensor,
    batch_size: int,
    *,
    loss: Loss = mixed_cross_entropy,
    groups: int = 25,
    batches: int = 8,
    generator: torch.Generator | None = None,
) -> tuple[Split, Split]:
    """P and Q of the gradients that ``mixer`` gives, with any pairing, blend and place, from ``groups * batches`` batches.

    Args:
        model: the network, to logits (N, C).
        mixer: with at least two draws, e.g. ``mb.multimix(draws=2, num_classes=10)``. What its draws share counts as P.
        x, y: data that batches are drawn from, without replacement, (n, ...) and (n,) or (n, C).
        batch_size: B, in 2..n.
        loss: from logits and targets of mixtures to their mean loss.
        groups, batches: at least 2 each. A group gives one unbiased estimate, and its ``K * batches`` gradients are held in
            memory together; the spread of the groups gives the error.
        generator: source of all randomness.

    Returns:
        The estimates, and their standard errors in the same form.

    Raises:
        ValueError: if the mixer makes fewer than two interpolations of each pair, is one of several of which only some draw
            ratios for each pair, or a count is out of range.

    Example:
        >>> import torch, mixbook as mb
        >>> from mixbook.models import MLP
        >>> from mixbook.theory.gradient_noise import measure_split
        >>> x, y = torch.rand(30, 4), torch.eye(3)[torch.arange(30) % 3]
        >>> model, mixer = MLP(4, (8,), 3), mb.multimix(draws=2)
        >>> split, error = measure_split(model, mixer, x, y, batch_size=6, groups=3, batches=4)
        >>> split.variance(1) > 0
        True
    """
    if not 2 <= batch_size <= len(x):
        raise ValueError(f"batch_size must lie in [2, {len(x)}], the number of samples, got {batch_size}")
    at_least(2, groups=groups, batches=batches)
    weights, own = _trained(model), _own_ratios(mixer, batch_size)

    def of_batch() -> Tensor:
        rows = torch.randperm(len(x), **drawn_by(generator))[:batch_size].to(x.device)
        logits, targets = mixer.outputs(model, x[rows], y[rows], generator=generator)
        if len(logits) < 2 * batch_size or len(logits) % batch_size:
            raise ValueError(
                f"mixer must make at least 2 interpolations of each of {batch_size} pairs, got {len(logits)} mixtures: "
                "try mb.multimix(draws=2)"
            )
        if own:
            logits, targets = _shuffled(batch_size, logits, targets, generator)
        losses = [loss(*draw) for draw in zip(logits.split(batch_size), targets.split(batch_size), strict=True)]
        return torch.stack([_flat(torch.autograd.grad(value, weights, retain_graph=True)) for value in losses])

    return _mean_and_error(
        [estimate_split(torch.stack([of_batch() for _ in range(batches)], dim=1).cpu().numpy()) for _ in range(groups)]
    )


def measure_components(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    ratio: Ratio | None = None,
    loss: Loss = mixed_cross_entropy,
    groups: int = 25,
    pairs: int = 128,
    generator: torch.Generator | None = None,
) -> tuple[Components, Components]:
    """V1, V2 and VI of independent pairs, mixed linearly at the input, from one gradient for each mixture.

    Args:
        model: the network, to logits (N, C); a sample's output must not depend on its batch.
        x, y: data that both ends of each pair are drawn from, with replacement: (n, ...) and float targets (n, C).
        ratio: law of lambda with at least two draws, shared by the pairs; ``Beta(1.0, draws=4)`` if None.
        loss: from logits and targets of mixtures to their mean loss.
        groups, pairs: at least 2 each. A group crosses its pairs with its draws and gives one unbiased estimate; its
            ``K * pairs`` gradients are held in memory together.
        generator: source of all randomness.

    Returns:
        The estimates, and their standard errors in the same form.

    Raises:
        ValueError: if ``y`` are labels, the ratio has one draw or differs between pairs, or a count is out of range.
        RuntimeError: from torch, if the model draws random numbers or updates running means: use ``model.eval()``.

    Example:
        >>> import torch
        >>> from mixbook.models import MLP
        >>> from mixbook.theory.gradient_noise import measure_components
        >>> x, y = torch.rand(30, 4), torch.eye(3)[torch.arange(30) % 3]
        >>> found, error = measure_components(MLP(4, (8,), 3), x, y, groups=3, pairs=8)
        >>> found.variance(batch_size=1) > 0
        True
    """
    at_least(2, groups=groups, pairs=pairs)
    _check_targets(y)
    ratio = Beta(1.0, draws=4) if ratio is None else ratio
    weights = {name: value.detach() for name, value in model.named_parameters() if value.requires_grad}

    def of_mixture(weights: dict[str, Tensor], z: Tensor, t: Tensor) -> Tensor:
        return loss(functional_call(model, weights, (z[None],)), t[None])

    per_mixture = vmap(grad(of_mixture), (None, 0, 0))

    def of_group() -> Tensor:
        i, j = torch.randint(len(x), (2, pairs), **drawn_by(generator)).to(x.device)
        lam = ratio.sample(pairs, generator).to(x.device)  # (K, pairs)
        if len(lam) < 2 or not _all_pairs_share(lam):
            raise ValueError(f"ratio must have at least two draws that all pairs share, got {ratio}")

        def mix(v: Tensor) -> Tensor:
            weight = lam.to(v.dtype).reshape(*lam.shape, *[1] * (v.ndim - 1))
            return torch.lerp(v[j], v[i], weight).flatten(0, 1)

        tree = per_mixture(weights, mix(x), mix(y))
        return torch.cat([g.flatten(1) for g in tree.values()], dim=1).unflatten(0, lam.shape)

    return _mean_and_error([estimate_components(of_group().cpu().numpy()) for _ in range(groups)])


def _all_pairs_share(lam: Tensor) -> bool:
    """Whether ratios (K, pairs) are the same for every pair."""
    return torch.equal(lam, lam[:, :1].expand_as(lam))


def _ratios(mixer: object) -> Iterator[Ratio]:
    """The laws of lambda of a mixer and of all that it holds: ``OneOf`` has several, wrappers have one inside."""
    inside = [*getattr(mixer, "mixers", ()), getattr(mixer, "mixer", None)]
    for each in inside:
        if each is not None:
            yield from _ratios(each)
    ratio = getattr(mixer, "ratio", None)
    if ratio is not None:
        yield ratio


def _own_ratios(mixer: Mixes, batch_size: int) -> bool:
    """Whether each pair has ratios of its own, by a sample from another generator: this one's draws stay as they are."""
    samples = [ratio.sample(batch_size, torch.Generator().manual_seed(0)) for ratio in _ratios(mixer)]
    own = {not _all_pairs_share(lam) for lam in samples}
    if len(own) > 1:  # which of them made a batch is not known afterwards
        raise ValueError("the mixers of OneOf must all draw ratios per batch or all per pair: measure each alone")
    return own == {True}


def _shuffled(pairs: int, logits: Tensor, targets: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
    """Each pair's draws in a random order of their own. Sorted, as a ratio gives them, all small ones would be one draw."""
    shape = len(logits) // pairs, pairs
    order = torch.rand(shape, **drawn_by(generator)).argsort(0).to(logits.device)
    rows = (order * pairs + torch.arange(pairs, device=order.device)).flatten()
    return logits[rows], targets[rows]


def _trained(model: nn.Module) -> list[nn.Parameter]:
    return [weight for weight in model.parameters() if weight.requires_grad]


def _flat(gradients: Sequence[Tensor]) -> Tensor:
    return torch.cat([gradient.flatten() for gradient in gradients])


def _mean_and_error(estimates: list[Parts]) -> tuple[Parts, Parts]:
    """Mean of independent estimates, and its standard error."""
    values, form = np.array([astuple(each) for each in estimates]), type(estimates[0])
    error = values.std(axis=0, ddof=1) / len(values) ** 0.5
    return form(*values.mean(axis=0).tolist()), form(*error.tolist())


def _check_targets(y: Tensor) -> None:
    if not y.is_floating_point() or y.ndim != 2:
        raise ValueError(f"y must be float targets (n, C), got {y.dtype} {tuple(y.shape)}: try F.one_hot(y, C).float()")
