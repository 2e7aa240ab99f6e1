from collections import OrderedDict

import pytest
import torch
from torch import nn

from mixbook.data import digits
from mixbook.models import Normalise, PreActResNet, seeded
from mixbook.training import CheckpointError, Recipe, fine_tune, fit
from mixbook.training.fine_tune import TRANSFER, frozen_but_for

PARTS = ["layer4", "head"]
RECIPE = Recipe(epochs=2, batch_size=64, lr=1e-3, optimizer="adam", weight_decay=0)


@pytest.fixture
def model():
    return seeded(0, lambda: PreActResNet(18, 10, 1, width=4)).train()


@pytest.fixture
def data():
    return digits()[torch.arange(128)]


def state(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def test_only_the_named_parts_change(model, data):
    before = state(model)
    fine_tune(model, data, PARTS, RECIPE, progress=False)
    after = model.state_dict()
    for name, value in before.items():
        mine = name.split(".")[0] in PARTS
        if name.endswith(("weight", "running_mean", "num_batches_tracked")):
            assert torch.equal(value, after[name]) != mine, name
        assert mine or torch.equal(value, after[name]), name


def test_afterwards_the_network_is_as_free_as_before(model, data):
    model.layer1.eval()
    model.stem.weight.requires_grad_(False)
    fine_tune(model, data, PARTS, RECIPE, progress=False)
    free = {name for name, weight in model.named_parameters() if not weight.requires_grad}
    assert free == {"stem.weight"}
    assert not model.layer1.training and not any(module.training for module in model.layer1.modules())
    assert model.layer2.training
    model.train()
    running = model.layer1[0].activation[0].running_mean.clone()
    model(data.x)
    assert not torch.equal(model.layer1[0].activation[0].running_mean, running)


def test_a_new_head_has_the_new_classes_and_follows_the_seed(data):
    weights = []
    for seed in (0, 0, 1):
        model = seeded(0, lambda: PreActResNet(18, 7, 1, width=4))
        with torch.random.fork_rng():
            torch.manual_seed(len(weights))  # the global state has no say
            fine_tune(model, data, PARTS, Recipe(1, 64, 1e-3, seed=seed), head="head", num_classes=10, progress=False)
        assert model(data.x).shape == (128, 10)
        weights.append(model.head.weight.detach())
    assert torch.equal(weights[0], weights[1])
    assert (weights[0] - weights[2]).abs().mean() > 0.03  # far more than the order of the batches makes of one head


def first_weight(model: nn.Module) -> dict[str, float]:
    return {"first": model.head.weight[0, 0].item()}


def test_each_epoch_can_be_scored(model, data):
    history = fine_tune(model, data, PARTS, RECIPE, validate=first_weight, progress=False)
    assert len(set(history["first"])) == 2


def test_bytes_of_files_can_be_trained_on(tmp_path):
    from PIL import Image

    from mixbook.data import ImageFiles, loader, random_view

    paths = []
    for number, colour in enumerate([(250, 0, 0), (0, 250, 0)] * 4):
        paths.append(tmp_path / f"{number}.png")
        Image.new("RGB", (40, 30), colour).save(paths[-1])
    files = ImageFiles(tuple(paths), torch.arange(8) % 2, 2, "colours", random_view(16))
    net = seeded(0, lambda: PreActResNet(18, 5, width=4))
    model = nn.Sequential(OrderedDict(normalise=Normalise((0.5,) * 3, (0.25,) * 3), net=net))
    history = fine_tune(
        model, loader(files, 8, seed=0), ["net.layer4", "net.head"], Recipe(25, 8, 1e-2, "adam"), head="net.head",
        num_classes=2, progress=False,
    )  # fmt: skip
    assert history["loss"][-1] < 0.5 * history["loss"][0]


class Attending(nn.Module):
    """Attention with dropout of its own, a module that has parts, in front of a head."""

    def __init__(self) -> None:
        super().__init__()
        self.attention, self.head = nn.MultiheadAttention(8, 1, dropout=0.5, batch_first=True), nn.Linear(8, 10)
        self.modes: list[tuple[bool, bool]] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows = x.flatten(1, -2)
        mixed, _ = self.attention(rows, rows, rows)
        self.modes.append((self.training, self.attention.training))
        return self.head(mixed.mean(1))


def test_frozen_modules_with_parts_of_their_own_are_in_evaluation_mode(data):
    model = seeded(0, Attending)
    fine_tune(model, data, ["head"], RECIPE, progress=False)
    assert set(model.modes) == {(True, False)}
    assert model.attention.training


def test_a_checkpoint_of_other_parts_or_of_another_base_is_refused(data, tmp_path):
    def tuned(parts, seed=0):
        network = seeded(seed, lambda: PreActResNet(width=4, in_channels=1))
        fine_tune(network, data, parts, Recipe(epochs=1, lr=0.1), progress=False, checkpoint=tmp_path / "run.pt")
        return torch.cat([weight.detach().flatten() for weight in network.parameters()])

    first = tuned(["head"])
    assert torch.equal(tuned(["head"]), first)
    for other in ({"parts": ["layer4", "head"]}, {"parts": ["head"], "seed": 1}):
        with pytest.raises(CheckpointError, match=r"belongs to another run \(frozen: '\d+ weights, \w+', now"):
            tuned(**other)
    whole = seeded(0, lambda: PreActResNet(width=4, in_channels=1))
    with pytest.raises(CheckpointError, match="now None"):
        fit(whole, data, Recipe(epochs=1, lr=0.1), progress=False, checkpoint=tmp_path / "run.pt")


def test_the_recipe_is_that_of_the_paper():
    assert Recipe(epochs=10, batch_size=32, lr=1e-4, optimizer="adam", weight_decay=0) == TRANSFER


def test_frozen_parts_are_free_again_after_an_error(model):
    with pytest.raises(RuntimeError, match="on purpose"), frozen_but_for(model, PARTS):
        assert not model.stem.weight.requires_grad
        raise RuntimeError("on purpose")
    assert model.stem.weight.requires_grad


def test_bad_input_is_named(model, data):
    with pytest.raises(ValueError, match="parts must name at least one part of the model"):
        fine_tune(model, data, [])
    with pytest.raises(ValueError, match="head and num_classes must be given together, got 'head' and None"):
        fine_tune(model, data, PARTS, head="head")
    with pytest.raises(ValueError, match=r"head 'head' must be in parts, got \['layer4'\]"):
        fine_tune(model, data, ["layer4"], head="head", num_classes=3)
    with pytest.raises(TypeError, match="head 'layer4' must be the linear map"):
        fine_tune(model, data, PARTS, head="layer4", num_classes=3)
    with pytest.raises(AttributeError, match="layer9"):
        fine_tune(model, data, ["layer9"])
    with pytest.raises(ValueError, match=r"parts must be a list with at least one name, got 'head': e\.g\. \['head'\]"):
        fine_tune(model, data, "head", head="head", num_classes=3)
