"""Several processes without a change in the code."""

import os
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

import mixbook as mb
from mixbook.data import Arrays
from mixbook.models import MLP, seeded
from mixbook.training import CheckpointError, Recipe, fit

ROWS = 41


class Watched:
    """A mixer that remembers which rows it was given; sample i holds the number i in its first feature."""

    def __init__(self) -> None:
        self.mixer = mb.kmixup(4, 1.0, 2, strict=False)
        self.batches: list[list[int]] = []

    def outputs(self, model, x, y, *, partner=None, generator=None):
        self.seed = generator.initial_seed()
        self.batches.append((x[:, 0] * ROWS).round().long().tolist())
        return self.mixer.outputs(model, x, y, partner=partner, generator=generator)


def train(fabric: Fabric | None, epochs: int, checkpoint: Path, **options: bool) -> tuple[nn.Module, Watched]:
    rows = torch.arange(ROWS)
    data = Arrays(torch.stack([rows / ROWS, rows % 2], dim=1), rows % 2, 2, "numbered")
    network, mixer = seeded(0, lambda: MLP(2, (8,), 2)), Watched()
    recipe = Recipe(epochs, batch_size=16, lr=0.05, drop_last=options.get("plain", False))
    mixed = None if options.get("plain") else mixer
    fit(network, data, recipe, mixer=mixed, checkpoint=checkpoint, fabric=fabric, progress=False)
    return network, mixer


def main(folder: Path) -> None:
    fabric = Fabric(accelerator="cpu", devices=2, strategy="ddp")
    fabric.launch()
    plain, _ = train(fabric, 2, folder / "plain.pt", plain=True)
    network, mixer = train(fabric, 3, folder / "whole.pt")
    train(fabric, 2, folder / "parts.pt")
    resumed, _ = train(fabric, 3, folder / "parts.pt")
    states = {"plain": plain.state_dict(), "whole": network.state_dict(), "resumed": resumed.state_dict()}
    torch.save({"batches": mixer.batches, "seed": mixer.seed, **states}, folder / f"rank{fabric.global_rank}.pt")


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks")
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, __file__, str(folder)], env=environment, timeout=120, check=True)
    return folder, [torch.load(folder / f"rank{rank}.pt", weights_only=True) for rank in (0, 1)]


@pytest.mark.slow
def test_processes_see_different_samples_of_the_same_batches(ranks):
    first, second = (result["batches"] for result in ranks[1])
    assert [len(b) for b in first] == [len(b) for b in second] == [8, 8, 4] * 3
    for epoch in range(3):
        seen = list(chain(*first[3 * epoch : 3 * epoch + 3], *second[3 * epoch : 3 * epoch + 3]))
        assert len(set(seen)) == len(seen) == ROWS - 1  # 41 is odd: one sample rests


@pytest.mark.slow
def test_processes_mix_independently(ranks):
    assert ranks[1][0]["seed"] != ranks[1][1]["seed"]


@pytest.mark.slow
@pytest.mark.parametrize("which", ["plain", "whole", "resumed"])
def test_processes_end_with_the_same_weights(ranks, which):
    first, second = (result[which] for result in ranks[1])
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.slow
def test_two_processes_without_mixing_do_what_one_does(ranks, tmp_path):
    """Same batches, gradients averaged: equal up to the order of adding."""
    alone, _ = train(None, 2, tmp_path / "run.pt", plain=True)
    together = ranks[1][0]["plain"]
    start = seeded(0, lambda: MLP(2, (8,), 2)).state_dict()
    for name, weight in alone.state_dict().items():
        assert torch.allclose(weight, together[name], atol=1e-6)
        assert not torch.allclose(weight, start[name], atol=1e-3)


@pytest.mark.slow
def test_a_run_in_two_processes_resumes_exactly(ranks):
    _, (first, _) = ranks
    assert all(torch.equal(first["resumed"][name], first["whole"][name]) for name in first["whole"])


@pytest.mark.slow
def test_another_number_of_processes_is_refused(ranks):
    with pytest.raises(CheckpointError, match="made by 2 processes, but this run has 1"):
        train(None, 4, ranks[0] / "whole.pt")


def test_a_batch_that_cannot_be_shared_out_is_refused(tmp_path):
    class Three(Fabric):
        world_size = 3

    with pytest.raises(ValueError, match="batch_size must be a multiple of the 3 processes, got 16"):
        train(Three(accelerator="cpu", devices=1), 1, tmp_path / "run.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
