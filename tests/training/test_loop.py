import io
import math
import sys
from itertools import chain

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import mixbook as mb
from mixbook.compat import Mixup
from mixbook.data import Arrays, four_bars, iris, loader
from mixbook.evaluation import evaluate
from mixbook.models import MLP, LeNet, seeded
from mixbook.training import CheckpointError, Diverged, DivergenceWarning, History, Recipe, checkpoint, fit
from mixbook.training.extras import this_process
from mixbook.training.streams import Streams


def model() -> MLP:
    return seeded(0, lambda: MLP(4, (16, 8), 3))


def weights(network: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten().cpu() for p in network.parameters()])


def run(recipe: Recipe, network: nn.Module | None = None, **options: object) -> tuple[torch.Tensor, History]:
    network = network or model()
    history = fit(network, iris(), recipe, **{"progress": False} | options)
    return weights(network), history


class Recorder:
    """A mixer that mixes nothing and remembers the rows it was given; sample i of the data holds the number i."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.partners: list[list[int] | None] = []

    def outputs(self, model, x, y, *, partner=None, generator=None):
        self.batches.append(x[:, 0].long().tolist())
        self.partners.append(None if partner is None else partner[0][:, 0].long().tolist())
        return model(x), nn.functional.one_hot(y, 2).float()


def recorded(recipe: Recipe, n: int = 50, **options: object) -> Recorder:
    recorder, rows = Recorder(), torch.arange(n)
    data = Arrays(rows[:, None].float(), rows % 2, 2, "numbered")
    fit(nn.Linear(1, 2), data, recipe, mixer=recorder, progress=False, **options)
    return recorder


def test_without_a_mixer_it_is_gradient_descent_as_everybody_writes_it():
    data, recipe = iris(), Recipe(epochs=3, batch_size=150, lr=0.05, momentum=0.9, weight_decay=1e-3, milestones=(2,))
    ours, theirs = model(), model()
    fit(ours, data, recipe, progress=False)
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3)
    for lr in (0.05, 0.05, 0.005):
        optimizer.param_groups[0]["lr"] = lr
        optimizer.zero_grad()
        nn.functional.cross_entropy(theirs(data.x), data.y).backward()
        optimizer.step()
    assert torch.allclose(weights(ours), weights(theirs), atol=1e-6)  # up to the order of adding


def test_it_learns(generator):
    train, test = four_bars(600, generator).split(200, generator)
    network = seeded(1, lambda: MLP(2, (32, 32), 2))
    before = evaluate(network, test)["accuracy"]
    history = fit(
        network, train, Recipe(epochs=15, batch_size=32), mixer=mb.kmixup(16, 1.0, 2, strict=False), progress=False
    )
    assert evaluate(network, test)["accuracy"] > 0.98 > before
    assert history["loss"][-1] < history["loss"][0] / 2


@pytest.mark.parametrize("mixer", [None, mb.mixup(1.0, 3), mb.kmixup(4, 1.0, 3), mb.multimix(3, 1.0, 3)])
@pytest.mark.parametrize("pairs", ["within", "across"])
def test_the_seed_decides_everything_and_the_global_state_nothing(mixer, pairs):
    recipe = Recipe(epochs=2, batch_size=50, lr=0.05, pairs=pairs, seed=1)
    first, _ = run(recipe, mixer=mixer)
    before = torch.get_rng_state()
    again, _ = run(recipe, mixer=mixer)
    assert torch.equal(torch.get_rng_state(), before)
    other, _ = run(Recipe(**recipe.as_dict() | {"seed": 2}), mixer=mixer)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_dropout_follows_the_seed_too():
    def network() -> nn.Module:
        return seeded(0, lambda: nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 3)))

    recipe = Recipe(epochs=2, batch_size=150, lr=0.05)
    first, _ = run(recipe, network())
    torch.rand(11)
    assert torch.equal(first, run(recipe, network())[0])


def test_mixing_leaves_the_order_of_samples_alone():
    """Each purpose has its own generator: a mixer that draws more must not change which samples meet."""

    class Greedy(Recorder):
        def outputs(self, model, x, y, *, partner=None, generator=None):
            torch.rand(1000, generator=generator)
            return super().outputs(model, x, y, partner=partner, generator=generator)

    recipe, rows, greedy = Recipe(epochs=2, batch_size=16), torch.arange(50), Greedy()
    fit(nn.Linear(1, 2), Arrays(rows[:, None].float(), rows % 2, 2), recipe, mixer=greedy, progress=False)
    assert greedy.batches == recorded(recipe).batches
    assert greedy.batches == recorded(Recipe(epochs=2, batch_size=16, pairs="across")).batches


def test_every_sample_is_seen_once_an_epoch_in_a_new_order():
    batches = recorded(Recipe(epochs=2, batch_size=16)).batches
    assert [len(b) for b in batches] == [16, 16, 16, 2] * 2
    first, second = list(chain(*batches[:4])), list(chain(*batches[4:]))
    assert sorted(first) == sorted(second) == list(range(50))
    assert first != second


def test_drop_last_leaves_out_the_short_batch():
    assert [len(b) for b in recorded(Recipe(epochs=1, batch_size=16, drop_last=True)).batches] == [16] * 3


def test_pairs_across_come_from_a_second_shuffle_of_all_samples():
    assert recorded(Recipe(epochs=1, batch_size=16)).partners == [None] * 4
    across = recorded(Recipe(epochs=2, batch_size=16, pairs="across"))
    assert [len(p) for p in across.partners] == [len(b) for b in across.batches]
    for epoch in (slice(0, 4), slice(4, 8)):
        assert sorted(chain(*across.partners[epoch])) == list(range(50))
    assert across.partners[:4] != across.batches[:4]
    assert across.partners[:4] != across.partners[4:]


def test_a_short_batch_that_the_mixer_refuses_says_what_helps():
    with pytest.raises(ValueError, match=r"k=32 is larger than the batch of 22.*drop_last=True.*strict=False"):
        run(Recipe(epochs=1, batch_size=128), mixer=mb.kmixup(32, 1.0, 3))
    run(Recipe(epochs=1, batch_size=128, drop_last=True), mixer=mb.kmixup(32, 1.0, 3))
    run(Recipe(epochs=1, batch_size=128), mixer=mb.kmixup(32, 1.0, 3, strict=False))


def test_hidden_layers_can_be_mixed():
    network = model()
    mixer = mb.manifold_mixup(network, ["input", "layer1", "layer2"], 2.0, 3)
    mixed, history = run(Recipe(epochs=3, batch_size=50, lr=0.05), network, mixer=mixer)
    assert not torch.equal(mixed, run(Recipe(epochs=3, batch_size=50, lr=0.05))[0])
    assert len(history) == 3


def test_the_history_has_the_validation_and_the_learning_rate():
    recipe = Recipe(epochs=4, batch_size=50, lr=0.1, milestones=(2,))
    network = model()
    history = fit(network, iris(), recipe, validate=lambda m: evaluate(m, iris()), progress=False)
    assert history["lr"] == pytest.approx([0.1, 0.1, 0.01, 0.01])
    assert history["accuracy"][-1] == evaluate(network, iris())["accuracy"]
    assert all(seconds > 0 for seconds in history["seconds"])
    with pytest.raises(KeyError, match="'f1' was not recorded: there is loss, lr, accuracy"):
        history["f1"]


def test_the_loss_on_record_is_the_mean_over_samples():
    """Batches of 100 and 50: a mean over batches would weigh the short one double."""
    seen = []

    def loss(logits, y):
        value = nn.functional.cross_entropy(logits, y)
        seen.append((len(y), value.item()))
        return value

    _, history = run(Recipe(epochs=1, batch_size=100, lr=0.05), loss=loss)
    assert history["loss"] == pytest.approx([sum(n * v for n, v in seen) / 150])
    assert [n for n, _ in seen] == [100, 50]


def test_a_diverging_run_stops_says_where_and_keeps_the_last_good_checkpoint(tmp_path):
    recipe, path = Recipe(epochs=2, batch_size=10, lr=0.01), tmp_path / "run.pt"
    bad = Recipe(**recipe.as_dict() | {"epochs": 4})

    steps = iter(range(99))

    def poisoned(logits, targets):
        return nn.functional.cross_entropy(logits, targets) * (math.nan if next(steps) == 2 * 15 + 18 else 1)

    run(recipe, checkpoint=path, loss=poisoned)
    with pytest.raises(Diverged, match=r"since step 3 of epoch 3: lower lr=0.01 on iris") as caught:
        run(bad, checkpoint=path, loss=poisoned)
    assert (caught.value.epoch, caught.value.step) == (3, 3)
    kept = checkpoint.load(path)
    assert len(kept["records"]) == 3 and all(tensor.isfinite().all() for tensor in kept["model"].values())


def test_the_first_bad_step_is_named_where_the_next_ones_are_finite():
    steps = iter(range(99))

    def once(logits, targets):  # its gradient is as it was
        return nn.functional.cross_entropy(logits, targets) + (math.nan if next(steps) == 3 else 0.0)

    with pytest.raises(Diverged, match="since step 3 of epoch 0"):
        run(Recipe(epochs=1, batch_size=10, lr=0.01), loss=once)


def test_a_diverging_run_may_go_on_and_warns_once():
    network = model()
    with pytest.warns(DivergenceWarning, match=r"not finite since step \d+ of epoch 0: lower lr=1e\+30") as caught:
        _, history = run(Recipe(epochs=3, batch_size=10, lr=1e30), network, on_divergence="warn")
    assert len(caught) == 1
    assert len(history) == 3
    assert evaluate(network, iris())["accuracy"] == 0


def test_another_word_for_what_to_do_when_a_run_diverges_is_refused():
    with pytest.raises(ValueError, match=r"on_divergence must be one of \('stop', 'warn'\), got 'raise'"):
        run(Recipe(epochs=1), on_divergence="raise")


def lenet() -> nn.Module:
    return seeded(0, lambda: LeNet(num_classes=3))


def few_images() -> Arrays:
    x = torch.rand(24, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    return Arrays(x, torch.arange(24) % 3, num_classes=3)


LOOKS_AT_THE_NETWORK = {
    "Puzzle Mix": lambda model: mb.puzzlemix(model, num_classes=3, grids=(4,)),
    "Co-Mixup": lambda model: mb.comixup(model, num_classes=3, group=4),
    "guided": lambda model: mb.GuidedMixer(mb.puzzlemix(model, num_classes=3, grids=(4,))),
    "k-mixup, hidden": lambda model: mb.ManifoldMixer(model, ["layer1"], mb.kmixup(4, num_classes=3)),
    "Puzzle Mix, hidden": lambda model: mb.ManifoldMixer(model, ["layer1"], mb.Mixer(blend=mb.PuzzleMix(), num_classes=3)),
}


@pytest.mark.parametrize("lr", [1e30, 1e5])
@pytest.mark.parametrize("mixer", LOOKS_AT_THE_NETWORK.values(), ids=LOOKS_AT_THE_NETWORK.keys())
def test_a_mixer_that_looks_at_a_diverged_network_does_not_stop_a_run_that_may_go_on(mixer, lr):
    network, recipe = lenet(), Recipe(epochs=4, batch_size=12, lr=lr)
    with pytest.warns(DivergenceWarning, match="not finite since step"):
        history = fit(network, few_images(), recipe, mixer=mixer(network), on_divergence="warn", progress=False)
    assert len(history) == 4 and math.isnan(history["loss"][-1])
    with pytest.raises(Diverged, match="not finite since step"):
        fit(network := lenet(), few_images(), recipe, mixer=mixer(network), progress=False)


def test_a_saliency_that_is_no_number_on_a_healthy_network_is_an_error():
    def broken(x, y):
        return torch.full_like(x[:, 0], math.nan)

    mixer, network = mb.Mixer(blend=mb.PuzzleMix(broken), num_classes=3), lenet()
    with pytest.raises(ValueError, match="saliency must be finite"):
        recipe = Recipe(epochs=1, batch_size=12, lr=0.1)
        fit(network, few_images(), recipe, mixer=mixer, on_divergence="warn", progress=False)
    assert network.training


class Masked(nn.Module):
    """A network that rules out its last class."""

    def __init__(self):
        super().__init__()
        self.net = lenet()

    def forward(self, x):
        return self.net(x).masked_fill(torch.tensor([False, False, True]), -math.inf)


def in_twos(logits, targets):
    return nn.functional.cross_entropy(logits[:, :2], targets[:, :2])


def test_a_block_that_a_batch_has_no_room_for_is_no_divergence_of_a_network_with_masked_logits():
    network, data, recipe = Masked(), few_images(), Recipe(epochs=1, batch_size=20, lr=0.05)
    mixer = mb.ManifoldMixer(network, ["net.layer1"], mb.kmixup(8, num_classes=3))
    with pytest.raises(ValueError, match="k=8 is larger than the batch of 4"):
        fit(network, data, recipe, mixer=mixer, loss=in_twos, on_divergence="warn", progress=False)
    assert all(weight.isfinite().all() for weight in network.parameters())


@pytest.mark.parametrize("mixer", LOOKS_AT_THE_NETWORK.values(), ids=LOOKS_AT_THE_NETWORK.keys())
def test_data_that_are_no_numbers_are_no_divergence(mixer):
    images, network = few_images(), lenet()
    images.x[5] = math.nan
    data = loader(TensorDataset(images.x, images.y), batch_size=24, seed=0)  # which is not looked at before
    with pytest.raises(ValueError, match=r"saliency must be finite|needs finite features"):
        recipe = Recipe(epochs=1, batch_size=24, lr=0.1)
        fit(network, data, recipe, mixer=mixer(network), on_divergence="warn", progress=False)


def test_a_last_update_that_destroys_the_weights_is_noticed_though_no_loss_has_seen_them(tmp_path):
    recipe, path = Recipe(epochs=1, batch_size=150, lr=1e30), tmp_path / "run.pt"
    with pytest.raises(Diverged, match=r"the weights are not finite since step 0 of epoch 0: lower lr=1e\+30 on iris"):
        run(recipe, checkpoint=path)
    assert not path.exists()
    with pytest.warns(UserWarning, match="the weights are not finite") as caught:
        _, history = run(Recipe(**recipe.as_dict() | {"epochs": 3}), on_divergence="warn")
    assert len(caught) == 1 and len(history) == 3 and math.isfinite(history["loss"][0])


@pytest.mark.parametrize("mixer", [None, mb.mixup(1.0, 3)])
def test_a_model_with_too_few_outputs_is_named(mixer):
    with pytest.raises(ValueError, match=r"model must give 3 logits for iris, got \(50, 2\)"):
        run(Recipe(epochs=1, batch_size=50), MLP(4, (5,), 2), mixer=mixer)


@pytest.mark.parametrize(
    ("recipe", "options", "message"),
    [
        (Recipe(epochs=1, batch_size=151, drop_last=True), {}, "iris has 150 samples, which leaves no batch.*151"),
        (Recipe(epochs=1), {"save_every": 0}, "save_every must be at least 1, got 0"),
    ],
)
def test_what_cannot_run_is_refused(recipe, options, message):
    with pytest.raises(ValueError, match=message):
        run(recipe, **options)


@pytest.mark.parametrize(
    ("mixer", "got"),
    [
        (Mixup(num_classes=3), "Mixup"),
        (lambda x, y: (x, y), "<lambda>"),
        (mb.mixup, "mixup"),
        (mb.Mixer, "Mixer"),
    ],
    ids=["timm's", "function", "factory", "class"],
)
def test_what_gives_no_outputs_is_no_mixer(mixer, got):
    with pytest.raises(TypeError, match=rf"mixer must have a method outputs\(model, x, y, \.\.\.\), got {got}: e\.g\."):
        run(Recipe(epochs=1, batch_size=50), mixer=mixer)


def test_what_goes_wrong_in_ones_own_loss_is_said_as_it_is():
    def first_ten(logits, targets):
        raise RuntimeError("ten are needed")

    with pytest.raises(RuntimeError, match=r"^ten are needed$"):
        run(Recipe(epochs=1, batch_size=50), mixer=mb.mixup(1.0, num_classes=10), loss=first_ten)


def test_a_number_of_classes_that_is_not_the_network_s_is_named():
    with pytest.raises(ValueError, match=r"logits \(50, 3\), and the mixer targets \(50, 10\): does its num_classes fit"):
        run(Recipe(epochs=1, batch_size=50), mixer=mb.mixup(1.0, num_classes=10))

    def first_three(logits, targets):  # a loss may take other targets than there are logits
        return nn.functional.cross_entropy(logits, targets[:, :3])

    run(Recipe(epochs=1, batch_size=50), mixer=mb.mixup(1.0, num_classes=10), loss=first_three)

    def broken(logits, targets):
        raise ValueError("of its own")

    with pytest.raises(ValueError, match=r"^of its own$"):
        run(Recipe(epochs=1, batch_size=50), mixer=mb.mixup(1.0, num_classes=3), loss=broken)


def several_labels() -> DataLoader:
    """Three labels at once, half of them there; the first three features say which."""
    x = torch.randn(96, 4, generator=torch.Generator().manual_seed(0))
    return loader(TensorDataset(x, (x[:, :3] > 0).float()), 32, seed=0)


@pytest.mark.parametrize("mixer", [None, mb.mixup(1.0)])
def test_what_cross_entropy_does_not_learn_is_refused_by_default(mixer):
    whole, recipe = several_labels(), Recipe(epochs=1, batch_size=32, lr=0.1)
    single = loader(TensorDataset(torch.rand(64, 4), torch.rand(64, 1)), 32, seed=0)
    one, three = nn.Linear(4, 1), nn.Linear(4, 3)
    before = weights(one), weights(three)
    with pytest.raises(ValueError, match=r"logits must be of two classes or more, got \(32, 1\): one logit alone"):
        fit(one, single, recipe, mixer=mixer, progress=False)
    with pytest.raises(ValueError, match=r"targets must sum to 1 over the classes, got up to .*: for several labels at"):
        fit(three, whole, recipe, mixer=mixer, progress=False)
    assert torch.equal(weights(one), before[0]) and torch.equal(weights(three), before[1])
    fit(one, single, recipe, mixer=mixer, loss=nn.functional.mse_loss, progress=False)
    fit(three, whole, recipe, mixer=mixer, loss=nn.functional.binary_cross_entropy_with_logits, progress=False)
    assert not torch.equal(weights(one), before[0]) and not torch.equal(weights(three), before[1])


def normed() -> nn.Sequential:
    return seeded(0, lambda: nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3)))


def test_a_batch_norm_that_is_in_evaluation_mode_in_a_network_that_trains_stays_so():
    network = normed()
    network[1].eval()
    run(Recipe(epochs=2, batch_size=50, lr=0.01), network, mixer=mb.mixup(1.0, 3), validate=lambda m: evaluate(m, iris()))
    assert network[1].running_mean.abs().sum() == 0 and network[1].num_batches_tracked == 0
    assert [network.training, *(each.training for each in network)] == [True, True, False, True, True]


def test_a_network_that_is_in_evaluation_mode_as_a_whole_is_trained_as_a_whole():
    network = normed().eval()
    run(Recipe(epochs=1, batch_size=50, lr=0.01), network)
    assert network[1].num_batches_tracked == 3 and all(each.training for each in network.modules())


def test_the_checkpoint_of_a_run_with_other_modules_in_evaluation_mode_is_refused(tmp_path):
    network, recipe = normed(), Recipe(epochs=1, batch_size=50, lr=0.01)
    network[1].eval()
    run(recipe, network, checkpoint=tmp_path / "run.pt")
    run(recipe, network, checkpoint=tmp_path / "run.pt")
    with pytest.raises(CheckpointError, match=r"another run \(eval: '1 modules, \w+', now None\)"):
        run(recipe, normed(), checkpoint=tmp_path / "run.pt")


def test_an_unwritable_checkpoint_is_refused_before_training(tmp_path):
    (tmp_path / "file").write_text("")
    network = model()
    with pytest.raises(OSError, match=r"file/run\.pt cannot be written"):
        run(Recipe(epochs=1), network, checkpoint=tmp_path / "file" / "run.pt")
    assert torch.equal(weights(network), weights(model()))


@pytest.mark.parametrize("mixer", [None, mb.kmixup(4, 1.0, 3)])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_more_epochs_later_equal_more_epochs_at_once(tmp_path, mixer, optimizer):
    def recipe(epochs: int) -> Recipe:
        return Recipe(epochs, batch_size=50, lr=0.01, optimizer=optimizer, milestones=(3,), pairs="across")

    whole, history = run(recipe(5), mixer=mixer)
    run(recipe(2), mixer=mixer, checkpoint=tmp_path / "run.pt")
    # another network: its weights are replaced by those of the checkpoint
    continued, later = run(recipe(5), seeded(9, lambda: MLP(4, (16, 8), 3)), mixer=mixer, checkpoint=tmp_path / "run.pt")
    assert torch.equal(whole, continued)
    assert later["loss"] == history["loss"]


def test_a_finished_run_is_not_trained_again_unless_asked(tmp_path):
    recipe, path = Recipe(epochs=2, batch_size=50, lr=0.05), tmp_path / "run.pt"
    first, history = run(recipe, checkpoint=path)
    again, known = run(recipe, seeded(9, lambda: MLP(4, (16, 8), 3)), checkpoint=path)
    assert torch.equal(first, again)
    assert known.records == history.records  # seconds too: nothing ran
    _, anew = run(recipe, checkpoint=path, resume=False)
    assert anew["seconds"] != history["seconds"]


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({"lr": 0.2}, {}, "lr: 0.05, now 0.2"),
        ({"seed": 1}, {}, "seed: 0, now 1"),
        ({"epochs": 1}, {}, "epochs: 2, now 1"),
        ({}, {"mixer": mb.mixup(1.0, 3)}, "mixer: 'None', now .Mixer"),
        ({}, {"loss": lambda z, y: 1000 * nn.functional.cross_entropy(z, y)}, "loss: 'cross_entropy', now '<lambda> "),
        ({}, {"augment": lambda x, y, g: (x, y)}, "augment: 'None', now '<lambda> "),
        ({}, {"validate": lambda m: {"a": 0.0}, "choose": "a"}, "choose: 'None', now ..'a', <lambda> "),
    ],
)
def test_the_checkpoint_of_another_run_is_refused_and_kept(tmp_path, change, options, message):
    recipe, path = Recipe(epochs=2, batch_size=50, lr=0.05), tmp_path / "run.pt"
    run(recipe, checkpoint=path)
    before = path.read_bytes()
    with pytest.raises(CheckpointError, match=f"belongs to another run.*{message}.*resume=False"):
        run(Recipe(**recipe.as_dict() | change), checkpoint=path, **options)
    assert path.read_bytes() == before


def test_the_checkpoint_of_another_constant_in_the_loss_is_refused(tmp_path):
    recipe, path = Recipe(epochs=2, batch_size=50, lr=0.05), tmp_path / "run.pt"

    def loss(factor):
        return lambda logits, targets: factor * nn.functional.cross_entropy(logits, targets)

    run(recipe, checkpoint=path, loss=loss(1))
    run(recipe, checkpoint=path, loss=loss(1), validate=lambda m: {})  # which decides nothing
    with pytest.raises(CheckpointError, match=r"loss: '.*', now '.*resume=False"):
        run(recipe, checkpoint=path, loss=loss(1000))


@pytest.mark.parametrize("name", ["loss", "lr", "epoch", "seconds", "seconds_data", "samples_per_second"])
def test_a_score_that_is_called_as_what_is_recorded_anyway_is_refused(name):
    with pytest.raises(ValueError, match=f"'{name}', which is recorded anyway: try 'validation_{name}'"):
        run(Recipe(epochs=1, batch_size=50), validate=lambda m: {name: 0.0})


def test_the_checkpoint_of_another_forward_is_refused(tmp_path):
    recipe, path = Recipe(epochs=2, batch_size=50, lr=0.05), tmp_path / "run.pt"

    def network(forward):
        return seeded(0, lambda: type("Net", (nn.Linear,), {"forward": forward})(4, 3))

    run(recipe, network(lambda self, x: nn.functional.linear(x, self.weight)), checkpoint=path)
    run(recipe, network(lambda self, x: nn.functional.linear(x, self.weight)), checkpoint=path)
    with pytest.raises(CheckpointError, match=r"code: '.*<lambda> \w{8}', now '.*<lambda> \w{8}'.*resume=False"):
        run(recipe, network(lambda self, x: nn.functional.linear(x, 100 * self.weight)), checkpoint=path)


def test_the_checkpoint_of_other_data_is_refused(tmp_path):
    recipe, path = Recipe(epochs=1, batch_size=50, lr=0.05), tmp_path / "run.pt"
    run(recipe, checkpoint=path)
    with pytest.raises(CheckpointError, match="data: 'iris"):
        fit(model(), iris()[torch.arange(149, -1, -1)], recipe, checkpoint=path, progress=False)


def test_a_damaged_checkpoint_stops_the_run_and_is_kept(tmp_path):
    path = tmp_path / "run.pt"
    path.write_bytes(b"half a file")
    with pytest.raises(CheckpointError, match="damaged"):
        run(Recipe(epochs=1), checkpoint=path)
    assert path.read_bytes() == b"half a file"


@pytest.mark.parametrize(("every", "saves"), [(1, 5), (2, 3), (10, 1)])
def test_the_last_epoch_is_always_saved(tmp_path, monkeypatch, every, saves):
    from mixbook.training import checkpoint

    save, count = checkpoint.save, []
    monkeypatch.setattr(checkpoint, "save", lambda path, state: (count.append(1), save(path, state)))
    run(Recipe(epochs=5, batch_size=50, lr=0.05), checkpoint=tmp_path / "run.pt", save_every=every)
    assert len(count) == saves
    assert len(checkpoint.load(tmp_path / "run.pt")["records"]) == 5


@pytest.mark.parametrize(("terminal", "progress"), [(True, True), (True, False), (False, True)])
def test_the_bar_is_shown_in_a_terminal_unless_switched_off(terminal, progress, monkeypatch):
    screen = io.StringIO()
    screen.isatty = lambda: terminal
    monkeypatch.setattr(sys, "stderr", screen)
    run(Recipe(epochs=2), progress=progress)
    assert ("iris" in screen.getvalue()) == (terminal and progress)


@pytest.mark.parametrize(("package", "module"), [("lightning-fabric", "lightning_fabric"), ("tqdm", "tqdm")])
def test_a_missing_package_is_named(package, module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf"training needs {package}: pip install"):
        run(Recipe(epochs=1))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_sees_the_same_batches_as_a_cpu():
    from lightning_fabric import Fabric

    recipe = Recipe(epochs=2, batch_size=16, lr=0.01, pairs="across")
    there, here = (recorded(recipe, fabric=Fabric(accelerator=a, devices=1)) for a in ("cuda", "cpu"))
    assert (there.batches, there.partners) == (here.batches, here.partners)
    network = model()
    history = fit(network, iris(), recipe, mixer=mb.kmixup(4, 1.0, 3, strict=False), progress=False)
    assert next(network.parameters()).is_cuda
    assert all(loss == loss and loss < 10 for loss in history["loss"])


def test_what_is_drawn_for_one_purpose_says_nothing_of_another():
    streams = Streams(3, this_process())
    own = (streams.order, streams.partner, streams.mixing, streams.augmenting)
    assert len({each.initial_seed() for each in own}) == 4
