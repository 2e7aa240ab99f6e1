"""Answers in plain values: what is given is heard, or refused."""

import re

import pytest

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


@pytest.mark.parametrize("k", [0, -3])
def test_partners_come_in_blocks_of_at_least_one(k):
    with pytest.raises(ValueError, match=f"k must be at least 1, got {k}"):
        Answers(alpha=1.0, k=k)


def test_the_command_line_says_so_before_it_trains(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as left:
        cli.main(["train", "--data", "digits", "--model", "lenet", "--k", "16", "--blend", "cutmix", "--epochs", "1"])
    assert left.value.code == 2
    words = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert "alpha is needed with k=16, blend='cutmix', for nothing is mixed without it" in words
    assert not list(tmp_path.iterdir())
