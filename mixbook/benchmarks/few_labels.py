"""One trial of our own comparison of methods: digits with few labels, every method under the same recipe."""

import torch
from torch import nn

from mixbook.benchmarks.answers import Answers
from mixbook.benchmarks.spec import Cell, Experiment, Profile
from mixbook.data import digits
from mixbook.evaluation import evaluate
from mixbook.mixing.mixer import Mixer
from mixbook.mixing.place import ManifoldMixer
from mixbook.models import MLP, seeded
from mixbook.training import Recipe, fit
from mixbook.training.streams import derive


def trial(experiment: Experiment, cell: Cell, number: int, profile: Profile) -> dict[str, float]:
    """Train one network on ``labels`` digits and test it on all others.

    Split, initial weights and order of samples follow from ``number`` alone, so methods are compared trial by trial.

    Returns:
        ``error`` (%), ``nll`` (nats) and ``ece`` (%) on the test part after the last epoch.
    """
    data = digits()
    train, test = data.split(len(data) - experiment["labels"], torch.Generator().manual_seed(derive(number, "split")))
    model = seeded(derive(number, "weights"), lambda: MLP(64, experiment["hidden"], data.num_classes))
    recipe = Recipe(
        epochs=profile.epochs,
        batch_size=experiment["batch_size"],
        lr=experiment["lr"],
        optimizer=experiment["optimizer"],
        weight_decay=experiment["weight_decay"],
        pairs=experiment["pairs"],
        seed=number,
    )
    fit(model, train, recipe, mixer=make_mixer(cell, model, data.num_classes), progress=False)
    scores = evaluate(model, test)
    return {"error": 100 * (1 - scores["accuracy"]), "nll": scores["nll"], "ece": 100 * scores["ece"]}


def make_mixer(cell: Cell, model: nn.Module, num_classes: int) -> Mixer | ManifoldMixer | None:
    """What a cell's parameters make for a network; None for ERM."""
    if cell.method == "erm":
        return None
    mixing = Answers.of(cell).mixer(num_classes)
    return mixing if isinstance(mixing, Mixer) else mixing(model)
