"""One trial of our own comparison of methods: digits with few labels, every method under the same recipe."""

import torch

from mixbook.benchmarks.spec import Cell, Experiment, Profile
from mixbook.benchmarks.trials.answers import answers_of
from mixbook.benchmarks.trials.recipes import recipe_of
from mixbook.data import digits
from mixbook.evaluation import evaluate
from mixbook.models import MLP, seeded
from mixbook.training import fit
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
    recipe = recipe_of(experiment, number, profile)
    fit(model, train, recipe, mixer=answers_of(cell).mixer_for(model, data.num_classes), progress=False)
    scores = evaluate(model, test)
    return {"error": 100 * (1 - scores["accuracy"]), "nll": scores["nll"], "ece": 100 * scores["ece"]}
