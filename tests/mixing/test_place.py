import pytest
import torch
from scipy.optimize import linear_sum_assignment
from torch import nn

import mixbook as mb


@pytest.fixture
def model():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Sequential(nn.Linear(8, 8), nn.Tanh()), nn.Linear(8, 5))


@pytest.fixture
def data(generator):
    return torch.rand(12, 6, generator=generator), torch.randint(0, 5, (12,), generator=generator)


def generators(count, seed=8):
    return [torch.Generator().manual_seed(seed) for _ in range(count)]


def plan_after_drawing_a_layer(mix, features, layers, generator):
    layer = int(torch.randint(layers, (), generator=generator))
    return layer, mix.plan(features, generator=generator)


@pytest.mark.parametrize("draws", [1, 3])
@pytest.mark.parametrize("pairing", [mb.RandomPairing(), mb.OptimalTransport(4)], ids=str)
@pytest.mark.parametrize(("layer", "depth"), [("0", 1), ("2.1", 3), ("2", 3)])
def test_mixing_at_a_layer_is_head_of_mixed_prefix(model, data, layer, depth, pairing, draws):
    x, y = data
    mix = mb.Mixer(pairing, mb.Beta(1.0, draws), num_classes=5)
    one, two = generators(2)
    logits, targets = mb.ManifoldMixer(model, [layer], mix).outputs(model, x, y, generator=one)
    features = model[:depth](x)
    _, plan = plan_after_drawing_a_layer(mix, features, 1, two)
    torch.testing.assert_close(logits, model[depth:](plan.apply(features)))
    torch.testing.assert_close(targets, plan.targets(y, 5))


def test_transport_matches_what_is_mixed_not_the_input(model, data):
    x, y = data
    mix = mb.Mixer(mb.OptimalTransport(12), mb.Fixed(0.5), num_classes=5)
    x2 = x.flip(0) + torch.tensor([5.0, 0, 0, 0, 0, 0])
    logits, _ = mb.ManifoldMixer(model, ["2"], mix).outputs(model, x, y, partner=(x2, y), generator=generators(1)[0])
    h, h2 = model[:3](x), model[:3](x2)
    columns = linear_sum_assignment(torch.cdist(h, h2).square().detach().numpy())[1]
    torch.testing.assert_close(logits, model[3:]((h + h2[columns]) / 2), atol=1e-5, rtol=1e-4)


def test_at_the_input_it_is_input_mixup(model, data):
    x, y = data
    mix = mb.mixup(1.0, 5)
    one, two = generators(2)
    logits, targets = mb.ManifoldMixer(model, ["input"], mix).outputs(model, x, y, generator=one)
    _, plan = plan_after_drawing_a_layer(mix, x, 1, two)
    torch.testing.assert_close(logits, model(plan.apply(x)))
    torch.testing.assert_close(targets, plan.targets(y, 5))


def test_every_eligible_layer_is_drawn(model, data, generator):
    seen = []
    for name in ("0", "2"):
        model.get_submodule(name).register_forward_hook(lambda m, i, o, name=name: seen.append((name, len(o))))
    hidden = mb.manifold_mixup(model, ["input", "0", "2"], 1.0, 5, draws=2, generator=generator)
    places = set()
    for _ in range(40):
        seen.clear()
        hidden(*data)
        places.add(tuple(rows for _, rows in seen))
    # Our hook was registered last, so these see the layer's output before it is mixed.
    assert places == {(24, 24), (12, 24), (12, 12)}


def test_the_layers_before_the_mixing_point_run_once_for_all_draws(model, data, generator):
    rows = []
    model[0].register_forward_hook(lambda m, i, o: rows.append(len(o)))
    logits, _ = mb.manifold_mixup(model, ["2"], 1.0, 5, draws=4, generator=generator)(*data)
    assert rows == [12] and len(logits) == 48


def test_gradients_reach_the_layers_below(model, data, generator):
    logits, targets = mb.manifold_mixup(model, ["2"], 1.0, 5, generator=generator)(*data)
    mb.mixed_cross_entropy(logits, targets).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_nothing_is_mixed_in_eval_mode(model, data, generator):
    x, y = data
    hidden = mb.manifold_mixup(model, ["input", "2"], 1.0, 5, generator=generator)
    model.eval()
    logits, targets = hidden(x, y)
    torch.testing.assert_close(logits, model(x))
    torch.testing.assert_close(targets, nn.functional.one_hot(y, 5).float())


def test_no_hook_stays_behind_also_after_an_error(model, data, generator):
    hidden = mb.manifold_mixup(model, ["2"], 1.0, 5, generator=generator)
    hidden(*data)
    assert not model[2]._forward_hooks
    model[3] = nn.Linear(9, 5)  # does not fit: raises after the mixing point
    with pytest.raises(RuntimeError):
        hidden(*data)
    assert not model[2]._forward_hooks


def test_a_module_that_is_used_twice_mixes_once(data, generator):
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(6, 6)

        def forward(self, x):
            return self.layer(self.layer(x))

    model = Twice()
    logits, _ = mb.manifold_mixup(model, ["layer"], 1.0, 6, draws=2, generator=generator)(*data)
    assert len(logits) == 24


def test_unusable_layers_are_refused(model, data, generator):
    with pytest.raises(ValueError, match=r"layers \['block9'\] are not in the model: it has input, 0, 1, 2, 2\.0"):
        mb.manifold_mixup(model, ["0", "block9"], 1.0, 5)
    for layers in ([], "input"):
        with pytest.raises(ValueError, match="layers must be a list"):
            mb.manifold_mixup(model, layers, 1.0, 5)

    class Unused(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.unused = nn.Linear(6, 5), nn.Linear(6, 5)

        def forward(self, x):
            return self.used(x)

    with pytest.raises(RuntimeError, match="'unused' did not run"):
        mb.manifold_mixup(Unused(), ["unused"], 1.0, 5, generator=generator)(*data)

    class Pair(nn.Module):
        def forward(self, x):
            return x, x

    two = nn.Sequential(nn.Sequential(Pair()))
    with pytest.raises(RuntimeError, match="must give one tensor with 12 rows, got tuple"):
        mb.manifold_mixup(two, ["0"], 1.0, 5, generator=generator)(*data)
    with pytest.raises(ValueError, match="same length, got 12 and 11"):
        mb.manifold_mixup(model, ["0"], 1.0, 5)(data[0], data[1][:-1])
