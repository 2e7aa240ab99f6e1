"""Layers that a backward pass runs again are mixed as they were, and no hook outlives it."""

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

import mixbook as mb


class Block(nn.Sequential):
    def __init__(self, width):
        super().__init__()
        self.linear, self.act = nn.Linear(width, width), nn.Tanh()


class Checkpointed(nn.Module):
    """Stem, two blocks, dropout between, and a head; ``how`` is None, or ``use_reentrant`` of the blocks' checkpointing."""

    def __init__(self, how=None, dropout=0.0, **options):
        super().__init__()
        self.how, self.options, self.drop = how, options, nn.Dropout(dropout)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.stem, self.block1, self.block2, self.head = nn.Linear(6, 8), Block(8), Block(8), nn.Linear(8, 5)

    def forward(self, x):
        x = self.stem(x)
        if self.how is None:
            return self.head(self.block2(self.drop(self.block1(x))))
        x = checkpoint(lambda h: self.block2(self.drop(self.block1(h))), x, use_reentrant=self.how, **self.options)
        return self.head(x)


def hooks(model):
    return sum(len(module._forward_hooks) for module in model.modules())


@pytest.fixture
def data(generator):
    return torch.rand(12, 6, generator=generator), torch.randint(0, 5, (12,), generator=generator)


def gradients(model):
    return [p.grad.clone() for p in model.parameters()]


def step(how, layers, data, losses=1, backwards=1, dropout=0.0, own=True, **options):
    model = Checkpointed(how, dropout)
    generator = torch.Generator().manual_seed(5) if own else None
    hidden = mb.manifold_mixup(model, layers, 1.0, 5, generator=generator, **options)
    total = sum(mb.mixed_cross_entropy(*hidden(*data)) for _ in range(losses))
    assert hooks(model) == 0
    for more in reversed(range(backwards)):
        total.backward(retain_graph=more > 0)
        assert hooks(model) == 0
    return gradients(model)


@pytest.mark.parametrize("how", [False, True], ids=["saved tensors", "reentrant"])
@pytest.mark.parametrize("draws", [1, 3])
@pytest.mark.parametrize("own", [True, False], ids=["own generator", "torch's generator"])
@pytest.mark.parametrize("layers", [["block1"], ["block1.linear"], ["block2.act"], ["block2"], ["stem"]], ids=str)
def test_recomputed_layers_replay_the_plan(how, layers, own, draws, data):
    options = {"own": own, "draws": draws, "dropout": 0.5}
    with torch.random.fork_rng():
        recomputed, plain = (gradients_and_next(each, layers, data, options) for each in (how, None))
    for ours, theirs in zip(recomputed, plain, strict=True):
        torch.testing.assert_close(ours, theirs)


def gradients_and_next(how, layers, data, options):
    torch.manual_seed(3)
    return [*step(how, layers, data, **options), torch.rand(3)]  # and what is drawn after the step


def test_random_numbers_that_checkpointing_left_alone_are_left_alone(data):
    model = Checkpointed(False, preserve_rng_state=False)
    with torch.random.fork_rng():
        mixed = mb.mixed_cross_entropy(*mb.manifold_mixup(model, ["block1"], 1.0, 5)(*data))
        before = torch.get_rng_state()
        mixed.backward()
        assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("how", [False, True], ids=["saved tensors", "reentrant"])
@pytest.mark.parametrize("per", ["batch", "pair"])
@pytest.mark.parametrize("options", [{"losses": 3}, {"backwards": 2}], ids=str)
def test_several_passes_in_one_backward_and_several_backwards_of_one_pass(how, per, options, data):
    layers = ["input", "stem", "block1", "block2.act", "head"]
    ours = step(how, layers, data, per=per, draws=2, **options)
    plain = step(None, layers, data, per=per, draws=2, **options)
    for a, b in zip(ours, plain, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("how", [False, True], ids=["saved tensors", "reentrant"])
@pytest.mark.parametrize("layers", [["input"], ["stem"], ["block1"], ["block2"]], ids=str)
def test_recomputed_layers_behind_a_stopped_gradient_are_trained(how, layers, data):
    x, y = data

    def trained(how):
        model = Checkpointed(how)
        first = nn.Sequential(model)  # so that the checkpointed part may be the first that runs
        model.stem = nn.Identity() if layers == ["stem"] else model.stem
        rows = torch.rand(12, 8, generator=torch.Generator().manual_seed(1)) if layers == ["stem"] else x
        hidden = mb.manifold_mixup(
            first, [f"0.{layers[0]}" if layers != ["input"] else "input"], 1.0, 5, stop_gradient=True,
            generator=torch.Generator().manual_seed(5),
        )  # fmt: skip
        mb.mixed_cross_entropy(*hidden(rows.clone().requires_grad_(), y)).backward()
        return {name: parameter.grad for name, parameter in model.named_parameters()}

    ours, plain = trained(how), trained(None)
    assert any(gradient is not None for gradient in plain.values())
    for name, gradient in plain.items():
        torch.testing.assert_close(ours[name], gradient) if gradient is not None else None
        assert gradient is not None or ours[name] is None or not ours[name].any(), name


@pytest.mark.parametrize("how", [False, True], ids=["saved tensors", "reentrant"])
def test_two_mixers_of_one_model_in_one_backward(how, data):
    def total(how):
        model = Checkpointed(how)
        first = mb.manifold_mixup(model, ["block1"], 1.0, 5, generator=torch.Generator().manual_seed(1))
        second = mb.ManifoldMixer(model, ["block2"], mb.kmixup(4, 1.0, 5, generator=torch.Generator().manual_seed(2)))
        logits = [first(*data), second(*data)]
        sum(mb.mixed_cross_entropy(*each) for each in logits).backward()
        return gradients(model)

    for ours, plain in zip(total(how), total(None), strict=True):
        torch.testing.assert_close(ours, plain)


@pytest.mark.parametrize("how", [False, True], ids=["saved tensors", "reentrant"])
def test_gradients_stay_stopped_when_recomputed(how, data):
    model = Checkpointed(how)
    hidden = mb.manifold_mixup(model, ["block1"], 1.0, 5, stop_gradient=True, generator=torch.Generator().manual_seed(0))
    mb.mixed_cross_entropy(*hidden(*data)).backward()
    for part in (model.stem, model.block1):
        assert all(p.grad is None or not p.grad.any() for p in part.parameters())
    assert all(p.grad.any() for p in (*model.block2.parameters(), *model.head.parameters()))


@pytest.mark.parametrize("how", [False, True], ids=["saved tensors", "reentrant"])
def test_an_error_in_the_backward_pass_leaves_nothing_mixed_behind(how, data):
    model = Checkpointed(how)
    hidden = mb.manifold_mixup(model, ["block1"], 1.0, 5, draws=2, generator=torch.Generator().manual_seed(0))
    logits, targets = hidden(*data)
    fail = model.stem.weight.register_hook(lambda gradient: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        mb.mixed_cross_entropy(logits, targets).backward()
    fail.remove()
    model.eval()
    outputs = model(data[0])
    assert len(outputs) == 12
    torch.testing.assert_close(outputs, Checkpointed()(data[0]))
    assert hooks(model) == 0


ORDERS = [
    ("clean", "mixed"),
    ("mixed", "clean"),
    ("input", "mixed"),
    ("eval", "mixed"),
    ("clean", "mixed", "clean", "mixed"),
]


@pytest.mark.parametrize("how", [False, True], ids=["saved tensors", "reentrant"])
@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_other_passes_of_one_step_are_not_mixed_when_recomputed(order, how, data):
    def found(how):
        model = Checkpointed(how)
        g = torch.Generator().manual_seed(5)
        inside, before = (mb.manifold_mixup(model, [layer], 1.0, 5, generator=g) for layer in ("block2", "input"))
        total = torch.zeros(())
        for kind in order:
            model.train(kind != "eval")
            outputs, targets = (
                (model(data[0]), data[1]) if kind == "clean" else (before if kind == "input" else inside)(*data)
            )
            total = total + mb.mixed_cross_entropy(outputs, targets)
        total.backward()
        assert hooks(model) == 0
        return gradients(model)

    for ours, plain in zip(found(how), found(None), strict=True):
        torch.testing.assert_close(ours, plain)


def test_a_layer_that_ran_twice_cannot_be_told_apart_when_recomputed(data):
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(6, 6)

        def forward(self, x):
            for _ in range(2):
                x = checkpoint(lambda h: self.layer(h).tanh(), x, use_reentrant=False)
            return x

    hidden = mb.manifold_mixup(Twice(), ["layer"], 1.0, 6, generator=torch.Generator().manual_seed(0))
    logits, targets = hidden(*data)
    with pytest.raises(RuntimeError, match=r"'layer' ran 2 times .* mix at a layer that runs once"):
        mb.mixed_cross_entropy(logits, targets).backward()


@pytest.mark.parametrize("without", [torch.no_grad, torch.inference_mode])
def test_without_gradients_nothing_waits_for_a_backward_pass(without, data):
    model = Checkpointed()
    hidden = mb.manifold_mixup(model, ["block1"], 1.0, 5, generator=torch.Generator().manual_seed(0))
    with without():
        logits, _ = hidden(*data)
    assert logits.shape == (12, 5) and not logits.requires_grad and hooks(model) == 0


@pytest.mark.parametrize("how", [False, True], ids=["saved tensors", "reentrant"])
def test_where_checkpointing_restores_no_generator_a_layer_that_is_recomputed_sets_none(how, data):
    model = Checkpointed(how, preserve_rng_state=False)
    with torch.random.fork_rng():
        logits, targets = mb.manifold_mixup(model, ["block1"], 1.0, 5)(*data)  # which draws from torch's generator
        torch.rand(3)
        before = torch.get_rng_state()
        mb.mixed_cross_entropy(logits, targets).backward()
        assert torch.equal(torch.get_rng_state(), before)
