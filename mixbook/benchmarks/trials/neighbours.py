"""Trials of k-mixup's footnote 1: partners from the k nearest neighbours instead of an optimal matching."""

from collections.abc import Callable, Sequence
from statistics import fmean

import torch
from torch import Tensor, nn

from mixbook.benchmarks.spec import Cell, Experiment, Profile, Task
from mixbook.benchmarks.trials.recipes import recipe_of
from mixbook.benchmarks.trials.small_images import small_images
from mixbook.data import Arrays, shuffled_batches
from mixbook.evaluation import evaluate
from mixbook.mixing.mixer import Mixer
from mixbook.mixing.pairing import NearestNeighbour, OptimalTransport, Pairing, RandomPairing
from mixbook.mixing.ratio import Beta
from mixbook.models import MLP, LeNet, seeded
from mixbook.training.streams import derive
from mixbook.training.trials import Trial, fit_trials


def trials(experiment: Experiment, tasks: Sequence[Task], profile: Profile) -> list[dict[str, float]]:
    """Train a network for each task and test it; and look at whom its pairing brings together.

    Training part, initial weights and order of samples follow from the number of the trial alone, so that methods are
    compared trial by trial.

    Returns:
        ``error`` (%), ``nll`` (nats) and ``ece`` (%) on the test part after the last epoch; ``diverged``, 1 where a loss
        was not finite; with mixing also ``same_class`` (%), pairs of two samples of one class; ``alone`` (%), samples that
        nobody chose; ``distance``, the root mean squared distance within pairs, in units of the features.
    """
    data, size = experiment.dataset, experiment["train_size"]
    splits = [small_images(data, size, number, real=not profile.stand_in) for _, number in tasks]
    learners = [
        Trial(recipe=recipe_of(experiment, number, profile), mixer=_mixer(cell, train.num_classes))
        for (cell, number), (train, _) in zip(tasks, splits, strict=True)
    ]
    fitted = fit_trials(_network(experiment, splits[0][0]), [train for train, _ in splits], learners)
    found = []
    for one, (cell, number), (train, test) in zip(fitted, tasks, splits, strict=True):
        scores = evaluate(one.model, test)
        errors = {"error": 100 * (1 - scores["accuracy"]), "nll": scores["nll"], "ece": 100 * scores["ece"]}
        pairing = _pairing(cell)
        pairs = {} if pairing is None else partners(pairing, train, experiment["batch_size"], number)
        found.append({**errors, "diverged": float(one.diverged), **pairs})
    return found


def partners(pairing: Pairing, data: Arrays, batch_size: int, number: int) -> dict[str, float]:
    """Who is paired with whom in one epoch of whole batches: ``same_class`` and ``alone`` (%), and ``distance``."""
    generator = torch.Generator().manual_seed(derive(number, "pairs"))
    batches = [data[rows] for rows in shuffled_batches(len(data), batch_size, generator, drop_last=True)]
    found = [_of_batch(batch, pairing.pair(batch.x, generator=generator)) for batch in batches]
    same, alone, squared = (fmean(column) for column in zip(*found, strict=True))
    return {"same_class": 100 * same, "alone": 100 * alone, "distance": squared**0.5}


def _of_batch(batch: Arrays, partner: Tensor) -> tuple[float, float, float]:
    same = (batch.y == batch.y[partner]).float().mean()
    squared = (batch.x - batch.x[partner]).flatten(1).square().sum(1).mean()
    return float(same), 1 - len(partner.unique()) / len(batch), float(squared)


def _network(experiment: Experiment, data: Arrays) -> Callable[[int], nn.Module]:
    def network() -> nn.Module:
        if experiment.model == "lenet":
            return LeNet(data.num_classes)
        return MLP(data.x[0].numel(), experiment["hidden"], data.num_classes)

    return lambda seed: seeded(derive(seed, "weights"), network)


def _pairing(cell: Cell) -> Pairing | None:
    if cell.method == "erm":
        return None
    if cell.method == "mixup":
        return RandomPairing()
    k = int(cell.value("k"))
    return NearestNeighbour(k) if cell.method == "knn_mixup" else OptimalTransport(k)


def _mixer(cell: Cell, num_classes: int) -> Mixer | None:
    pairing = _pairing(cell)
    return None if pairing is None else Mixer(pairing, Beta(cell.value("alpha")), num_classes=num_classes)
