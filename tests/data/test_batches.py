import pytest
import torch
from torch.utils.data import Dataset

from mixbook.data import loader


class Noisy(Dataset):
    """Sample i is the number i and a number that is drawn when it is looked at, as a random view is."""

    def __len__(self) -> int:
        return 10

    def __getitem__(self, row: int) -> tuple[torch.Tensor, int]:
        return torch.rand(()), row


def epoch(batches) -> tuple[list[float], list[int]]:
    drawn, rows = zip(*batches, strict=True)
    return torch.cat(drawn).tolist(), torch.cat(rows).tolist()


@pytest.mark.parametrize("workers", [0, 2])
def test_the_order_follows_the_seed_and_epochs_differ(workers):
    one, two, other = (loader(Noisy(), 4, seed=seed, workers=workers) for seed in (1, 1, 2))
    first, again = epoch(one), epoch(two)
    assert first[1] == again[1]
    assert sorted(first[1]) == list(range(10))
    assert epoch(one)[1] != first[1]
    assert epoch(other)[1] != first[1]


def test_random_views_in_workers_follow_the_seed_and_the_epoch():
    one, two = (loader(Noisy(), 4, seed=1, workers=2) for _ in range(2))
    with torch.random.fork_rng():
        torch.manual_seed(1)
        first = epoch(one)
        torch.manual_seed(2)  # the global generator has no part in it
        assert epoch(two) == first
    second = epoch(one)
    assert set(second[0]).isdisjoint(first[0])
    assert epoch(two) == second


def test_a_run_goes_on_from_the_state_of_the_generator():
    whole = loader(Noisy(), 4, seed=1, workers=1)
    epoch(whole)
    state = whole.generator.get_state()
    second = epoch(whole)
    resumed = loader(Noisy(), 4, seed=77, workers=1)
    resumed.generator.set_state(state)
    assert epoch(resumed) == second


def test_without_shuffling_the_order_is_the_data_sets_own():
    assert epoch(loader(Noisy(), 4, seed=1, shuffle=False))[1] == list(range(10))
    assert len(list(loader(Noisy(), 4, seed=1, drop_last=True))) == 2


def test_several_processes_share_the_samples_out():
    from torch.utils.data import DistributedSampler

    shares = [
        epoch(loader(Noisy(), 2, seed=1, sampler=DistributedSampler(Noisy(), num_replicas=2, rank=rank)))[1]
        for rank in range(2)
    ]
    assert sorted(shares[0] + shares[1]) == list(range(10))
