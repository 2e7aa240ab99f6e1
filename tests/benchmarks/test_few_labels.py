"""Digits of which few have a label: how many are trained on, and what is scored."""

import pytest

from mixbook.benchmarks.experiments import EXPERIMENTS
from mixbook.benchmarks.trials import few_labels

DIGITS = EXPERIMENTS["digits-few-labels"]


@pytest.mark.parametrize("cell", DIGITS.cells, ids=str)
def test_few_digits_are_trained_on_and_all_others_are_scored(cell, monkeypatch):
    seen = []
    scores = {"nll": 2.0, "ece": 0.5}
    monkeypatch.setattr(few_labels, "fit", lambda model, train, recipe, *, mixer, **_: seen.append((train, recipe, mixer)))
    monkeypatch.setattr(few_labels, "evaluate", lambda model, test: {"accuracy": len(test) / 10_000, **scores})
    found = few_labels.trial(DIGITS, cell, 3, DIGITS.profile("smoke"))
    ((train, recipe, mixer),) = seen
    assert (len(train), recipe.seed, mixer is None) == (DIGITS["labels"], 3, cell.method == "erm")
    assert found == {"error": pytest.approx(100 - (1797 - DIGITS["labels"]) / 100), "nll": 2.0, "ece": 50}


def test_a_trial_is_a_function_of_its_number():
    first, again, other = (
        few_labels.trial(DIGITS, DIGITS.cells[0], number, DIGITS.profile("smoke")) for number in (0, 0, 1)
    )
    assert first == again != other
