"""A run that is killed, for real, and then continued equals one that was not."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import mixbook as mb
from mixbook.data import iris
from mixbook.models import MLP, seeded
from mixbook.training import Recipe, fit
from mixbook.training.checkpoint import load

RECIPE = Recipe(epochs=6, batch_size=40, lr=0.05, milestones=(4,), pairs="across", seed=3)
STEPS_PER_EPOCH = 4


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def train(path, before_a_step=lambda *_: None):
    """k-mixup with dropout, so that every stream of random numbers matters, and with blocks of unequal size at the end."""
    network = seeded(0, lambda: nn.Sequential(MLP(4, (16,), 8), nn.Dropout(0.2), nn.Linear(8, 3)))
    network.register_forward_pre_hook(before_a_step)
    fit(network, iris(), RECIPE, mixer=mb.kmixup(16, 1.0, 3), checkpoint=path, progress=False)
    return network


def train_and_die_in_a_step(path) -> None:
    steps = []

    def end(*_):
        steps.append(1)
        if len(steps) == 2 * STEPS_PER_EPOCH + 3:
            die()

    train(path, end)


def train_and_die_while_saving(path) -> None:
    fsync, calls = os.fsync, []

    def fatal(handle):
        calls.append(1)
        if len(calls) == 5:  # two per save: the third file is written, but does not have its name yet
            die()
        fsync(handle)

    os.fsync = fatal
    train(path)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "run.pt"
    return train(path), load(path)


@pytest.mark.slow
@pytest.mark.parametrize("death", [train_and_die_in_a_step, train_and_die_while_saving])
def test_a_killed_run_continues_exactly(death, tmp_path, uninterrupted):
    path = tmp_path / "run.pt"
    threads = {"OMP_NUM_THREADS": str(torch.get_num_threads())}  # another number would add in another order
    command = [sys.executable, __file__, death.__name__, str(path)]
    killed = subprocess.run(command, env=os.environ | threads, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    assert len(load(path)["records"]) == 2  # it had really begun, and had not finished
    parts = list(tmp_path.glob("run.pt.*part"))
    assert len(parts) == (death is train_and_die_while_saving)
    for part in parts:
        os.utime(part, (0, 0))  # left there long ago

    network, (whole, expected) = train(path), uninterrupted
    for name, weight in whole.state_dict().items():
        assert torch.equal(network.state_dict()[name], weight), name
    found = load(path)
    assert found["streams"].keys() == {"order", "partner", "mixing", "augmenting", "noise"}
    for name, state in expected["streams"].items():
        assert torch.equal(found["streams"][name], state), name
    assert [r["loss"] for r in found["records"]] == [r["loss"] for r in expected["records"]]
    assert list(tmp_path.iterdir()) == [path]


if __name__ == "__main__":
    globals()[sys.argv[1]](Path(sys.argv[2]))
