"""Trials of multi-mix's Figure 4: deep, narrow networks on a spiral whose training labels are partly wrong."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import nn

from mixbook.benchmarks.maps import boundary_length, decision_map, pack
from mixbook.benchmarks.spec import Cell, Experiment, Metrics, Profile, Task
from mixbook.benchmarks.trials.recipes import MixerOrMaker, trial_of
from mixbook.data import Arrays, two_spirals
from mixbook.evaluation import evaluate
from mixbook.mixing.place import ManifoldMixer, manifold_mixup
from mixbook.models import MLP, seeded
from mixbook.training.streams import derive
from mixbook.training.trials import fit_trials


def trials(experiment: Experiment, tasks: Sequence[Task], profile: Profile) -> list[Metrics]:
    """Train a network for each task, all side by side, and look at what it learned.

    Samples, wrong labels, initial weights and order of samples follow from the number of the trial alone, so that methods
    are compared trial by trial.

    Returns:
        ``error`` (%) and ``nll`` (nats) on test samples, whose labels are right; ``train_error`` and ``train_error_true``
        (%) on the training samples, against the labels that were given and against the right ones; ``boundary``, the length
        of the line between the classes on the map, in units of the features; ``map@0``, ``map@1`` ... as
        :func:`mixbook.benchmarks.maps.pack` writes the map; ``diverged``, 1 where the weights are not finite.
    """
    return with_mixers(experiment, [number for _, number in tasks], [_mixer(cell) for cell, _ in tasks], profile)


def with_mixers(
    experiment: Experiment, numbers: Sequence[int], mixers: Sequence[MixerOrMaker], profile: Profile
) -> list[Metrics]:
    """Trials with any mixers, one for each number, which samples and network follow from as in the table."""
    parts = [spiral(experiment, number) for number in numbers]
    learners = [trial_of(experiment, n, mixer, profile, num_classes=2) for n, mixer in zip(numbers, mixers, strict=True)]
    fitted = fit_trials(_network(experiment), [given for given, _, _ in parts], learners)
    return [
        _scores(experiment, one.model, *part) | {"diverged": float(one.diverged)}
        for one, part in zip(fitted, parts, strict=True)
    ]


def spiral(experiment: Experiment, number: int) -> tuple[Arrays, Arrays, Arrays]:
    """Training samples as they are given, the same with their right labels, and test samples."""
    generator = torch.Generator().manual_seed(derive(number, "samples"))
    whole = two_spirals(experiment["samples"], generator, turns=experiment["turns"], noise=experiment["noise"])
    right, test = whole.split(1 - experiment["train_share"], generator)
    flipped = torch.randperm(len(right), generator=generator)[: round(experiment["flipped_share"] * len(right))]
    y = right.y.clone()
    y[flipped] = 1 - y[flipped]
    return replace(right, y=y), right, test


def _network(experiment: Experiment) -> Callable[[int], nn.Module]:
    hidden = (experiment["width"],) * experiment["depth"]

    def network() -> nn.Module:
        model = MLP(2, hidden, 2, experiment["activation"])
        return he_weights(model) if experiment["initial_weights"] == "he" else model

    return lambda seed: seeded(derive(seed, "weights"), network)


def he_weights(model: nn.Module) -> nn.Module:
    """Draw the weights of every linear layer uniformly with variance 2 / fan-in, and set its biases to 0.

    ReLU then keeps the size of a signal from layer to layer. PyTorch's default variance, 1 / (3 fan-in), lets it shrink.
    """
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
    return model


def _mixer(cell: Cell) -> Callable[[nn.Module], ManifoldMixer] | None:
    if cell.method == "erm":
        return None
    layers, draws = cell.answers()["layers"].split("+"), int(cell.value("K"))
    return lambda model: manifold_mixup(model, layers, cell.value("alpha"), num_classes=2, draws=draws)


def _scores(experiment: Experiment, model: nn.Module, given: Arrays, right: Arrays, test: Arrays) -> dict[str, float]:
    scores = evaluate(model, test)
    chosen = decision_map(model, experiment["map_size"], experiment["map_reach"])
    return {
        "error": 100 * (1 - scores["accuracy"]),
        "nll": scores["nll"],
        "train_error": 100 * (1 - evaluate(model, given)["accuracy"]),
        "train_error_true": 100 * (1 - evaluate(model, right)["accuracy"]),
        "boundary": boundary_length(chosen, experiment["map_reach"]),
        **pack(chosen),
    }
