import copy
import warnings

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, one_hot
from torch.optim.swa_utils import AveragedModel

import mixbook as mb
from mixbook.data import Arrays
from mixbook.mixing.blend.saliency import GradientSaliency
from mixbook.training import Recipe, fit


def network(norm=False):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        middle = nn.BatchNorm2d(4) if norm else nn.Identity()
        return nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), middle, nn.Tanh(), nn.Flatten(), nn.Linear(4 * 64, 5))


def data(generator, size=6):
    return torch.rand(size, 2, 8, 8, generator=generator), torch.randint(0, 5, (size,), generator=generator)


def seeded(seed=3):
    return torch.Generator().manual_seed(seed)


def gradients(model):
    return [parameter.grad.clone() for parameter in model.parameters()]


@pytest.mark.parametrize("preset", [mb.puzzlemix, mb.comixup])
@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("scale", [1.0, 1024.0])
def test_the_clean_loss_has_the_value_and_gradient_of_one_that_is_computed_anew(preset, norm, scale, generator):
    x, y = data(generator)
    model = network(norm)
    twin = copy.deepcopy(model)
    guided = mb.GuidedMixer(preset(model, num_classes=5), clean=0.7)
    logits, targets = guided.outputs(model, x, y, generator=seeded())
    loss = guided.loss(logits, targets)
    (scale * loss).backward()  # as a gradient scaler does

    plan = mb.Mixer(
        ratio=guided.mixer.ratio, blend=guided.mixer.blend
    ).plan  # same draws, saliency of a network in train mode
    saliency = GradientSaliency(twin).gradient(x, y)[0].square().mean(1).sqrt()
    blend = copy.copy(guided.mixer.blend)
    object.__setattr__(blend, "saliency", lambda x, y: saliency)
    plan = mb.Mixer(ratio=guided.mixer.ratio, blend=blend).plan(x, y, generator=seeded())
    twin.zero_grad()
    expected = cross_entropy(twin(plan.apply(x)), plan.targets(y, 5)) + 0.7 * cross_entropy(twin(x), y)
    (scale * expected).backward()
    torch.testing.assert_close(loss, expected)
    for ours, theirs in zip(gradients(model), gradients(twin), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5 * scale)


@pytest.mark.parametrize("clean", [0.0, 1.0])
def test_a_step_has_two_forward_and_two_backward_passes_with_a_clean_loss_or_without(clean, generator):
    x, y = data(generator)
    model, passes = network(), []
    model[0].register_forward_hook(lambda *_: passes.append("forward"))
    model[4].register_full_backward_hook(lambda *_: passes.append("backward"))
    guided = mb.GuidedMixer(mb.puzzlemix(model, num_classes=5), clean=clean)
    guided.loss(*guided.outputs(model, x, y)).backward()
    assert passes == ["forward", "backward", "forward", "backward"]


@pytest.mark.parametrize("clean", [0.0, 1.0])
def test_without_noise_and_in_eval_mode_it_mixes_as_the_mixer_itself(clean, generator):
    x, y = data(generator)
    model = network().eval()
    mixer = mb.puzzlemix(model, num_classes=5)
    logits, targets = mb.GuidedMixer(mixer, clean=clean).outputs(model, x, y, generator=seeded())
    expected = mixer.outputs(model, x, y, generator=seeded())
    torch.testing.assert_close((logits, targets), expected)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_the_look_is_made_in_eval_mode_only_without_a_clean_loss(generator):
    x, y = data(generator)
    model = network(norm=True)
    for clean, seen in ((0.0, 1), (1.0, 2)):  # batches that its normalisation counts
        model[1].reset_running_stats()
        guided = mb.GuidedMixer(mb.puzzlemix(model, num_classes=5), clean=clean)
        guided.loss(*guided.outputs(model, x, y))
        assert model.training and int(model[1].num_batches_tracked) == seen


def test_a_clean_loss_can_neither_be_forgotten_nor_used_twice(generator):
    x, y = data(generator)
    model = network()
    guided = mb.GuidedMixer(mb.puzzlemix(model, num_classes=5), clean=1.0)
    pair = guided.outputs(model, x, y)
    with pytest.raises(RuntimeError, match="clean loss of the last batch was not used"):
        guided.outputs(model, x, y)
    guided.loss(*pair)
    with pytest.raises(RuntimeError, match=r"call guided\.outputs"):
        guided.loss(*pair)


@pytest.mark.parametrize("guide", [lambda mix: mix, mb.GuidedMixer], ids=["mixer", "guided"])
def test_saliency_of_another_network_in_training_is_warned_of_and_of_a_teacher_is_not(guide, generator):
    x, y = data(generator)
    model, other = network(), network()
    mix = guide(mb.puzzlemix(other, num_classes=5))
    with pytest.warns(UserWarning, match=r"another network .* AveragedModel .* freeze a teacher"):
        mix.outputs(model, x, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mix.outputs(torch.compile(other, backend="eager"), x, y)
        mix.outputs(nn.Sequential(nn.Identity(), other), x, y)
        mix.outputs(nn.Identity(), x, y)
        other.requires_grad_(False)
        mix.outputs(model, x, y)
        guide(mb.puzzlemix(AveragedModel(model), num_classes=5)).outputs(model, x, y)


def test_saliency_of_a_network_that_shares_frozen_layers_is_that_of_another(generator):
    first, second = network(), network()
    second[0] = first[0].requires_grad_(False)
    with pytest.warns(UserWarning, match="another network"):
        mb.puzzlemix(first, num_classes=5).outputs(second, *data(generator))
    with pytest.raises(ValueError, match="whose clean loss it is, got another Seq"):
        mb.GuidedMixer(mb.puzzlemix(first, num_classes=5), clean=1.0).outputs(second, *data(generator))


def test_a_clean_loss_of_another_network_is_refused(generator):
    guided = mb.GuidedMixer(mb.puzzlemix(network(), num_classes=5), clean=1.0)
    with pytest.raises(ValueError, match="the mixer was made for, whose clean loss it is, got another Seq"):
        guided.outputs(network(), *data(generator))


def test_it_trains_in_the_loop_with_either_source_of_partners(generator):
    x, y = data(generator, 40)
    arrays = Arrays(x, y, 5, "noise")
    for pairs in ("within", "across"):
        model = network()
        guided = mb.GuidedMixer(mb.puzzlemix(model, num_classes=5), clean=1.0, noise=mb.AdversarialNoise(0.5))
        recipe = Recipe(epochs=6, batch_size=20, lr=0.05, pairs=pairs, seed=1)
        history = fit(model, arrays, recipe, mixer=guided, loss=guided.loss, progress=False)
        losses = [record["loss"] for record in history.records]
        assert losses[-1] < losses[0]


NOISE = {"radius": 0.05, "overshoot": 0.01}


def test_noise_stays_within_its_radius_and_pixels_within_black_and_white(generator):
    x, _ = data(generator)
    x[0], x[1] = 0, 1
    noise = mb.AdversarialNoise(1.0, **NOISE)
    start = noise.start(x, generator)
    assert start.abs().max() <= 0.05 + 1e-6 and (x + start).min() >= 0 and (x + start).max() <= 1
    assert start.std() > 0.02
    noisy = noise.add(x, start, torch.randn(x.shape, generator=generator), generator)
    assert (noisy - x).abs().max() <= 0.05 + 1e-6 and noisy.min() >= 0 and noisy.max() <= 1


def test_noise_is_scaled_by_one_uniform_factor_for_a_batch():
    x = torch.full((4, 2, 8, 8), 0.5)
    noise = mb.AdversarialNoise(1.0, **NOISE)
    changes = [noise.add(x, torch.zeros_like(x), torch.ones_like(x), seeded(seed)) - x for seed in range(200)]
    assert all(change.max() - change.min() < 1e-6 for change in changes)
    factors = torch.stack([change.max() / 0.05 for change in changes])
    assert factors.min() < 0.1 and 0.9 < factors.max() <= 1.0001 and abs(factors.mean() - 0.5) < 0.1


@pytest.mark.parametrize("overshoot", [0.0, 0.01])
def test_from_the_far_edge_a_step_reaches_beyond_the_image_by_the_overshoot(overshoot):
    x = torch.full((1, 2, 8, 8), 0.5)
    noise = mb.AdversarialNoise(1.0, radius=0.05, overshoot=overshoot)
    change = noise.add(x, torch.full_like(x, -0.05), torch.ones_like(x), seeded()) - x
    factor = torch.rand((), generator=seeded())
    torch.testing.assert_close(change, (overshoot * factor).expand_as(x), atol=1e-6, rtol=0)


def test_the_noise_of_the_paper_is_the_default():
    assert mb.AdversarialNoise() == mb.AdversarialNoise(probability=0.1, radius=10 / 255, overshoot=2 / 255)


def test_standardised_images_get_the_same_noise(generator):
    x, _ = data(generator)
    gradient = torch.randn(x.shape, generator=generator)
    mean, std = (0.3, 0.6), (0.2, 0.5)
    here = [torch.tensor(each)[:, None, None] for each in (mean, std)]
    plain, scaled = mb.AdversarialNoise(1.0, **NOISE), mb.AdversarialNoise(1.0, **NOISE, mean=mean, std=std)
    z = (x - here[0]) / here[1]
    starts = plain.start(x, seeded()), scaled.start(z, seeded())
    torch.testing.assert_close(starts[1] * here[1], starts[0])
    noisy = plain.add(x, starts[0], gradient, seeded()), scaled.add(z, starts[1], gradient, seeded())
    torch.testing.assert_close(noisy[1] * here[1] + here[0], noisy[0])


def test_noise_raises_the_loss(generator):
    x, y = data(generator, 30)
    model = network().eval()
    noise = mb.AdversarialNoise(1.0, radius=0.2)
    start = noise.start(x, generator)
    gradient = GradientSaliency(model).in_eval_mode(x + start, y)
    fair = torch.randn(x.shape, generator=generator)
    noisy, fair = (noise.add(x, start, each, seeded(7)) for each in (gradient, fair))
    rise, by_chance = (cross_entropy(model(each), y) - cross_entropy(model(x), y) for each in (noisy, fair))
    assert rise > 0.02 and rise > 5 * by_chance.abs()


@pytest.mark.parametrize("coins", [(False, False), (True, False), (False, True), (True, True)])
def test_each_side_of_the_pairs_gets_noise_by_its_own_coin(coins, generator, monkeypatch):
    """Masks of 0 and 1 show which image, noisy or not, is where."""
    (x, y), model, plans, seen = data(generator), network(), [], []
    x = 0.2 + 0.6 * x
    mixer = mb.puzzlemix(model, num_classes=5, labels=2, beta=0.0, eta=0.0, transport=None)
    plan_of = mb.Mixer.plan

    def keep(*arguments, **options):
        plans.append(plan_of(*arguments, **options))
        return plans[-1]

    monkeypatch.setattr(mb.Mixer, "plan", keep)
    monkeypatch.setattr(mb.AdversarialNoise, "coins", lambda self, generator: coins)
    model.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].detach()))
    _, targets = mb.GuidedMixer(mixer, noise=mb.AdversarialNoise(radius=0.1)).outputs(model, x, y, generator=seeded())
    (plan,) = plans
    own = plan.masks[:, 0] > 0.5
    changed = ((seen[-1] - plan.apply(x)).abs() > 1e-6).any(1, keepdim=True)
    unmixed = (plan.sources[:, 0] == plan.sources[:, 1])[:, None, None, None]
    for side, coin in ((own, coins[0]), (~own, coins[1])):
        assert side.any()
        assert changed[side & ~unmixed].float().mean() == (pytest.approx(1.0, abs=0.05) if coin else 0)
    torch.testing.assert_close(targets, plan.matrix() @ one_hot(y, 5).float())


def test_coins_fall_as_often_as_asked_and_independently():
    noise, generator = mb.AdversarialNoise(0.3), seeded()
    coins = torch.tensor([noise.coins(generator) for _ in range(4000)]).float()
    torch.testing.assert_close(coins.mean(0), torch.tensor([0.3, 0.3]), atol=0.03, rtol=0)
    assert abs(torch.corrcoef(coins.T)[0, 1]) < 0.06


def test_the_same_seed_gives_the_same_step_and_the_global_generator_is_left_alone(generator):
    x, y = data(generator)
    model, before = network(), torch.get_rng_state()
    guided = mb.GuidedMixer(mb.puzzlemix(model, num_classes=5), noise=mb.AdversarialNoise(1.0))
    one, two = (guided.outputs(model, x, y, generator=seeded(5)) for _ in range(2))
    torch.testing.assert_close(one, two)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_label_out_of_range_is_refused_before_statistics_move(generator):
    x, y = data(generator)
    model = network(norm=True)
    guided = mb.GuidedMixer(mb.puzzlemix(model, num_classes=5), clean=1.0)  # whose look is made in train mode
    for wrong in (9, -100):
        y[0] = wrong
        with pytest.raises(ValueError, match=r"labels must lie in \[0, 5\)"):
            guided.outputs(model, x, y)
    assert model[1].num_batches_tracked == 0


def test_what_makes_no_sense_is_refused(generator):
    with pytest.raises(ValueError, match="GradientSaliency"):
        mb.GuidedMixer(mb.mixup(num_classes=5))
    with pytest.raises(ValueError, match="GradientSaliency"):
        mb.GuidedMixer(mb.Mixer(blend=mb.PuzzleMix()))
    with pytest.raises(TypeError, match="mixer must be of type Mixer, got OneOf"):
        mb.GuidedMixer(mb.OneOf([mb.puzzlemix(network())]))
    with pytest.raises(ValueError, match=r"std must be positive, got \(0\.2, 0\.0\)"):
        mb.AdversarialNoise(std=(0.2, 0.0))
    with pytest.raises(ValueError, match=r"mean must be one number or \d, one for each channel of x, got \(0\.5, .*\)"):
        mb.AdversarialNoise(mean=(0.5,) * 5).start(data(generator)[0], generator)
    with pytest.raises(ValueError, match="clean must be"):
        mb.GuidedMixer(mb.puzzlemix(network()), clean=-1.0)
    with pytest.raises(ValueError, match="probability"):
        mb.AdversarialNoise(1.5)
    with pytest.raises(ValueError, match=r"radius must lie in \(0, 1\].*got 10"):
        mb.AdversarialNoise(radius=10)
    with pytest.raises(ValueError, match=r"x must be pixels in \[0, 1\]"):
        mb.AdversarialNoise().start(3 * data(generator)[0], generator)
    x, y = data(generator)
    with pytest.raises(TypeError, match="x must be a tensor, got ndarray"):
        mb.GuidedMixer(mb.puzzlemix(model := network())).outputs(model, x.numpy(), y)
    blind = nn.Sequential(nn.Flatten(), nn.Linear(128, 5))
    blind.forward = lambda x: blind[1].bias.expand(len(x), 5)
    with pytest.raises(ValueError, match="does not depend on its input"):
        mb.GuidedMixer(mb.puzzlemix(blind, num_classes=5), clean=1.0).outputs(blind, *data(generator))
    with pytest.raises(ValueError, match="does not depend on its input"):
        mb.puzzlemix(blind, num_classes=5)(*data(generator))
