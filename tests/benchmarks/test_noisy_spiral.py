"""Trials of Figure 4: the data are as the paper says, and trials differ in nothing but what they should."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from mixbook.benchmarks.experiments import EXPERIMENTS
from mixbook.benchmarks.maps import unpack
from mixbook.benchmarks.spec import Profile
from mixbook.benchmarks.trials.noisy_spiral import _mixer, _scores, he_weights, spiral, trials
from mixbook.models import MLP, seeded

FIGURE_4 = EXPERIMENTS["multimix-figure4"]


def test_a_fifth_of_the_training_labels_is_wrong_and_no_test_label():
    given, right, test = spiral(FIGURE_4, 3)
    assert (len(given), len(test)) == (400, 600)
    assert torch.equal(given.x, right.x)
    assert (given.y != right.y).sum() == 80
    whole = torch.cat([right.x, test.x])
    nearest = torch.cdist(whole, whole).fill_diagonal_(torch.inf).argmin(1)
    labels = torch.cat([right.y, test.y])
    assert (labels[nearest] == labels).float().mean() > 0.99


def test_trials_have_their_own_samples_and_methods_the_same():
    found = trials(FIGURE_4, [(cell, n) for cell in FIGURE_4.cells[:2] for n in (0, 1)], Profile(2, 1))
    assert not torch.equal(spiral(FIGURE_4, 0)[2].x, spiral(FIGURE_4, 1)[2].x)
    assert len({scores["nll"] for scores in found}) == 4
    again = trials(FIGURE_4, [(FIGURE_4.cells[1], 1)], Profile(2, 1))
    assert again[0]["nll"] == pytest.approx(found[3]["nll"], rel=1e-4)
    assert unpack(found[0]).shape == (40, 40)
    assert all(scores["diverged"] == 0 for scores in found)


def test_he_weights_keep_the_size_of_a_signal():
    x = torch.randn(500, 64, generator=torch.Generator().manual_seed(0))

    def size(prepare):
        model = seeded(0, lambda: prepare(MLP(64, (64,) * 12, 64)))
        return model(x).square().mean().item()

    assert size(nn.Module.eval) < 0.05 < 0.2 < size(he_weights) < 20


def test_training_errors_are_told_by_the_given_and_by_the_right_labels():
    given, _, test = spiral(FIGURE_4, 0)
    first, second = (replace(given, y=torch.full((len(given),), label)) for label in (0, 1))
    model = MLP(2, (2,), 2)
    nn.init.zeros_(model.head.weight)
    model.head.bias.data.copy_(torch.tensor([1.0, 0.0]))  # says class 0 everywhere
    scores = _scores(FIGURE_4, model, first, second, test)
    assert (scores["train_error"], scores["train_error_true"]) == (0, 100)


@pytest.mark.parametrize("cell", [cell for cell in FIGURE_4.cells if cell.method != "erm"], ids=str)
def test_a_cell_says_how_often_where_and_how_far_pairs_are_mixed(cell):
    answers = cell.answers()
    mixer = _mixer(cell)(MLP(2, (4,) * 12, 2))
    assert (mixer.mixer.ratio.draws, mixer.mixer.ratio.alpha) == (int(answers["K"]), float(answers["alpha"]))
    assert mixer.layers == tuple(answers["layers"].split("+"))
