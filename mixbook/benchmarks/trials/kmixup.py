"""What the k-mixup tables on small networks share: networks trained side by side, each at its cell's k and alpha."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn

from mixbook.benchmarks.spec import Experiment, Profile, Task
from mixbook.benchmarks.trials.recipes import MixerOrMaker, trial_of
from mixbook.data import Arrays, Batched
from mixbook.evaluation import accuracy, nll
from mixbook.mixing.mixer import Mixer, kmixup
from mixbook.mixing.transport import alpha_of_ratio, matching_cost, mean_square_ratio
from mixbook.models import MLP, seeded
from mixbook.training.streams import derive
from mixbook.training.trials import fit_trials

_PAIRS = 16384  # matched pairs behind a matching cost of images


@dataclass(frozen=True)
class Trained:
    """A network of a task, in evaluation mode; how its mixer moved the samples (empty without one); whether it diverged."""

    model: nn.Module
    measured: dict[str, float]
    diverged: bool


def train(experiment: Experiment, tasks: Sequence[Task], profile: Profile, parts: Sequence[Arrays]) -> list[Trained]:
    """Train the network of each task, all of them together.

    Initial weights, order of samples and draws of the mixer follow from the trial's number alone, not from the cell: they
    are the same for every method.

    Args:
        experiment: its settings are the protocol. Where ``alpha_over_k`` is "fixed", the printed alpha is used at every k;
            else alpha is raised with k until xi is that of k = 1, up to ``alpha_cap``.
        tasks: cells and numbers of trials.
        profile: how long.
        parts: the training part of each task, already scaled.

    Returns:
        One network per task. With mixing ``measured`` holds ``alpha``, the one used, and ``xi``, what it gives in the units
        of the data.
    """
    mixers: list[Mixer | None] = []
    measured: list[dict[str, float]] = []
    costs: dict[tuple[int, int], float] = {}
    for (cell, number), part in zip(tasks, parts, strict=True):
        if cell.method == "erm":
            mixers.append(None)
            measured.append({})
            continue
        k = int(cell.value("k"))
        if (number, k) not in costs:
            costs[number, k] = _matching_cost(part, k, number)
        measured.append(_perturbation(part, k, costs[number, k], cell.value("alpha"), cap_of(experiment)))
        mixers.append(kmixup(k, measured[-1]["alpha"], part.num_classes, per=experiment["ratio_scope"], strict=False))

    numbers = [number for _, number in tasks]
    fitted = fit_networks(experiment, numbers, mixers, profile, parts)
    return [replace(each, measured=m) for each, m in zip(fitted, measured, strict=True)]


def fit_networks(
    experiment: Experiment,
    numbers: Sequence[int],
    mixers: Sequence[MixerOrMaker],
    profile: Profile,
    parts: Sequence[Arrays],
) -> list[Trained]:
    """Train a network for each trial by the experiment's settings, whatever its mixer is; all of them together.

    Args:
        experiment: its settings are the protocol.
        numbers: that of each trial, which seeds it.
        mixers: that of each trial, as for :class:`~mixbook.training.trials.Trial`.
        profile: how long.
        parts: the training part of each trial, already scaled.

    Raises:
        ValueError: if a mixer is for another number of classes.
    """
    features, classes = parts[0].x.shape[1], parts[0].num_classes

    def make_model(seed: int) -> nn.Module:
        return seeded(
            derive(seed, "weights"), lambda: MLP(features, experiment["hidden"], classes, experiment["activation"])
        )

    trials = [trial_of(experiment, number, mixer, profile, classes) for number, mixer in zip(numbers, mixers, strict=True)]
    fitted = fit_trials(make_model, list(parts), trials, progress=False)
    return [Trained(each.model.eval(), {}, each.diverged) for each in fitted]


def score(trained: Trained, test: Arrays) -> dict[str, float]:
    """``error`` (%), ``accuracy`` (%) and ``nll`` (nats) on ``test``. A NaN is no prediction: it counts as an error."""
    with torch.inference_mode():
        logits = trained.model(test.x)
    right = 100 * accuracy(logits, test.y)
    return {"error": 100 - right, "accuracy": right, "nll": nll(logits, test.y)}


def perturbation(train: Arrays, k: int, alpha: float, cap: float | None, seed: int) -> dict[str, float]:
    """The alpha used at ``k``, and the xi that it gives in the units of the data.

    Args:
        train: the training part.
        k: block size.
        alpha: the one at k = 1.
        cap: alpha is raised until xi is that of k = 1, at most up to here; None leaves it as it is.
        seed: of the random subsets that are matched: the same for every alpha, so that their noise cancels.
    """
    return _perturbation(train, k, _matching_cost(train, k, seed), alpha, cap)


def cap_of(experiment: Experiment) -> float | None:
    """Up to which alpha an experiment raises it with k to keep xi; None where the printed alpha is used at every k."""
    return None if experiment.values.get("alpha_over_k") == "fixed" else experiment["alpha_cap"]


def moved(alpha: float, k: int, cap: float | None, cost: Callable[[int], float]) -> dict[str, float]:
    """As :func:`perturbation`, from ``cost(k)``, the mean squared distance of partners at a block size."""
    if cap is not None and k > 1:
        wanted = mean_square_ratio(alpha) * (cost(1) / cost(k))
        alpha = cap if wanted >= mean_square_ratio(cap) else alpha_of_ratio(wanted)
    return {"alpha": alpha, "xi": (mean_square_ratio(alpha) * cost(k)) ** 0.5}


def sampled_cost(data: Batched, k: int, images: int, pairs: int = _PAIRS) -> float:
    """Mean squared distance of partners at block size ``k``, on so many random samples of ``data``, always the same.

    Samples are changed at random as in training, where ``data`` does so: that is what partners are found among.
    """
    generator = torch.Generator().manual_seed(derive(0, "matching"))
    x, _ = data.batch(torch.randperm(len(data), generator=generator)[:images], generator)
    return matching_cost(x, k, trials=max(1, pairs // k), generator=generator)


def _perturbation(train: Arrays, k: int, cost: float, alpha: float, cap: float | None) -> dict[str, float]:
    return moved(alpha, k, cap, lambda j: cost if j == k else matching_cost(train.x, j))


def _matching_cost(train: Arrays, k: int, seed: int) -> float:
    return matching_cost(train.x, k, generator=torch.Generator().manual_seed(derive(seed, "matching")))
