"""One network of a paper, trained by an experiment's settings and scored: what the tables on images and speech share.

A trial of an experiment prepares a network, makes a mixer for it from its cell, trains and scores it::

    ready = prepare(experiment, number, profile)
    trained = ready.fit(answers.mixer_for(ready.model, ready.num_classes))
    return score(trained, fgsm_eps=experiment["fgsm_eps"])
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mixbook.benchmarks.spec import Experiment, Metrics, Profile
from mixbook.benchmarks.trials.precision import mixed_precision
from mixbook.benchmarks.trials.recipes import recipe_of
from mixbook.benchmarks.trials.sets import Parts, parts
from mixbook.data import Batched
from mixbook.evaluation import evaluate, fgsm
from mixbook.mixing.losses import mixed_accuracy
from mixbook.mixing.mixer import Mixes
from mixbook.models import Normalise, named, seeded
from mixbook.training import History, Recipe, fit
from mixbook.training.streams import derive


@dataclass(frozen=True)
class Trained:
    """A network after its last epoch.

    Args:
        model: takes samples as ``data.test`` gives them.
        data: what it was trained and is tested on.
        history: how training went.
    """

    model: nn.Module
    data: Parts
    history: History

    @property
    def on_pixels(self) -> nn.Module:
        """The same network for samples as ``data.pixels`` gives them: it normalises them itself."""
        if self.data.mean is None or self.data.std is None:
            return self.model
        device = next(self.model.parameters()).device
        return nn.Sequential(Normalise(self.data.mean, self.data.std).to(device), self.model)


@dataclass(frozen=True)
class Prepared:
    """A network with fresh weights, its data and its recipe: what a trial has before it chooses a mixer.

    Args:
        model: what is trained.
        data: what it is trained and tested on.
        recipe: how.
    """

    model: nn.Module
    data: Parts
    recipe: Recipe

    @property
    def num_classes(self) -> int:
        """C."""
        return self.data.train.num_classes

    def fit(self, mixer: Mixes | None = None, *, curves: bool = False, **options: Any) -> Trained:
        """Train the network, in place.

        Args:
            mixer: None mixes nothing.
            curves: record after each epoch the test error (%), as ``error``, and where mixtures are trained on the accuracy
                (%) on those of the epoch, as ``train_accuracy``.
            options: for :func:`~mixbook.training.fit`, such as ``loss`` or ``augment``.
        """
        if curves:
            counted = None if mixer is None else _Counted(mixer)
            mixer, options["validate"] = counted, _curve(counted, self.data.test)
        options = {"on_divergence": "warn", "progress": False, "fabric": mixed_precision(), **options}
        history = fit(self.model, self.data.train, self.recipe, mixer=mixer, **options)
        return Trained(self.model.eval(), self.data, history)


def prepare(experiment: Experiment, number: int, profile: Profile) -> Prepared:
    """What trial ``number`` trains.

    The recipe is what :func:`~mixbook.benchmarks.trials.recipes.recipe_of` reads from the settings. ``network`` is a name
    of :func:`~mixbook.models.named`, and ``network_options``, if there is such a setting, what else it takes, as pairs.
    Initial weights, order of samples and draws of the mixer follow from ``number`` alone: they are the same in every cell.

    Args:
        experiment: its settings are the protocol.
        number: of the trial.
        profile: how long; with ``stand_in`` both data and network are small.
    """
    data = parts(experiment, profile.stand_in, number)
    more = {} if profile.stand_in else dict(experiment.values.get("network_options", ()))
    model = seeded(
        derive(number, "weights"),
        lambda: named(experiment["network"], data.shape, data.train.num_classes, small=profile.stand_in, **more),
    )
    return Prepared(model, data, recipe_of(experiment, number, profile))


def score(trained: Trained, *, fgsm_eps: Sequence[float] = (), batch_size: int = 500) -> Metrics:
    """What the papers report of a network.

    Args:
        trained: the network.
        fgsm_eps: budgets of the attack in 255ths of the range of a pixel; pixels stay in [0, 1], and gradients are those of
            single precision, as in the attack libraries of the papers.
        batch_size: samples at once.

    Returns:
        ``error``, ``accuracy`` and ``ece`` (%), ``nll`` (nats) on the test part after the last epoch; ``loss``, the mean
        training loss of that epoch (in its own units); ``diverged``, 1.0 if it is not finite; ``fgsm_error@e`` (%) for each
        budget; with curves ``error@n`` and ``train_accuracy@n`` (%) after n epochs, at most forty of them.
    """
    scores = evaluate(trained.model, trained.data.test, batch_size)
    loss = float(trained.history.records[-1]["loss"])
    right = 100 * scores["accuracy"]
    found = {
        "error": 100 - right,
        "accuracy": right,
        "nll": scores["nll"],
        "ece": 100 * scores["ece"],
        "loss": loss,
        "diverged": float(not math.isfinite(loss)),
    }
    if fgsm_eps:
        attacks = [fgsm(eps / 255, saturating=True) for eps in fgsm_eps]
        attacked = evaluate(trained.on_pixels, trained.data.pixels, batch_size, attacks=attacks)
        for eps, attack in zip(fgsm_eps, attacks, strict=True):
            found[f"fgsm_error@{eps:g}"] = 100 * attacked[f"error@{attack.name}"]
    recorded = [name for name in ("error", "train_accuracy") if name in trained.history.records[0]]
    return found | curve_points(trained.history, recorded)


def curve_points(history: History, names: Sequence[str], most: int = 40) -> Metrics:
    """``name@n`` after n epochs: about ``most`` of them, evenly spread and always the last. NaN where it was not finite."""
    every = math.ceil(len(history) / most)
    epochs = [epoch for epoch in range(1, len(history) + 1) if (len(history) - epoch) % every == 0]
    points = {f"{name}@{epoch}": float(history[name][epoch - 1]) for name in names for epoch in epochs}
    return {name: value if math.isfinite(value) else math.nan for name, value in points.items()}


class _Counted:
    """A mixer, and how well the network does on its mixtures while it learns."""

    def __init__(self, mixer: Mixes) -> None:
        self._mixer = mixer
        self._right: list[Tensor] = []

    def outputs(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        *,
        partner: tuple[Tensor, Tensor] | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor, Tensor]:
        """As the mixer's."""
        logits, targets = self._mixer.outputs(model, x, y, partner=partner, generator=generator)
        self._right.append(mixed_accuracy(logits.detach(), targets))
        return logits, targets

    def accuracy(self) -> float:
        """Since it was last asked for, in %; NaN if there were no mixtures, as where a network diverged."""
        if not self._right:
            return math.nan
        mean = 100 * float(torch.stack([each.float() for each in self._right]).mean())
        self._right.clear()
        return mean


def _curve(counted: _Counted | None, test: Batched) -> Callable[[nn.Module], Mapping[str, float]]:
    def validate(model: nn.Module) -> Mapping[str, float]:
        scores = {"error": 100 * (1 - evaluate(model, test, 500)["accuracy"])}
        return scores if counted is None else {**scores, "train_accuracy": counted.accuracy()}

    return validate
