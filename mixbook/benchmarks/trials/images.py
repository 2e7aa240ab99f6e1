"""What trials on images share: the two parts of a set, a random share of one, pixels as networks see them."""

from dataclasses import replace

import torch

from mixbook import data
from mixbook.benchmarks.spec import Experiment
from mixbook.data import Arrays, stand_in
from mixbook.models import Normalise
from mixbook.training.streams import derive


def parts(dataset: str, use_stand_in: bool = False) -> tuple[Arrays, Arrays]:
    """The training and the test part of an image set of ``mixbook.data``, or a split of the small set in its shape."""
    if use_stand_in:
        return stand_in(dataset).split(1 / 3, torch.Generator().manual_seed(0))
    load = getattr(data, dataset)
    return load("train"), load("test")


def subset(whole: Arrays, share: float, number: int, purpose: str) -> Arrays:
    """A random share of a set, without replacement; the same wherever the number of the trial and the purpose are."""
    order = torch.randperm(len(whole), generator=torch.Generator().manual_seed(derive(number, purpose)))
    return whole[order[: int(share * len(whole))]]


def normalised(part: Arrays, experiment: Experiment) -> Arrays:
    """Images, each channel less the experiment's ``mean`` and divided by its ``std``."""
    return replace(part, x=Normalise(experiment["mean"], experiment["std"])(part.x))
