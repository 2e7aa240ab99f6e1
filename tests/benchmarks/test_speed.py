"""Both sides of a comparison must do the same work; how long it takes is no test."""

import json
from dataclasses import replace
from functools import partial
from importlib import import_module

import numpy as np
import pytest
import torch

from mixbook import cli, vision
from mixbook.benchmarks.home import stored_results
from mixbook.benchmarks.speed import mixing, stopwatch, train, trials
from mixbook.mixing.pairing import OptimalTransport
from mixbook.mixing.transport import alpha_at_constant_xi
from mixbook.models import LeNet, PreActResNet


@pytest.mark.parametrize("k", [2, 8])
def test_the_loop_of_figure_5_and_the_pairing_find_equally_short_matchings(k, generator):
    x, other = (torch.randn(32, 20, generator=generator) for _ in range(2))
    candidates = torch.randperm(32, generator=generator.clone_state())
    ours = OptimalTransport(k, cost="euclidean").pair(x, other, generator)
    theirs = candidates[mixing.figure_5(x.numpy(), other[candidates].numpy(), k)]
    length = [np.linalg.norm(x - other[partner], axis=1).reshape(-1, k).sum(1) for partner in (ours, theirs)]
    np.testing.assert_allclose(*length, rtol=1e-5)


def test_the_loop_of_algorithm_1_and_the_root_agree(generator):
    x = torch.randn(64, 2, generator=generator)
    loop = mixing.algorithm_1(x, 2, 0.2, trials=200, samples=200_000, generator=generator.clone_state())
    root = alpha_at_constant_xi(x, 2, 0.2, trials=200, generator=generator.clone_state())
    assert loop == pytest.approx(root, rel=0.03)


def test_turns_are_taken_and_each_is_timed():
    clock = iter([0, 1, 1, 11, 11, 13, 13, 33, 33, 36, 36, 66])
    called = []
    sides = [lambda: called.append("a"), lambda: called.append("b")]
    assert stopwatch.by_turns(sides, 3, clock=lambda: next(clock)) == [[1, 2, 3], [10, 20, 30]]
    assert called == ["a", "b"] * 4  # the first to warm up


def test_the_median_of_each_side_is_kept_apart(monkeypatch):
    monkeypatch.setattr(stopwatch, "by_turns", lambda sides, rounds: [[1, 2, 3], [10, 20, 30]])
    found = stopwatch.compare("a", "b", lambda: None, lambda: None, rounds=3)
    assert (found.ours, found.theirs, found.ratio) == (2, 20, 10)
    assert (found.fastest, found.fastest_ratio) == ((1, 10), 10)
    assert found.scaled(3).theirs == 60 and found.scaled(3).ratio == 10


@pytest.mark.parametrize(
    ("wanted", "limit", "met"), [(10, None, True), (11, None, False), (None, 1.9, False), (None, 2, True)]
)
def test_what_was_asked_for_is_a_ratio_or_a_time(wanted, limit, met):
    assert stopwatch.Comparison("a", "b", 2.0, 20.0, wanted, limit).met is met
    assert stopwatch.Comparison("a", "b", 2.0, 20.0).met is None


def few_images():
    return (lambda: PreActResNet(width=4), "PreActResNet-18", 2), (mixing.small_network, "three convolutions", 2)


def test_everything_is_compared_and_stored(tmp_path):
    found = [
        *mixing.matching(batches=8, rounds=1, blocks=(4,)),
        *mixing.mixing(rounds=1, large=32),
        *mixing.masks(images=3, rounds=1, sizes=(32,)),
        *mixing.prefix(draws=2, rounds=1, networks=few_images()),
    ]
    stopwatch.store(tmp_path / "new" / "cpu.json", found)
    stored = json.loads((tmp_path / "new" / "cpu.json").read_text())
    assert stored["threads"] == torch.get_num_threads() and "torch" in stored
    assert [row["what"] for row in stored["comparisons"]] == [comparison.what for comparison in found]
    assert len(found) == 2 + 5 + 3 + 12
    for row in stored["comparisons"]:
        assert row["ratio"] == pytest.approx(row["theirs"] / row["ours"])
        assert (row["met"] is None) == row["what"].startswith("by hand")


def test_shared_layers_leave_the_share_of_the_operations_that_is_printed():
    found = mixing.prefix(draws=5, rounds=1, networks=few_images())[::2]
    for input_, first, second in (found[:3], found[3:]):
        assert input_.wanted == 1 and 1 < first.wanted < second.wanted < 5


def test_the_command_prints_a_table_and_json(monkeypatch, capsys):
    few = [*mixing.matching(batches=1, rounds=1, blocks=(2,)), *mixing.mixing(rounds=1, large=0)]
    monkeypatch.setattr(mixing, "all_comparisons", lambda device: few)
    cli.main(["bench", "speed"])
    said = capsys.readouterr().out
    assert "torchvision's MixUp" in said and "k=2" in said
    cli.main(["bench", "speed", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert [c["ours"] for c in found["comparisons"]] == [c.ours for c in few]
    assert found["threads"] == torch.get_num_threads()


def test_steps_of_many_networks_are_counted_on_both_sides(monkeypatch):
    case = replace(trials.CASES[0], batch_size=16, steps=2)
    clock = iter([0.0, 4.0, 4.0, 7.0])  # ours, then theirs
    monkeypatch.setattr(stopwatch, "by_turns", partial(stopwatch.by_turns, clock=lambda: next(clock)))
    (found,) = trials.many_networks(networks=10, jobs=2, rounds=1, cases=(case,))
    assert found.ours == pytest.approx(4.0 / (10 * 2))  # ten networks of two steps
    assert found.theirs == pytest.approx(3.0 / (2 * 2))  # one network in each process
    assert "10 networks" in found.what


def few_steps(monkeypatch):
    """Rounds in which ours takes as long as theirs, with nothing trained."""
    monkeypatch.setattr(stopwatch, "by_turns", lambda sides, rounds: [[1.0], [1.0]])


def test_what_was_wanted_of_many_networks_goes_by_the_device_and_their_number(monkeypatch):
    few_steps(monkeypatch)
    wanted = {
        (device, networks): [c.wanted for c in trials.many_networks(networks, jobs=1, device=device)]
        for device in ("cpu", "cuda")
        for networks in (50, 200)
    }
    assert wanted["cpu", 50] == [2.5, 1.2, 5.0, None, None]
    assert wanted["cpu", 200] == [None] * 5
    assert wanted["cuda", 200] == [20.0] * 4 + [None]
    assert wanted["cuda", 50] == [None] * 4 + [10.0]


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_stored_speeds_of_many_networks_are_judged_by_what_was_wanted_of_their_device(device):
    name = "trials.json" if device == "cpu" else "cuda-trials.json"
    stored = json.loads((stored_results() / "speed" / name).read_text("utf-8"))["comparisons"]
    assert [row["what"] for row in stored] == [case.task(50) for case in trials.CASES]
    for row, case in zip(stored, trials.CASES, strict=True):
        wanted = case.wanted.get((device, 50))
        assert row["wanted"] == wanted
        assert row["met"] == (None if wanted is None else row["theirs"] / row["ours"] >= wanted)


def test_the_command_times_as_many_networks_as_asked_for(monkeypatch, capsys):
    few_steps(monkeypatch)
    cli.main(["bench", "speed", "trials", "--networks", "200"])
    assert "a step of one of 200 networks LeNet" in capsys.readouterr().out
    for arguments, message in (
        (["trials", "--networks", "5"], "networks must be a multiple of the 2 processes, got 5"),
        (["trials", "--networks", "0"], "networks must be a multiple of the 2 processes, got 0"),
        (["train", "--networks", "4"], "--networks is for `mixbook bench speed trials`, not for train"),
    ):
        with pytest.raises(SystemExit):
            cli.main(["bench", "speed", *arguments])
        assert message in " ".join(capsys.readouterr().err.split())


def test_both_sides_train_what_the_case_says():
    case = replace(trials.CASES[2], batch_size=16, steps=3)
    assert len(case.data()) == 48 and case.recipe().pairs == "across"
    trials.by_hand(case, 1)
    trials.together(case, 2)


TINY = train.Case("LeNet, 4 x 4", partial(LeNet, image_size=4), (1, 4, 4), steps=2, ks=(4,), batch_size=16, loader=True)


def test_training_is_compared_per_image(monkeypatch):
    clock = iter([0.0, 32.0, 32.0, 96.0] * 3)
    monkeypatch.setattr(stopwatch, "by_turns", partial(stopwatch.by_turns, clock=lambda: next(clock)))
    found = train.training(rounds=1, cases=(replace(TINY, images_per_second=0.5),))
    assert [(c.ours, c.theirs) for c in found] == [(1.0, 2.0)] * 3  # 2 steps of 16 images in 32 and 64 s
    assert [(c.reference, c.wanted) for c in found] == [
        ("bare loop", 0.97),
        ("bare loop", 0.95),
        ("DataLoader loop", 1.2),
    ]
    assert found[0].met  # a second is less than the two that half an image per second leaves


def test_matching_is_timed_by_turns_with_mixing_alone(monkeypatch):
    timed = []

    def ours(case, k, device):
        return lambda: timed.append(k)

    monkeypatch.setattr(train, "ours", ours)
    case = replace(TINY, ks=(1, 32), loader=False)
    *_, last = train.training(rounds=2, cases=(case,))
    assert timed[-6:] == [32, 1] * 3  # once to warm up
    assert (last.what, last.reference) == ("training an image, LeNet, 4 x 4: k-mixup, k=32, against k=1", "k=1")
    assert last.wanted == pytest.approx(1 / 1.02)


def test_multimix_is_timed_beside_a_step_on_as_many_mixtures(monkeypatch):
    seen = []  # images that the network sees in each step of either side
    forward = LeNet.forward
    monkeypatch.setattr(LeNet, "forward", lambda self, x: (seen.append(len(x)), forward(self, x))[1])
    clock = iter([0.0, 1.0] * 2 + [0.0, 1.0] * 2 + [0.0, 64.0, 64.0, 96.0])
    monkeypatch.setattr(stopwatch, "by_turns", partial(stopwatch.by_turns, clock=lambda: next(clock)))
    *_, last = train.training(rounds=1, cases=(replace(TINY, draws=(3,), loader=False),))
    assert last.what.endswith("multi-mix, K=3, against steps of 48 images")
    assert seen[-4:] == [48] * 4  # of the round that is timed: two steps of ours, then two of the bare loop
    assert (last.ours, last.theirs, last.wanted) == (2.0, 1.0, 0.95)  # for each of 32 images


def test_the_papers_multimix_is_timed_on_a_gpu():
    assert 5 in {draws for case in train.GPU for draws in case.draws}


@pytest.mark.parametrize("loop", [train.floor, train.loaded])
def test_what_training_is_compared_with_changes_weights_as_often(loop, monkeypatch):
    steps = []
    step = torch.optim.SGD.step
    monkeypatch.setattr(torch.optim.SGD, "step", lambda self: (steps.append(1), step(self)))
    loop(TINY, torch.device("cpu"))()
    assert len(steps) == TINY.steps
    seen = len(TINY.data()) / TINY.batch_size
    assert seen == TINY.steps


def test_pictures_of_the_loader_loop_are_the_batches_of_ours():
    (x, y) = TINY.data().batch(torch.arange(4))
    vision.load()
    v2 = import_module("torchvision.transforms.v2")
    changes = v2.Compose([v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5], [0.25])])
    pictures = train._Pictures(TINY.pixels(), changes)
    torch.testing.assert_close(torch.stack([pictures[row][0] for row in range(4)]), x)
    assert [pictures[row][1] for row in range(4)] == y.tolist()


def test_memory_is_not_guessed_on_a_cpu():
    assert train.memory("cpu") == []


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused(capsys):
    with pytest.raises(SystemExit):
        cli.main(["bench", "speed", "train", "--device", "cuda"])
    assert "torch finds no GPU here" in capsys.readouterr().err
