"""LeNet on MNIST, trained once for all that k-mixup prints about it: clean errors and errors under attack."""

import math
from collections.abc import Sequence
from functools import cache, lru_cache, partial

import torch

from mixbook.benchmarks.spec import Cell, Experiment, Metrics, Profile
from mixbook.benchmarks.trials.kmixup import cap_of, moved, sampled_cost
from mixbook.benchmarks.trials.recipes import MixerOrMaker, recipe_of, trial_of
from mixbook.data import Arrays
from mixbook.data.images import mnist
from mixbook.data.stand_ins import stand_in
from mixbook.evaluation import evaluate, fgsm_error
from mixbook.mixing.mixer import kmixup
from mixbook.mixing.scope import Scope
from mixbook.models import LeNet, seeded
from mixbook.training import Recipe, fit
from mixbook.training.streams import derive
from mixbook.training.trials import Trial as Learner

_STUCK = 0.99  # share of log C, the loss of a network that gives every class the same probability


def trial(experiment: Experiment, cell: Cell, number: int, profile: Profile) -> Metrics:
    """Train one network, test it, and attack it where the papers do.

    Initial weights, order of samples and draws of the mixer follow from ``number`` alone: they are the same in every cell.
    So cells that end at the same k and alpha, because alpha is capped, are the same network, and it is trained once.

    Returns:
        ``error`` and ``accuracy`` (%) and ``nll`` (nats) on the 10,000 test images after the last epoch; ``loss``, the mean
        training loss of that epoch (nats); ``stuck``: 1.0 if it is still that of guessing. With mixing also ``alpha``, the
        one used at this k, and ``xi``, what it gives in pixels. At the alphas that are attacked, and without mixing,
        ``fgsm_error@e`` (%), with a budget of e/255 of the pixel range and gradients in single precision, as in the attack
        library that the paper names; and ``fgsm_error_exact@e``, with gradients that do not saturate.
    """
    used: Metrics = {}
    k = 0
    if cell.method != "erm":
        k = int(cell.value("k"))
        used = perturbation(cell.value("alpha"), k, cap_of(experiment), experiment["xi_images"], profile.stand_in)
    recipe = recipe_of(experiment, number, profile)
    model, loss = _trained(recipe, k, used.get("alpha", 0.0), experiment["ratio_scope"], profile.stand_in)
    _, test = _data(profile.stand_in)
    found = {**_scores(model, loss, test), **used}
    if not k or cell.value("alpha") == experiment["fgsm_alpha"]:
        budgets = experiment["fgsm_eps"]
        for name, saturating in (("fgsm_error", True), ("fgsm_error_exact", False)):
            attacked = partial(fgsm_error, model, test, batch_size=1000, saturating=saturating)
            found |= {f"{name}@{eps:g}": 100 * attacked(eps / 255) for eps in budgets}
    return found


def with_mixers(
    experiment: Experiment, numbers: Sequence[int], mixers: Sequence[MixerOrMaker], profile: Profile
) -> list[Metrics]:
    """Trials with any mixers, one for each number, which network and order of samples follow from as in the table."""
    _, test = _data(profile.stand_in)
    each = zip(numbers, mixers, strict=True)
    trials = [trial_of(experiment, number, mixer, profile, test.num_classes) for number, mixer in each]
    return [_scores(*_fit(one, profile.stand_in), test) for one in trials]


def perturbation(alpha: float, k: int, cap: float | None, images: int, small: bool = False) -> Metrics:
    """The alpha used at ``k``, and the xi that it gives in pixels.

    Args:
        alpha: the one at k = 1.
        k: block size.
        cap: alpha is raised until xi is that of k = 1, at most up to here; None leaves it as it is.
        images: training images that are matched, always the same.
        small: take the stand-in for MNIST.
    """
    return moved(alpha, k, cap, lambda size: _cost(size, images, small))


@lru_cache(maxsize=16)
def _trained(recipe: Recipe, k: int, alpha: float, scope: Scope, small: bool) -> tuple[LeNet, float]:
    """The network at this k and alpha (k = 0 for no mixing), and its last mean training loss."""
    train, _ = _data(small)
    mixer = kmixup(k, alpha, train.num_classes, per=scope, strict=False) if k else None
    return _fit(Learner(recipe, mixer), small)


def _fit(one: Learner, small: bool) -> tuple[LeNet, float]:
    """The network of a learner, and its last mean training loss."""
    train, _ = _data(small)
    model = seeded(derive(one.recipe.seed, "weights"), lambda: LeNet(train.num_classes))
    # In place; the same arithmetic, a third faster on a CPU. torch's annotations do not know the argument.
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    history = fit(model, train, one.recipe, mixer=one.mixer_for(model), on_divergence="warn", progress=False)
    return model, float(history.records[-1]["loss"])


def _scores(model: LeNet, loss: float, test: Arrays) -> Metrics:
    scores = evaluate(model, test)
    right = 100 * scores["accuracy"]
    stuck = float(not loss < _STUCK * math.log(test.num_classes))
    return {"error": 100 - right, "accuracy": right, "nll": scores["nll"], "loss": loss, "stuck": stuck}


@cache
def _data(small: bool) -> tuple[Arrays, Arrays]:
    """Training and test images; of the stand-in, the last 297 are the test part."""
    if not small:
        return mnist("train"), mnist("test")
    rows = torch.arange(len(stand_in("mnist")))
    return stand_in("mnist")[rows[:-297]], stand_in("mnist")[rows[-297:]]


@cache
def _cost(k: int, images: int, small: bool) -> float:
    """Mean squared distance between matched images."""
    return sampled_cost(_data(small)[0], k, images)
