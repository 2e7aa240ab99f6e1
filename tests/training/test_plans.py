"""Planning ahead of the training changes nothing but the time it takes."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from threading import current_thread

import pytest
import torch
from torch import nn

import mixbook as mb
from mixbook.data import Arrays, Augment, Flip, Pixels, Resident, Shift, loader, resident
from mixbook.mixing import matching
from mixbook.mixing.block import begin_plans, in_blocks
from mixbook.models import MLP, seeded
from mixbook.training import Recipe, fit, loop, plans
from mixbook.training.checkpoint import load
from mixbook.transfer import together_on

RECIPE = Recipe(epochs=2, batch_size=16, lr=0.05, seed=2)


def numbers(rows: int = 150) -> Arrays:
    x = torch.randn(rows, 4, generator=torch.Generator().manual_seed(0))
    return Arrays(x, torch.arange(rows) % 3, 3, "numbers")


def trained(mixer, recipe=RECIPE, hook=None, **options):
    network = seeded(0, lambda: nn.Sequential(MLP(4, (16,), 8), nn.Dropout(0.2), nn.Linear(8, 3)))
    if hook is not None:
        network.register_forward_pre_hook(hook)
    fit(network, numbers(), recipe, mixer=mixer, progress=False, **options)
    return torch.cat([p.detach().flatten() for p in network.parameters()])


class InTurn(mb.Mixer):
    """A mixer of another type, which is asked for each batch when its turn comes."""


def in_blocks_of(count, monkeypatch):
    for module in (plans, resident):
        monkeypatch.setattr(module, "together_on", lambda device, size: count)


def sizes_of_blocks(monkeypatch):
    asked = []

    def begin(mixer, batches, **how):
        asked.append(len(batches))
        return begin_plans(mixer, batches, **how)

    monkeypatch.setattr(plans, "begin_plans", begin)
    return asked


@pytest.mark.parametrize("pairs", ["within", "across"])
@pytest.mark.parametrize("together", [1, 3, 8, 100])
def test_blocks_of_any_size_train_the_same_network(together, pairs, monkeypatch):
    recipe = Recipe(epochs=2, batch_size=16, lr=0.05, pairs=pairs)
    expected = trained(InTurn(mb.OptimalTransport(4), mb.Beta(), num_classes=3), recipe)
    in_blocks_of(together, monkeypatch)
    asked = sizes_of_blocks(monkeypatch)
    assert torch.equal(trained(mb.Mixer(mb.OptimalTransport(4), mb.Beta(), num_classes=3), recipe), expected)
    assert max(asked) == min(together, 10) and sum(asked) == 20


def solving_beside(monkeypatch):
    monkeypatch.setattr(loop, "thread_beside", lambda device: ThreadPoolExecutor(1, "matching"))
    solvers, assignment = set(), matching.assignment

    def solved(cost):
        solvers.add(current_thread().name)
        return assignment(cost)

    monkeypatch.setattr(matching, "assignment", solved)
    return solvers


@pytest.mark.parametrize("cost", ["squared", "euclidean"])
@pytest.mark.parametrize("together", [1, 3])
def test_a_thread_beside_solves_the_matchings_and_trains_the_same_network(together, cost, monkeypatch):
    mixer = mb.Mixer(mb.OptimalTransport(4, cost=cost), mb.Beta(), num_classes=3)
    expected = trained(mixer)
    in_blocks_of(together, monkeypatch)
    solvers = solving_beside(monkeypatch)
    assert torch.equal(trained(mixer), expected)
    assert solvers == {"matching_0"}


def test_what_a_thread_beside_finds_wrong_is_raised(monkeypatch):
    in_blocks_of(3, monkeypatch)
    solving_beside(monkeypatch)
    data = numbers()
    data.x.mul_(1e30)  # products overflow
    with pytest.raises(ValueError, match="optimal transport needs finite features"):
        fit(seeded(0, lambda: MLP(4, (8,), 3)), data, RECIPE, mixer=mb.kmixup(4, 1.0, 3), progress=False)


@pytest.mark.parametrize("strict", [False, True])
def test_the_thread_beside_ends_with_the_training(strict, monkeypatch):
    pool = ThreadPoolExecutor(1)
    monkeypatch.setattr(loop, "thread_beside", lambda device: pool)
    with pytest.raises(ValueError, match="k=8 is larger") if strict else nullcontext():
        trained(mb.kmixup(8, 1.0, 3, strict=strict))
    with pytest.raises(RuntimeError, match="after shutdown"):
        pool.submit(print)


def test_only_a_gpu_has_a_thread_beside():
    assert plans.thread_beside(torch.device("cpu")) is None and plans.thread_beside(torch.device("cuda")) is not None


@pytest.mark.parametrize("resumed_with", [3, 1, 8])
@pytest.mark.parametrize("step", [13, 15, 16, 20])
def test_a_run_that_is_stopped_within_a_block_goes_on_exactly(step, resumed_with, tmp_path, monkeypatch):
    mixer, path, steps = mb.kmixup(4, 1.0, 3), tmp_path / "run.pt", []
    expected = trained(mixer)

    def ask_to_stop(*_):
        steps.append(1)
        if len(steps) == step:
            os.kill(os.getpid(), signal.SIGTERM)

    in_blocks_of(3, monkeypatch)
    with pytest.raises(SystemExit):
        trained(mixer, hook=ask_to_stop, checkpoint=path)
    saved = load(path)
    assert saved["total"]["steps"] == step - 10 and saved["plan_from"].tolist() == [(step - 10 - 1) // 3 * 3]
    in_blocks_of(resumed_with, monkeypatch)
    assert torch.equal(trained(mixer, checkpoint=path), expected)


@pytest.mark.parametrize("base", [mb.OptimalTransport, mb.CutMix])
def test_what_a_reader_derives_from_ours_is_asked_in_turn(base):
    class Mine(base):
        pass

    mine = {"pairing": Mine(4)} if base is mb.OptimalTransport else {"blend": Mine()}
    assert not in_blocks(mb.Mixer(**{"pairing": mb.OptimalTransport(4), **mine})) and in_blocks(mb.kmixup(4))


def test_an_own_matching_is_the_one_that_trains():
    class Backwards(mb.OptimalTransport):
        def pair(self, x, other=None, generator=None, y=None, y2=None):
            return super().pair(x, other, generator, y, y2).flip(0)

    backwards, usual = (trained(mb.Mixer(pairing, num_classes=3)) for pairing in (Backwards(4), mb.OptimalTransport(4)))
    assert not torch.equal(backwards, usual)


def test_batches_of_a_loader_are_planned_one_at_a_time(monkeypatch):
    in_blocks_of(8, monkeypatch)
    asked, data = sizes_of_blocks(monkeypatch), numbers(48)
    batches = loader(torch.utils.data.TensorDataset(data.x, data.y), 16, seed=0)
    fit(seeded(0, lambda: MLP(4, (8,), 3)), batches, RECIPE, mixer=mb.kmixup(4, 1.0, 3), progress=False)
    assert asked == [1, 1, 1, 0] * 2


def test_large_batches_are_few_at_once_and_on_a_cpu_each_is_alone():
    device = torch.device("cuda")
    assert [together_on(device, size) for size in (0, 4 << 20, 60 << 20, 1 << 30)] == [16, 16, 1, 1]
    assert together_on(torch.device("cpu"), 1) == 1


@pytest.mark.parametrize("pairs", ["within", "across"])
@pytest.mark.parametrize("augment", [None, Augment(Shift(1))])
def test_images_made_several_batches_at_once_train_the_same_network(augment, pairs, monkeypatch):
    x = torch.randint(0, 256, (60, 1, 6, 6), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    data = Resident(Pixels(x, torch.arange(60) % 3, num_classes=3), shift=1, flip=True)
    options = {"mixer": mb.kmixup(4, 1.0, 3), "augment": augment, "progress": False}

    def train():
        network = seeded(0, lambda: nn.Sequential(nn.Flatten(), MLP(36, (8,), 3)))
        fit(network, data, Recipe(epochs=2, batch_size=16, lr=0.05, pairs=pairs), **options)
        return torch.cat([p.detach().flatten() for p in network.parameters()])

    expected = train()
    in_blocks_of(3, monkeypatch)
    assert torch.equal(train(), expected)


def test_a_batch_in_parts_is_planned_part_by_part(monkeypatch):
    monkeypatch.setattr(plans, "begin_plans", lambda *_, **__: pytest.fail("planned ahead"))
    trained(mb.kmixup(4, 1.0, 3, strict=False), Recipe(epochs=1, batch_size=16, lr=0.05, accumulate=2))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_neither_batches_nor_mixtures_are_waited_for(generator):
    pixels = Pixels(torch.zeros(64, 3, 8, 8, dtype=torch.uint8), torch.arange(64) % 10, num_classes=10)
    data, rows = Resident(pixels, shift=2, flip=True, device="cuda"), torch.randperm(64)
    mixers = [make(num_classes=10, generator=generator) for make in (mb.mixup, mb.multimix, mb.cutmix, mb.fmix)]
    matched = mb.kmixup(4, 1.0, 10, generator=generator)
    plain = mb.Mixer(mb.OptimalTransport(4, cost="euclidean"), num_classes=10, generator=generator)

    def everything():
        batch = data.batch(rows, generator)
        x = Flip()(Shift(2)(batch[0], generator), generator)
        for mixer in mixers:
            mixer(x, batch[1])
        return begin_plans(matched, [(batch, None)]), begin_plans(plain, [(batch, batch)])

    everything()
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")  # whatever waits for the device fails
    try:
        finishers = everything()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert [len(finish()[0]) for finish in finishers] == [64, 64]
