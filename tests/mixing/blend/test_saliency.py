from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import mixbook as mb
from mixbook.mixing.blend.saliency import GradientSaliency, block_saliency, magnitude, saliency_of


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Tanh(), nn.Dropout(0.5), nn.Flatten(), nn.Linear(4 * 64, 5)
    )


def test_saliency_is_the_slope_of_each_samples_own_loss(generator):
    model, eps = network().double(), 1e-5
    x, y = torch.rand(3, 3, 8, 8, generator=generator).double(), torch.tensor([4, 0, 2])
    found = GradientSaliency(model)(x, y)
    model.eval()

    def slope(n, c, i, j):
        step = torch.zeros_like(x)
        step[n, c, i, j] = eps
        up, down = (F.cross_entropy(model(x + sign * step), y, reduction="none")[n] for sign in (1, -1))
        return ((up - down) / (2 * eps)).item()

    for n, i, j in [(0, 0, 0), (1, 3, 5), (2, 7, 7)]:
        square = sum(slope(n, c, i, j) ** 2 for c in range(3)) / 3
        assert found[n, i, j].item() == pytest.approx(square**0.5, rel=1e-3)


@pytest.mark.parametrize("lead", [1.0, 20.0, 60.0])
def test_a_network_that_is_sure_has_the_saliency_of_its_loss(lead, generator):
    """In single precision the probability of the label is 1, and half of the gradient, or all of it, is 0."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    x, weight = torch.ones(1, 1, 4, 4), torch.randn(2, 16, generator=generator)
    with torch.no_grad():
        weight[0] += (lead - (weight[0] - weight[1]).sum()) / 16
        model[1].weight.copy_(weight)
        model[1].bias.zero_()
    found = GradientSaliency(model)(x, torch.tensor([0])).flatten().double()
    slope = (weight[1] - weight[0]).double()  # of the difference of the logits, which the gradient is proportional to
    torch.testing.assert_close(found / found.norm(), slope.abs() / slope.norm(), rtol=1e-5, atol=1e-6)


def test_a_samples_saliency_does_not_depend_on_the_batch_or_the_form_of_its_label(generator):
    x, y = torch.rand(6, 3, 8, 8, generator=generator), torch.randint(0, 5, (6,), generator=generator)
    saliency = GradientSaliency(network())
    torch.testing.assert_close(saliency(x, y)[2:3], saliency(x[2:3], y[2:3]))
    torch.testing.assert_close(saliency(x, y), saliency(x, F.one_hot(y, 5).float()))


@pytest.mark.parametrize("y", [torch.tensor([[0.0], [1.0], [1.0]]), torch.tensor([0, 1, 1])], ids=["float", "int"])
def test_one_logit_needs_its_own_loss(y, generator):
    """Its cross entropy is 0 whatever it is, so every pixel would count alike."""
    x = torch.rand(3, 1, 4, 4, generator=generator)
    for model in (
        nn.Sequential(nn.Flatten(), nn.Linear(16, 1)),
        nn.Sequential(nn.Flatten(), nn.Linear(16, 1), nn.Flatten(0)),
    ):
        with pytest.raises(ValueError, match=r"one output for each image, .*loss=\.\.\..*binary_cross_entropy_with_logits"):
            GradientSaliency(model)(x, y)


def test_a_loss_of_one_s_own_is_what_saliency_and_clean_loss_follow(generator):
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 1))
    x, y = torch.rand(3, 1, 4, 4, generator=generator), torch.tensor([[0.0], [1.0], [0.3]])
    saliency = GradientSaliency(model, partial(F.binary_cross_entropy_with_logits, reduction="none"))
    slope = (model(x).sigmoid() - y) * model[1].weight  # of the binary cross entropy
    torch.testing.assert_close(saliency(x, y), slope.abs().reshape(3, 4, 4).detach())
    _, mean = saliency.gradient(x, y, keep_loss=True)
    torch.testing.assert_close(mean, F.binary_cross_entropy_with_logits(model(x), y))
    plan = mb.Mixer(blend=mb.PuzzleMix(saliency, grids=(2,))).plan(x, y)
    assert plan.masks.shape == (3, 2, 1, 4, 4)
    assert "loss=functools.partial(<function binary_cross_entropy_with_logits" in repr(saliency)
    assert repr(GradientSaliency(model)) == "GradientSaliency(Sequential)"
    with pytest.raises(ValueError, match=r"loss must give a number for each of the 3 images, got shape \(\): .*'none'"):
        GradientSaliency(model, F.binary_cross_entropy_with_logits)(x, y)


@pytest.mark.parametrize(("outputs", "shape"), [(1, (4,)), (1, (4, 1)), (3, (4, 3))])
def test_labels_of_a_binary_loss_may_be_whole_numbers(outputs, shape, generator):
    model, x = nn.Sequential(nn.Flatten(), nn.Linear(16, outputs)), torch.rand(4, 1, 4, 4, generator=generator)
    y = torch.randint(0, 2, shape, generator=generator)

    def loss(logits, y):
        return F.binary_cross_entropy_with_logits(logits.view(y.shape), y, reduction="none")

    saliency = GradientSaliency(model, loss)
    assert torch.equal(saliency(x, y), saliency(x, y.float()))


def test_the_model_is_left_as_it_was(generator):
    model = network().train()
    model[1].eval()  # frozen statistics, as in fine-tuning
    x, y = torch.rand(4, 3, 8, 8, generator=generator), torch.tensor([0, 1, 2, 3])
    model(x)[:, 0].sum().backward()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    gradients = [parameter.grad.clone() for parameter in model.parameters()]
    random_state = torch.get_rng_state()
    with torch.no_grad():
        GradientSaliency(model)(x, y)
    assert [module.training for module in model.modules()] == [True, True, False, True, True, True, True]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(torch.equal(p.grad, g) for p, g in zip(model.parameters(), gradients, strict=True))
    assert torch.equal(torch.get_rng_state(), random_state)
    assert not x.requires_grad


def test_a_model_that_fails_is_left_as_it_was(generator):
    model = network().train()
    with pytest.raises(RuntimeError):
        GradientSaliency(model)(torch.rand(2, 1, 8, 8, generator=generator), torch.tensor([0, 1]))
    assert all(module.training for module in model.modules())


def test_blocks_share_the_saliency(generator):
    saliency = torch.rand(5, 8, 12, generator=generator)
    blocks = block_saliency(saliency, 4)
    torch.testing.assert_close(blocks.sum((1, 2)), torch.ones(5).double())
    torch.testing.assert_close(blocks[:, 1, 2], (saliency[:, 2:4, 6:9].sum((1, 2)) / saliency.sum((1, 2))).double())
    assert (block_saliency(torch.zeros(2, 8, 8), 4) == 1 / 16).all()


def test_bad_saliency_is_refused(generator):
    x, y = torch.rand(2, 3, 8, 8, generator=generator), torch.tensor([0, 1])
    with pytest.raises(ValueError, match=r"y is needed.*mix\.plan\(x, y\).*saliency=magnitude"):
        GradientSaliency(network())(x, None)
    with pytest.raises(ValueError, match="finite and not negative"):
        block_saliency(torch.full((1, 4, 4), float("nan")), 2)
    with pytest.raises(ValueError, match="finite and not negative"):
        block_saliency(-torch.ones(1, 4, 4), 2)
    with pytest.raises(ValueError, match="grid must divide height and width, got 3 for 4 x 4"):
        block_saliency(torch.ones(1, 4, 4), 3)
    with pytest.raises(ValueError, match=r"saliency must give \(2, 8, 8\).*got \(2, 3, 8, 8\)"):
        saliency_of(lambda x, y: x, x, y)
    with pytest.raises(ValueError, match=r"x must be images.*\(2, 3\)"):
        saliency_of(magnitude, torch.rand(2, 3), y)


def mixed(blend, lam, x, **options):
    return mb.Mixer(ratio=mb.Fixed(*lam), blend=blend, generator=torch.Generator().manual_seed(1)).plan(x, **options)


@pytest.mark.parametrize("shape", [(9, 3, 32, 32), (5, 1, 12, 20), (1, 3, 7, 7)])
def test_a_saliency_box_holds_the_most_salient_point_and_weighs_its_true_area(shape, generator):
    x = torch.rand(shape, generator=generator)
    plan = mixed(mb.SaliencyMix(), (0.1, 0.5, 0.9), x)
    pasted = plan.masks[:, 1, 0]
    assert set(pasted.unique().tolist()) <= {0.0, 1.0}
    torch.testing.assert_close(plan.weights[:, 1], pasted.mean((1, 2)))
    peak = magnitude(x)[plan.sources[:, 1]].flatten(1).argmax(1)
    assert (pasted.flatten(1).gather(1, peak[:, None]) == 1).all()
    # A box is where its rows and its columns meet, both without holes; more of the original is a smaller box inside.
    rows, columns = pasted.amax(2), pasted.amax(1)
    torch.testing.assert_close(rows[:, :, None] * columns[:, None], pasted)
    assert all((line.diff(dim=1).abs().sum(1) <= 2).all() for line in (rows, columns))
    draws = pasted.reshape(3, shape[0], -1)
    assert (draws.diff(dim=0) <= 0).all()


def test_a_saliency_box_away_from_the_border_has_the_wanted_area():
    x = torch.zeros(2, 1, 32, 48)
    x[:, :, 16, 24] = 1
    plan = mixed(mb.SaliencyMix(), (0.75,), x)
    assert plan.masks[0, 1, 0].sum() == 16 * 24
    assert plan.weights[0].tolist() == [0.75, 0.25]


@pytest.mark.parametrize("lam", [0.0, 1.0])
def test_saliency_mix_with_all_weight_on_one_side_does_not_mix(lam, generator):
    x = torch.rand(6, 3, 8, 8, generator=generator)
    plan = mixed(mb.SaliencyMix(), (lam,), x)
    assert torch.equal(plan.apply(x), x[plan.sources[:, 0 if lam else 1]])
    assert (plan.weights[:, 0] == lam).all()


@pytest.mark.parametrize("preset", [mb.puzzlemix, mb.comixup])
def test_a_label_out_of_range_is_refused_in_the_words_of_targets(preset, generator):
    x, y = torch.rand(4, 3, 8, 8, generator=generator), torch.tensor([0, 1, 9, 2])
    for given in ({"num_classes": 5}, {}):  # without it, it is the network that says how many classes there are
        with pytest.raises(ValueError, match=r"labels must lie in \[0, 5\), got 0 to 9: is num_classes right\?"):
            preset(network(), **given).plan(x, y)
    with pytest.raises(ValueError, match=r"labels must lie in \[0, 5\), got 0 to 9"):
        preset(network(), num_classes=5)(x, y)


def test_what_is_not_known_looks_nowhere_and_leaves_the_others_alone(generator):
    x, y = torch.rand(4, 3, 8, 8, generator=generator), torch.tensor([0, -100, 4, 2])
    saliency, known = GradientSaliency(network()), y >= 0
    found = saliency(x, y)
    assert not found[1].any() and found[known].flatten(1).any(1).all()
    torch.testing.assert_close(found[known], saliency(x[known], y[known]))
    plan = mb.puzzlemix(network(), 1.0, 5, generator=generator).plan(x, y)
    assert plan.targets(y, 5, ignore_index=-100).sum() == pytest.approx(4 - float(plan.matrix()[:, 1].sum()), abs=1e-4)
