import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

import mixbook as mb
from mixbook.data import digits
from mixbook.mixing.losses import mixed_cross_entropy
from mixbook.models import MLP, PreActResNet, seeded
from mixbook.training import GradientNorm, History, Recipe, epochs_until, fit, loss_by_layer


@pytest.fixture
def data():
    return digits()[torch.arange(200)]


def squared_norm(model: nn.Module) -> float:
    return sum(float(weight.grad.square().sum()) for weight in model.parameters() if weight.grad is not None)


def test_the_norm_is_averaged_over_the_steps_and_begins_anew(data):
    model = seeded(0, lambda: MLP(64, (8,), 10))
    watch, seen = GradientNorm(model), []
    for rows in (slice(0, 30), slice(30, 70), slice(70, 90)):
        model.zero_grad()
        cross_entropy(model(data.x[rows]), data.y[rows]).backward()
        seen.append(squared_norm(model))
        if len(seen) == 2:
            assert watch() == {"squared_gradient_norm": pytest.approx(sum(seen) / 2)}
    assert watch() == {"squared_gradient_norm": pytest.approx(seen[2])}
    assert watch()["squared_gradient_norm"] != watch()["squared_gradient_norm"]  # NaN: there was no step


def test_frozen_parameters_and_those_that_get_no_gradient_are_no_steps(data):
    model = seeded(0, lambda: MLP(64, (8, 8), 10))
    first, *_ = model.parameters()
    first.requires_grad_(False)
    watch = GradientNorm(nn.ModuleDict({"used": model, "unused": nn.Linear(3, 3)}))
    cross_entropy(model(data.x), data.y).backward()
    assert watch()["squared_gradient_norm"] == pytest.approx(squared_norm(model))
    watch.close()
    cross_entropy(model(data.x), data.y).backward()
    assert watch()["squared_gradient_norm"] != watch()["squared_gradient_norm"]


def test_it_watches_a_run_and_does_not_change_it(data):
    runs = []
    for watched in (True, False):
        model = seeded(0, lambda: MLP(64, (8,), 10))
        validate = GradientNorm(model) if watched else None
        runs.append((model, fit(model, data, Recipe(3, 64), mixer=mb.mixup(1.0, 10), validate=validate, progress=False)))
    assert len(runs[0][1]["squared_gradient_norm"]) == 3
    assert all(torch.equal(a, b) for a, b in zip(runs[0][0].parameters(), runs[1][0].parameters(), strict=True))


def test_in_float16_where_gradients_are_scaled_it_is_refused(data):
    from lightning_fabric import Fabric
    from lightning_fabric.plugins.precision import MixedPrecision

    half = MixedPrecision("16-mixed", "cpu", torch.amp.GradScaler("cpu", init_scale=2.0**10))
    scaled = Fabric(accelerator="cpu", devices=1, plugins=[half])
    model = seeded(0, lambda: MLP(64, (8,), 10))
    watch = GradientNorm(model.layer1)
    for validate in (watch, lambda m: watch()):
        with pytest.raises(ValueError, match="in float16 they are scaled: take precision='bf16'"):
            fit(model, data, Recipe(1, 64), validate=validate, fabric=scaled, progress=False)
    history = fit(model, data, Recipe(1, 64, precision="bf16"), validate=watch, progress=False)
    assert 0 < history["squared_gradient_norm"][0] < 100
    watch.close()
    fit(model, data, Recipe(1, 64), fabric=scaled, progress=False)


def test_the_loss_at_each_layer_is_that_of_states_mixed_by_hand(data):
    model = seeded(0, lambda: MLP(64, (16, 16), 10))
    mixer = mb.Mixer(ratio=mb.Fixed(0.3), num_classes=10)
    found = loss_by_layer(model, data, ["input", "layer1", "layer2"], mixer, batch_size=len(data), seed=3)
    generator = torch.Generator().manual_seed(3)
    x, y = data.batch(torch.randperm(len(data), generator=generator))
    torch.randint(1, (1,), generator=generator)  # which of the one layer
    plan = mixer.plan(x, y, generator=generator)
    targets, layers = plan.targets(y, 10), [model.layer1, model.layer2, model.head]
    with torch.no_grad():
        states = [x.flatten(1), model.layer1(x.flatten(1))]
        states.append(model.layer2(states[1]))
        expected = [mixed_cross_entropy(nn.Sequential(*layers[at:])(plan.apply(h)), targets) for at, h in enumerate(states)]
    assert list(found.values()) == pytest.approx([float(value) for value in expected], rel=1e-5)
    assert len(set(found.values())) == 3


def test_measuring_the_loss_leaves_the_network_as_it_was():
    model = seeded(0, lambda: PreActResNet(18, 10, 1, width=4)).train()
    model.layer2.eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    found = loss_by_layer(model, digits()[torch.arange(60)], ["input", "layer1"], mb.mixup(1.0, 10), batch_size=20)
    assert set(found) == {"input", "layer1"}
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert (model.training, model.layer1.training, model.layer2.training) == (True, True, False)


def test_without_mixing_every_layer_has_the_loss_of_the_samples(data):
    model = seeded(0, lambda: MLP(64, (16,), 10))
    found = loss_by_layer(model, data, ["input", "layer1"], mb.Mixer(ratio=mb.Fixed(1.0), num_classes=10), batch_size=70)
    plain = cross_entropy(model(data.x), data.y).item()
    assert found == pytest.approx({"input": plain, "layer1": plain}, rel=1e-5)


def test_bad_input_is_named(data):
    model = MLP(64, (8,), 10)
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        loss_by_layer(model, data, ["input"], mb.mixup(1.0, 10), batch_size=0)
    with pytest.raises(ValueError, match="not in the model"):
        loss_by_layer(model, data, ["layer9"], mb.mixup(1.0, 10))


def test_what_cross_entropy_does_not_measure_is_refused_by_default(data):
    class Labelled:
        def __init__(self, labels: int) -> None:
            self.labels = labels

        def __len__(self) -> int:
            return 20

        def batch(self, rows, generator=None):
            return data.x[rows], torch.ones(len(rows), self.labels)

    several = seeded(0, lambda: MLP(64, (8,), 3))
    with pytest.raises(ValueError, match="targets must sum to 1 over the classes, got up to 3"):
        loss_by_layer(several, Labelled(3), ["input"], mb.mixup(1.0))
    found = loss_by_layer(several, Labelled(3), ["input"], mb.mixup(1.0), loss=binary_cross_entropy_with_logits)
    assert 0.3 < found["input"] < 3
    with pytest.raises(ValueError, match="logits must be of two classes or more"):
        loss_by_layer(MLP(64, (8,), 1), Labelled(1), ["input"], mb.mixup(1.0))


@pytest.mark.parametrize("layers", ["layer1", "input", []])
def test_layers_are_a_list_of_names(layers):
    with pytest.raises(ValueError, match="layers must be a list with at least one name, got"):
        loss_by_layer(MLP(64, (8,), 10), digits(), layers, mb.mixup(1.0, 10))


@pytest.mark.parametrize(
    ("values", "goal", "epochs"),
    [
        ([3, 2, 1], 2, 2),
        ([3, 2], 2, 2),
        ([3, 2, 1], 1.5, 2.5),
        ([3, 2, 1], 5, 1),
        ([3, 2, 1], 0.5, 4),
        ([3, 1, 2, 0.5], 2, 1.5),
    ],
)
def test_epochs_are_counted_on_straight_lines(values, goal, epochs):
    assert epochs_until(values, goal) == pytest.approx(epochs)
    records = tuple({"loss": value} for value in values)
    assert History(records).epochs_until("loss", goal) == pytest.approx(epochs)


@pytest.mark.parametrize(("goal", "epochs"), [(5, 10), (2, 20), (1.5, 25), (1, 30), (0.75, 33), (0, 37)])
def test_records_of_every_tenth_epoch_are_not_taken_for_epochs(goal, epochs):
    records = [{"epoch": n, "loss": loss} for n, loss in ((10, 3.0), (20, 2.0), (30, 1.0), (36, 0.5))]
    assert History(tuple(records)).epochs_until("loss", goal) == pytest.approx(epochs)
