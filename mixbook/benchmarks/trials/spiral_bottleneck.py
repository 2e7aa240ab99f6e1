"""Manifold mixup's Figures 1 and 2: two spirals, a network with two units in its middle, seven ways to train it."""

from collections.abc import Sequence
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn

from mixbook.benchmarks.maps import boundary_length, grid
from mixbook.benchmarks.spec import Experiment, Profile, Task
from mixbook.benchmarks.trials.recipes import MixerOrMaker, recipe_of
from mixbook.data import Arrays, Augment, InputNoise, two_spirals
from mixbook.evaluation import evaluate
from mixbook.evaluation.hidden import hidden_states
from mixbook.mixing.mixer import Mixer
from mixbook.mixing.place import ManifoldMixer
from mixbook.mixing.ratio import Beta
from mixbook.models import BottleneckMLP, seeded
from mixbook.modes import evaluation_mode
from mixbook.theory.spectra import flatness
from mixbook.training import fit
from mixbook.training.streams import derive
from mixbook.training.trials import Trial, fit_trials

REACH = 1.2  # half the side of the square that is looked at
_FINE = 200  # points along its side


def trials(experiment: Experiment, tasks: Sequence[Task], profile: Profile) -> list[dict[str, float]]:
    """Train the networks of all tasks and measure each.

    Returns:
        For each task ``error`` (%) and ``nll`` (nats) on fresh samples; ``boundary``, the length of the line between the
        predicted classes in the square from -1.2 to 1.2; ``margin``, the mean distance of a training sample to the nearest
        point of that square with another prediction than its own; ``confidence``, the mean of the larger probability over
        the square, and ``unsure``, the share of it (%) where that is below 0.9; and of the training samples' states in the
        first layer and in the bottleneck (``layer1_...``, ``bottleneck_...``), means over the classes: the largest
        singular value (``first``), the sum of the others (``others``), the second over the first (``share``), and the
        variance within classes over that between their means (``ratio``).
    """
    networks = train(experiment, tasks, profile)
    return [_measure(experiment, model, number) for model, (_, number) in zip(networks, tasks, strict=True)]


def train(experiment: Experiment, tasks: Sequence[Task], profile: Profile) -> list[nn.Module]:
    """The trained networks, in the order of the tasks. Data and initial weights follow from the number of a trial alone."""
    data = [samples(experiment, number, "train") for _, number in tasks]
    recipes = [
        recipe_of(experiment, number, profile, **({} if cell.method == "weight_decay" else {"weight_decay": 0.0}))
        for cell, number in tasks
    ]
    networks: dict[int, nn.Module] = {}
    for method in dict.fromkeys(cell.method for cell, _ in tasks):
        chosen = [i for i, (cell, _) in enumerate(tasks) if cell.method == method]
        if method == "input_noise":  # which is an augmentation, and those are not stacked
            noise = Augment(InputNoise(experiment["noise"]))
            for i in chosen:
                networks[i] = _network(experiment, method, recipes[i].seed)
                fit(networks[i], data[i], recipes[i], augment=noise, progress=False)
            continue
        fitted = fit_trials(
            partial(_network, experiment, method),
            [data[i] for i in chosen],
            [Trial(recipe=recipes[i], mixer=_mixer(experiment, method)) for i in chosen],
            progress=False,
        )
        networks |= {i: one.model for i, one in zip(chosen, fitted, strict=True)}
    return [networks[i].eval() for i in range(len(tasks))]


def samples(experiment: Experiment, number: int, part: str) -> Arrays:
    """The ``"train"`` or ``"test"`` samples of a trial."""
    return two_spirals(experiment[f"n_{part}"], torch.Generator().manual_seed(derive(number, part)))


def confidence(model: nn.Module, points: Tensor) -> Tensor:
    """The probability of class 1 at each point, (n,)."""
    with evaluation_mode(model), torch.inference_mode():
        return cast(Tensor, model(points)).softmax(1)[:, 1]


def behind_bottleneck(model: nn.Module) -> nn.Sequential:
    """The layers that follow the bottleneck: from its states to logits."""
    names = [name for name, _ in model.named_children()]
    return nn.Sequential(*list(model.children())[names.index("bottleneck") + 1 :])


def _network(experiment: Experiment, method: str, seed: int) -> BottleneckMLP:
    return seeded(
        derive(seed, "weights"),
        lambda: BottleneckMLP(
            2,
            experiment["before"],
            2,
            experiment["after"],
            2,
            experiment["activation"],
            dropout=experiment["dropout"] if method == "dropout" else 0.0,
            batch_norm=method == "batch_norm",
        ),
    )


def _mixer(experiment: Experiment, method: str) -> MixerOrMaker:
    mixer = Mixer(ratio=Beta(experiment["alpha"]), num_classes=2)
    if method == "manifold_mixup":
        return lambda model: ManifoldMixer(model, ["bottleneck"], mixer)
    return mixer if method == "mixup" else None


def _measure(experiment: Experiment, model: nn.Module, number: int) -> dict[str, float]:
    train, scores = samples(experiment, number, "train"), evaluate(model, samples(experiment, number, "test"))
    points = grid(_FINE, REACH)
    one = confidence(model, points)
    sure, chosen = torch.maximum(one, 1 - one), one > 0.5
    at_samples = confidence(model, train.x) > 0.5
    found = {
        "error": 100 * (1 - scores["accuracy"]),
        "nll": scores["nll"],
        "boundary": boundary_length(chosen.reshape(_FINE, _FINE).numpy(), REACH),
        "margin": margin(train.x, at_samples, points, chosen),
        "confidence": sure.mean().item(),
        "unsure": 100 * (sure < 0.9).double().mean().item(),
    }
    for layer in ("layer1", "bottleneck"):
        flat = flatness(hidden_states(model, train.x, layer), train.y)
        found |= {f"{layer}_{name}": getattr(flat, name) for name in ("first", "others", "share", "ratio")}
    return found


def margin(x: Tensor, predicted: Tensor, points: Tensor, chosen: Tensor) -> float:
    """Mean distance of samples to the nearest of the points that are predicted otherwise; the reach where there is none."""
    distances = []
    for answer in (False, True):
        mine, others = x[predicted == answer], points[chosen != answer]
        distances.append(torch.cdist(mine, others).amin(1) if len(others) else torch.full((len(mine),), REACH))
    return torch.cat(distances).mean().item()
