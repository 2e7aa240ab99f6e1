"""Answers in plain values: what is given is heard, or refused."""

import re

import pytest
import torch
from torch import nn

import mixbook as mb
from mixbook import cli
from mixbook.mixing.answers import Answers

GIVEN = [
    {"k": 16},
    {"draws": 2},
    {"layers": ("layer1",)},
    {"blend": "cutmix"},
    {"per": "pair"},
    {"k": 16, "blend": "puzzlemix"},
]


@pytest.mark.parametrize("given", GIVEN, ids=str)
def test_an_answer_without_alpha_is_refused(given):
    said = ", ".join(f"{name}={value!r}" for name, value in given.items())
    with pytest.raises(ValueError, match=re.escape(f"alpha is needed with {said}, for")):
        Answers(**given)
    assert Answers(alpha=1.0, **given).mixer(3) is not None
    assert Answers().mixer(3) is None


def test_what_is_given_is_what_the_mixer_has():
    assert Answers(0.3).mixer(3) == mb.Mixer(ratio=mb.Beta(0.3), num_classes=3)
    made = Answers(0.3, k=16, draws=2, per="pair").mixer(3)
    assert made == mb.Mixer(mb.OptimalTransport(16, strict=False), mb.Beta(0.3, 2, "pair"), num_classes=3)
    blends = {"linear": mb.Linear(), "cutmix": mb.CutMix(), "whole_cutmix": mb.CutMix(inside=True), "fmix": mb.FMix()}
    assert {name: Answers(0.3, blend=name).mixer(3).blend for name in blends} == blends


@pytest.mark.parametrize(
    ("per", "layer", "ratio"), [("batch", "batch", "batch"), ("pair", "pair", "pair"), ("pair_lambda", "batch", "pair")]
)
def test_for_what_a_layer_and_for_what_a_lambda_is_drawn(per, layer, ratio):
    model = nn.Sequential(nn.Linear(2, 4), nn.Linear(4, 3))
    hidden = Answers(0.3, layers=("input", "0"), per=per).mixer_for(model, 3)
    assert hidden.per == layer and hidden.mixer == mb.Mixer(ratio=mb.Beta(0.3, per=ratio), num_classes=3)


@pytest.mark.parametrize("k", [0, -3])
def test_partners_come_in_blocks_of_at_least_one(k):
    with pytest.raises(ValueError, match=f"k must be at least 1, got {k}"):
        Answers(alpha=1.0, k=k)


def test_a_batch_of_one_block_is_refused_for_nothing_of_it_would_be_mixed():
    for batch_size in (8, 16):
        assert Answers(1.0, k=16).mixer(3).plan(torch.rand(batch_size, 2)).self_matches == 1
        with pytest.raises(
            ValueError, match=f"smaller than the {batch_size} samples .*, got 16: .* nothing would be mixed"
        ):
            Answers(1.0, k=16).check_batch(batch_size)
    Answers(1.0, k=16).check_batch(17)
    Answers(1.0).check_batch(1)
    Answers().check_batch(1)


def test_with_a_layer_for_each_pair_those_that_draw_the_same_one_are_the_batch():
    layers = ("input", "0", "1")
    model = nn.Sequential(nn.Linear(2, 4), nn.Linear(4, 3))
    every = Answers(1.0, k=64, layers=layers, per="pair")
    plan = every.mixer_for(model, 3).with_plan(model, torch.rand(128, 2), torch.zeros(128, dtype=torch.int64))[1]
    assert plan.self_matches > 0.9
    with pytest.raises(ValueError, match=r"smaller than the 42 samples \(128 over 3 layers, with per='pair'\) .*, got 64"):
        every.check_batch(128)
    every.check_batch(193)
    for per in ("batch", "pair_lambda"):
        Answers(1.0, k=64, layers=layers, per=per).check_batch(128)
    Answers(1.0, k=64, per="pair").check_batch(128)


def test_the_command_line_says_so_before_it_trains(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as left:
        cli.main(["train", "--data", "digits", "--model", "lenet", "--k", "16", "--blend", "cutmix", "--epochs", "1"])
    assert left.value.code == 2
    words = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert "alpha is needed with k=16, blend='cutmix', for nothing is mixed without it" in words
    assert not list(tmp_path.iterdir())
