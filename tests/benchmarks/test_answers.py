"""From the spelling of a cell to a mixer."""

import pytest
import torch
from torch import nn

import mixbook as mb
from mixbook.benchmarks.spec import Cell
from mixbook.benchmarks.trials.answers import answers_of
from mixbook.mixing.answers import Answers
from mixbook.mixing.place import ManifoldMixer


def test_what_is_not_spelled_is_as_in_mixup():
    mixer = answers_of(Cell("mixup", "alpha=0.5")).mixer(3)
    assert (mixer.pairing, mixer.ratio, mixer.blend) == (mb.RandomPairing(), mb.Beta(0.5), mb.Linear())


def test_each_answer_reaches_the_mixer():
    mixer = answers_of(Cell("grid", "k=16;alpha=1;K=5;layers=input;blend=cutmix")).mixer(3)
    assert mixer.pairing.k == 16 and mixer.ratio.draws == 5
    targets = mixer(torch.rand(16, 1, 8, 8), torch.arange(16) % 3)[1]
    assert targets.shape == (80, 3)
    # Boxes cover whole pixels, so weights are multiples of 1/64, which lambda almost never is.
    assert torch.equal(targets * 64, (targets * 64).round())


def test_boxes_are_whole_unless_the_cell_asks_for_clipped_ones():
    blends = [answers_of(Cell("grid", f"alpha=1;blend={name}")).blend for name in ("cutmix", "clipped_cutmix", "linear")]
    assert blends == ["whole_cutmix", "cutmix", "linear"]


def test_hidden_layers_wait_for_their_network():
    model = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 3))
    mixing = answers_of(Cell("grid", "alpha=1;layers=input+1")).mixer(3)
    mixer = mixing(model)
    assert isinstance(mixer, ManifoldMixer) and mixer.layers == ("input", "1") and mixer.model is model


def test_no_alpha_mixes_nothing():
    assert Answers().mixer(3) is None


@pytest.mark.parametrize("wrong", [{"blend": "cutmux"}, {"per": "image"}])
def test_an_unknown_name_is_an_error(wrong):
    with pytest.raises(ValueError, match=f"must be one of .* got '{next(iter(wrong.values()))}'"):
        Answers(**wrong)


def test_puzzle_mix_looks_at_the_network_and_at_images():
    answers = Answers(1.0, draws=2, blend="puzzlemix")
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 64, 4))
    mixer = answers.mixer_for(model, 4)
    x, t = mixer(torch.rand(6, 3, 8, 8), torch.arange(6) % 4)
    assert x.shape == (12, 3, 8, 8) and torch.allclose(t.sum(1), torch.ones(12))
    with pytest.raises(ValueError, match=r"layers must be .'input',. with blend='puzzlemix'"):
        Answers(1.0, layers=("input", "1"), blend="puzzlemix")
