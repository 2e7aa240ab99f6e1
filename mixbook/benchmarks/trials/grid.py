"""Our own grid of pairing, interpolations, place and blend: trials of whole cells, trained side by side."""

import math
from collections.abc import Sequence
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Literal

import torch
from torch import nn

from mixbook import data
from mixbook.advice import advise
from mixbook.benchmarks.spec import Cell, Experiment, Metrics, Profile, Task
from mixbook.benchmarks.trials.answers import answers_of
from mixbook.benchmarks.trials.recipes import recipe_of
from mixbook.data import Arrays
from mixbook.data.sources import SOURCES
from mixbook.evaluation import evaluate, fgsm_error
from mixbook.mixing.answers import Answers
from mixbook.mixing.place import INPUT
from mixbook.models import MLP, LeNet, seeded
from mixbook.theory.gradient_noise import measure_step
from mixbook.training import Recipe
from mixbook.training.streams import derive
from mixbook.training.trials import Trial, fit_trials

Parts = tuple[Arrays, Arrays]


def trials(experiment: Experiment, tasks: Sequence[Task], profile: Profile) -> list[Metrics]:
    """Train and test all trials of some cells.

    The split, the initial weights and the order of samples of a trial follow from its number alone: all cells of a data set
    are compared trial by trial.

    Returns:
        For each task: ``error`` (%), ``nll`` (nats) and ``ece`` (%) on the test part after the last epoch; for images
        ``fgsm_error`` (%); ``variance_start`` and ``variance_end``, of the gradient of one step, at the initial weights and
        at those that training reached; ``diverged``; and for the cell ``advised`` the ``k``, the ``alpha`` and whether the
        place was ``hidden``.
    """
    found: list[Metrics] = []
    for cell, group in groupby(tasks, key=itemgetter(0)):
        found += _cell(experiment, cell, [number for _, number in group], profile)
    return found


def parts_of(experiment: Experiment, number: int, profile: Profile) -> Parts:
    """Training and test part of a trial, scaled as the network sees them."""
    g = torch.Generator().manual_seed(derive(number, "split"))
    size, name = experiment["train"], experiment.dataset
    if name in ("one_ring", "four_bars", "swiss_roll"):
        draw = getattr(data, name)
        return draw(size, g), draw(experiment["test"], g)
    if profile.stand_in and name in SOURCES:
        whole = data.stand_in(name)
        size = min(size, max(80, len(whole) // 80 * 80 - 80))  # whole batches, and something to test on
    elif name == "mnist":
        chosen, tests = _mnist("train"), _mnist("test")
        always = torch.Generator().manual_seed(0)
        return (
            chosen[torch.randperm(len(chosen), generator=g)[:size]],
            tests[torch.randperm(len(tests), generator=always)[: experiment["test"]]],
        )
    else:
        whole = getattr(data, name)()
    train, test = whole.split(len(whole) - size, g)
    if train.x.ndim == 2:
        train, test = data.min_max(*data.impute(train, test))
    return train, test


@cache
def _mnist(part: Literal["train", "test"]) -> Arrays:
    return data.mnist(part)  # read once: every trial takes its own samples


def network(experiment: Experiment, train: Arrays, number: int) -> nn.Module:
    """The network of a trial with its initial weights."""

    def make() -> nn.Module:
        if experiment.model == "lenet":
            return LeNet(train.num_classes, train.x.shape[1], train.x.shape[-1])
        return MLP(train.x[0].numel(), experiment["hidden"], train.num_classes)

    return seeded(derive(number, "weights"), make)


def _cell(experiment: Experiment, cell: Cell, numbers: list[int], profile: Profile) -> list[Metrics]:
    parts = [parts_of(experiment, number, profile) for number in numbers]
    made = dict(zip(numbers, (train for train, _ in parts), strict=True))
    answers, chosen = [], []
    for number, (train, _) in zip(numbers, parts, strict=True):
        answer, note = _answers(experiment, cell, train, number)
        answers.append(answer)
        chosen.append(note)
    ways = [
        Trial(_recipe(experiment, profile, answer, number), None if answer is None else answer.mixer(train.num_classes))
        for answer, number, (train, _) in zip(answers, numbers, parts, strict=True)
    ]
    fitted = fit_trials(lambda seed: network(experiment, made[seed], seed), [train for train, _ in parts], ways)
    found = []
    for number, (train, test), way, note, run in zip(numbers, parts, ways, chosen, fitted, strict=True):
        noise = {"variance_start": _noise(experiment, network(experiment, train, number), way, train, number)}
        lost = run.diverged  # no partner can be found for what is not a number
        noise["variance_end"] = math.nan if lost else _noise(experiment, run.model, way, train, number)
        found.append({**_scores(experiment, run.model, test), **noise, "diverged": float(run.diverged), **note})
    return found


def _answers(experiment: Experiment, cell: Cell, train: Arrays, number: int) -> tuple[Answers | None, Metrics]:
    """The answers of a cell, which for ``advised`` follow from the training part; and what is noted of them."""
    if cell.method == "erm":
        return None, {}
    if cell.method != "advised":
        return answers_of(cell), {}
    advice = advise(train.x, train.y, seed=derive(number, "advice"))
    hidden = tuple(layer for layer in experiment["layers"].split("+") if layer != INPUT)
    layers = hidden if advice.place == "hidden" else (INPUT,)
    note = {"k": float(advice.k), "alpha": advice.alpha, "hidden": float(advice.place == "hidden")}
    return Answers(advice.alpha, advice.k, layers=layers), note


def _recipe(experiment: Experiment, profile: Profile, answers: Answers | None, number: int) -> Recipe:
    """As many gradients for every cell: K interpolations take batches of a K-th, for a K-th of the epochs."""
    draws = 1 if answers is None else answers.draws
    return recipe_of(
        experiment,
        number,
        profile,
        epochs=max(1, profile.epochs // draws),
        batch_size=experiment["mixtures"] // draws,
        drop_last=True,
    )


def _noise(experiment: Experiment, model: nn.Module, way: Trial, train: Arrays, number: int) -> float:
    """Variance of the gradient of one step, at the weights that the model has."""
    model.train()
    targets = nn.functional.one_hot(train.y, train.num_classes).float()
    g = torch.Generator().manual_seed(derive(number, "noise"))
    batches, size = experiment["noise_batches"], way.recipe.batch_size
    return measure_step(model, way.mixer_for(model), train.x, targets, size, batches=batches, generator=g).variance


def _scores(experiment: Experiment, model: nn.Module, test: Arrays) -> Metrics:
    scores = evaluate(model, test)
    found = {"error": 100 * (1 - scores["accuracy"]), "nll": scores["nll"], "ece": 100 * scores["ece"]}
    if test.x.ndim > 2:
        found["fgsm_error"] = 100 * fgsm_error(model, test, experiment["fgsm_eps"] / 255, saturating=True)
    return found
