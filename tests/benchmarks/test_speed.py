"""Both sides of a comparison must do the same work; how long it takes is no test."""

import json

import numpy as np
import pytest
import torch

from mixbook import cli
from mixbook.benchmarks import speed
from mixbook.mixing.pairing import OptimalTransport
from mixbook.mixing.transport import alpha_at_constant_xi


@pytest.mark.parametrize("k", [2, 8])
def test_the_loop_of_figure_5_and_the_pairing_find_equally_short_matchings(k, generator):
    x, other = (torch.randn(32, 20, generator=generator) for _ in range(2))
    candidates = torch.randperm(32, generator=generator.clone_state())
    ours = OptimalTransport(k, cost="euclidean").pair(x, other, generator)
    theirs = candidates[speed.figure_5(x.numpy(), other[candidates].numpy(), k)]
    length = [np.linalg.norm(x - other[partner], axis=1).reshape(-1, k).sum(1) for partner in (ours, theirs)]
    np.testing.assert_allclose(*length, rtol=1e-5)


def test_the_loop_of_algorithm_1_and_the_root_agree(generator):
    x = torch.randn(64, 2, generator=generator)
    loop = speed.algorithm_1(x, 2, 0.2, trials=200, samples=200_000, generator=generator.clone_state())
    root = alpha_at_constant_xi(x, 2, 0.2, trials=200, generator=generator.clone_state())
    assert loop == pytest.approx(root, rel=0.03)


def test_the_median_of_each_side_is_kept_apart(monkeypatch):
    clock = iter([0, 1, 1, 11, 11, 13, 13, 33, 33, 36, 36, 66])
    monkeypatch.setattr(speed, "perf_counter", lambda: next(clock))
    found = speed.compare("a", "b", lambda: None, lambda: None, rounds=3)
    assert (found.ours, found.theirs, found.ratio) == (2, 20, 10)


def test_the_command_prints_a_table_and_json(monkeypatch, capsys):
    few = [*speed.matching(batches=1, rounds=1, blocks=(2,)), *speed.mixing(rounds=1)]
    monkeypatch.setattr(speed, "all_comparisons", lambda: few)
    cli.main(["bench", "speed"])
    said = capsys.readouterr().out
    assert "v2.MixUp" in said and "k=2" in said
    cli.main(["bench", "speed", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert [c["ours"] for c in found["comparisons"]] == [c.ours for c in few]
    assert found["threads"] == torch.get_num_threads()
