import pytest
import torch
from torch import nn

from mixbook.evaluation import hidden_states
from mixbook.models import LeNet, seeded


def test_states_are_what_the_layer_gives_flattened(generator):
    model = seeded(0, LeNet).train()
    x = torch.rand(10, 1, 28, 28, generator=generator)
    states = hidden_states(model, x, "layer2", batch_size=3)
    torch.testing.assert_close(states, model.layer2(model.layer1(x)).flatten(1).detach())
    assert not states.requires_grad
    assert model.training
    assert not any(module._forward_hooks for module in model.modules())


def test_what_comes_behind_in_place_changes_nothing(generator):
    model = seeded(0, lambda: nn.Sequential(nn.Linear(3, 8), nn.ReLU(inplace=True), nn.Linear(8, 2)))
    x = torch.randn(6, 3, generator=generator)
    states = hidden_states(model, x, "0")
    torch.testing.assert_close(states, model[0](x).detach())
    assert states.min() < 0


def test_a_layer_must_run_once(generator):
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.idle = nn.Linear(3, 3), nn.Linear(3, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.layer(self.layer(x))

    x = torch.rand(4, 3, generator=generator)
    with pytest.raises(ValueError, match="layer 'layer' must run once for each sample, got 8 states of 4 samples"):
        hidden_states(Twice(), x, "layer")
    with pytest.raises(ValueError, match="layer 'idle' must run once for each sample, got 0"):
        hidden_states(Twice(), x, "idle")
    with pytest.raises(AttributeError):
        hidden_states(Twice(), x, "layer9")
