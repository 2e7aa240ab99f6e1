"""One network of our own under attack: trained as ``mixbook train`` does it, attacked as ``mixbook evaluate`` does."""

import math

import torch
from torch import Tensor

from mixbook.benchmarks.spec import Cell, Experiment, Metrics, Profile
from mixbook.benchmarks.trials.cifar import job_of, ready
from mixbook.data import Batched
from mixbook.evaluation import evaluate
from mixbook.training import fit
from mixbook.training.job import in_pixels, on_pixels
from mixbook.training.streams import derive


def trial(experiment: Experiment, cell: Cell, number: int, profile: Profile) -> Metrics:
    """Train one network on some of the training images, and attack it on some of the test images.

    Images, initial weights, order of samples and random starts of attacks follow from ``number``: methods are compared
    trial by trial.

    Returns:
        ``error`` (%), ``nll`` (nats) and ``ece`` (%) on the first ``attacked`` test images after the last epoch; on the
        same ones, for each of ``attacks``, the error under it (%), such as ``error@pgd20@8/255``; on the first ``checked``
        that under ``unbounded``. ``loss`` (nats), the mean of the last epoch on what was trained on, mixtures or not; and
        ``diverged``. Of stand-ins a fiftieth as many are attacked.
    """
    job = job_of(experiment, cell, number, profile)
    model, train, test = ready(job, small=profile.stand_in)
    mixer = job.mixing.mixer_for(model, train.num_classes)
    history = fit(model, train, job.recipe, mixer=mixer, on_divergence="warn", progress=False)
    network = on_pixels(model, test).to(next(model.parameters()).device)
    generator = torch.Generator().manual_seed(derive(number, "attacks"))
    attacked, checked = (experiment[name] // (50 if profile.stand_in else 1) for name in ("attacked", "checked"))
    scores = evaluate(network, _first(test, attacked), attacks=experiment["attacks"], generator=generator)
    searched = evaluate(network, _first(test, checked), attacks=[experiment["unbounded"]])
    return {
        "error": 100 * (1 - scores["accuracy"]),
        "nll": scores["nll"],
        "ece": 100 * scores["ece"],
        "loss": history["loss"][-1],
        "diverged": float(not math.isfinite(history["loss"][-1])),
        **{name: 100 * value for name, value in (scores | searched).items() if name.startswith("error@")},
    }


def _first(test: Batched, count: int) -> list[tuple[Tensor, Tensor]]:
    """Batches of the first images as pixels."""
    pixels = in_pixels(test)
    return [pixels.batch(rows) for rows in torch.arange(count).split(200)]
