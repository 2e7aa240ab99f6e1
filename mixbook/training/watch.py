"""What to watch in a network that mixing trains: the size of its gradients, and how hard mixtures are at each layer."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from mixbook.data import Batched
from mixbook.least import at_least
from mixbook.mixing.checks import check_names
from mixbook.mixing.losses import mixed_cross_entropy
from mixbook.mixing.mixer import Mixer
from mixbook.mixing.place import ManifoldMixer
from mixbook.modes import evaluation_mode

if TYPE_CHECKING:
    from mixbook.training.loop import Loss


class GradientNorm:
    """Mean squared norm of the gradient over the steps of an epoch, whoever makes them (multi-mix, Figure 8).

    The parameters tell of every gradient, so a training loop need not be changed::

        history = fit(model, data, recipe, mixer=mixer, validate=GradientNorm(model))
        history["squared_gradient_norm"]

    The gradient is that which the backward pass leaves: without weight decay, and before any clipping. Accumulated parts of
    a batch would count as steps of their own, each with the sum so far. In float16 a scaler multiplies all gradients, and
    steps that overflow are left out: ``fit`` refuses to be watched then, and a loop of your own should not be.

    Args:
        model: the network; parameters that get a gradient only later are seen too, frozen ones are not there.

    Example:
        >>> from mixbook.data import iris
        >>> from mixbook.models import MLP, seeded
        >>> from mixbook.training import GradientNorm, Recipe, fit
        >>> model = seeded(0, lambda: MLP(4, (8,), 3))
        >>> history = fit(model, iris(), Recipe(epochs=2, lr=0.01), validate=GradientNorm(model))
        >>> len(history["squared_gradient_norm"])
        2
    """

    def __init__(self, model: nn.Module) -> None:
        weights = [weight for weight in model.parameters() if weight.requires_grad]
        self._calls = dict.fromkeys(range(len(weights)), 0)
        self._sum: Tensor | float = 0.0
        self._handles = [
            weight.register_post_accumulate_grad_hook(partial(self._add, number)) for number, weight in enumerate(weights)
        ]

    def __call__(self, model: nn.Module | None = None) -> dict[str, float]:
        """``squared_gradient_norm`` since the last call; NaN if there was no step. The argument is not used."""
        steps = max(self._calls.values(), default=0)
        mean = float(self._sum) / steps if steps else float("nan")
        self._sum, self._calls = 0.0, dict.fromkeys(self._calls, 0)
        return {"squared_gradient_norm": mean}

    def close(self) -> None:
        """Stop watching."""
        for handle in self._handles:
            handle.remove()

    @staticmethod
    def watches(model: nn.Module) -> bool:
        """Whether one of these watches a weight of ``model``."""
        hooks = [getattr(weight, "_post_accumulate_grad_hooks", None) or {} for weight in model.parameters()]
        told = (getattr(getattr(hook, "func", None), "__self__", None) for each in hooks for hook in each.values())
        return any(isinstance(watcher, GradientNorm) for watcher in told)

    def _add(self, number: int, weight: Tensor) -> None:
        assert weight.grad is not None
        self._calls[number] += 1
        # Stays on the device: asking for the number would make the host wait for every parameter in every step.
        self._sum = self._sum + weight.grad.detach().float().square().sum()


def loss_by_layer(
    model: nn.Module,
    data: Batched,
    layers: Sequence[str],
    mixer: Mixer,
    *,
    loss: "Loss" = nn.functional.cross_entropy,
    batch_size: int = 256,
    seed: int = 0,
) -> Mapping[str, float]:
    """Mean loss of a network on mixtures of ``data`` made at each of some layers; nothing is trained.

    Every layer gets the same batches, partners (if the pairing does not look at the states) and lambdas. Layers of the
    network are in evaluation mode: no dropout, batch norm with the statistics it has. Manifold mixup's Figures 6 and 7
    are another thing, ``fit(..., mixer=ManifoldMixer(model, [layer], mixer))["loss"]`` of one network for each layer.

    Args:
        model: gives logits (B, C).
        data: samples and labels, on the device of the network.
        layers: ``"input"``, or names from ``model.named_modules()``.
        mixer: who is mixed, how much and how.
        loss: from logits (N, C) and targets (N, C) to a mean. The default is for one label among several classes.
        batch_size: samples that are mixed with each other.
        seed: of the order of samples and of the mixer's draws.

    Returns:
        For each layer its mean loss over all mixtures.

    Raises:
        ValueError: if ``batch_size`` is less than 1, ``layers`` is no list of names, a layer is not there, under the
            default loss there is one logit alone, or targets of the first batch sum to more than 1, or as the mixer does.

    Example:
        >>> import mixbook as mb
        >>> from mixbook.data import iris
        >>> from mixbook.models import MLP, seeded
        >>> from mixbook.training import loss_by_layer
        >>> model = seeded(0, lambda: MLP(4, (8,), 3))
        >>> losses = loss_by_layer(model, iris(), ["input", "layer1"], mb.mixup(1.0, num_classes=3))
        >>> sorted(losses)
        ['input', 'layer1']
    """
    at_least(1, batch_size=batch_size)
    check_names("layers", layers, "input")
    found = {}
    with evaluation_mode(model), torch.inference_mode():
        model.training = True  # of the network as a whole: a mixer of hidden layers does nothing in evaluation mode
        for layer in layers:
            found[layer] = _mean_loss(model, data, ManifoldMixer(model, [layer], mixer), loss, batch_size, seed)
    return found


def _mean_loss(model: nn.Module, data: Batched, mixer: ManifoldMixer, loss: "Loss", batch_size: int, seed: int) -> float:
    generator = torch.Generator().manual_seed(seed)
    total = mixtures = 0.0
    for rows in torch.randperm(len(data), generator=generator).split(batch_size):
        logits, targets = mixer.outputs(model, *data.batch(rows), generator=generator)
        if not mixtures and loss is nn.functional.cross_entropy:  # refuses, as ``fit`` does, what that does not measure
            mixed_cross_entropy(logits.cpu(), targets.cpu())
        total += float(loss(logits, targets)) * len(targets)
        mixtures += len(targets)
    return total / mixtures
