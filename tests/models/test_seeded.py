import torch

from mixbook.models import MLP, seeded


def weights(model: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_weights_depend_on_the_seed_and_nothing_else():
    first = weights(seeded(3, lambda: MLP(4, (5,), 2)))
    torch.rand(7)
    assert torch.equal(first, weights(seeded(3, lambda: MLP(4, (5,), 2))))
    assert not torch.equal(first, weights(seeded(4, lambda: MLP(4, (5,), 2))))


def test_a_default_device_is_not_followed():
    with torch.device("meta"):
        model = seeded(3, lambda: MLP(4, (5,), 2))
    assert torch.equal(weights(model), weights(seeded(3, lambda: MLP(4, (5,), 2))))


def test_the_global_state_is_left_alone():
    before = torch.get_rng_state()
    seeded(3, lambda: MLP(4, (5,), 2))
    assert torch.equal(torch.get_rng_state(), before)
