"""Go on with a trained network on other data, changing its last parts alone: multi-mix's transfer to CUB-200-2011."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from mixbook.mixing.checks import check_names
from mixbook.models import seeded
from mixbook.modes import modes_kept
from mixbook.training.feed import Data
from mixbook.training.history import History
from mixbook.training.loop import fit
from mixbook.training.recipe import Recipe
from mixbook.training.streams import derive

# Section IV-F: Adam with lr 0.0001, at most 10 epochs. The batch is not stated; 32 is ours, as is no weight decay.
TRANSFER = Recipe(epochs=10, batch_size=32, lr=1e-4, optimizer="adam", weight_decay=0)


def fine_tune(
    model: nn.Module,
    data: Data,
    parts: Sequence[str],
    recipe: Recipe = TRANSFER,
    *,
    head: str | None = None,
    num_classes: int | None = None,
    **options: Any,
) -> History:
    """Train some parts of a network in place; all others keep their weights and the statistics of their batch norms.

    Multi-mix fine-tunes the last block and the last linear map of a ResNet-50 and scores localisation after each of 1 to 10
    "steps", which we read as epochs::

        def found(model):
            return localisation(model, cub200("test", centre_view(224)).located(), "layer4", "fc", [CUB])

        birds = loader(cub200("train", random_view(224)), 32, seed=0)
        history = fine_tune(model, birds, ["layer4", "fc"], head="fc", num_classes=200, validate=found)

    Images of files are bytes: the network divides them by 255 where it begins with :class:`mixbook.models.Normalise`.

    Args:
        model: the network, trained before.
        data: as for :func:`~mixbook.training.loop.fit`.
        parts: names from ``model.named_modules()`` of what is trained.
        recipe: the hyper-parameters; by default those of multi-mix.
        head: name of the last linear map, which is first replaced by a new one with random weights; None keeps it.
        num_classes: classes of the new head.
        options: for ``fit``, such as ``validate``, which is called after each epoch, ``mixer`` or ``checkpoint``.

    Returns:
        A record for each epoch.

    Raises:
        AttributeError: if the model has no such part.
        TypeError: if ``head`` is not linear.
        ValueError: if no part is named, ``parts`` is no list, or ``head`` is given without ``num_classes`` or outside of
            ``parts``.

    Example:
        >>> from mixbook.data import iris
        >>> from mixbook.models import MLP, seeded
        >>> from mixbook.training import Recipe, fine_tune
        >>> model = seeded(0, lambda: MLP(4, (8,), 3))
        >>> before = model.layer1[0].weight.clone()
        >>> history = fine_tune(model, iris(), ["head"], Recipe(epochs=1, lr=0.01))
        >>> bool((model.layer1[0].weight == before).all())
        True
    """
    if not parts:
        raise ValueError("parts must name at least one part of the model, got none: for all of them use fit")
    check_names("parts", parts, "head")
    if (head is None) != (num_classes is None):
        raise ValueError(f"head and num_classes must be given together, got {head!r} and {num_classes!r}")
    if head is not None and num_classes is not None:
        if not any(head == part or head.startswith(f"{part}.") for part in parts):
            raise ValueError(f"head {head!r} must be in parts, got {list(parts)}: a new one that is not trained is noise")
        _renew(model, head, num_classes, derive(recipe.seed, "head"))
    with frozen_but_for(model, parts):
        return fit(model, data, recipe, **options)


@contextmanager
def frozen_but_for(model: nn.Module, parts: Sequence[str]) -> Iterator[None]:
    """Within it everything but ``parts`` is frozen: no gradients, and evaluation mode whatever mode the network is in.

    Raises:
        AttributeError: if the model has no such part.
    """
    trained = {module for part in parts for module in model.get_submodule(part).modules()}
    frozen = [module for module in model.modules() if module not in trained]
    weights = [weight for module in frozen for weight in module.parameters(recurse=False)]
    before = [(weight, weight.requires_grad) for weight in weights]
    # ``model.train()`` switches every module; one with no trained part in it is switched back just before it runs. Those
    # around a trained part keep their mode, which says to a mixer of hidden layers that the network is in training.
    still = [each for each in frozen if trained.isdisjoint(each.modules())]
    with ExitStack() as undone, modes_kept(frozen):
        for each in still:
            undone.enter_context(each.register_forward_pre_hook(_evaluate))
        for weight, required in before:
            undone.callback(weight.requires_grad_, required)
            weight.requires_grad_(False)
        yield


def _evaluate(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    module.training = False


def _renew(model: nn.Module, head: str, num_classes: int, seed: int) -> None:
    old = model.get_submodule(head)
    if not isinstance(old, nn.Linear):
        raise TypeError(f"head {head!r} must be the linear map to the logits, got {type(old).__name__}")
    parent, _, name = head.rpartition(".")
    new: nn.Module = seeded(seed, lambda: nn.Linear(old.in_features, num_classes))
    setattr(model.get_submodule(parent), name, new.to(old.weight.device, torch.float32))
