"""A whole training run in plain values: data, network, mixing and recipe by name, as ``mixbook train`` takes them."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from math import ceil, prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

import torch
from torch import nn

from mixbook import data as sets
from mixbook import models
from mixbook.data import Arrays, Batched, min_max
from mixbook.data.own import HELD_OUT, Own, is_path, read_own
from mixbook.data.pixels import Pixels
from mixbook.data.resident import Resident
from mixbook.data.sources import SOURCES
from mixbook.evaluation import evaluate
from mixbook.mixing.answers import Answers
from mixbook.models import seeded
from mixbook.models.named import usual_stem_stride
from mixbook.training.history import History
from mixbook.training.inputs import Inputs
from mixbook.training.loop import fit
from mixbook.training.recipe import Recipe
from mixbook.training.streams import derive

if TYPE_CHECKING:
    from lightning_fabric import Fabric

Images = Literal["mnist", "cifar10", "cifar100", "svhn", "tiny_imagenet"]
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
_IMAGES, _TABLES = get_args(Images), get_args(Tables)
_SMALL = (3, 32, 32)


@dataclass(frozen=True)
class Ready:
    """Data as a network sees them.

    Args:
        train, test: the parts.
        classes: what each label is called; its number, in data sets of the papers.
        inputs: how samples were scaled.
        label: where the labels of a file of your own were, such as ``"column 'kind'"``; else None.
    """

    train: Batched
    test: Batched
    classes: tuple[str, ...]
    inputs: Inputs
    label: str | None


@dataclass(frozen=True)
class Job:
    """What to train, on what, and how.

    Args:
        data: mnist, cifar10, cifar100, svhn or tiny_imagenet (tested on its validation part), fetched to the data folder if
            they are not there; iris, breast_cancer or digits; or a path of your own: a folder of images, with a folder for
            each class, or train/ and test/ (or val/) with one for each class; a .csv with a row for each sample; or an .npz
            with arrays x and y. Of tables, digits and folders without parts a third (of your own data, of each class) is
            kept to test on, drawn by the recipe's seed.
        model: the network; "slim_preact_resnet18" is for a CPU: a quarter of the width, on every second pixel.
        mixing: how batches are mixed.
        recipe: the hyper-parameters.
        samples: train on so many random samples of the training part; all, if None.
        shift: images move at random by up to so many pixels; 4 is usual for CIFAR.
        flip: images are mirrored at random.
        hidden: widths of the hidden layers of an "mlp".
        label: of your own table, the column (name, or number from 0) or array with the classes; the last column, or y, by
            default.
        size: bring the images of your own folder to so many pixels each way: the middle, resized.
        colour: grey images in your own folder become colour ones.
        stem_stride: of the first convolution of a preact_resnet or wrn; by default 2 for images of 64 pixels or more and 1
            for smaller ones, as in manifold mixup's code, and always 1 for "preact_resnet18_facebook". With 1 a network of
            64 pixels takes four times as long.
    """

    data: str
    model: ModelName = "preact_resnet18"
    mixing: Answers = field(default_factory=Answers)
    recipe: Recipe = field(default_factory=lambda: Recipe(epochs=30, milestones=(15, 23)))
    samples: int | None = None
    shift: int = 0
    flip: bool = False
    hidden: tuple[int, ...] = (256, 256)
    label: str | int | None = None
    size: int | None = None
    colour: bool = False
    stem_stride: int | None = None

    def __post_init__(self) -> None:
        if self.is_own and is_path(self.data):  # kept whole, for a run is continued and evaluated from other folders too
            object.__setattr__(self, "data", str(Path(self.data).resolve()))
        if self.label is not None:  # the number of a column is written as a command line writes it
            object.__setattr__(self, "label", str(self.label))

    @property
    def is_own(self) -> bool:
        """Whether the data are somebody's own."""
        return self.data not in _IMAGES + _TABLES

    def on(self, data: str) -> "Job":
        """The same on other data, all of them and unchanged. Data of your own are read as these were."""
        named: dict[str, Any] = {"label": None, "size": None, "colour": False} if data in _IMAGES + _TABLES else {}
        return replace(self, data=data, samples=None, shift=0, flip=False, **named)

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
        if "stem_stride" not in rest and (values["data"] == "tiny_imagenet" or values["data"] not in _IMAGES + _TABLES):
            rest["stem_stride"] = usual_stem_stride(rest["model"], _SMALL)  # of an earlier version, which knew no other
        return cls(**rest, mixing=Answers(**mixing), recipe=Recipe(**values["recipe"]), hidden=tuple(values["hidden"]))

    def parts(self) -> tuple[Batched, Batched]:
        """Training and test data, as the network sees them; see :meth:`ready` for what is raised."""
        ready = self.ready()
        return ready.train, ready.test

    def ready(self) -> Ready:
        """Training and test data as the network sees them, and what is known of them.

        Raises:
            ValueError: if ``data`` is neither a data set nor a path, ``samples`` is more than there are, images are changed
                that are none, an option is for other data, or there is something wrong with data of your own.
            OSError: if these cannot be read.
            DataError: if images are neither in the data folder nor to be had.
        """
        generator = torch.Generator().manual_seed(derive(self.recipe.seed, "split"))
        read = self._read(generator)
        train, test = read.train, read.test
        if isinstance(train, Pixels) and isinstance(test, Pixels):
            mean, std = train.statistics()
            if self.is_own:  # another machine may add up in another order, and is to find the same data
                mean, std = (tuple(round(value, 6) for value in each) for each in (mean, std))
                if 0 in std:
                    what = f"channel {std.index(0)} of {self.data} has one value in all pixels to train on"
                    raise ValueError(f"{what}: are these the images that you mean?")
            train = train[_some(len(train), self.samples, generator)]
            changed = Resident(train, shift=self.shift, flip=self.flip, mean=mean, std=std)
            inputs = Inputs(tuple(train.x.shape[1:]), mean, std)
            return Ready(changed, Resident(test, mean=mean, std=std), read.classes, inputs, read.label)
        if self.shift or self.flip:
            raise ValueError(f"shift and flip are for images, not for {self.data}: leave them out")
        kept, held_out = cast(tuple[Arrays, Arrays], (train[_some(len(train), self.samples, generator)], test))
        inputs = Inputs(tuple(kept.x.shape[1:]))
        if kept.x.ndim == 2:  # pixels are in [0, 1] already
            inputs = _columns(kept, read)
            kept, held_out = min_max(kept, held_out)
        return Ready(kept, held_out, read.classes, inputs, read.label)

    def own(self, generator: torch.Generator | None = None) -> Own:
        """Data of your own, as they are read; see :func:`~mixbook.data.own.read_own` for what is raised."""
        if not is_path(self.data):
            named = f"{', '.join(_IMAGES)} (images), {', '.join(_TABLES)} (from scikit-learn)"
            own = "data of your own are a folder or file that is there"
            if self.data in SOURCES:
                reader = next(name for name in sets.__all__ if self.data.startswith(name))  # of svhn_extra it is svhn
                where = f"mixbook.data.{reader} reads it for mixbook.training.fit"
                raise ValueError(f"{self.data} is for Python: {where}. Here there are: {named}; {own}")
            raise ValueError(f"no data set {self.data!r}. There are: {named}; {own}")
        return read_own(self.data, label=self.label, size=self.size, colour=self.colour, generator=generator)

    def _read(self, generator: torch.Generator) -> Own:
        if self.is_own:
            return self.own(generator)
        if self.label is not None or self.size is not None or self.colour:
            raise ValueError(f"label, size and colour are for data of your own, not for {self.data}: leave them out")
        train: Pixels | Arrays
        test: Pixels | Arrays
        if self.data == "tiny_imagenet":  # whose test part has no labels
            train, test = sets.tiny_imagenet("train").pixels(), sets.tiny_imagenet("val").pixels()
        elif self.data in _IMAGES:
            train, test = sets.pixels_of(self.data, "train"), sets.pixels_of(self.data, "test")
        else:
            whole: Arrays = getattr(sets, self.data)()
            train, test = whole.split(HELD_OUT, generator)
        return Own(train, test, tuple(map(str, range(train.num_classes))))

    def network(self, data: Batched) -> nn.Module:
        """The network for samples as ``data`` has them; see :meth:`network_for`."""
        sample, _ = data.batch(torch.zeros(1, dtype=torch.int64))
        return self.network_for(tuple(sample.shape[1:]), data.num_classes)

    def network_for(self, shape: tuple[int, ...], num_classes: int) -> nn.Module:
        """The network for samples of this shape, with initial weights that follow from the recipe's seed.

        Raises:
            ValueError: if it is for images, and these are none, or takes no ``stem_stride``.
        """
        if len(shape) != 3 and self.model != "mlp":
            raise ValueError(f"{self.model} needs images, and {self.data} has none: use --model mlp")
        usual = usual_stem_stride(self.model, shape)
        if usual is None and self.stem_stride is not None:
            raise ValueError(f"stem_stride is for a preact_resnet or wrn, not for {self.model}: leave it out")
        stride = usual if self.stem_stride is None else self.stem_stride
        stem: dict[str, Any] = {} if stride is None else {"stem_stride": stride}

        def make() -> nn.Module:
            if self.model == "mlp":
                return models.MLP(prod(shape), self.hidden, num_classes)
            return models.named(self.model, shape, num_classes, **stem)

        return seeded(derive(self.recipe.seed, "weights"), make)


def in_pixels(data: Batched) -> Batched:
    """A part of :meth:`Job.parts` as pixels in [0, 1], e.g. for attacks. What is not normalised is as it was."""
    return data.bare() if isinstance(data, Resident) else data


def on_pixels(model: nn.Module, data: Batched) -> nn.Module:
    """A network for ``data``, a part of :meth:`Job.parts`, so that it takes what :func:`in_pixels` gives."""
    if not isinstance(data, Resident):
        return model
    return nn.Sequential(OrderedDict(normalise=models.Normalise(data.mean, data.std), net=model))


def run(
    job: Job,
    checkpoint: Path | None = None,
    *,
    resume: bool = True,
    fabric: "Fabric | None" = None,
    begin: Callable[[Ready], object] = lambda ready: None,
    **options: Any,
) -> tuple[nn.Module, History, dict[str, float]]:
    """Train, and score the network of the last epoch on the test part.

    Args:
        job: what to do.
        checkpoint, resume, fabric: as for :func:`~mixbook.training.loop.fit`, which gets ``options`` too.
        begin: called with the data before training, when data, network and mixing were found to be there and to fit
            together.

    Returns:
        The network, its history, and ``error`` (%), ``nll`` (nats) and ``ece`` (%) on the test part.

    Raises:
        ValueError: if data, network, mixing and recipe do not fit together; see :meth:`Job.parts` and ``fit`` for what else
            is raised.
    """
    ready = job.ready()
    train, test = ready.train, ready.test
    model = job.network(train)
    mixer = job.mixing.mixer_for(model, train.num_classes)
    if job.recipe.pairs == "within":
        job.mixing.check_batch(_mixed_together(job.recipe, len(train), 1 if fabric is None else fabric.world_size))
    begin(ready)
    history = fit(model, train, job.recipe, mixer=mixer, checkpoint=checkpoint, resume=resume, fabric=fabric, **options)
    scores = evaluate(model, test)
    return model, history, {"error": 100 * (1 - scores["accuracy"]), "nll": scores["nll"], "ece": 100 * scores["ece"]}


def _columns(train: Arrays, read: Own) -> Inputs:
    """How each column of a table is scaled, from what the file has to what :func:`~mixbook.data.min_max` makes of it."""
    low, high = train.x.amin(dim=0), train.x.amax(dim=0)
    span = torch.where(high > low, high - low, 1.0).double()
    offset, scale = low.double(), span
    if read.scale:
        first = torch.tensor(read.scale, dtype=torch.float64)
        offset, scale = torch.tensor(read.offset, dtype=torch.float64) + first * low.double(), first * span
    return Inputs(tuple(train.x.shape[1:]), tuple(offset.tolist()), tuple(scale.tolist()))


def _mixed_together(recipe: Recipe, samples: int, processes: int) -> int:
    """How many samples of a whole batch are mixed with one another."""
    return ceil(min(recipe.batch_size, samples) // processes / recipe.accumulate)


def _some(n: int, samples: int | None, generator: torch.Generator) -> torch.Tensor:
    """Rows of a random subset, int64."""
    if samples is not None and not 1 <= samples <= n:
        raise ValueError(f"samples must be from 1 to {n}, got {samples}")
    return torch.arange(n) if samples is None else torch.randperm(n, generator=generator)[:samples]
