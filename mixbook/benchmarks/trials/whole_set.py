"""The small networks of the data-dependency paper: trials of several cells trained side by side, on their whole sets."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mixbook.benchmarks.spec import Task
from mixbook.theory.full_batch import Draw, descend, initial_weights
from mixbook.training.streams import derive


@dataclass(frozen=True)
class Networks:
    """Networks of the same size, one for each of some tasks, and what they train on.

    Args:
        weights: as :func:`mixbook.theory.full_batch.initial_weights` gives them.
        samples: (M, n, inputs). labels: int64 (M, n).
    """

    weights: list[Tensor]
    samples: Tensor
    labels: Tensor


def prepare(tasks: Sequence[Task], points: np.ndarray, labels: np.ndarray, width: int) -> Networks:
    """Untrained networks; initial weights follow from the number of the trial alone, so they are the same in every cell.

    Args:
        tasks: cells and numbers of trials, M of them.
        points: samples of each task (M, n, inputs). labels: their classes, int (M, n).
        width: hidden units.
    """
    generators = [torch.Generator().manual_seed(derive(number, "weights")) for _, number in tasks]
    weights = initial_weights(points.shape[2], width, int(labels.max()) + 1, generators)
    return Networks(weights, torch.tensor(points).float(), torch.tensor(labels))


def train(networks: Networks, tasks: Sequence[Task], steps: int, lr: float) -> Iterator[int]:
    """Train in place, step by step; yields the steps done.

    A cell of the method ``erm`` does not mix. ``mixup`` draws one lambda ~ Beta(alpha, alpha) a step, and for each sample a
    partner from all samples, itself included. ``mixup_not_reset`` is the same, but its gradient is never reset.
    """
    n = networks.labels.shape[1]
    lam = torch.tensor(np.stack([_ratios(task, steps) for task in tasks], axis=1)).float()
    partner = torch.stack([torch.randint(n, (steps, n), generator=_generator(number)) for _, number in tasks], dim=1)
    targets = torch.eye(int(networks.labels.max()) + 1)[networks.labels]
    resets = [cell.method != "mixup_not_reset" for cell, _ in tasks]
    draws: Iterator[Draw] = zip(lam, partner, strict=True)
    return descend(networks.weights, networks.samples, targets, draws, resets, lr)


def _ratios(task: Task, steps: int) -> np.ndarray:
    cell, number = task
    if cell.method == "erm":
        return np.ones(steps)
    alpha = cell.value("alpha")
    return np.random.default_rng(derive(number, "ratio")).beta(alpha, alpha, steps)


def _generator(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(derive(number, "partner"))
