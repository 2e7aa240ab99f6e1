"""What goes in and what comes out: one network of many."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from torch import nn

from mixbook.mixing.mixer import Mixer, Mixes
from mixbook.mixing.place import ManifoldMixer
from mixbook.training.history import History
from mixbook.training.recipe import Recipe

AnyMixer = Mixer | ManifoldMixer


@dataclass(frozen=True)
class Trial:
    """One network of many.

    Args:
        recipe: its hyper-parameters. ``recipe.seed`` decides its initial weights, the order of its samples, its mixtures.
        mixer: how its batches are mixed: a :class:`~mixbook.mixing.mixer.Mixer` or what else ``fit`` takes; a function from
            the network to a mixer, for those that belong to one, such as :class:`~mixbook.mixing.place.ManifoldMixer`,
            which names layers of it; or None for plain training.

    Example:
        >>> import mixbook as mb
        >>> from mixbook.training import Recipe
        >>> from mixbook.training.trials import Trial
        >>> trials = [Trial(Recipe(epochs=3, seed=seed), mb.mixup(1.0, num_classes=3)) for seed in range(5)]
        >>> [trial.recipe.seed for trial in trials]
        [0, 1, 2, 3, 4]
    """

    recipe: Recipe
    mixer: Mixes | Callable[[nn.Module], Mixes] | None = None

    def mixer_for(self, model: nn.Module) -> Mixes | None:
        """The mixer of this trial's network.

        Raises:
            TypeError: if it belongs to another network.
        """
        if isinstance(self.mixer, ManifoldMixer):
            raise TypeError(
                "a ManifoldMixer belongs to one network, and each trial trains its own: give a function that makes it, "
                "mixer=lambda model: ManifoldMixer(model, layers, mixer)"
            )
        if self.mixer is None or (hasattr(self.mixer, "outputs") and not isinstance(self.mixer, type)):
            return cast("Mixes | None", self.mixer)
        return cast("Callable[[nn.Module], Mixes]", self.mixer)(model)


@dataclass(frozen=True)
class Fitted:
    """A trained network.

    Args:
        model: the network, its weights those of the last epoch, on the CPU.
        history: a record for each epoch asked for: ``epoch`` (from 1), ``loss``, ``lr``, and what ``validate`` gave.
        diverged: whether a loss was not finite, or a weight is not. The other trials are not touched by it.
    """

    model: nn.Module
    history: History
    diverged: bool
