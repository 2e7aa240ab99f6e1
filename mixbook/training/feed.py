"""Where a run's batches come from: data that are indexed on the device, or a loader (:mod:`mixbook.training.loaded`)."""

from collections.abc import Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from mixbook.data import Batched, shuffled_batches
from mixbook.data.resident import Resident
from mixbook.training.loaded import Batch, Loaded, Loaders, Pair
from mixbook.training.recipe import Recipe
from mixbook.training.streams import Streams

if TYPE_CHECKING:
    from lightning_fabric import Fabric

Data = Batched | DataLoader[Batch] | Loaders


class Feed(Protocol):
    """What the loop asks of its data."""

    @property
    def name(self) -> str:
        """What messages call the data."""
        ...

    @property
    def num_classes(self) -> int | None:
        """C, where the data say it."""
        ...

    @property
    def in_memory(self) -> bool:
        """Whether several batches come as fast as one; those of a loader come one by one, while others are trained on."""
        ...

    def checksum(self) -> str:
        """Changes with the data, as far as that can be told without reading all of them."""
        ...

    def steps(self, number: int) -> int:
        """Number of batches in an epoch."""
        ...

    def batch_size(self, number: int) -> int:
        """Samples of a whole batch in an epoch, over all processes together."""
        ...

    def epoch(self, number: int, streams: Streams, *, ahead: bool = True) -> Iterator[Pair]:
        """The batches of one epoch, on the device; of several processes each gets its share of every batch.

        With ``ahead`` some may be made before their turn. They are the same if nothing else draws from these streams.
        """
        ...


def feed_of(data: Data, recipe: Recipe, fabric: "Fabric") -> Feed:
    """The feed for this kind of data.

    Raises:
        ValueError: if the data cannot give the batches that the recipe asks for.
        TypeError: if they are neither a loader nor in memory.
    """
    if isinstance(data, DataLoader) or callable(data):
        return Loaded(data, recipe, fabric.device)
    if not hasattr(data, "batch"):
        raise TypeError(
            f"data must be Arrays, Resident, a DataLoader or a function that gives one for each epoch, got "
            f"{type(data).__name__}: wrap images as bytes in mixbook.data.Resident, and data sets in mixbook.data.loader"
        )
    return Indexed(data, recipe, fabric)


class Indexed:
    """Batches of what can be asked for the samples at some rows; it goes to the device whole."""

    in_memory = True

    def __init__(self, data: Batched, recipe: Recipe, fabric: "Fabric") -> None:
        if recipe.batch_size % fabric.world_size:
            raise ValueError(f"batch_size must be a multiple of the {fabric.world_size} processes, got {recipe.batch_size}")
        least = recipe.batch_size if recipe.drop_last else fabric.world_size
        if len(data) < least:
            raise ValueError(
                f"{data.name} has {len(data)} samples, which leaves no batch: at least {least} are needed with "
                f"batch_size={recipe.batch_size}, drop_last={recipe.drop_last} and {fabric.world_size} processes"
            )
        self.name, self.num_classes, self._recipe = data.name, data.num_classes, recipe
        self._data = data.to(fabric.device)
        self._checksum = f"{len(data)} rows, {data.checksum()}"

    def checksum(self) -> str:
        """Rows and their checksum."""
        return self._checksum

    def steps(self, number: int) -> int:
        """See :class:`Feed`."""
        return self._recipe.steps(len(self._data))

    def batch_size(self, number: int) -> int:
        """See :class:`Feed`."""
        return self._recipe.batch_size

    def epoch(self, number: int, streams: Streams, *, ahead: bool = True) -> Iterator[Pair]:
        """See :class:`Feed`."""
        recipe, rank, world = self._recipe, streams.fabric.global_rank, streams.fabric.world_size

        def shuffled(generator: torch.Generator) -> Iterator[Tensor]:
            return shuffled_batches(
                len(self._data), recipe.batch_size, generator, drop_last=recipe.drop_last, rank=rank, world=world
            )

        rows = shuffled(streams.order)
        if recipe.pairs == "across":
            rows = chain.from_iterable(zip(rows, shuffled(streams.partner), strict=True))
        if ahead and isinstance(self._data, Resident):
            batches = _in_groups(self._data, rows, streams.augmenting)
        else:
            batches = (self._data.batch(each, streams.augmenting) for each in rows)
        if recipe.pairs == "across":
            return zip(batches, batches, strict=True)  # one iterator, so every second batch is the partner of that before
        return ((batch, None) for batch in batches)


def _in_groups(data: Resident, rows: Iterator[Tensor], generator: torch.Generator) -> Iterator[Batch]:
    """As many batches at once as the device takes well."""
    for first in rows:
        yield from data.batches([first, *islice(rows, data.together(len(first)) - 1)], generator)
