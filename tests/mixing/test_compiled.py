"""Networks compiled by torch.compile and mixed at hidden layers: the numbers of the network as it is, in few graphs."""

from functools import partial

import pytest
import torch
from torch import nn
from torch._dynamo.utils import counters

import mixbook as mb
from mixbook.data import iris
from mixbook.models import PreActResNet, seeded
from mixbook.training import Recipe, fit

LAYERS = ["input", "a", "b", "c"]


class Straight(nn.Module):
    """Layers one after the other, all in one forward of its own."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c, self.d = nn.Linear(4, 8), nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, x):
        return self.d(self.c(self.b(self.a(x).relu()).relu()).relu())


@pytest.fixture(autouse=True)
def nothing_compiled():
    torch.compiler.reset()
    counters.clear()
    yield
    torch.compiler.reset()


def passes(model, network, layers, shape, seed, **options):
    """Outputs of 12 passes, each with a batch of its own and a layer drawn anew."""
    generator = torch.Generator().manual_seed(seed)
    mix = mb.manifold_mixup(model, layers, 2.0, 3, generator=generator, **options)
    for _ in range(12):
        x, y = torch.rand(12, *shape, generator=generator), torch.randint(0, 3, (12,), generator=generator)
        yield mix.outputs(network, x, y)[0].detach()


@pytest.mark.parametrize("options", [{}, {"draws": 2}, {"per": "pair"}], ids=str)
@pytest.mark.parametrize("seed", range(3))  # which layer comes first decides what a compiler sees first
def test_whichever_layer_is_drawn_the_graphs_are_the_same(seed, options):
    model, graphs = seeded(0, Straight), []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    compiled = torch.compile(model, backend=backend)
    after = []
    for as_it_is, out in zip(
        passes(model, model, LAYERS, (4,), seed, **options),
        passes(model, compiled, LAYERS, (4,), seed, **options),
        strict=True,
    ):
        torch.testing.assert_close(out, as_it_is)
        after.append(len(graphs))
    if "draws" not in options:  # which change the number of rows, for which a layer is compiled once more
        assert after == [after[0]] * 12 and after[0] >= len(LAYERS)
        assert sum(counters["graph_break"].values()) == len(LAYERS) - 1


def test_the_blocks_of_a_residual_network_are_compiled_one_by_one():
    model, graphs = seeded(0, lambda: PreActResNet(18, 3, width=4)), []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    compiled = torch.compile(model, backend=backend)
    layers = ["input", "layer1", "layer2"]
    for as_it_is, out in zip(
        passes(model, model, layers, (3, 8, 8), 0), passes(model, compiled, layers, (3, 8, 8), 0), strict=True
    ):
        torch.testing.assert_close(out, as_it_is)
    assert sum(counters["graph_break"].values()) == 1 and len(graphs) >= 4


def test_a_compiled_network_is_trained_as_one_that_is_not(monkeypatch):
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    trained = []
    for compiled in (False, True):
        model = seeded(0, Straight)
        mixer = mb.manifold_mixup(model, LAYERS, 2.0, 3)
        fit(model, iris(), Recipe(epochs=3, batch_size=30, lr=0.1, compile=compiled), mixer=mixer, progress=False)
        trained.append(nn.utils.parameters_to_vector(model.parameters()))
    torch.testing.assert_close(*trained)
    assert counters["graph_break"]


def test_a_network_that_was_compiled_without_the_mixer_says_what_to_do():
    model = seeded(0, Straight)
    compiled = torch.compile(model, backend="eager")
    x, y = torch.rand(6, 4), torch.arange(6) % 3
    compiled(x)
    mix = mb.manifold_mixup(model, ["a"], 2.0, 3)
    with pytest.raises(RuntimeError, match=r"\['a'\] did not run .* torch\.compiler\.reset\(\)"):
        mix.outputs(compiled, x, y)
    torch.compiler.reset()
    assert mix.outputs(compiled, x, y)[0].shape == (6, 3)
