"""The recipe of a trial, from the settings of its experiment."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from mixbook.benchmarks.spec import Experiment, Profile
from mixbook.training import Recipe

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
    known = {setting.name: setting.value for setting in experiment.settings}
    chosen = {name: value for name, value in known.items() if name in _FIELDS}
    if "drops" in known:
        chosen["milestones"] = milestones(known["drops"], profile.epochs)
    return Recipe(**({"epochs": profile.epochs, "seed": number} | chosen | other))


def milestones(shares: Sequence[float], epochs: int) -> tuple[int, ...]:
    """Epochs at whose start the learning rate drops: these shares of the run, rounded, and none before epoch 1.

    Example:
        >>> from mixbook.benchmarks.trials.recipes import milestones
        >>> milestones((0.5, 0.75), epochs=200)
        (100, 150)
    """
    return tuple(max(1, round(share * epochs)) for share in shares)
