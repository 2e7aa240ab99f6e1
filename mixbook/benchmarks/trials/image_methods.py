"""A network of a paper trained by any method that a table names, and all that the paper's tables measure of it."""

from dataclasses import replace

from torch import nn

from mixbook.benchmarks.spec import Cell, Experiment, Metrics, Profile
from mixbook.benchmarks.trials.measures import measured
from mixbook.benchmarks.trials.methods import method_of, settings_for, with_dropout
from mixbook.benchmarks.trials.networks import curve_points, prepare, score
from mixbook.benchmarks.trials.sets import Parts
from mixbook.data import Batched
from mixbook.evaluation import evaluate
from mixbook.training import GradientNorm


def trial(experiment: Experiment, cell: Cell, number: int, profile: Profile) -> Metrics:
    """Train one network by the method of the cell, and score it.

    Initial weights, order of samples and draws of the mixer follow from ``number`` alone: they are the same in every cell.
    Of a set with a validation part, ``chosen_by`` "validation error" takes the epoch where that was least. A cell with
    ``times=`` is trained so many times as long as the profile says.

    Returns:
        What :func:`~mixbook.benchmarks.trials.networks.score` and
        :func:`~mixbook.benchmarks.trials.measures.measured` give, and ``seconds_per_epoch``, the least. Of what ``curves``
        names, at up to forty epochs n: ``loss@n``, the mean training loss; ``squared_gradient_norm@n``, the mean of
        the epoch's steps; ``train_error@n`` (%), on training samples as they are.
    """
    profile = replace(profile, epochs=profile.epochs * int(cell.answers().get("times", 1)))
    prepared = prepare(_protocol(cell, experiment, profile), number, profile)
    if cell.method == "dropout":
        with_dropout(prepared.model, experiment["dropout"])
    method = method_of(cell, experiment, prepared.model, prepared.num_classes)
    watched = _watched(experiment, prepared.data)
    norm = GradientNorm(prepared.model) if "squared_gradient_norm" in experiment["curves"] else None

    def validate(model: nn.Module) -> Metrics:
        errors = {name: 100 * (1 - evaluate(model, part)["accuracy"]) for name, part in watched.items()}
        return errors if norm is None else errors | norm()

    choose = "validation_error" if "validation_error" in watched else None
    trained = prepared.fit(method.mixer, augment=method.augment, loss=method.loss, validate=validate, choose=choose)
    if norm is not None:
        norm.close()
    found = score(trained) | measured(experiment, trained, number)
    found["seconds_per_epoch"] = min(trained.history["seconds"])
    return found | curve_points(trained.history, experiment["curves"])


def _protocol(cell: Cell, experiment: Experiment, profile: Profile) -> Experiment:
    protocol = settings_for(cell, experiment)
    # PyTorch 2.13 writes past the end of memory when it trains networks of 4 channels on 64 pixels in this layout on a CPU.
    return protocol.with_values(channels_last=False) if profile.stand_in else protocol


def _watched(experiment: Experiment, data: Parts) -> dict[str, Batched]:
    """On what the error is measured after each epoch, by the name of that error."""
    found: dict[str, Batched] = {}
    if "train_error" in experiment["curves"]:
        found["train_error"] = data.plain
    if data.validation is not None:
        found["validation_error"] = data.validation
    return found
