"""Trials at equal gradient computations: K interpolations of B pairs against one of K B pairs, step for step."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from mixbook.benchmarks.spec import Cell, Experiment, Profile, Task
from mixbook.benchmarks.trials.small_images import small_images
from mixbook.data import Arrays
from mixbook.evaluation import evaluate
from mixbook.mixing.losses import mixed_cross_entropy
from mixbook.mixing.mixer import Mixer, mixup, multimix
from mixbook.models import MLP, seeded
from mixbook.modes import evaluation_mode
from mixbook.training import Recipe
from mixbook.training.streams import derive
from mixbook.training.trials import Fitted, Trial, fit_trials


def trials(experiment: Experiment, tasks: Sequence[Task], profile: Profile) -> list[dict[str, float]]:
    """Train a network for each task, all of one cell, and follow what they minimise.

    Every cell takes as many steps, each on as many mixtures, so its gradient computations are equal to the others' at every
    step. A method whose batches hold more samples passes over them more often; ``profile.epochs`` counts the passes of the
    one with the fewest. All trials have the same training part; weights, batches and mixtures follow from their number.

    Returns:
        ``mixup_loss@s`` (nats), the loss that all cells minimise, on one fixed set of mixtures of the training part, after
        s steps; ``error@s`` (%) on the test part; ``error`` and ``nll`` (nats) there after the last; ``diverged``, 1 where
        a loss was not finite.
    """
    (cell,) = {cell for cell, _ in tasks}
    train, test = small_images(experiment.dataset, experiment["train_size"], 0, real=not profile.stand_in)
    mixtures = fixed_mixtures(train, experiment["mixtures"], experiment["alpha"])
    size = int(cell.value("B"))
    passes = size // experiment["least_batch"]

    def validate(model: nn.Module) -> dict[str, float]:
        scores = evaluate(model, test)
        error = 100 * (1 - scores["accuracy"])
        return {"mixup_loss": mixup_loss(model, *mixtures), "error": error, "nll": scores["nll"]}

    recipes = [_recipe(experiment, cell, profile.epochs * passes, number) for _, number in tasks]
    learners = [Trial(recipe=recipe, mixer=_mixer(experiment, cell, train.num_classes)) for recipe in recipes]
    every = passes * experiment["point_every"]
    fitted = fit_trials(_network(experiment, train), train, learners, validate=validate, validate_every=every)
    return [_metrics(one, len(train) // size) for one in fitted]


def _metrics(one: Fitted, steps: int) -> dict[str, float]:
    """The last scores, and the curves against ``steps`` times the epoch."""
    history = one.history
    last = {name: history[name][-1] for name in ("error", "nll")}
    curves = {
        f"{name}@{round(epoch) * steps}": value
        for name in ("mixup_loss", "error")
        for epoch, value in zip(history["epoch"], history[name], strict=True)
    }
    return {**last, "diverged": float(one.diverged), **curves}


def fixed_mixtures(data: Arrays, count: int, alpha: float) -> tuple[Tensor, Tensor]:
    """Mixtures (count, ...) of independent pairs with a ratio each, always the same, and their targets (count, C)."""
    generator = torch.Generator().manual_seed(derive(0, "mixtures"))
    first, second = torch.randint(len(data), (2, count), generator=generator)
    mix = mixup(alpha, data.num_classes, per="pair", generator=generator)
    plan = mix.plan(data.x[first], x2=data.x[second], generator=generator)
    return plan.apply(torch.cat([data.x[first], data.x[second]])), plan.targets(
        torch.cat([data.y[first], data.y[second]]), data.num_classes
    )


def mixup_loss(model: nn.Module, mixtures: Tensor, targets: Tensor) -> float:
    """Mean cross entropy (nats) of a network on mixtures."""
    with evaluation_mode(model), torch.inference_mode():
        return float(mixed_cross_entropy(model(mixtures), targets))


def _network(experiment: Experiment, data: Arrays) -> Callable[[int], nn.Module]:
    features = data.x[0].numel()
    return lambda seed: seeded(derive(seed, "weights"), lambda: MLP(features, experiment["hidden"], data.num_classes))


def _recipe(experiment: Experiment, cell: Cell, epochs: int, seed: int) -> Recipe:
    return Recipe(
        epochs=epochs,
        batch_size=int(cell.value("B")),
        lr=cell.value("lr"),
        momentum=experiment["momentum"],
        weight_decay=experiment["weight_decay"],
        seed=seed,
    )


def _mixer(experiment: Experiment, cell: Cell, num_classes: int) -> Mixer:
    answers = cell.answers()
    if cell.method == "multimix":
        return multimix(int(answers["K"]), experiment["alpha"], num_classes)
    return mixup(experiment["alpha"], num_classes, per="pair" if answers.get("lambda") == "per_pair" else "batch")
