"""A whole training run in plain values: data, network, mixing and recipe by name, as ``mixbook train`` takes them."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import nn

from mixbook import data as sets
from mixbook import models
from mixbook.data import Arrays, Batched, min_max
from mixbook.evaluation import evaluate
from mixbook.mixing.answers import Answers
from mixbook.models import seeded
from mixbook.training.history import History
from mixbook.training.loop import fit
from mixbook.training.recipe import Recipe
from mixbook.training.streams import derive

if TYPE_CHECKING:
    from lightning_fabric import Fabric

Images = Literal["mnist", "cifar10", "cifar100", "svhn"]
Tables = Literal["iris", "breast_cancer", "digits"]
ModelName = Literal[
    "mlp",
    "lenet",
    "resnet18",
    "preact_resnet18",
    "preact_resnet34",
    "preact_resnet50",
    "preact_resnet18_facebook",
    "slim_preact_resnet18",
    "wrn28_10",
    "wrn16_8",
    "resnext29_4_24",
    "densenet_bc_190",
]
_IMAGES: tuple[str, ...] = ("mnist", "cifar10", "cifar100", "svhn")


@dataclass(frozen=True)
class Job:
    """What to train, on what, and how.

    Args:
        data: the data set; images are fetched to the data folder if they are not there.
        model: the network; "slim_preact_resnet18" is for a CPU: a quarter of the width, on every second pixel.
        mixing: how batches are mixed.
        recipe: the hyper-parameters.
        samples: train on so many random samples of the training part; all, if None.
        shift: images move at random by up to so many pixels; 4 is usual for CIFAR.
        flip: images are mirrored at random.
        hidden: widths of the hidden layers of an "mlp".
    """

    data: Images | Tables
    model: ModelName = "preact_resnet18"
    mixing: Answers = field(default_factory=Answers)
    recipe: Recipe = field(default_factory=lambda: Recipe(epochs=30, milestones=(15, 23)))
    samples: int | None = None
    shift: int = 0
    flip: bool = False
    hidden: tuple[int, ...] = (256, 256)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self) | {"recipe": self.recipe.as_dict()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Job":
        """The job that :meth:`as_dict` wrote, also after a detour through JSON.

        Raises:
            TypeError: if a value has a name that jobs do not have.
        """
        mixing = dict(values["mixing"])
        mixing["layers"] = tuple(mixing["layers"])
        rest = {name: value for name, value in values.items() if name not in ("mixing", "recipe", "hidden")}
        return cls(**rest, mixing=Answers(**mixing), recipe=Recipe(**values["recipe"]), hidden=tuple(values["hidden"]))

    def parts(self) -> tuple[Batched, Batched]:
        """Training and test data, as the network sees them. Tables and digits keep a third to test on.

        Raises:
            ValueError: if ``samples`` is more than there are, or images are changed that are none.
            DataError: if images are neither in the data folder nor to be had.
        """
        generator = torch.Generator().manual_seed(derive(self.recipe.seed, "split"))
        if self.data not in _IMAGES:
            if self.shift or self.flip:
                raise ValueError(f"shift and flip are for images, not for {self.data}: leave them out")
            whole: Arrays = getattr(sets, self.data)()
            train, test = whole.split(1 / 3, generator)
            train = train[_some(len(train), self.samples, generator)]
            if self.data != "digits":  # whose pixels are in [0, 1] already
                train, test = min_max(train, test)
            return train, test
        pixels, held_out = (sets.pixels_of(self.data, part) for part in ("train", "test"))
        mean, std = pixels.statistics()
        pixels = pixels[_some(len(pixels), self.samples, generator)]
        normalised = partial(sets.Resident, mean=mean, std=std)
        return normalised(pixels, shift=self.shift, flip=self.flip), normalised(held_out)

    def test_pixels(self) -> Batched:
        """The test part as pixels in [0, 1], e.g. for attacks. Tables are as the network sees them.

        Raises:
            DataError: if images are neither in the data folder nor to be had.
        """
        return sets.Resident(sets.pixels_of(self.data, "test")) if self.data in _IMAGES else self.parts()[1]

    def on_pixels(self, model: nn.Module) -> nn.Module:
        """The network so that it takes what :meth:`test_pixels` gives.

        Raises:
            DataError: if images are neither in the data folder nor to be had.
        """
        if self.data not in _IMAGES:  # which are never normalised
            return model
        mean, std = sets.pixels_of(self.data, "train").statistics()
        return nn.Sequential(OrderedDict(normalise=models.Normalise(mean, std), net=model))

    def network(self, data: Batched) -> nn.Module:
        """The network, with initial weights that follow from the recipe's seed."""
        sample, _ = data.batch(torch.zeros(1, dtype=torch.int64))
        if sample.ndim != 4 and self.model != "mlp":
            raise ValueError(f"{self.model} needs images, and {self.data} has none: use --model mlp")

        def make() -> nn.Module:
            if self.model == "mlp":
                return models.MLP(sample[0].numel(), self.hidden, data.num_classes)
            return models.named(self.model, tuple(sample.shape[1:]), data.num_classes)

        return seeded(derive(self.recipe.seed, "weights"), make)


def run(
    job: Job, checkpoint: Path | None = None, *, resume: bool = True, fabric: "Fabric | None" = None, **options: Any
) -> tuple[nn.Module, History, dict[str, float]]:
    """Train, and score the network of the last epoch on the test part.

    Args:
        job: what to do.
        checkpoint, resume, fabric: as for :func:`~mixbook.training.loop.fit`, which gets ``options`` too.

    Returns:
        The network, its history, and ``error`` (%), ``nll`` (nats) and ``ece`` (%) on the test part.

    Raises:
        ValueError: if data, network, mixing and recipe do not fit together; see :meth:`Job.parts` and ``fit`` for what else
            is raised.
    """
    train, test = job.parts()
    model = job.network(train)
    mixer = job.mixing.mixer_for(model, train.num_classes)
    if job.recipe.pairs == "within":
        job.mixing.check_batch(_mixed_together(job.recipe, len(train), 1 if fabric is None else fabric.world_size))
    history = fit(model, train, job.recipe, mixer=mixer, checkpoint=checkpoint, resume=resume, fabric=fabric, **options)
    scores = evaluate(model, test)
    return model, history, {"error": 100 * (1 - scores["accuracy"]), "nll": scores["nll"], "ece": 100 * scores["ece"]}


def _mixed_together(recipe: Recipe, samples: int, processes: int) -> int:
    """How many samples of a whole batch are mixed with one another."""
    return ceil(min(recipe.batch_size, samples) // processes / recipe.accumulate)


def _some(n: int, samples: int | None, generator: torch.Generator) -> torch.Tensor:
    """Rows of a random subset, int64."""
    if samples is not None and not 1 <= samples <= n:
        raise ValueError(f"samples must be from 1 to {n}, got {samples}")
    return torch.arange(n) if samples is None else torch.randperm(n, generator=generator)[:samples]
