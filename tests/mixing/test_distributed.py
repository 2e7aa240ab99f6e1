"""Hidden layers are mixed in several processes as in one: gradients are the mean of what each process finds alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.checkpoint import checkpoint

import mixbook as mb


class Network(nn.Module):
    """Two layers and a head; the second layer is recomputed in the backward pass."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.layer1, self.layer2, self.head = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.layer1(x).tanh()
        return self.head(checkpoint(lambda h: self.layer2(h).tanh(), h, use_reentrant=False))


LAYERS = ["input", "layer1", "layer2"]
CASES = {
    "one layer for a batch": {},
    "a layer for each sample": {"per": "pair"},
    "several draws": {"draws": 3},
    "stopped": {"stop_gradient": True},
}


def gradients(case: str, rank: int, wrap: bool) -> list[torch.Tensor]:
    """Of three batches, so that a process that waits for another's parameter would be noticed."""
    network, options = Network(), CASES[case]
    model = DistributedDataParallel(network, find_unused_parameters="stop_gradient" in options) if wrap else network
    generator = torch.Generator().manual_seed(rank)
    hidden = mb.manifold_mixup(network, LAYERS, 1.0, 3, generator=generator, **options)
    for _ in range(3):
        x, y = torch.rand(10, 6, generator=generator), torch.randint(3, (10,), generator=generator)
        logits, targets = hidden.outputs(model, x, y)
        (mb.mixed_cross_entropy(logits, targets) / 3).backward()
    return [torch.zeros_like(p) if p.grad is None else p.grad for p in network.parameters()]


def main(folder: Path, rank: int) -> None:
    distributed.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    torch.save({case: gradients(case, rank, wrap=True) for case in CASES}, folder / f"rank{rank}.pt")
    distributed.destroy_process_group()


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, list[torch.Tensor]]]:
    folder = tmp_path_factory.mktemp("ranks")
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    commands = [[sys.executable, __file__, str(folder), str(rank)] for rank in (0, 1)]
    processes = [subprocess.Popen(command, env=environment) for command in commands]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    return [torch.load(folder / f"rank{rank}.pt", weights_only=True) for rank in (0, 1)]


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_gradients_are_the_mean_over_the_processes(ranks, case):
    alone = [gradients(case, rank, wrap=False) for rank in (0, 1)]
    for first, second, *expected in zip(*(found[case] for found in ranks), *alone, strict=True):
        torch.testing.assert_close(first, second)
        torch.testing.assert_close(first, sum(expected) / 2)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
