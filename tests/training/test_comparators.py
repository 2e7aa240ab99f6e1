"""What the papers compare mixing with, in the loop and together with mixing."""

import re
from functools import partial

import pytest
import torch
from torch import nn

import mixbook as mb
import mixbook.data
import mixbook.training
from mixbook.data import Arrays, Augment, Flip, InputNoise, digits, iris
from mixbook.models import MLP, seeded
from mixbook.training import CheckpointError, Recipe, fit
from mixbook.training.streams import derive

NOISE = Augment(InputNoise(0.1))


def weights(network):
    return torch.cat([p.detach().flatten() for p in network.parameters()])


def trained(recipe=None, **options):
    network = seeded(0, lambda: MLP(4, (8,), 3))
    fit(network, iris(), recipe or Recipe(epochs=2, batch_size=50, lr=0.05), **{"progress": False} | options)
    return weights(network)


class Recorder:
    """A mixer that mixes nothing and remembers what it was given."""

    def __init__(self):
        self.seen = []

    def outputs(self, model, x, y, *, partner=None, generator=None):
        self.seen.append((x, y, partner, generator.get_state()))
        return model(x), nn.functional.one_hot(y, 2).float()


def recorded(augment, **options):
    recorder, rows = Recorder(), torch.arange(10)
    data = Arrays(rows[:, None].float(), rows % 2, 2, "numbered")
    recipe = Recipe(epochs=1, batch_size=5, **options)
    fit(nn.Linear(1, 2), data, recipe, mixer=recorder, augment=augment, progress=False)
    return recorder.seen


def test_samples_are_changed_before_they_are_mixed_and_other_draws_stay_as_they_were():
    plain, noisy = recorded(None), recorded(NOISE)
    generator = torch.Generator().manual_seed(derive(0, "augmenting"))
    for (x, y, _, state), (changed, labels, _, other) in zip(plain, noisy, strict=True):
        assert torch.equal(changed, NOISE(x, y, generator)[0])
        assert torch.equal(labels, y)
        assert torch.equal(state, other)  # the mixer's own randomness


def test_partners_from_a_second_batch_are_changed_too():
    plain, noisy = recorded(None, pairs="across"), recorded(NOISE, pairs="across")
    for (_, _, partner, _), (_, _, changed, _) in zip(plain, noisy, strict=True):
        assert torch.equal(changed[1], partner[1])
        assert not torch.equal(changed[0], partner[0])
        assert torch.allclose(changed[0], partner[0], atol=0.6)


def test_batch_augmentation_takes_a_step_for_all_copies_together():
    copies = recorded(Augment(InputNoise(0.1), repeats=3))
    assert [x.shape for x, *_ in copies] == [(15, 1)] * 2
    assert [torch.equal(y[:5], y[10:]) for _, y, *_ in copies] == [True] * 2


def test_equal_copies_would_change_nothing():
    """The mean over copies that are all the same is the mean over the samples."""

    def same(x, y, generator):
        return x.repeat(3, 1), y.repeat(3)

    assert torch.allclose(trained(augment=same), trained(), atol=1e-5)


@pytest.mark.parametrize("mixer", [None, mb.mixup(1.0, 3), mb.kmixup(4, 1.0, 3), mb.multimix(3, 1.0, 3)])
@pytest.mark.parametrize("repeats", [1, 3])
def test_the_seed_decides_with_augmentation_and_any_mixer(mixer, repeats):
    augment = Augment(InputNoise(0.1), repeats=repeats)
    first = trained(mixer=mixer, augment=augment)
    state = torch.get_rng_state()
    assert torch.equal(first, trained(mixer=mixer, augment=augment))
    assert torch.equal(state, torch.get_rng_state())
    assert not torch.equal(first, trained(mixer=mixer))


def test_images_go_through_the_loop():
    network = seeded(0, lambda: MLP(64, (8,), 10))
    history = fit(
        network,
        digits(),
        Recipe(epochs=2, lr=0.05),
        augment=Augment(Flip(), repeats=2),
        mixer=mb.mixup(1.0, 10),
        progress=False,
    )
    assert history["loss"][1] < history["loss"][0]


def test_a_resumed_run_continues_the_augmentation(tmp_path):
    whole = trained(Recipe(epochs=4, batch_size=50, lr=0.05), augment=NOISE)
    trained(augment=NOISE, checkpoint=tmp_path / "run.pt")  # two epochs
    resumed = trained(Recipe(epochs=4, batch_size=50, lr=0.05), augment=NOISE, checkpoint=tmp_path / "run.pt")
    assert torch.equal(resumed, whole)


def test_another_augmentation_is_another_run(tmp_path):
    trained(augment=NOISE, checkpoint=tmp_path / "run.pt")
    with pytest.raises(CheckpointError, match=r"augment: .*0\.1.*, now .*0\.2"):
        trained(augment=Augment(InputNoise(0.2)), checkpoint=tmp_path / "run.pt")


def test_label_smoothing_is_a_loss_and_goes_with_mixing():
    smooth = partial(mb.mixed_cross_entropy, label_smoothing=0.1)
    torchs = partial(nn.functional.cross_entropy, label_smoothing=0.1)
    assert torch.allclose(trained(loss=smooth), trained(loss=torchs), atol=1e-6)
    assert torch.allclose(
        trained(loss=smooth, mixer=mb.mixup(1.0, 3)), trained(loss=torchs, mixer=mb.mixup(1.0, 3)), atol=1e-5
    )
    assert not torch.allclose(trained(loss=smooth), trained(), atol=1e-3)


def test_large_batch_mixup_shares_one_ratio_and_multimix_has_several():
    data, generator = iris(), torch.Generator().manual_seed(0)
    large = mb.mixup(1.0, 3).plan(data.x[:100], generator=generator).weights[:, 0]
    several = mb.multimix(5, 1.0, 3).plan(data.x[:20], generator=generator).weights[:, 0]
    assert len(large) == len(several) == 100
    assert len(large.unique()) == 1
    assert len(several.unique()) == 5


def test_dropout_silences_hidden_units_in_training_alone():
    network = seeded(0, lambda: MLP(4, (2000,), 3, dropout=0.5))
    x = torch.ones(1, 4)
    silent = network.layer1(x) == 0
    network.eval()
    off = network.layer1(x) == 0  # by ReLU
    assert (silent & ~off).sum() / (~off).sum() == pytest.approx(0.5, abs=0.06)
    assert network.state_dict().keys() == MLP(4, (2000,), 3).state_dict().keys()
    assert torch.equal(network(x), network(x))
    with pytest.raises(ValueError, match=r"one share in \[0, 1\), or one for each of 1 layers, got 1"):
        MLP(4, (8,), 3, dropout=1.0)


def test_dropout_can_spare_a_bottleneck():
    network = MLP(4, (64, 2, 64), 3, dropout=(0.5, 0.0, 0.5))
    assert [any(isinstance(part, nn.Dropout) for part in layer) for layer in list(network)[1:4]] == [True, False, True]
    with pytest.raises(ValueError, match="each of 3 layers"):
        MLP(4, (64, 2, 64), 3, dropout=(0.5, 0.5))


def test_the_table_of_comparators_is_code_that_runs():
    names = vars(mixbook.data) | {"mb": mb, "MLP": MLP, "Recipe": Recipe, "partial": partial}
    names["mixed_cross_entropy"] = mb.mixed_cross_entropy
    table = mixbook.training.__doc__.split("=\n")[2].split("\n==")[0]
    rows = re.findall(r"``(.+?)``", table)
    assert len(rows) == 11
    for row in rows:
        assert eval(f"dict({row})" if re.match(r"\w+=", row) else row, dict(names)) is not None
