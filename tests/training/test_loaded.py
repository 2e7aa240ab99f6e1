"""Batches of a loader: an epoch that is begun again is the same, whoever draws in it, and what gives none is refused."""

import os
import signal
from contextlib import suppress
from itertools import chain
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.utils.data import (
    DataLoader,
    Dataset,
    DistributedSampler,
    IterableDataset,
    TensorDataset,
    WeightedRandomSampler,
)

import mixbook as mb
from mixbook.data import iris, loader
from mixbook.models import MLP, seeded
from mixbook.training import Recipe, fit
from mixbook.training.loaded import Loaded
from mixbook.training.stop import Terminated

RECIPE = Recipe(epochs=2, batch_size=30, lr=0.05)


def weights(network: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in network.parameters()])


def plain() -> TensorDataset:
    return TensorDataset(iris().x, iris().y)


class Noisy(Dataset):
    """Random views from torch's global generator, as torchvision's transforms draw them."""

    def __len__(self) -> int:
        return 150

    def __getitem__(self, row: int) -> tuple[torch.Tensor, torch.Tensor]:
        return iris().x[row] + 0.1 * torch.randn(4), iris().y[row]


class Streaming(IterableDataset):
    """No length."""

    def __iter__(self):
        return zip(iris().x[:50], iris().y[:50], strict=True)


def weighted(generator: torch.Generator | None = None) -> DataLoader:
    return loader(plain(), 30, seed=0, sampler=WeightedRandomSampler(torch.ones(150), 150, generator=generator))


def trained(data, recipe: Recipe = RECIPE, stop_at: int = 0, **options: object) -> torch.Tensor:
    """With dropout, whose draws are no one else's; asked to end in a step, if that is given."""
    network, steps = seeded(0, lambda: MLP(4, (8,), 3, dropout=0.3)), []

    def count(*_: object) -> None:
        steps.append(1)
        if len(steps) == stop_at:
            os.kill(os.getpid(), signal.SIGTERM)

    network.register_forward_pre_hook(count)
    fit(network, data, recipe, progress=False, **options)
    return weights(network)


LOADERS = {
    "views": lambda: loader(Noisy(), 30, seed=0),
    "weighted": weighted,
    "weighted by its own": lambda: weighted(torch.Generator().manual_seed(torch.seed())),
}


@pytest.mark.parametrize("make", LOADERS.values(), ids=LOADERS)
def test_the_seed_decides_and_a_run_that_is_stopped_within_an_epoch_goes_on_exactly(tmp_path, make):
    whole = trained(make())
    assert torch.equal(whole, trained(make()))
    assert not torch.equal(whole, trained(make(), Recipe(**RECIPE.as_dict() | {"seed": 1})))
    path = tmp_path / "run.pt"
    with suppress(Terminated):
        trained(make(), stop_at=8, checkpoint=path)
    assert torch.equal(whole, trained(make(), checkpoint=path))


def test_what_a_data_set_draws_leaves_the_dropout_alone():
    class Drawing(Noisy):
        def __getitem__(self, row: int) -> tuple[torch.Tensor, torch.Tensor]:
            torch.randn(4)
            return iris().x[row], iris().y[row]

    assert torch.equal(trained(loader(Drawing(), 30, seed=0)), trained(loader(plain(), 30, seed=0)))


def test_a_function_is_asked_once_for_each_epoch():
    asked: list[int] = []

    def at(epoch: int) -> DataLoader:
        asked.append(epoch)
        return loader(plain(), 30, seed=0)

    trained(at, Recipe(**RECIPE.as_dict() | {"schedule": "cosine"}))
    assert asked == [0, 1]


def in_turns(data, shares: int) -> DataLoader:
    return loader(data, 30, seed=0, sampler=DistributedSampler(data, num_replicas=shares, rank=0))


def test_a_sampler_is_told_the_epoch():
    seen: list[int] = []

    class Counting(Noisy):
        def __getitem__(self, row: int) -> tuple[torch.Tensor, torch.Tensor]:
            seen.append(row)
            return iris().x[row], iris().y[row]

    trained(in_turns(Counting(), shares=1))
    first, second = seen[:150], seen[150:]
    assert sorted(first) == sorted(second) == list(range(150)) and first != second


def test_a_sampler_that_deals_out_shares_is_refused_for_fit_does_it():
    with pytest.raises(ValueError, match="a loader with a DistributedSampler, which deals out the samples a second time"):
        trained(in_turns(plain(), shares=2))


def shares(size: int, world: int) -> list[list[int]]:
    """Numbers of the samples of each process, batch by batch, of 23 in batches of ``size``."""
    rows = TensorDataset(torch.arange(23.0)[:, None], torch.arange(23))
    found = []
    for rank in range(world):
        streams = SimpleNamespace(fabric=SimpleNamespace(global_rank=rank, world_size=world))
        batches = Loaded(loader(rows, size, seed=0), RECIPE, torch.device("cpu")).epoch(0, streams)
        found.append([labels.tolist() for (x, labels), _ in batches if torch.equal(x[:, 0].long(), labels)])
    return found


@pytest.mark.parametrize(("size", "sizes"), [(6, [3, 3, 3, 2]), (22, [11]), (2, [1] * 11)])
def test_each_of_two_processes_gets_as_many_samples_of_a_batch(size, sizes):
    first, second = shares(size, 2)
    assert [len(each) for each in first] == [len(each) for each in second] == sizes
    assert len({*chain(*first, *second)}) == 22  # one rests


def test_one_process_gets_all_and_a_batch_that_cannot_be_shared_out_is_refused():
    assert [len(each) for each in shares(7, 1)[0]] == [7, 7, 7, 2]
    with pytest.raises(ValueError, match="the loader's batch_size must be a multiple of 2 processes, got 7"):
        shares(7, 2)


def test_a_loader_without_a_batch_is_refused():
    few = TensorDataset(iris().x[:10], iris().y[:10])
    with pytest.raises(ValueError, match=r"leaves no batch in epoch 0: .* got batch_size=30 and drop_last=True"):
        trained(loader(few, 30, seed=0, drop_last=True))


def test_a_loader_of_triples_is_refused():
    with pytest.raises(TypeError, match=r"pairs \(samples, labels\) of tensors, got 3 parts"):
        trained(loader(TensorDataset(iris().x, iris().y, iris().y), 30, seed=0))


@pytest.mark.parametrize("mixer", [None, mb.mixup(1.0, 3)])
@pytest.mark.parametrize("dtype", [torch.int32, torch.uint8])
def test_labels_may_be_any_integers(dtype, mixer):
    first, other = (loader(TensorDataset(iris().x, iris().y.to(each)), 30, seed=0) for each in (torch.int64, dtype))
    assert torch.equal(trained(first, mixer=mixer), trained(other, mixer=mixer))


def test_without_a_length_there_are_no_checkpoints_and_no_moving_schedules(tmp_path):
    def streaming() -> DataLoader:
        return DataLoader(Streaming(), 30, generator=torch.Generator())

    assert trained(streaming()).isfinite().all()
    with pytest.raises(ValueError, match=r"must have a length .* got an iterable Streaming without"):
        trained(streaming(), checkpoint=tmp_path / "run.pt")
    with pytest.raises(ValueError, match="must have a length"):
        trained(streaming(), Recipe(**RECIPE.as_dict() | {"schedule": "cosine"}))
