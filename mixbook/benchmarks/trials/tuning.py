"""Tuning k-mixup on validation splits: each cell is trained twice, without and with the validation part."""

from collections.abc import Sequence

import torch

from mixbook.benchmarks.spec import Cell, Experiment, Metrics, Profile, Task
from mixbook.benchmarks.trials.grid import network, parts_of
from mixbook.benchmarks.trials.kmixup import perturbation
from mixbook.benchmarks.trials.recipes import recipe_of
from mixbook.data import Arrays
from mixbook.evaluation import evaluate
from mixbook.mixing.mixer import Mixer, kmixup
from mixbook.training.streams import derive
from mixbook.training.trials import Trial, fit_trials


def trials(experiment: Experiment, tasks: Sequence[Task], profile: Profile) -> list[Metrics]:
    """Train and score all trials of some cells.

    The split into training, validation and test part follows from the number of a trial alone. A cell names k and either
    ``alpha``, used as it is, or ``xi_of``, the alpha whose xi at k = 1 is kept (Algorithm 1 of k-mixup).

    Returns:
        For each task: ``validation_error`` (%) and ``validation_nll`` (nats) of a network trained without the validation
        part; ``error`` (%) and ``nll`` on the test part of one trained on the whole training part; ``alpha``, 0 for plain
        training; ``diverged``, whether either did.
    """
    every: list[tuple[Arrays, Arrays, int]] = []
    runs, alphas = [], []
    for cell, number in tasks:
        train, test = parts_of(experiment, number, profile)
        g = torch.Generator().manual_seed(derive(number, "validation"))
        less, held = train.split(experiment["validation"], g)
        recipe, (mixer, alpha) = recipe_of(experiment, number, profile), _mixer(experiment, cell, less, number)
        alphas.append(alpha)
        for part, unseen in ((less, held), (train, test)):
            every.append((part, unseen, number))
            runs.append(Trial(recipe=recipe, mixer=mixer))
    made = {number: train for train, _, number in every}
    fitted = fit_trials(lambda seed: network(experiment, made[seed], seed), [part for part, _, _ in every], runs)
    scores = [evaluate(run.model, unseen) for run, (_, unseen, _) in zip(fitted, every, strict=True)]
    return [
        {
            "validation_error": 100 * (1 - scores[at]["accuracy"]),
            "validation_nll": scores[at]["nll"],
            "error": 100 * (1 - scores[at + 1]["accuracy"]),
            "nll": scores[at + 1]["nll"],
            "alpha": alpha,
            "diverged": float(fitted[at].diverged or fitted[at + 1].diverged),
        }
        for at, alpha in zip(range(0, len(every), 2), alphas, strict=True)
    ]


def _mixer(experiment: Experiment, cell: Cell, train: Arrays, number: int) -> tuple[Mixer | None, float]:
    """The mixer of a cell, and its alpha. Nothing but the samples that the first network is trained on is looked at."""
    if cell.method == "erm":
        return None, 0.0
    answers, k = cell.answers(), int(cell.value("k"))
    if "alpha" in answers:
        alpha = cell.value("alpha")
    else:
        alpha = perturbation(train, k, cell.value("xi_of"), experiment["alpha_cap"], number)["alpha"]
    return kmixup(k, alpha, train.num_classes, strict=False), alpha
