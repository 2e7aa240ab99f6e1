"""The data sets of the papers' networks as those see them: shifted, mirrored and normalised, by the settings."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from mixbook import data
from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.spec import Experiment
from mixbook.data import Arrays, Batched, Pixels, Resident, stand_in
from mixbook.training.streams import derive

Whole = tuple[Pixels, Pixels] | tuple[Arrays, Arrays]  # the training and the test part
_SMALL, _HELD_OUT = 96, 32  # samples of a stand-in that are used, and how many of them to test on


@dataclass(frozen=True)
class Parts:
    """A data set in the views that a trial needs.

    Args:
        train: as a network is trained on it.
        plain: the training part without random changes, e.g. to be scored on.
        test: as a network is tested on it.
        pixels: the test part in [0, 1], for networks that normalise by themselves; for spectrograms the same as ``test``.
        mean, std: for each channel, in units of [0, 1]; None where there is nothing to normalise.
        validation: a third part, of a set that has one; a stand-in gives its test part. None if nobody asks for it.
        boxes: around the object in each image of ``pixels``, float32 (n, 4): left, top, width and height in pixels; those
            of a stand-in are in the middle. None if nobody asks for them.
    """

    train: Batched
    plain: Batched
    test: Batched
    pixels: Batched
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    validation: Batched | None = None
    boxes: Tensor | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a sample: channels, height and width."""
        sample, _ = self.test.batch(torch.zeros(1, dtype=torch.int64))
        return tuple(sample.shape[1:])


def parts(experiment: Experiment, small: bool = False, number: int = 0) -> Parts:
    """The data of an experiment: CIFAR, SVHN, Tiny ImageNet or Speech Commands.

    Its settings say how images are changed: ``shift`` in pixels, ``flip``, and ``mean`` and ``std`` of each channel.
    Spectrograms are normalised one by one already. Settings that few have: ``samples``, so many random training samples;
    ``training_part``, if not in words ``("most of each class", m)``, for up to m random ones of each; ``size``, to which
    spectrograms are cut at their upper frequencies and their ends; ``chosen_by`` "validation error"; ``subset``, the name
    of the set where it is some classes of the whole one.

    Args:
        experiment: ``dataset`` is a name of :mod:`mixbook.data`.
        small: take what stands in for it.
        number: of the trial, which draws ``samples`` and the ``training_part``.

    Raises:
        BenchmarkError: if only some classes of the set are there, and the experiment is no surrogate; or if the set is not
            the ``subset`` that it asks for.
        mixbook.data.store.DataError: if the data are not there and cannot be downloaded.
    """
    train, test = _whole(experiment.dataset, small)
    known = experiment.values
    if not small and "subset" in known and train.name != known["subset"]:
        raise BenchmarkError(f"{experiment.name} needs {known['subset']}, and what is there is {train.name}")
    if not (small or experiment.surrogate) and train.name != experiment.dataset:
        raise BenchmarkError(f"{experiment.name} needs all of {experiment.dataset}, and what is there is {train.name}")
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(derive(number, "images")))
    if "samples" in known:
        train = train[order[: known["samples"]]]
    elif isinstance(known.get("training_part"), tuple):
        _, most = known["training_part"]
        train = train[torch.cat([order[train.y[order] == label][:most] for label in range(train.num_classes)])]
    if isinstance(train, Arrays):
        validation = None
        if known.get("chosen_by") == "validation error":
            validation = test if small else data.speech_commands("val").arrays()
        train, test, *rest = (
            _cut(part, known.get("size")) for part in (train, test, validation) if isinstance(part, Arrays)
        )
        return Parts(train, train, test, test, validation=rest[0] if rest else None)
    mean, std = experiment["mean"], experiment["std"]
    normalised: dict[str, Any] = {"mean": mean, "std": std}
    return Parts(
        Resident(train, shift=experiment["shift"], flip=experiment["flip"], **normalised),
        Resident(train, **normalised),
        Resident(test, **normalised),  # type: ignore[arg-type]
        Resident(test),  # type: ignore[arg-type]
        mean,
        std,
        boxes=_boxes(experiment.dataset, test) if "localisation" in known.get("measures", ()) else None,
    )


def _cut(part: Arrays, size: tuple[int, int] | None) -> Arrays:
    return part if size is None else replace(part, x=part.x[..., : size[0], : size[1]].contiguous())


def _boxes(name: str, test: Pixels | Arrays) -> Tensor | None:
    if name != "tiny_imagenet":
        return None
    if test.name == name or test.name.startswith(f"{name} ("):
        return data.tiny_imagenet("val").boxes
    height, width = test.x.shape[-2:]
    return torch.tensor([width / 4, height / 4, width / 2, height / 2]).expand(len(test), 4)


@lru_cache(maxsize=1)
def _whole(name: str, small: bool) -> Whole:
    if small:
        generator = torch.Generator().manual_seed(0)
        fake = stand_in(name)[torch.arange(_SMALL)]
        if fake.x.amin() < 0:  # no pixels
            return fake.split(_HELD_OUT, generator)
        return Pixels(fake.x.mul(255).round().byte(), fake.y, fake.num_classes, fake.name).split(_HELD_OUT, generator)
    if name == "speech_commands":
        return data.speech_commands("train").arrays(), data.speech_commands("test").arrays()
    if name == "tiny_imagenet":
        return data.tiny_imagenet("train").pixels(), data.tiny_imagenet("val").pixels()  # its test part has no labels
    return data.pixels_of(name, "train"), data.pixels_of(name, "test")
