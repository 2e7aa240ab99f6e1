"""Trials of the small networks of the data-dependency paper."""

from dataclasses import replace

import numpy as np
import pytest

from mixbook.benchmarks.experiments import datadep_small, get_experiment
from mixbook.benchmarks.maps import unpack
from mixbook.benchmarks.spec import Cell, Profile
from mixbook.benchmarks.trials import lines, two_moons

LINE, TABLE1, MOONS = (get_experiment(f"datadep-{name}") for name in ("line-3-2", "table1", "moons-0.5"))
ERM, MIXUP, NOT_RESET = Cell("erm", ""), Cell("mixup", "alpha=1"), Cell("mixup_not_reset", "alpha=1")


def few(experiment, **values):
    """The same experiment with smaller settings."""
    settings = [replace(s, value=values.get(s.name, s.value)) for s in experiment.settings]
    return replace(experiment, settings=tuple(settings))


@pytest.mark.parametrize("run, experiment", [(lines.curves, LINE), (two_moons.boundaries, few(MOONS, n=40, hidden=32))])
def test_a_trial_is_a_function_of_its_cell_and_number(run, experiment):
    tasks = [(cell, number) for cell in (ERM, MIXUP) for number in (0, 3)]
    together = run(experiment, tasks, Profile(trials=2, epochs=60))
    alone = [run(experiment, [task], Profile(trials=1, epochs=60))[0] for task in tasks]
    for found, wanted in zip(together, alone, strict=True):
        assert found == pytest.approx(wanted, rel=1e-3)
    assert together[0] != together[1] and together[0] != together[2]


def test_without_mixup_the_line_is_learned_and_with_midpoints_its_middle_is_lost():
    far = Cell("mixup", "alpha=1024")
    plain, mixed = lines.curves(LINE, [(ERM, 0), (far, 0)], Profile(trials=1, epochs=2000))
    assert plain["error"] == 0 and plain["nll"] < 0.1
    assert mixed["error"] == pytest.approx(100 / 3)
    assert list(plain)[:2] == ["error@50", "error@100"] and "error@2000" in plain and "error@2250" not in plain


def test_the_places_of_table_1_are_answered_by_one_network():
    cells = [Cell("mixup", f"alpha=1;x={x}") for x in range(3)]
    found = lines.probabilities(TABLE1, [(cell, 4) for cell in cells], Profile(trials=1, epochs=900))
    at = [metrics["prob_class1"] for metrics in found]
    assert at[1] < at[0] and at[1] < at[2]  # class 1 is at both ends
    wrong = np.mean([at[0] < 0.5, at[1] >= 0.5, at[2] < 0.5])
    assert [metrics["error"] for metrics in found] == pytest.approx([100 * wrong] * 3)
    same = lines.curves(LINE, [(MIXUP, 4)], Profile(trials=1, epochs=900))[0]
    nll = -np.log([at[0], 1 - at[1], at[2]]).mean()
    assert same["nll"] == pytest.approx(nll, rel=1e-3)


def test_moons_are_told_apart_and_the_map_shows_the_bend():
    experiment = few(MOONS, n=60, hidden=64)
    plain, faulty = two_moons.boundaries(experiment, [(ERM, 1), (NOT_RESET, 1)], Profile(trials=1, epochs=1000))
    assert plain["error"] == 0 and plain["bend"] < 8
    assert faulty["bend"] > plain["bend"]
    assert plain["bend@1000"] == plain["bend"]
    for metrics in (plain, faulty):
        answers, axis = unpack(metrics), np.linspace(-1, 1, experiment["map_side"])
        share = (answers != (axis < 0))[:, axis != 0].mean()
        assert 100 * share == pytest.approx(metrics["bend"], abs=1.5)


def test_the_fault_and_the_remedy_start_alike_and_see_the_same_samples():
    """The first step has no earlier gradient to keep: only later ones differ."""
    experiment = few(MOONS, n=40, hidden=16)
    tasks = [(MIXUP, 2), (NOT_RESET, 2)]
    first, third = (two_moons.boundaries(experiment, tasks, Profile(trials=1, epochs=steps)) for steps in (1, 200))
    assert first[0] == first[1]
    assert third[0] != third[1]


def test_the_whole_of_table_1_is_trained_in_one_piece():
    pieces = TABLE1.pieces([(cell, number) for cell in TABLE1.cells for number in range(10)])
    assert len(pieces) == 1 and len(pieces[0]) == 90


def test_every_figure_of_small_networks_has_an_experiment():
    figures = {figure for experiment in datadep_small.EXPERIMENTS for figure in experiment.figures}
    assert figures == {f"Figure {number}" for number in (1, 3, 8, 10, 11, 12, 13, 14)}


def test_moons_are_drawn_as_the_settings_say(monkeypatch):
    asked = []

    def spy(*args, real=two_moons.separated_moons):
        asked.append(args)
        return real(*args)

    monkeypatch.setattr(two_moons, "separated_moons", spy)
    two_moons.boundaries(few(MOONS, n=40, hidden=8, noise=0.25), [(ERM, 3)], Profile(trials=1, epochs=1))
    assert asked == [(40, 0.5, 3, 0.25)]
