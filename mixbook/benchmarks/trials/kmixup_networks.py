"""k-mixup on the networks of its tables: input or hidden layers, optimal transport or nearest neighbours, at some alpha."""

from typing import Any

from torch import nn

from mixbook.benchmarks.spec import Cell, Experiment, Metrics, Profile
from mixbook.benchmarks.trials.kmixup import cap_of, moved, sampled_cost
from mixbook.benchmarks.trials.networks import prepare, score
from mixbook.benchmarks.trials.sets import parts
from mixbook.mixing.mixer import Mixer
from mixbook.mixing.pairing import NearestNeighbour, OptimalTransport
from mixbook.mixing.place import ManifoldMixer
from mixbook.mixing.ratio import Beta

# What this process has found already.
_MEASURED: dict[tuple[Any, ...], Metrics] = {}  # by all that makes a network
_COSTS: dict[tuple[Any, ...], float] = {}


def trial(experiment: Experiment, cell: Cell, number: int, profile: Profile) -> Metrics:
    """Train one network, test it, and attack it or follow it where the paper does.

    Cells that end at the same k and alpha, because alpha is capped, are the same network: a process trains it once.

    Returns:
        What :func:`~mixbook.benchmarks.trials.networks.score` gives: under attack where the settings ask for it
        (``fgsm_alpha``, and plain training), with curves at ``curve_ks`` and ``curve_alphas``, both over the printed alpha.
        With mixing also ``alpha``, the one used at this k, and, where inputs are mixed, ``xi``, what it gives in the units
        of the normalised inputs.
    """
    used = perturbation(experiment, cell, profile.stand_in)
    known = experiment.values
    alpha = None if cell.method == "erm" else cell.value("alpha")
    attacked = "fgsm_eps" in known and alpha in (None, known["fgsm_alpha"])
    followed = alpha in known.get("curve_alphas", ()) and int(cell.value("k")) in known["curve_ks"]
    answers = cell.answers()
    how = (cell.method, answers.get("k"), used.get("alpha"), answers.get("layers"), attacked, followed)
    key = (experiment.dataset, experiment.settings, how, number, profile)
    if key not in _MEASURED:
        ready = prepare(experiment, number, profile)
        mixer = _mixer(experiment, cell, used.get("alpha"), ready.model, ready.num_classes)
        trained = ready.fit(mixer, curves=followed)
        _MEASURED[key] = score(trained, fgsm_eps=known["fgsm_eps"] if attacked else ())
    return _MEASURED[key] | used


def perturbation(experiment: Experiment, cell: Cell, small: bool = False) -> Metrics:
    """The alpha that a cell uses, and the xi that it gives; nothing without mixing, and no xi in hidden layers.

    Args:
        experiment: where ``alpha_over_k`` is "constant xi", alpha is raised with k until xi is that of k = 1, at most up to
            ``alpha_cap``; where it is "fixed", the printed alpha is used at every k.
        cell: its alpha is the one at k = 1.
        small: measure distances on the stand-in.
    """
    if cell.method == "erm":
        return {}
    if cell.method not in ("mixup", "kmixup"):
        return {"alpha": cell.value("alpha")}
    return moved(cell.value("alpha"), int(cell.value("k")), cap_of(experiment), lambda k: _cost(experiment, k, small))


def _cost(experiment: Experiment, k: int, small: bool) -> float:
    """Mean squared distance between matched images, measured once."""
    seen = tuple(s.value for s in experiment.settings if s.name in ("mean", "std", "shift", "flip", "xi_images"))
    key = (experiment.dataset, seen, small, k)
    if key not in _COSTS:
        few = {"pairs": 256} if small else {}
        _COSTS[key] = sampled_cost(parts(experiment, small).train, k, experiment["xi_images"], **few)
    return _COSTS[key]


def _mixer(
    experiment: Experiment, cell: Cell, alpha: float | None, model: nn.Module, num_classes: int
) -> Mixer | ManifoldMixer | None:
    if alpha is None:
        return None
    k = int(cell.value("k"))
    near = cell.method == "knn_mixup"
    pairing = NearestNeighbour(k, strict=False) if near else OptimalTransport(k, False, experiment["matching_cost"])
    mixer = Mixer(pairing, Beta(alpha, per=experiment["ratio_scope"]), num_classes=num_classes)
    layers = cell.answers().get("layers")
    return mixer if layers is None else ManifoldMixer(model, experiment[f"layers_{layers}"], mixer)
