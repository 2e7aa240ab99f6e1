from itertools import pairwise

import pytest
import torch

from mixbook.models import MLP


def parameters(model: torch.nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("widths", [(2, 130, 120, 2), (4, 120, 84, 3), (30, 120, 120, 84, 2), (5, 3)])
def test_parameters_are_the_sum_over_layers(widths):
    first, *hidden, last = widths
    model = MLP(first, hidden, last)
    assert parameters(model) == sum((a + 1) * b for a, b in pairwise(widths))
    assert model(torch.zeros(7, first)).shape == (7, last)


def test_hidden_layers_are_named_and_end_in_the_activation(generator):
    model = MLP(4, (6, 5), 3)
    assert [name for name, _ in model.named_children()] == ["flatten", "layer1", "layer2", "head"]
    x = torch.randn(50, 4, generator=generator)
    hidden = model.layer1(x)
    assert hidden.shape == (50, 6)
    assert hidden.min() == 0  # ReLU has been applied
    assert torch.equal(model.head(model.layer2(hidden)), model(x))


@pytest.mark.parametrize(("activation", "function"), [("tanh", torch.tanh), ("relu", torch.relu)])
def test_the_activation_is_the_one_asked_for(activation, function, generator):
    model = MLP(4, (6,), 2, activation)
    x = torch.randn(9, 4, generator=generator)
    assert torch.equal(model(x), model.head(function(model.layer1[0](x))))


def test_images_are_flattened():
    assert MLP(64, (8,), 10)(torch.zeros(3, 1, 8, 8)).shape == (3, 10)


@pytest.mark.parametrize("arguments", [(0, (3,), 2), (3, (0,), 2), (3, (3,), 0)])
def test_widths_must_be_positive(arguments):
    with pytest.raises(ValueError, match="widths must be at least 1, got in"):
        MLP(*arguments)


def test_an_unknown_activation_names_those_that_exist():
    with pytest.raises(ValueError, match="relu, tanh, leaky_relu, got 'swish'"):
        MLP(2, (3,), 2, "swish")


def test_a_number_in_the_place_of_widths_is_refused():
    with pytest.raises(TypeError, match=r"hidden must be a list of widths, got 32: e\.g\. \(32,\)"):
        MLP(64, 32, 10)
