"""How close mixtures come to samples of classes that they do not mix: the trials of the data-dependency paper's Table 2."""

import math

import numpy as np

from mixbook.benchmarks.spec import Cell, Experiment, Metrics, Profile
from mixbook.benchmarks.trials.images import normalised, parts, subset
from mixbook.theory.collinearity import conflicts
from mixbook.training.streams import derive


def trial(experiment: Experiment, cell: Cell, number: int, profile: Profile) -> Metrics:
    """Mix an epoch of training images and measure; both splits of a trial are compared with the same mixtures.

    Returns:
        ``min_dist_other_class``, the least distance (Euclidean, normalised pixels) of a mixture to an image of a third
        class, ``mean_dist_other_class``, the mean over mixtures of the distance to the nearest such image, and
        ``min_dist_samples``, the least distance of an image that is mixed to any image of another class.
    """
    train, test = parts(experiment.dataset, profile.stand_in)
    share, split = cell.value("downsample"), cell.answers()["split"]
    mixed = normalised(subset(train, share, number, "train subset"), experiment)
    others = mixed if split == "train" else normalised(subset(test, share, number, "test subset"), experiment)
    x, against = (part.x.flatten(1).double().numpy() for part in (mixed, others))
    y, other_y = (part.y.numpy() for part in (mixed, others))
    rng = np.random.default_rng(derive(number, "mixtures"))
    found = conflicts(x, y, rng, cell.value("alpha"), against, other_y)
    return {
        "min_dist_other_class": found.least,
        "mean_dist_other_class": float(found.distance.mean()),
        "min_dist_samples": least_between_classes(x, y, against, other_y),
    }


def least_between_classes(x: np.ndarray, y: np.ndarray, others: np.ndarray, other_y: np.ndarray) -> float:
    """The least distance of a row of ``x`` to a row of ``others`` with another label."""
    least, square = math.inf, (others**2).sum(axis=1)
    for rows in np.array_split(np.arange(len(x)), math.ceil(len(x) * len(others) / 2**22)):
        gap = (x[rows] ** 2).sum(axis=1)[:, None] - 2 * x[rows] @ others.T + square
        gap[y[rows, None] == other_y] = np.inf
        near, far = np.unravel_index(gap.argmin(), gap.shape)
        if np.isfinite(gap[near, far]):  # the least one is computed again as a difference, to its last digit
            least = min(least, float(np.linalg.norm(x[rows[near]] - others[far])))
    return least
