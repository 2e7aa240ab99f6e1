"""Trials of footnote 1: what the three pairings do to a batch, and that they are compared on equal terms."""

import pytest

from mixbook.benchmarks.experiments import EXPERIMENTS
from mixbook.benchmarks.spec import Profile
from mixbook.benchmarks.trials.neighbours import partners, trials
from mixbook.benchmarks.trials.small_images import small_images
from mixbook.mixing.pairing import NearestNeighbour, OptimalTransport, RandomPairing

DIGITS = EXPERIMENTS["neighbours-digits"]


def test_neighbours_are_near_of_one_class_and_not_a_permutation():
    train, _ = small_images("digits", 1000, 0)
    random, matched, nearest = (
        partners(pairing, train, 200, 0) for pairing in (RandomPairing(), OptimalTransport(16), NearestNeighbour(16))
    )
    assert random["alone"] == matched["alone"] == pytest.approx(0, abs=1e-6)
    assert 30 < nearest["alone"] < 70
    assert random["same_class"] < matched["same_class"] < nearest["same_class"]
    assert random["same_class"] == pytest.approx(10, abs=3)
    assert random["distance"] > matched["distance"] > nearest["distance"]


def test_a_trial_is_a_function_of_its_number():
    tasks = [(DIGITS.cells[3], 4), (DIGITS.cells[0], 4), (DIGITS.cells[0], 5)]
    short = Profile(trials=1, epochs=1)
    found = trials(DIGITS, tasks, short)
    assert found[0]["nll"] == pytest.approx(trials(DIGITS, tasks[:1], short)[0]["nll"], rel=1e-4)
    assert len({one["nll"] for one in found}) == 3
    assert "same_class" in found[0] and "same_class" not in found[1]


def test_lenet_learns_the_enlarged_digits():
    mnist = EXPERIMENTS["neighbours-mnist"]
    (scores,) = trials(mnist, [(mnist.cells[0], 0)], Profile(trials=1, epochs=12, stand_in=True))
    assert scores["error"] < 60 and scores["nll"] < 2.2  # 24 steps, from 90% and 2.3 nats
