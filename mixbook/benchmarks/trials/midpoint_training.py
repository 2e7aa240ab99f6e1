"""How fast training on mixtures fits the images that are mixed: Figures 2 and 9 of the data-dependency paper, in small."""

import torch

from mixbook.benchmarks.spec import Cell, Experiment, Metrics, Profile
from mixbook.benchmarks.trials.images import normalised, parts, subset
from mixbook.benchmarks.trials.recipes import recipe_of
from mixbook.data import Arrays
from mixbook.evaluation import evaluate
from mixbook.mixing.mixer import mixup
from mixbook.models import LeNet, seeded
from mixbook.training import fit
from mixbook.training.streams import derive

WATCHED = (1, 2, 3, 4, 5, 6, 8, *range(10, 51, 5))  # epochs after which the training part is scored


def trial(experiment: Experiment, cell: Cell, number: int, profile: Profile) -> Metrics:
    """Train LeNet on a random part of the images and score it on those images, unmixed.

    Images, initial weights and order of samples follow from ``number``, so they are the same in every cell.

    Returns:
        ``train_error@1``, ``train_error@2`` ... after so many epochs, ``train_error`` after the last, ``error`` on the test
        part, all in %.
    """
    train, test = parts(experiment.dataset, profile.stand_in)
    train, test = (normalised(part, experiment) for part in (subset(train, experiment["share"], number, "images"), test))
    seed = derive(number, "weights")
    model = seeded(seed, lambda: LeNet(train.num_classes, *train.x.shape[1:3]))
    recipe = recipe_of(experiment, number, profile, optimizer="adam")
    epoch, found = 0, Metrics()

    def score(network: torch.nn.Module) -> dict[str, float]:
        nonlocal epoch
        epoch += 1
        if epoch in WATCHED:
            found[f"train_error@{epoch}"] = _error(network, train)
        return {}

    mixer = None if cell.method == "erm" else mixup(cell.value("alpha"), train.num_classes)
    fit(model, train, recipe, mixer=mixer, validate=score, progress=False)
    return {"error": _error(model, test), "train_error": _error(model, train), **found}


def _error(model: torch.nn.Module, part: Arrays) -> float:
    return 100 * (1 - evaluate(model, part)["accuracy"])
