"""Batches of a ``DataLoader``, for what is too large for memory, the same whenever an epoch is begun again."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from mixbook.data.batches import in_unit_range, pair_of
from mixbook.training.recipe import Recipe
from mixbook.training.streams import Streams, derive
from mixbook.transfer import send

Batch = tuple[Tensor, Tensor]
Pair = tuple[Batch, Batch | None]  # a batch, and a second one that partners come from
Loaders = Callable[[int], DataLoader[Batch]]  # from the epoch, counted from 0


class Loaded:
    """Batches of a ``DataLoader``, or of one for each epoch, such as with images that grow during training.

    Its own generator and its sampler's are seeded from the recipe and the epoch, and so is torch's global one while a batch
    is made: an epoch has its order and its random views whatever was before it. (Not the views of workers that are kept
    from epoch to epoch, ``persistent_workers``: those are seeded once.) A sampler that wants to be told the epoch
    (``set_epoch``) is. Bytes become numbers in [0, 1] on the device.

    Every process keeps each W-th sample of a batch. Samples that do not fill all W processes equally are left out (fewer
    than W of a batch), for the gradients of the processes are averaged, and each sample of a step is to weigh the same.

    Raises:
        ValueError: if the recipe wants pairs across two loaders, a sampler leaves this process a part of the batches, or
            the loader's batch size is no multiple of the number of processes.
        TypeError: if it gives something else than pairs of tensors.
    """

    in_memory = False

    def __init__(self, data: DataLoader[Batch] | Loaders, recipe: Recipe, device: torch.device) -> None:
        if recipe.pairs == "across":
            raise ValueError("pairs='across' needs data in memory, got a loader: use pairs='within'")
        self.name, self.num_classes = "loader", None
        self._data, self._recipe, self._device = data, recipe, device
        self._latest: tuple[int, DataLoader[Batch]] | None = None

    def checksum(self) -> str:
        """Rows and batches of the first epoch; the samples are not read."""
        batches = self.steps(0)
        return f"{len(self._loader(0).dataset)} rows in {batches} batches"  # type: ignore[arg-type]

    def steps(self, number: int) -> int:
        """See :class:`~mixbook.training.feed.Feed`.

        Raises:
            ValueError: if the loader cannot say it.
        """
        try:
            return len(self._loader(number))
        except TypeError:
            raise ValueError(
                "the loader's data set must have a length (__len__), which checkpoints and schedule='cosine' or 'linear' "
                f"need, got an iterable {type(self._loader(number).dataset).__name__} without: leave them out"
            ) from None

    def batch_size(self, number: int) -> int:
        """See :class:`~mixbook.training.feed.Feed`; the recipe's where the loader does not say it."""
        return self._loader(number).batch_size or self._recipe.batch_size

    def epoch(self, number: int, streams: Streams, *, ahead: bool = True) -> Iterator[Pair]:
        """See :class:`~mixbook.training.feed.Feed`."""
        loader = self._loader(number)
        for sampler in _samplers(loader):
            if getattr(sampler, "num_replicas", 1) > 1:
                raise ValueError(
                    f"each process takes its share of every batch, got a loader with a {type(sampler).__name__}, which "
                    "deals out the samples a second time: make the loader without it"
                )
            if hasattr(sampler, "set_epoch"):
                sampler.set_epoch(number)
        rank, world, empty = streams.fabric.global_rank, streams.fabric.world_size, True
        if loader.batch_size is not None and loader.batch_size % world:
            raise ValueError(f"the loader's batch_size must be a multiple of {world} processes, got {loader.batch_size}")
        self._seed(loader, number)
        for batch in _with_draws_of_its_own(loader, derive(self._recipe.seed, f"views {number}")):
            x, y = pair_of(batch)
            if (shared := len(x) - len(x) % world) > 0:
                empty = False
                own, labels = (send(each[rank:shared:world], self._device) for each in (x, y))
                yield (in_unit_range(own), labels), None
        if empty:
            raise ValueError(
                f"the loader leaves no batch in epoch {number}: it must give a sample for each of {world} processes, and "
                f"with drop_last a whole batch, got batch_size={loader.batch_size} and drop_last={loader.drop_last}"
            )

    def _loader(self, number: int) -> DataLoader[Batch]:
        """The loader of an epoch; a function is asked once for each, for it may look through folders."""
        if isinstance(self._data, DataLoader):
            return self._data
        if self._latest is None or self._latest[0] != number:
            self._latest = number, self._data(number)
        return self._latest[1]

    def _seed(self, loader: DataLoader[Batch], number: int) -> None:
        generators: list[torch.Generator] = []
        for each in (getattr(holder, "generator", None) for holder in (loader, *_samplers(loader))):
            if each is not None and not any(each is other for other in generators):
                generators.append(each)
        if not generators:
            raise ValueError("the loader must have a generator, so that a run can be repeated: use mixbook.data.loader")
        for place, generator in enumerate(generators):
            which = "" if place == 0 else f" sampler {place}"
            generator.manual_seed(derive(self._recipe.seed, f"loader {number}{which}"))


def _samplers(loader: DataLoader[Batch]) -> list[Any]:
    """Whoever decides on the order, once each."""
    found = (loader.sampler, loader.batch_sampler, getattr(loader.batch_sampler, "sampler", None))
    return list({id(each): each for each in found if each is not None}.values())


def _with_draws_of_its_own(loader: DataLoader[Batch], seed: int) -> Iterator[Batch]:
    """The batches of a loader, which finds torch's global generator as it left it and leaves it as it was.

    Samplers without a generator and data sets in this process draw from it, between the draws of the network's dropout: a
    run that goes on within an epoch draws the batches again, but not the dropout.
    """
    state = torch.Generator().manual_seed(seed).get_state()
    batches: Iterator[Batch] | None = None
    while True:
        before = torch.get_rng_state()
        torch.set_rng_state(state)
        try:
            batches = iter(loader) if batches is None else batches
            batch = next(batches, None)
        finally:
            state = torch.get_rng_state()
            torch.set_rng_state(before)
        if batch is None:
            return
        yield batch
