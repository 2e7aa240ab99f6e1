"""What only looks like a network that can be stacked is trained alone, and refused where stacking is asked for."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import mixbook as mb
from mixbook.data import Arrays
from mixbook.models import seeded
from mixbook.training import Recipe, fit
from mixbook.training.trials import Trial, fit_trials, groups
from mixbook.training.trials.functional import FunctionalNetwork, against_vmap
from mixbook.training.trials.network import StackedNetwork, against_stacking

CLASSES = 3
GENERATOR = torch.Generator().manual_seed(0)
DATA = Arrays(torch.randn(32, 4, generator=GENERATOR), torch.randint(CLASSES, (32,), generator=GENERATOR), CLASSES)
TRIAL = Trial(Recipe(epochs=4, batch_size=16, lr=0.1), mb.mixup(1.0, CLASSES))


class Residual(nn.Sequential):
    def forward(self, x):
        return x + super().forward(x)


class Sharper(nn.Sequential):
    def forward(self, x):
        return 2 * super().forward(x)


class Thrice(nn.Linear):
    def forward(self, x):
        return 3 * super().forward(x)


class Leaky(nn.ReLU):
    def forward(self, x):
        return x.where(x > 0, 0.3 * x)


class Noisy(nn.Module):
    """What is no layer of dropout, and still draws."""

    def __init__(self, kind: str = "dropout") -> None:
        super().__init__()
        self.kind = kind

    def forward(self, x):
        if self.kind == "dropout":
            return F.dropout(x, 0.5, self.training)
        if self.kind == "depth":
            return x if torch.rand(()) < 0.5 else 2 * x
        return x * torch._sample_dirichlet(torch.ones(x.shape[-1]))  # which vmap does not notice


def layers(*middle: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 8), *middle, nn.Linear(8, CLASSES))


def twice(layer: nn.Module) -> nn.Sequential:
    return layers(layer, nn.Linear(8, 8), layer)


def tied_weights(view: bool = False) -> nn.Sequential:
    a, b = nn.Linear(8, 8), nn.Linear(8, 8)
    if view:
        b.weight.data = a.weight.data.T  # as in an autoencoder
    else:
        b.weight = a.weight
    return layers(a, nn.Tanh(), b)


def doubled() -> nn.Sequential:
    net = layers(nn.Tanh())
    net[1].forward = lambda x: 2 * x.tanh()
    return net


def with_hook() -> nn.Sequential:
    net = layers(nn.Tanh())
    net[1].register_forward_hook(lambda module, inputs, output: 2 * output)
    return net


def with_hook_on_a_gradient() -> nn.Sequential:
    net = layers(nn.Tanh())
    net[0].weight.register_hook(lambda gradient: 0.1 * gradient)
    return net


def with_frozen_statistics() -> nn.Sequential:
    return layers(nn.BatchNorm1d(8).eval())


LOOKALIKES = {
    "a Sequential of its own": (lambda: layers(Residual(nn.Linear(8, 8), nn.Tanh())), "Residual"),
    "a network of its own": (lambda: Sharper(nn.Linear(4, CLASSES)), "in a way of its own"),
    "a linear layer of its own": (lambda: layers(Thrice(8, 8)), "Thrice"),
    "an activation of its own": (lambda: layers(Leaky()), "Leaky"),
    "weight norm": (lambda: layers(nn.utils.parametrizations.weight_norm(nn.Linear(8, 8))), "ParametrizedLinear"),
    "an activation twice": (lambda: twice(nn.Tanh()), "its '1' and '3' are one module"),
    "a layer twice": (lambda: twice(nn.Linear(8, 8)), "its '1.weight' and '3.weight' are one tensor"),
    "tied weights": (tied_weights, "its '1.weight' and '3.weight' are one tensor"),
    "tied weights, transposed": (lambda: tied_weights(view=True), "its '1.weight' and '3.weight' are one tensor"),
    "a forward of one layer": (doubled, "Tanh"),
    "a hook": (with_hook, "its '1' has a hook"),
    "a hook on a gradient": (with_hook_on_a_gradient, "the gradient of its '0.weight' has a hook"),
    "frozen statistics": (with_frozen_statistics, "its '1' stays in evaluation mode"),
}


@pytest.mark.parametrize(("make", "reason"), LOOKALIKES.values(), ids=LOOKALIKES)
def test_what_only_looks_like_a_stack_is_trained_as_alone(make, reason):
    def make_model(seed: int) -> nn.Module:
        return seeded(seed, make)

    alone = make_model(0)
    fit(alone, DATA, TRIAL.recipe, mixer=TRIAL.mixer, progress=False)
    trained = fit_trials(make_model, DATA, [TRIAL, TRIAL], device="cpu", progress=False)[0].model
    for name, wanted in alone.state_dict().items():
        torch.testing.assert_close(trained.state_dict()[name], wanted, rtol=1e-4, atol=1e-5, msg=name)
    with pytest.raises(ValueError, match=f"way='stacked': .*{reason}"):
        fit_trials(make_model, DATA, [TRIAL], way="stacked", progress=False)
    with pytest.raises(TypeError, match=reason):
        StackedNetwork([make_model(0)])


def test_linear_layers_on_sequences_are_stacked():
    generator = torch.Generator().manual_seed(1)
    data = Arrays(torch.randn(32, 5, 4, generator=generator), DATA.y, CLASSES)

    def make() -> nn.Module:
        wide = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 6, bias=False))
        return nn.Sequential(wide, nn.Flatten(), nn.Linear(30, CLASSES))

    def make_model(seed: int) -> nn.Module:
        return seeded(seed, make)

    alone = make_model(0)
    fit(alone, data, TRIAL.recipe, mixer=TRIAL.mixer, progress=False)
    trained = fit_trials(make_model, data, [TRIAL, TRIAL], way="stacked", progress=False)[1].model
    for found, wanted in zip(trained.parameters(), alone.parameters(), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_a_layer_that_is_made_later_cannot_be_stacked():
    assert "LazyLinear" in against_stacking(layers(nn.LazyLinear(8)))


def test_names_for_a_sequential_do_not_stand_against_it():
    class Named(nn.Sequential):
        def __init__(self) -> None:
            super().__init__(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, CLASSES))

    assert against_stacking(Named()) == "" == against_stacking(layers(Named(), nn.Dropout(0.0)))


VMAP_LOSES = {
    "a layer twice": (lambda: twice(nn.Linear(8, 8)), "are one tensor"),
    "tied weights, transposed": (lambda: tied_weights(view=True), "are one tensor"),
    "a hook on a gradient": (with_hook_on_a_gradient, "has a hook"),
    "frozen statistics": (with_frozen_statistics, "its '1' stays in evaluation mode"),
    "dropout": (lambda: layers(nn.Dropout(0.5)), "draws noise"),
    "dropout in a function": (lambda: layers(Noisy()), "draws noise"),
    "stochastic depth": (lambda: layers(Noisy("depth")), "draws noise"),
    "a law that vmap knows nothing of": (lambda: layers(Noisy("law")), "draws noise"),
    "attention with dropout": (lambda: layers(nn.TransformerEncoderLayer(8, 2, 8, 0.5)), "draws noise"),
    "a layer that is made later": (lambda: layers(nn.LazyLinear(8)), "does not run Sequential"),
}


@pytest.mark.parametrize(("make", "reason"), VMAP_LOSES.values(), ids=VMAP_LOSES)
def test_what_torch_func_would_lose_is_trained_alone(make, reason):
    before = torch.get_rng_state()
    model = seeded(0, make)
    assert reason in against_vmap(model, DATA.x[:2])
    assert torch.equal(before, torch.get_rng_state())
    with pytest.raises(ValueError, match=f"way='vmap': .*{reason}"):
        fit_trials(lambda seed: seeded(seed, make), DATA, [TRIAL], way="vmap", progress=False)


@pytest.mark.parametrize("make", [lambda: twice(nn.Tanh()), lambda: layers(Residual(nn.Linear(8, 8)))])
def test_what_it_keeps_goes_by_it_on_a_gpu(make):
    network = groups._Network(make(), DATA.x[:2], torch.device("cuda"))
    for reason, way in (("", "vmap"), ("it draws noise", "loop")):
        vars(network)["against_vmap"] = reason  # as if found out there
        assert groups._choose(0, network, TRIAL, TRIAL.mixer, "auto") == way
    assert against_vmap(make(), DATA.x[:2]) == ""


def test_a_network_is_looked_at_and_not_changed():
    model = layers(nn.BatchNorm1d(8))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert against_vmap(model, DATA.x[:2]) == ""
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_buffer_that_cannot_be_written_to_is_found_before_training():
    class Wide(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("one", torch.ones(1).expand(8))

        def forward(self, x):
            return x + self.one

    assert "does not run Sequential: " in against_vmap(layers(Wide()), DATA.x[:2])


def test_a_network_that_is_given_in_evaluation_mode_trains():
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8)).eval()
    FunctionalNetwork([model]).run(DATA.x[None])
    assert model.training
