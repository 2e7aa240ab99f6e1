"""One trial of our own comparison of methods: digits with few labels, every method under the same recipe."""

from collections.abc import Sequence

import torch

from mixbook.benchmarks.spec import Cell, Experiment, Metrics, Profile
from mixbook.benchmarks.trials.answers import answers_of
from mixbook.benchmarks.trials.recipes import MixerOrMaker, trial_of
from mixbook.data import Arrays, digits
from mixbook.evaluation import evaluate
from mixbook.models import MLP, seeded
from mixbook.training import fit
from mixbook.training.streams import derive


def trial(experiment: Experiment, cell: Cell, number: int, profile: Profile) -> Metrics:
    """Train one network on ``labels`` digits and test it on all others.

    Split, initial weights and order of samples follow from ``number`` alone, so methods are compared trial by trial.

    Returns:
        ``error`` (%), ``nll`` (nats) and ``ece`` (%) on the test part after the last epoch.
    """
    data = digits()
    return _trained(experiment, data, answers_of(cell).mixer(data.num_classes), number, profile)


def with_mixers(
    experiment: Experiment, numbers: Sequence[int], mixers: Sequence[MixerOrMaker], profile: Profile
) -> list[Metrics]:
    """Trials with any mixers, one for each number, which split and network follow from as in the table."""
    data = digits()
    return [_trained(experiment, data, mixer, number, profile) for number, mixer in zip(numbers, mixers, strict=True)]


def _trained(experiment: Experiment, data: Arrays, mixer: MixerOrMaker, number: int, profile: Profile) -> Metrics:
    train, test = data.split(len(data) - experiment["labels"], torch.Generator().manual_seed(derive(number, "split")))
    model = seeded(derive(number, "weights"), lambda: MLP(64, experiment["hidden"], data.num_classes))
    one = trial_of(experiment, number, mixer, profile, data.num_classes)
    fit(model, train, one.recipe, mixer=one.mixer_for(model), progress=False)
    scores = evaluate(model, test)
    return {"error": 100 * (1 - scores["accuracy"]), "nll": scores["nll"], "ece": 100 * scores["ece"]}
