import pytest
import torch
from part_of import part_of
from torch import nn

from mixbook.models import CommandsLeNet, SpeechLeNet, SpeechVGG11

NETWORKS = [(SpeechLeNet, 32), (CommandsLeNet, 16), (SpeechVGG11, 32)]


@pytest.mark.parametrize(("network", "flat"), [(SpeechLeNet, 120 * 33 * 18), (CommandsLeNet, 16280), (SpeechVGG11, 7680)])
@pytest.mark.parametrize("frequencies", [160, 161])
def test_160_and_161_frequencies_give_the_same_network(network, flat, frequencies):
    with torch.device("meta"):
        model = network(30, (frequencies, 101))
        assert model(torch.zeros(1, 1, frequencies, 101)).shape == (1, 30)
    assert flat in [tuple(weight.shape)[1] for weight in model.parameters() if weight.ndim == 2]


@pytest.mark.parametrize(("network", "least"), NETWORKS)
def test_the_least_size_runs_and_a_smaller_one_is_refused(network, least):
    assert network(3, (least, least + 3)).eval()(torch.zeros(1, 1, least, least + 3)).shape == (1, 3)
    with pytest.raises(ValueError, match=f"at least {least} frequencies and {least} frames, got \\({least - 1}, 64\\)"):
        network(3, (least - 1, 64))


def test_the_end_of_the_vgg_is_linear(generator):
    model = SpeechVGG11(5, (32, 32))
    x = torch.randn(4, 512, 1, 1, generator=generator)
    end = part_of(model, 5)
    torch.testing.assert_close(end(x) + end(-x), 2 * end(0 * x))


@pytest.mark.parametrize(("network", "_"), NETWORKS)
def test_classes_are_checked(network, _):
    with pytest.raises(ValueError, match="num_classes must be at least 1, got 0"):
        network(0)


def test_half_of_the_second_convolution_s_channels_and_of_the_units_is_silent():
    parts = [part for part in CommandsLeNet(30).modules() if isinstance(part, nn.Dropout | nn.Dropout2d)]
    assert [(type(part), part.p) for part in parts] == [(nn.Dropout2d, 0.5), (nn.Dropout, 0.5)]
