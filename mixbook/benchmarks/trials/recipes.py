"""The recipe of a trial, from the settings of its experiment; and with it a trial of any mixer."""

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, cast

from torch import nn

from mixbook.benchmarks.spec import Experiment, Profile
from mixbook.mixing.mixer import Mixes
from mixbook.training import Recipe
from mixbook.training.trials import Trial

MixerOrMaker = Mixes | Callable[[nn.Module], Mixes] | None

_FIELDS = {field.name for field in fields(Recipe)} - {"epochs", "seed"}


def recipe_of(experiment: Experiment, number: int, profile: Profile, **other: Any) -> Recipe:
    """How trial ``number`` is trained.

    Args:
        experiment: its settings with the name of a field of :class:`~mixbook.training.Recipe` are that field, such as
            ``lr`` or ``batch_size``; ``drops`` are shares of the run at which the learning rate is multiplied by ``decay``.
        number: seeds the run.
        profile: how many epochs.
        other: fields that are not what the settings say, for a cell that trains otherwise.

    Example:
        >>> from mixbook.benchmarks.experiments import get_experiment
        >>> from mixbook.benchmarks.trials.recipes import recipe_of
        >>> experiment = get_experiment("digits-few-labels")
        >>> recipe = recipe_of(experiment, 3, experiment.profile("smoke"), weight_decay=0.0)
        >>> recipe.lr == experiment["lr"], recipe.weight_decay, recipe.seed
        (True, 0.0, 3)
    """
    known = experiment.values
    chosen = {name: value for name, value in known.items() if name in _FIELDS}
    if "drops" in known:
        chosen["milestones"] = milestones(known["drops"], profile.epochs)
    return Recipe(**({"epochs": profile.epochs, "seed": number} | chosen | other))


def trial_of(experiment: Experiment, number: int, mixer: MixerOrMaker, profile: Profile, num_classes: int) -> Trial:
    """Trial ``number`` with any mixer, or a function that makes one for its network.

    Raises:
        ValueError: here, or where its network is made, if the mixer says that it is for other classes than ``num_classes``.

    Example:
        >>> import mixbook as mb
        >>> from mixbook.benchmarks.experiments import get_experiment
        >>> from mixbook.benchmarks.trials.recipes import trial_of
        >>> experiment = get_experiment("digits-few-labels")
        >>> mixer, smoke = mb.mixup(1.0, num_classes=10), experiment.profile("smoke")
        >>> trial_of(experiment, 3, mixer, smoke, num_classes=10).recipe.seed
        3
    """

    def checked(mixes: Mixes) -> Mixes:
        inner = getattr(mixes, "mixer", mixes)  # that of hidden layers holds one of the input
        if (said := getattr(inner, "num_classes", num_classes)) != num_classes:
            raise ValueError(f"num_classes of the mixer must be {num_classes}, as {experiment.dataset} has, got {said}")
        return mixes

    recipe = recipe_of(experiment, number, profile)
    if mixer is None:
        return Trial(recipe)
    if hasattr(mixer, "outputs"):
        return Trial(recipe, checked(cast(Mixes, mixer)))
    return Trial(recipe, lambda model: checked(mixer(model)))


def milestones(shares: Sequence[float], epochs: int) -> tuple[int, ...]:
    """Epochs at whose start the learning rate drops: these shares of the run, rounded, and none before epoch 1.

    Example:
        >>> from mixbook.benchmarks.trials.recipes import milestones
        >>> milestones((0.5, 0.75), epochs=200)
        (100, 150)
    """
    return tuple(max(1, round(share * epochs)) for share in shares)
