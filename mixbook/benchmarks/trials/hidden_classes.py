"""How MNIST's classes lie in a hidden layer, one trial: manifold mixup's section 3.2 and Figures 5 and 9 to 12."""

from dataclasses import replace
from typing import cast

import numpy as np
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from mixbook.benchmarks.spec import Cell, Experiment, Profile
from mixbook.benchmarks.trials.images import parts
from mixbook.benchmarks.trials.methods import loss_of
from mixbook.benchmarks.trials.precision import mixed_precision
from mixbook.benchmarks.trials.recipes import recipe_of
from mixbook.data import Arrays
from mixbook.evaluation import evaluate
from mixbook.evaluation.hidden import hidden_states
from mixbook.mixing.mixer import Mixer, Mixes
from mixbook.mixing.place import ManifoldMixer
from mixbook.mixing.ratio import Beta
from mixbook.models import MLP, BottleneckMLP, seeded
from mixbook.theory.spectra import flatness, singular_values
from mixbook.training import fit
from mixbook.training.streams import derive


def spectra_trial(experiment: Experiment, cell: Cell, number: int, profile: Profile) -> dict[str, float]:
    """Train one network; singular values of the centred states of each class, of the test images, in the measured layer.

    Returns:
        Means over the classes: ``sv_first`` (the largest), ``sv_rest_sum`` (the sum of all others), ``share`` (the second
        over the first, class by class), ``directions``; ``ratio`` (variance within classes over that between their means);
        ``error`` (%) and ``nll`` (nats) on the test images. Of a bottleneck also the value of each rank r, counted from 1:
        ``sv@r``, the mean over the classes, ``low@r`` and ``high@r``, the ends of their range, and ``sv_all@r`` of all
        classes together.
    """
    train, test = parts("mnist", profile.stand_in)
    model, layer = _network(experiment, cell, number)
    scores = _train(experiment, cell, model, layer, train, test, number, profile)
    states = hidden_states(model, test.x, layer).numpy()
    flat = flatness(states, test.y)
    found = {"sv_first": flat.first, "sv_rest_sum": flat.others, "share": flat.share, "directions": flat.directions}
    if layer == "bottleneck":
        of_class = np.stack(singular_values(states, test.y))
        together = np.linalg.svd(states - states.mean(0), compute_uv=False)
        curves = {"sv": of_class.mean(0), "low": of_class.min(0), "high": of_class.max(0), "sv_all": together}
        found |= {f"{name}@{rank}": float(v) for name, values in curves.items() for rank, v in enumerate(values, start=1)}
    return found | {"ratio": flat.ratio} | scores


def plane_trial(experiment: Experiment, cell: Cell, number: int, profile: Profile) -> dict[str, float]:
    """Train one network with two units in its middle on the first ``digits`` classes; where the test images lie there.

    Returns:
        ``ratio`` (variance within classes over that between their means), ``silhouette`` (from -1 to 1: how much nearer a
        state is to its own class than to the next one), ``error`` (%), ``nll`` (nats); and the states of the first
        ``shown`` test images of each class, ``x@c.i`` and ``y@c.i``.
    """
    from sklearn.metrics import silhouette_score

    kept = experiment["digits"]
    train, test = (_scaled(_first_digits(part, kept), experiment) for part in parts("mnist", profile.stand_in))
    model, layer = _network(experiment, cell, number)
    scores = _train(experiment, cell, model, layer, train, test, number, profile)
    states = hidden_states(model, test.x, layer)
    measured = {"ratio": flatness(states, test.y).ratio}
    measured["silhouette"] = float(silhouette_score(states[:2000].numpy(), test.y[:2000].numpy()))
    for digit in range(kept):
        for i, (x, y) in enumerate(states[test.y == digit][: experiment["shown"]].tolist()):
            measured |= {f"x@{digit}.{i}": x, f"y@{digit}.{i}": y}
    return scores | measured


def _network(experiment: Experiment, cell: Cell, number: int) -> tuple[nn.Module, str]:
    """The network and the layer at which it is mixed and measured, as the parameters of the cell say."""
    answers, width = cell.answers(), experiment["width"]
    dropout = experiment["dropout"] if cell.method == "dropout" else 0.0
    before = int(answers.get("hidden_before", experiment["hidden_before"]))
    if "layer" in answers:
        return seeded(
            derive(number, "weights"), lambda: MLP(784, [width] * before, 10, experiment["activation"], dropout)
        ), answers["layer"].replace("hidden", "layer")
    asked = answers["bottleneck"] if "bottleneck" in answers else experiment["bottleneck"]
    normalised = isinstance(asked, tuple)  # as in the script for Figure 5: the units, and that word
    units = int(asked[0] if normalised else asked)
    after = [width] * experiment["hidden_after"]

    def make() -> BottleneckMLP:
        model = BottleneckMLP(784, [width] * before, units, after, 10, experiment["activation"], dropout)
        if normalised:  # the bottleneck alone: with batch_norm=True all layers would be
            cast(nn.Sequential, model.bottleneck).append(nn.BatchNorm1d(units))
        return model

    return seeded(derive(number, "weights"), make), "bottleneck"


def _train(
    experiment: Experiment,
    cell: Cell,
    model: nn.Module,
    layer: str,
    train: Arrays,
    test: Arrays,
    number: int,
    profile: Profile,
) -> dict[str, float]:
    decay = experiment["weight_decay"] if cell.method == "weight_decay" else 0.0
    # What the setting ``precision`` says in words is the fabric's.
    recipe = recipe_of(experiment, number, profile, weight_decay=decay, precision="fp32")
    mixer = Mixer(ratio=Beta(experiment["alpha"]), num_classes=10)
    mixers: dict[str, Mixes] = {"mixup": mixer, "manifold_mixup": ManifoldMixer(model, [layer], mixer)}
    said = experiment["loss"]
    loss = cross_entropy if said == "cross entropy" else loss_of(said, 10)
    fit(model, train, recipe, mixer=mixers.get(cell.method), loss=loss, fabric=mixed_precision(), progress=False)
    scores = evaluate(model, test)
    return {"error": 100 * (1 - scores["accuracy"]), "nll": scores["nll"]}


def _scaled(data: Arrays, experiment: Experiment) -> Arrays:
    """Pixels as the experiment says, from those in [0, 1]."""
    return data if experiment["scaling"] == "pixels in [0, 1]" else replace(data, x=2 * data.x - 1)


def _first_digits(data: Arrays, count: int) -> Arrays:
    rows: Tensor = (data.y < count).nonzero()[:, 0]
    return data[rows]
