"""One trial on CIFAR: a residual network under one recipe, put together by ``Job`` as ``mixbook train`` does."""

import math
from collections.abc import Mapping
from dataclasses import replace
from itertools import accumulate

import torch
from torch import nn

from mixbook.benchmarks.spec import Cell, Experiment, Metrics, Profile
from mixbook.benchmarks.trials.answers import answers_of
from mixbook.benchmarks.trials.recipes import recipe_of
from mixbook.data import Batched, Pixels, Resident, stand_in
from mixbook.evaluation import evaluate
from mixbook.training import History, fit
from mixbook.training.job import Job
from mixbook.training.phases import PHASES


def trial(experiment: Experiment, cell: Cell, number: int, profile: Profile) -> Metrics:
    """Train one network on some of the training images, and test it on all test images.

    Images, initial weights and order of samples follow from ``number``: methods are compared trial by trial.

    Returns:
        ``error`` (%), ``nll`` (nats) and ``ece`` (%) on the test images after the last epoch; ``train_error`` (%) and
        ``train_nll`` (nats) on the training images as they are; ``loss`` (nats), the mean of the last epoch on what was
        trained on, mixtures or not; ``train_seconds`` in training steps, and ``diverged``. For the curve, with e the
        gradients computed so far for each training image: ``error@e`` (%) on the first ``watched`` test images, and
        ``seconds@e`` of training.
    """
    job = job_of(experiment, cell, number, profile)
    model, train, test = ready(job, small=profile.stand_in)
    watched = [test.batch(rows) for rows in torch.arange(len(test))[: experiment["watched"]].split(1000)]
    epochs = _points(job.recipe.epochs, experiment["points"])
    curve: list[float] = []
    epoch = 0

    def watch(network: nn.Module) -> dict[str, float]:
        nonlocal epoch
        epoch += 1
        if epoch in epochs:
            curve.append(100 * (1 - evaluate(network, watched)["accuracy"]))
        return {}

    mixer = job.mixing.mixer_for(model, train.num_classes)
    history = fit(model, train, job.recipe, mixer=mixer, validate=watch, on_divergence="warn", progress=False)
    scores, fitted, seconds = evaluate(model, test), evaluate(model, train), _seconds(history)
    draws = job.mixing.draws  # gradients for each image in an epoch: one for each mixture that begins with it
    return {
        "error": 100 * (1 - scores["accuracy"]),
        "nll": scores["nll"],
        "ece": 100 * scores["ece"],
        "train_error": 100 * (1 - fitted["accuracy"]),
        "train_nll": fitted["nll"],
        "loss": history["loss"][-1],
        "train_seconds": seconds[-1],
        "diverged": float(not math.isfinite(history["loss"][-1])),
        **{f"error@{each * draws}": value for each, value in zip(epochs, curve, strict=True)},
        **{f"seconds@{each * draws}": seconds[each - 1] for each in epochs},
    }


def job_of(experiment: Experiment, cell: Cell, number: int, profile: Profile) -> Job:
    """What ``mixbook train`` would be told to do one trial.

    With ``experiment["equal"]`` "gradients", K interpolations come from batches of a K-th of the pairs, for a K-th of the
    epochs: as many steps and gradients as without. With "passes" they see as many epochs, and cost K times as much.
    """
    mixing = answers_of(cell)
    share = mixing.draws if experiment["equal"] == "gradients" else 1
    shorter = {"epochs": max(1, profile.epochs // share), "batch_size": experiment["batch_size"] // share}
    recipe = recipe_of(experiment, number, profile, **shorter)
    return Job(
        experiment.dataset,
        experiment["network"],
        mixing,
        recipe,
        samples=experiment["samples"],
        shift=experiment["shift"],
        flip=experiment["flip"],
    )


def ready(job: Job, *, small: bool) -> tuple[nn.Module, Batched, Batched]:
    """The network with its initial weights, and what it is trained and tested on; ``small`` takes stand-ins for all."""
    train, test = _stand_in(job) if small else job.parts()
    if small and job.model != "lenet":
        job = replace(job, model="slim_preact_resnet18")
    return job.network(train), train, test


def seconds_until(metrics: Mapping[str, float], error: float) -> float:
    """Seconds of training until the curve of a trial is first at ``error`` (%) or below; not a number if it never is."""
    reached = [
        int(name.removeprefix("error@")) for name, value in metrics.items() if name.startswith("error@") and value <= error
    ]
    return metrics[f"seconds@{min(reached)}"] if reached else math.nan


def _points(epochs: int, count: int) -> list[int]:
    """About ``count`` epochs, evenly spread, with the last one."""
    return [epoch for epoch in range(1, epochs + 1) if epoch * count // epochs > (epoch - 1) * count // epochs]


def _seconds(history: History) -> list[float]:
    """Of training steps up to each epoch, without the time that watching takes."""
    return list(accumulate(sum(record[f"seconds_{phase}"] for phase in PHASES) for record in history.records))


def _stand_in(job: Job) -> tuple[Batched, Batched]:
    """A small set in the shape of the job's, as bytes, on the same way into batches."""
    whole = stand_in(job.data)
    pixels = Pixels((255 * whole.x).byte(), whole.y, whole.num_classes, whole.name)
    train, test = pixels.split(1 / 3, torch.Generator().manual_seed(0))
    mean, std = train.statistics()
    return Resident(train, shift=job.shift, flip=job.flip, mean=mean, std=std), Resident(test, mean=mean, std=std)
