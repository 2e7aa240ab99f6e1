import copy

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
    with pytest.raises(ValueError, match=r"layers must be different, got \['0', '0'\]"):
        mb.manifold_mixup(model, ["0", "0"], 1.0, 5)
    for layers in ([], "input"):
        with pytest.raises(ValueError, match="layers must be a list"):
            mb.manifold_mixup(model, layers, 1.0, 5)

    class Unused(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.unused = nn.Linear(6, 5), nn.Linear(6, 5)

        def forward(self, x):
            return self.used(x)

    with pytest.raises(RuntimeError, match=r"\['unused'\] did not run"):
        mb.manifold_mixup(Unused(), ["unused"], 1.0, 5, generator=generator)(*data)

    class Pair(nn.Module):
        def forward(self, x):
            return x, x

    two = nn.Sequential(nn.Sequential(Pair()))
    with pytest.raises(RuntimeError, match="must give one tensor with 12 rows, got tuple: wrap it in a module"):
        mb.manifold_mixup(two, ["0"], 1.0, 5, generator=generator)(*data)
    with pytest.raises(ValueError, match="same length, got 12 and 11"):
        mb.manifold_mixup(model, ["0"], 1.0, 5)(data[0], data[1][:-1])

    named = nn.Sequential(nn.Linear(6, 5))
    named.add_module("input", nn.Identity())
    assert mb.manifold_mixup(named, ["input"], 1.0, 5).layers == ("input",)
    named.add_module("input", nn.Tanh())
    assert mb.manifold_mixup(named, ["0"], 1.0, 5).layers == ("0",)
    with pytest.raises(ValueError, match="layer 'input' is the batch itself, and the model has a module of that name"):
        mb.manifold_mixup(named, ["input"], 1.0, 5)


@pytest.mark.parametrize("layer", ["input", "0"])
def test_batches_in_which_nobody_can_be_paired_are_refused_as_at_the_input(layer, model, data):
    (x, y), hidden = data, mb.manifold_mixup(model, [layer], 1.0, 5)
    for partner, message in (
        ((x[:6], y[:6]), r"second batch must have the shape of the first, \(12, 6\), got \(6, 6\)"),
        ((x, y[:6]), "x2 and y2 must have the same length, got 12 and 6"),
    ):
        with pytest.raises(ValueError, match=message):
            hidden.outputs(model, x, y, partner=partner)
    with pytest.raises(ValueError, match="x is an empty batch"):
        hidden(x[:0], y[:0])


@pytest.mark.parametrize("layer", ["input", "0"])
@pytest.mark.parametrize("training", [False, True])
def test_another_network_than_the_one_that_is_trained_is_refused(training, layer, model, data):
    hidden = mb.manifold_mixup(model.train(training), [layer], 1.0, 5)
    with pytest.raises(ValueError, match=r"the mixer was made for, or a wrapper .* among its modules, got Seq"):
        hidden.outputs(copy.deepcopy(model).train(), *data)
    averaged = copy.deepcopy(model).eval()  # nothing is trained
    model.eval()
    torch.testing.assert_close(hidden.outputs(averaged, *data)[0], model(data[0]))


@pytest.mark.parametrize("training", [False, True])
def test_networks_that_share_frozen_layers_are_others(training, data):
    shared = nn.Sequential(nn.Linear(6, 8), nn.ReLU()).requires_grad_(False)
    ours, other = (nn.Sequential(shared, nn.Linear(8, 8), nn.Linear(8, 5)) for _ in range(2))
    for layer in ("input", "1"):
        hidden = mb.manifold_mixup(ours.train(training), [layer], 1.0, 5)
        with pytest.raises(ValueError, match=r"among its modules, got Seq.*which has not"):
            hidden.outputs(nn.DataParallel(other.train()), *data)
        ours.train()
        whole = nn.Sequential(*ours, nn.Identity())  # made of the same layers
        assert hidden.outputs(whole, *data)[0].shape == (12, 5)


class Around(nn.Module):
    """What has the network among its modules, as Lightning's modules do and what runs it in several processes."""

    def __init__(self, net):
        super().__init__()
        self.norm, self.module = nn.BatchNorm1d(6), net

    def forward(self, x):
        return self.module(self.norm(x))


def test_a_network_is_known_through_what_is_around_it(model, data, generator):
    compiled = torch.compile(model, backend="eager")
    around = Around(model)
    for own, name, trained in (
        (model, "2", compiled),
        (model, "2", around),
        (model, "2", lambda x: model(x)),
        (compiled, "_orig_mod.2", model),
        (around, "module.2", model),
        (around, "module.2", nn.Sequential(compiled)),
    ):
        logits, targets = mb.manifold_mixup(own, [name], 1.0, 5, generator=generator).outputs(trained, *data)
        assert logits.shape == targets.shape == (12, 5) and (targets.max(1).values < 1).any()


@pytest.mark.parametrize("what", [None, mb.RandomPairing()])
def test_what_mixes_no_batch_is_no_mixer(what, model):
    with pytest.raises(TypeError, match="mixer must be of type Mixer or OneOf, got"):
        mb.ManifoldMixer(model, ["0"], what)


def test_layers_are_drawn_with_the_given_probabilities(model, data, generator):
    chances = {"input": 0.2, "0": 0.7, "2": 0.1}
    hidden = mb.manifold_mixup(model, chances, 1.0, 5, per="pair", generator=generator)
    places = hidden._draw(40_000, generator)
    share = places.bincount(minlength=3) / len(places)
    torch.testing.assert_close(share, torch.tensor(list(chances.values())), atol=0.01, rtol=0)
    for wrong in ({"input": 0.5, "0": 0.6}, {"input": 1.5, "0": -0.5}, {"input": float("nan")}):
        with pytest.raises(ValueError, match="must be at least 0 and sum to 1"):
            mb.manifold_mixup(model, wrong, 1.0, 5)
    with pytest.raises(ValueError, match="per must be one of"):
        mb.ManifoldMixer(model, ["0"], mb.mixup(), per="sample")


class Additive(nn.Module):
    """Affine layers, which add to a feature of their own: who is in a row shows in it, and not where it was mixed."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.third = (Shift(i) for i in range(3))

    def forward(self, x):
        return self.third(self.second(self.first(x)))


class Shift(nn.Module):
    def __init__(self, column):
        super().__init__()
        self.column, self.rows = column, []

    def forward(self, x):
        self.rows.append(len(x))
        return x + nn.functional.one_hot(torch.tensor(self.column), x.shape[1]) * 10**self.column


LAYERS = ["input", "first", "second", "third"]


@pytest.mark.parametrize("second_batch", [False, True])
@pytest.mark.parametrize("pairing", [mb.RandomPairing(), mb.OptimalTransport(4, strict=False)], ids=str)
@pytest.mark.parametrize("draws", [1, 3])
def test_each_sample_may_draw_a_layer_of_its_own(draws, pairing, second_batch, generator):
    """In an affine network the outputs are the plan's matrix times the clean outputs, wherever each row was mixed."""
    model = Additive()
    x, y = torch.rand(20, 6, generator=generator), torch.randint(0, 5, (20,), generator=generator)
    partner = (x.flip(0) + 1, y.flip(0)) if second_batch else None
    rows, labels = (x, y) if partner is None else (torch.cat([x, partner[0]]), torch.cat([y, partner[1]]))
    hidden = mb.ManifoldMixer(model, LAYERS, mb.Mixer(pairing, mb.Beta(1.0, draws, "pair"), num_classes=5), per="pair")
    one, two, three = generators(3)
    outputs, plan = hidden.with_plan(model, x, y, partner=partner, generator=one)
    torch.testing.assert_close(outputs, plan.matrix() @ Additive()(rows))
    assert torch.equal(plan.sources[:, 0], torch.arange(20).repeat(draws))
    # Partners drew the same layer, and the layers got rows as they were mixed.
    drawn = hidden._draw(20, two)
    assert torch.equal(drawn[plan.sources[:, 0]], drawn[plan.sources[:, 1] % 20])
    assert len(drawn.unique()) == 4
    done = torch.stack([(drawn < place).sum() for place in range(1, 4)])
    # A second batch's samples leave when theirs is mixed.
    waiting = (20 - done) * (2 if second_batch else 1)
    assert [layer.rows[0] for layer in (model.first, model.second, model.third)] == (done * draws + waiting).tolist()
    targets = hidden.outputs(model, x, y, partner=partner, generator=three)[1]
    torch.testing.assert_close(targets, plan.matrix() @ nn.functional.one_hot(labels, 5).float())


def test_one_layer_and_lambda_for_a_batch_or_for_each_example_have_the_same_expectation(model, generator):
    """Section 2: a random (k, lambda) per example would change the variance of the updates, and nothing else."""
    (x, x2), y = torch.randn(2, 64, 6, generator=generator), torch.arange(64) % 5
    with torch.no_grad():
        model[3].weight *= 20  # so that the loss depends on lambda and on the layer

    def losses(per):
        hidden = mb.manifold_mixup(model, ["input", "0", "2"], 1.0, 5, per=per, generator=generator)
        for _ in range(300):
            # Samples with the same number wait for the same layer, so they would meet too often.
            order = torch.randperm(64, generator=generator)
            yield mb.mixed_cross_entropy(*hidden.outputs(model, x, y, partner=(x2[order], y[order])))

    with torch.no_grad():
        batch, pair = (torch.stack(list(losses(per))) for per in ("batch", "pair"))
    error = ((batch.var() + pair.var()) / 300).sqrt()
    assert abs(batch.mean() - pair.mean()) < 4 * error < 0.05 * batch.mean()


def test_a_layer_that_is_drawn_by_too_few_for_the_pairing_says_so(data, generator):
    hidden = mb.ManifoldMixer(Additive(), LAYERS, mb.kmixup(12, 1.0, 5), per="pair")
    with pytest.raises(ValueError, match="k=12 is larger than the batch"):
        hidden.outputs(hidden.model, *data, generator=generator)


@pytest.mark.parametrize("per", ["batch", "pair"])
def test_gradients_can_be_stopped_below_the_mixing_layer(model, data, per, generator):
    hidden = mb.manifold_mixup(model, ["0"], 1.0, 5, per=per, stop_gradient=True, generator=generator)
    logits, targets = hidden(*data)
    mb.mixed_cross_entropy(logits, targets).backward()
    assert model[0].weight.grad is None and model[0].bias.grad is None
    assert all(p.grad.abs().sum() > 0 for p in model[1:].parameters())
    logits2, _ = mb.manifold_mixup(model, ["0"], 1.0, 5, per=per).outputs(model, *data, generator=generators(1)[0])
    logits3, _ = mb.manifold_mixup(model, ["0"], 1.0, 5, per=per, stop_gradient=True).outputs(
        model, *data, generator=generators(1)[0]
    )
    assert torch.equal(logits2, logits3)


@pytest.mark.parametrize("per", ["batch", "pair"])
def test_a_stopped_gradient_allows_what_follows_to_work_in_place(per, data):
    net = nn.Sequential(nn.Linear(6, 8), nn.ReLU(inplace=True), nn.Linear(8, 5))
    hidden = mb.manifold_mixup(net, ["0"], 1.0, 5, per=per, stop_gradient=True)
    mb.mixed_cross_entropy(*hidden(*data)).backward()
    assert net[0].weight.grad is None and net[2].weight.grad.any()


def test_a_layer_that_runs_several_times_mixes_in_its_first_run_only(data, generator):
    class Branches(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.head = nn.Linear(6, 4), nn.Linear(8, 5)

        def forward(self, x):
            return self.head(torch.cat([self.layer(x), self.layer(-x)], dim=1))

    net, (x, y) = Branches(), data
    outputs, plan = mb.manifold_mixup(net, ["layer"], 1.0, 5).with_plan(net, x, y, generator=generator)
    torch.testing.assert_close(outputs, net.head(torch.cat([plan.apply(net.layer(x)), net.layer(-x)], dim=1)))


def test_where_each_sample_has_its_own_layer_only_what_lies_below_it_is_stopped(model, data):
    hidden = mb.manifold_mixup(model, ["0", "2"], 1.0, 5, per="pair", stop_gradient=True)
    logits, targets = hidden.outputs(model, *data, generator=generators(1)[0])
    mb.mixed_cross_entropy(logits, targets).backward()
    # The first layer lies below both; the second is above the rows that were mixed at the first.
    assert not model[0].weight.grad.any()
    assert model[2][0].weight.grad.any()


@pytest.fixture
def images(generator):
    return torch.rand(6, 1, 8, 8, generator=generator), torch.randint(0, 5, (6,), generator=generator)


@pytest.fixture
def convolutional():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        body = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3, padding=1))
        return nn.Sequential(body, nn.Flatten(), nn.Linear(64, 5))


@pytest.mark.parametrize("per", ["batch", "pair"])
@pytest.mark.parametrize(
    "blend", [mb.CutMix(), mb.FMix(), mb.SaliencyMix(), mb.PuzzleMix(grids=(2, 4))], ids=lambda blend: type(blend).__name__
)
@pytest.mark.parametrize("layer", ["0.1", "0.2", "0"])
def test_spatial_blends_cut_the_maps_of_a_hidden_layer(convolutional, images, layer, blend, per):
    x, y = images
    hidden = mb.ManifoldMixer(convolutional, [layer], mb.Mixer(ratio=mb.Beta(1.0, 2), blend=blend, num_classes=5), per=per)
    kept = []
    hook = convolutional.get_submodule(layer).register_forward_hook(lambda m, i, o: kept.append(o))
    logits, plan = hidden.with_plan(convolutional, x, y, generator=generators(1)[0])
    hook.remove()
    maps = kept[0]
    assert plan.masks.shape[3:] == maps.shape[2:]
    rest = {
        "0.1": lambda h: convolutional[1:](convolutional[0][2:](h)),
        "0.2": lambda h: convolutional[1:](convolutional[0][3:](h)),
        "0": convolutional[1:],
    }[layer]
    torch.testing.assert_close(logits, rest(plan.apply(maps)))
    torch.testing.assert_close(plan.masks.mean((2, 3, 4)), plan.weights)


def test_masks_of_different_layers_leave_weights_behind(convolutional, images):
    x, y = images
    hidden = mb.ManifoldMixer(convolutional, ["input", "0.2", "0"], mb.cutmix(1.0, 5), per="pair")
    for generator in generators(5, 1):
        logits, plan = hidden.with_plan(convolutional, x, y, generator=generator)
        assert logits.shape == (6, 5)
        torch.testing.assert_close(plan.weights.sum(1), torch.ones(6))
        torch.testing.assert_close(plan.targets(y, 5).sum(1), torch.ones(6))
        maps = torch.zeros(6, 8, 8, dtype=torch.int64)
        for asked in (
            lambda: plan.apply(x),  # noqa: B023
            lambda: plan.pixel_targets(maps, 5),  # noqa: B023
            lambda: plan.loss(lambda outputs, labels: outputs.mean((1, 2, 3)), x, maps),  # noqa: B023
        ):
            with pytest.raises(ValueError, match=r"masks at several layers, .*ManifoldMixer\(..., per='batch'\)"):
                asked()


def test_weights_of_different_layers_mix_maps_where_no_layer_had_masks(convolutional, images):
    x, y = images
    hidden = mb.ManifoldMixer(convolutional, ["input", "0.2", "0"], mb.mixup(1.0, 5), per="pair")
    _, plan = hidden.with_plan(convolutional, x, y, generator=generators(1)[0])
    torch.testing.assert_close(plan.apply(x), torch.einsum("nr,rchw->nchw", plan.matrix(), x))


@pytest.mark.parametrize("layer", ["enc", "enc.layers.1", "dec"])
def test_a_layer_that_gives_steps_before_samples_is_refused(layer):
    def net(batch_first):
        encoder, decoder = (
            make(16, 2, 32, batch_first=batch_first) for make in (nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)
        )
        return nn.ModuleDict({"enc": nn.TransformerEncoder(encoder, 2, enable_nested_tensor=False), "dec": decoder})

    with pytest.raises(ValueError, match=rf"layers \['{layer}'\] give steps first, .* make them with batch_first=True"):
        mb.ManifoldMixer(net(False), [layer], mb.mixup(1.0, 5))
    mb.ManifoldMixer(net(True), [layer, "input"], mb.mixup(1.0, 5))


def test_half_precision_keeps_weights_and_targets_exact(model, data):
    x, y = data
    hidden = mb.manifold_mixup(model, ["2"], 1.0, 5, draws=2)
    exact, targets = hidden.outputs(model, x, y, generator=generators(1)[0])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits, half_targets = hidden.outputs(model, x, y, generator=generators(1)[0])
        loss = mb.mixed_cross_entropy(logits, half_targets)
    loss.backward()
    assert logits.dtype == torch.bfloat16
    assert half_targets.dtype == torch.float32 and torch.equal(targets, half_targets)
    torch.testing.assert_close(logits.float(), exact, atol=0.02, rtol=0.02)
    assert all(p.grad.isfinite().all() and p.grad.abs().sum() > 0 for p in model.parameters())


def test_transport_under_autocast_matches_half_precision_activations(model, data):
    hidden = mb.ManifoldMixer(model, ["2"], mb.kmixup(12, 1.0, 5))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        _, plan = hidden.with_plan(model, *data, partner=(data[0].flip(0), data[1]), generator=generators(1)[0])
    # Within one block every sample finds its copy in the reversed batch.
    assert torch.equal(plan.sources[:, 1], 12 + torch.arange(11, -1, -1))


def test_a_model_that_loses_rows_or_gives_something_else_is_refused(data, generator):
    class Pooled(nn.Module):
        def __init__(self, wrap):
            super().__init__()
            self.layer, self.wrap = nn.Linear(6, 5), wrap

        def forward(self, x):
            return self.wrap(self.layer(x))

    with pytest.raises(RuntimeError, match=r"one tensor with 12 rows, got a tensor of shape \(5,\): batch"):
        mb.manifold_mixup(Pooled(lambda h: h.mean(0)), ["layer"], 1.0, 5, generator=generator)(*data)
    with pytest.raises(RuntimeError, match="the model must give one tensor with 12 rows, got dict: wrap it in a module"):
        mb.manifold_mixup(Pooled(lambda h: {"logits": h}), ["input"], 1.0, 5, generator=generator)(*data)


def test_a_saliency_that_runs_the_model_meets_no_hook(convolutional, images):
    x, y = images

    def saliency(maps, labels):
        return mb.GradientSaliency(convolutional)(maps, labels) if maps.shape[1] == 1 else maps.detach().abs().mean(1)

    # The layer comes first in the list, and some samples wait for it while others are looked at in the input.
    mixer = mb.Mixer(blend=mb.PuzzleMix(saliency, grids=(2,)), num_classes=5)
    hidden = mb.ManifoldMixer(convolutional, ["0.1", "input"], mixer, per="pair")
    for generator in generators(4, 3):
        logits, plan = hidden.with_plan(convolutional, x, y, generator=generator)
        assert logits.shape == (6, 5) and convolutional.training
        torch.testing.assert_close(plan.weights.sum(1), torch.ones(6))


@pytest.mark.parametrize("blend", [mb.PuzzleMix, mb.CoMixup, mb.SaliencyMix])
def test_a_blend_that_shows_a_network_its_own_layers_is_refused(convolutional, blend):
    guided = mb.Mixer(blend=blend(saliency=mb.GradientSaliency(convolutional)), num_classes=5)
    for mixer in (guided, mb.OneOf([mb.mixup(1.0, 5), guided])):
        with pytest.raises(ValueError, match=rf"got \['input', '0.1'\]: at hidden layers take {blend.__name__}\(\)"):
            mb.ManifoldMixer(convolutional, ["input", "0.1"], mixer)
        mb.ManifoldMixer(convolutional, ["input"], mixer)
    mb.ManifoldMixer(convolutional, ["0.1"], mb.Mixer(blend=blend(), num_classes=5))


def test_a_label_out_of_range_is_refused_before_statistics_move(data):
    x, y = data
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Linear(8, 5))
    hidden, wrong = mb.manifold_mixup(model, ["1"], num_classes=5), y.clone()
    for label in (9, -1):
        wrong[0] = label
        for given in ((x, wrong, None), (x, y, (x, wrong))):
            for outputs in (hidden.outputs, hidden.with_plan):
                with pytest.raises(ValueError, match=r"labels must lie in \[0, 5\), got .*: is num_classes right\?"):
                    outputs(model, *given[:2], partner=given[2])
    wrong[0] = -100
    with pytest.raises(ValueError, match="got -100 to"):
        hidden(x, wrong)
    assert model[1].num_batches_tracked == 0
    plan = hidden.with_plan(model, x, wrong)[1]
    assert plan.targets(wrong, 5, ignore_index=-100).sum() == pytest.approx(11)


def test_a_call_takes_a_second_batch_and_a_generator_as_at_the_input(model, data):
    (x, y), (one, two) = data, generators(2)
    hidden = mb.manifold_mixup(model, ["0", "2"], num_classes=5)
    called = hidden(x, y, x + 1, y.flip(0), generator=one)
    expected = hidden.outputs(model, x, y, partner=(x + 1, y.flip(0)), generator=two)
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(called, expected, strict=True))
    for half in ({"x2": x}, {"y2": y}):
        with pytest.raises(ValueError, match="x2 and y2 must be given together"):
            hidden(x, y, **half)
