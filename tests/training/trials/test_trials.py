"""Many networks at once: each comes out as it would alone, and nothing that happens to one reaches another."""

import math
import warnings
from functools import partial

import pytest
import torch
from torch import nn

import mixbook as mb
from mixbook.compat import Schedule
from mixbook.data import Arrays
from mixbook.evaluation import evaluate
from mixbook.models import MLP, LeNet, Normalise, seeded
from mixbook.training import Recipe, fit
from mixbook.training.trials import Trial, fit_trials, groups
from mixbook.training.trials.network import StackedNetwork

CLASSES = 3


def table(n=50, seed=0, features=4) -> Arrays:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, features, generator=generator)
    return Arrays(x, torch.randint(CLASSES, (n,), generator=generator), CLASSES)


def images(n=20) -> Arrays:
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(n, 1, 12, 12, generator=generator)
    return Arrays(x, torch.randint(CLASSES, (n,), generator=generator), CLASSES)


def mlp(seed: int) -> nn.Module:
    return seeded(seed, lambda: MLP(4, (10, 7), CLASSES))


def normalised(seed: int) -> nn.Module:
    def make() -> nn.Module:
        middle = nn.Sequential(nn.Linear(9, 6, bias=False), nn.BatchNorm1d(6), nn.LeakyReLU(0.1))
        return nn.Sequential(nn.Linear(4, 9), nn.BatchNorm1d(9, affine=False), nn.Tanh(), middle, nn.Linear(6, CLASSES))

    return seeded(seed, make)


def convolutional(seed: int) -> nn.Module:
    def make() -> nn.Module:
        first = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2))
        second = nn.Sequential(nn.Conv2d(4, 6, 3, stride=2, groups=2, bias=False), nn.ReLU(), nn.AvgPool2d(2))
        return nn.Sequential(first, second, nn.Flatten(), nn.Linear(6, CLASSES))

    return seeded(seed, make)


def hidden(layers, mixer):
    return lambda model: mb.ManifoldMixer(model, layers, mixer)


NEAR = mb.kmixup(8, 1.0, CLASSES, strict=False)
MIXERS = {
    "none": None,
    "mixup": mb.mixup(0.5, CLASSES),
    "own ratio for each pair": mb.mixup(0.5, CLASSES, per="pair"),
    "k-mixup": NEAR,
    "k-mixup by plain distances": mb.Mixer(mb.OptimalTransport(5, False, "euclidean"), mb.Beta(2.0), num_classes=CLASSES),
    "k-mixup, five draws": mb.Mixer(mb.OptimalTransport(8, False), mb.Beta(1.0, draws=5), num_classes=CLASSES),
    "neighbours": mb.Mixer(mb.NearestNeighbour(3, False), num_classes=CLASSES),
    "manifold": hidden(["input", "layer1", "layer2"], mb.mixup(2.0, CLASSES)),
    "manifold with k-mixup": hidden({"layer1": 0.3, "layer2": 0.7}, NEAR),
    "manifold, three draws": hidden(["input", "layer1.0"], mb.multimix(3, 1.0, CLASSES)),
}


def recipe(seed: int, **changes) -> Recipe:
    """Everything that may differ between trials that are trained together does."""
    own = {
        "lr": 0.05 * (1 + seed % 4),
        "weight_decay": 1e-3 * (seed % 2),
        "momentum": 0.9 - 0.1 * (seed % 3),
        "milestones": (2,),
    }
    return Recipe(**{"epochs": 3, "batch_size": 16, "seed": seed, **own, **changes})


def assert_as_alone(fitted, make_model, data, trials) -> None:
    data = [data] * len(trials) if isinstance(data, Arrays) else data
    for one, own, trial in zip(fitted, data, trials, strict=True):
        model = make_model(trial.recipe.seed)
        history = fit(model, own, trial.recipe, mixer=trial.mixer_for(model), progress=False)
        assert one.history["loss"] == pytest.approx(history["loss"], abs=1e-5)
        assert one.history["lr"] == history["lr"]
        for (name, found), wanted in zip(one.model.state_dict().items(), model.state_dict().values(), strict=True):
            torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5, msg=name)


@pytest.mark.parametrize("pairs", ["within", "across"])
@pytest.mark.parametrize("mixer", MIXERS.values(), ids=MIXERS)
def test_a_trial_among_seven_is_what_it_is_alone(mixer, pairs):
    trials = [Trial(recipe(seed, pairs=pairs), mixer) for seed in range(7)]
    fitted = fit_trials(mlp, table(), trials, way="stacked", progress=False)
    assert_as_alone(fitted, mlp, table(), trials)


@pytest.mark.parametrize("count", [1, 50])
def test_so_is_one_of_one_or_of_fifty_with_data_of_its_own(count):
    data = [table(seed=n) for n in range(count)]
    trials = [Trial(recipe(n), NEAR) for n in range(count)]
    fitted = fit_trials(mlp, data, trials, way="stacked", progress=False)
    assert_as_alone(fitted[::10], mlp, data[::10], trials[::10])


@pytest.mark.parametrize("make_model", [normalised, convolutional], ids=["batch norm", "convolutions"])
@pytest.mark.parametrize("layers", [None, ["input", "0"], ["3", "1"]], ids=["input", "hidden", "later"])
def test_layers_with_memory_and_with_channels_keep_apart(make_model, layers):
    data = images() if make_model is convolutional else table()
    if layers and make_model is convolutional:
        layers = ["0" if name == "3" else name for name in layers]
    mixer = hidden(layers, NEAR) if layers else NEAR
    trials = [Trial(recipe(seed, batch_size=10), mixer) for seed in range(5)]
    fitted = fit_trials(make_model, data, trials, way="stacked", progress=False)
    assert_as_alone(fitted, make_model, data, trials)


@pytest.mark.parametrize("changes", [{"optimizer": "adam", "lr": 0.01}, {"nesterov": True}, {"drop_last": True}], ids=str)
def test_every_optimizer_takes_the_steps_of_torchs_own(changes):
    trials = [Trial(recipe(seed, **changes), NEAR) for seed in range(4)]
    assert_as_alone(fit_trials(mlp, table(), trials, way="stacked", progress=False), mlp, table(), trials)


def test_trials_whose_steps_differ_do_not_share_them():
    changes = ({"nesterov": True}, {}, {"nesterov": True}, {"drop_last": True}, {"optimizer": "adam", "lr": 0.01})
    trials = [Trial(recipe(seed, **each), NEAR) for seed, each in enumerate(changes)]
    assert_as_alone(fit_trials(mlp, table(), trials, way="stacked", progress=False), mlp, table(), trials)


def test_blends_of_pixels_are_made_before_any_network_runs():
    trials = [Trial(recipe(seed), mb.cutmix(1.0, CLASSES)) for seed in range(3)]
    flat = lambda seed: seeded(seed, lambda: MLP(144, (8,), CLASSES))  # noqa: E731
    assert_as_alone(fit_trials(flat, images(), trials, way="stacked", progress=False), flat, images(), trials)


def test_different_mixers_share_their_steps_and_different_sizes_do_not_disturb():
    data = [table(50), table(43), table(50, seed=3), table(43)]
    trials = [Trial(recipe(0), NEAR), Trial(recipe(1), mb.mixup(0.2, CLASSES)), Trial(recipe(2)), Trial(recipe(3), NEAR)]
    assert_as_alone(fit_trials(mlp, data, trials, progress=False), mlp, data, trials)


def test_another_loss_is_taken_for_each_network():
    loss = mb.bce_of_softmax
    trials = [Trial(recipe(seed), NEAR) for seed in range(3)]
    fitted = fit_trials(mlp, table(), trials, loss=loss, way="stacked", progress=False)
    for one, trial in zip(fitted, trials, strict=True):
        model = mlp(trial.recipe.seed)
        history = fit(model, table(), trial.recipe, mixer=NEAR, loss=loss, progress=False)
        assert one.history["loss"] == pytest.approx(history["loss"], abs=1e-6)


def test_half_precision_is_what_fit_makes_of_it_and_what_cannot_be_is_refused():
    trials = [Trial(recipe(0, precision=precision), NEAR) for precision in ("fp32", "bf16")]
    whole, half = fit_trials(mlp, table(), trials, device="cpu", progress=False)
    assert half.history["loss"] != pytest.approx(whole.history["loss"], abs=1e-6)
    if not torch.cuda.is_available():
        assert_as_alone([whole, half], mlp, table(), trials)
    untouched = []
    with pytest.raises(ValueError, match="precision='fp16' needs a GPU"):
        more = [*trials, Trial(recipe(1, precision="fp16"))]
        fit_trials(mlp, table(), more, validate=lambda m: untouched.append(1) or {}, device="cpu", progress=False)
    assert not untouched  # it was noticed before the others were trained


def test_mixers_that_look_at_the_network_or_at_the_epoch_train_one_by_one():
    flat = lambda seed: seeded(seed, lambda: nn.Sequential(nn.Flatten(), nn.Linear(144, CLASSES)))  # noqa: E731
    makers = {
        "guided": lambda model: mb.GuidedMixer(mb.puzzlemix(model, num_classes=CLASSES, grids=(2,))),
        "made for each": lambda model: Schedule(mb.mixup(1.0, CLASSES), until=1),
        "one for all": Schedule(mb.mixup(1.0, CLASSES), until=1),
    }
    for mixer in makers.values():
        trials = [Trial(recipe(seed, batch_size=10), mixer) for seed in range(2)]
        assert_as_alone(fit_trials(flat, images(), trials, progress=False), flat, images(), trials)
        with pytest.raises(ValueError, match="looks at the network or at each batch"):
            fit_trials(flat, images(), trials, way="stacked", progress=False)
        with pytest.raises(ValueError, match="looks into the network"):
            fit_trials(flat, images(), trials, way="vmap", progress=False)


def test_a_way_that_is_none_is_refused():
    with pytest.raises(ValueError, match=r"way must be one of \('auto', 'stacked', 'vmap', 'loop'\), got 'stack'"):
        fit_trials(mlp, table(), [Trial(recipe(0))], way="stack", progress=False)


class Skipping(nn.Module):
    """What is no Sequential: a skip connection around a convolution, and batch norm."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.second, self.head = nn.Conv2d(4, 4, 3, padding=1), nn.Linear(4, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.norm(self.first(x)).relu()
        return self.head((h + self.second(h)).mean((2, 3)))


@pytest.mark.parametrize("mixer", [None, NEAR, mb.cutmix(1.0, CLASSES)], ids=["none", "k-mixup", "cutmix"])
def test_networks_of_any_kind_go_by_torch_func(mixer):
    make = lambda seed: seeded(seed, Skipping)  # noqa: E731
    trials = [Trial(recipe(seed, batch_size=10), mixer) for seed in range(3)]
    assert_as_alone(fit_trials(make, images(), trials, way="vmap", progress=False), make, images(), trials)
    with pytest.raises(ValueError, match="looks into the network"):
        inside = hidden(["first"], NEAR)
        fit_trials(make, images(), [Trial(recipe(0), inside)], way="vmap", progress=False)


@pytest.mark.parametrize("way", ["vmap", "loop"])
def test_settings_of_a_network_that_no_checkpoint_has_do_not_stand_against_it(way):
    make = lambda seed: seeded(seed, lambda: nn.Sequential(Normalise([0.5], [0.25]), Skipping()))  # noqa: E731
    trials = [Trial(recipe(seed, batch_size=10), NEAR) for seed in range(2)]
    fitted = fit_trials(make, images(), trials, way=way, progress=False)
    assert_as_alone(fitted, make, images(), trials)
    assert fitted[1].model[0].std.tolist() == [0.25]


def test_a_network_that_diverges_says_so_and_harms_nobody():
    mixer = hidden(["layer1"], NEAR)
    trials = [Trial(recipe(n, lr=1e30 if n == 1 else 0.05), mixer) for n in range(3)]
    fitted = fit_trials(mlp, table(), trials, way="stacked", progress=False)
    assert [one.diverged for one in fitted] == [False, True, False]
    assert_as_alone(fitted[::2], mlp, table(), trials[::2])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        alone = fit_trials(mlp, table(), trials, way="loop", progress=False)
    assert [one.diverged for one in alone] == [False, True, False]
    assert len(alone[1].history) == len(alone[0].history) and math.isnan(alone[1].history["loss"][-1])


@pytest.mark.parametrize("way", ["auto", "loop"])
def test_one_by_one_it_harms_nobody_either(way):
    """Without a mixer nothing raises before the loss is no number; after one epoch no loss has seen the weights."""
    make = lambda seed: seeded(seed, lambda: MLP(4, (8,), CLASSES, dropout=0.5))  # noqa: E731
    for epochs in (3, 1):
        trials = [Trial(recipe(n, epochs=epochs, batch_size=50, lr=1e30 if n == 1 else 0.05)) for n in range(3)]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            fitted = fit_trials(make, table(), trials, way=way, device="cpu", progress=False)
        assert [one.diverged for one in fitted] == [False, True, False]
        assert [len(one.history) for one in fitted] == [epochs] * 3
        assert_as_alone(fitted[::2], make, table(), trials[::2])


def test_weights_that_the_last_update_destroyed_are_said_side_by_side_too():
    trials = [Trial(recipe(n, epochs=1, batch_size=50, lr=1e30 if n == 1 else 0.05)) for n in range(3)]
    fitted = fit_trials(mlp, table(), trials, way="stacked", device="cpu", progress=False)
    assert [one.diverged for one in fitted] == [False, True, False]


def test_networks_are_looked_at_when_asked_and_at_the_end():
    held_out = table(seed=9)
    trials = [Trial(recipe(n, epochs=5)) for n in range(2)]
    for way in ("stacked", "loop"):
        look = partial(evaluate, data=held_out)
        fitted = fit_trials(mlp, table(), trials, validate=look, validate_every=2, way=way, progress=False)
        for one in fitted:
            assert one.history["epoch"] == [2, 4, 5]
            assert one.history["nll"][-1] == pytest.approx(evaluate(one.model, held_out)["nll"])
            assert one.history["nll"][0] != one.history["nll"][-1]


@pytest.mark.parametrize("way", ["stacked", "loop"])
@pytest.mark.parametrize("name", ["loss", "epoch"])
def test_a_score_that_is_called_as_what_is_recorded_anyway_is_refused(name, way):
    with pytest.raises(ValueError, match=f"'{name}', which is recorded anyway"):
        fit_trials(mlp, table(), [Trial(recipe(0))], validate=lambda m: {name: 0.0}, way=way, progress=False)


def test_what_pays_is_chosen_by_itself(monkeypatch):
    def ways(make_model, trials, data):
        found = groups.chunks(make_model, [data] * len(trials), trials, "auto", torch.device("cpu"), 1)
        return [(chunk.way, len(chunk.numbers)) for chunk in found]

    def silent(seed):
        return seeded(seed, lambda: MLP(4, (5,), CLASSES, dropout=0.5))

    two = [Trial(recipe(n), NEAR) for n in range(2)]
    assert ways(mlp, two, table()) == [("stacked", 2)]
    assert ways(lambda seed: LeNet(CLASSES, image_size=12), two, images()) == [("loop", 1)] * 2
    assert ways(silent, two, table()) == [("loop", 1)] * 2
    with pytest.raises(ValueError, match=r"trial 0 cannot go by way='stacked': MLP.*way='loop'"):
        fit_trials(silent, table(), two, way="stacked", progress=False)
    # Memory for one network and a half.
    monkeypatch.setattr(groups, "_free_memory", lambda: 1)
    assert ways(mlp, two, table()) == [("stacked", 1)] * 2


def convolution(seed: int) -> nn.Module:
    layers = [nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(8 * 144, CLASSES))


def sizes(monkeypatch, data, trials, make_model=convolution, jobs=1, free=40_000_000) -> list[int]:
    """How many networks go together, where so many bytes are free."""
    monkeypatch.setattr(groups, "_free_memory", lambda: free)
    data = [data] * len(trials) if isinstance(data, Arrays) else data
    found = groups.chunks(make_model, data, trials, "stacked", torch.device("cpu"), jobs)
    return [len(chunk.numbers) for chunk in found]


def test_as_many_go_together_as_their_activations_leave_room_for(monkeypatch):
    trials = [Trial(recipe(n, batch_size=20), mb.mixup(1.0, CLASSES)) for n in range(32)]
    most = sizes(monkeypatch, images(), trials)[0]
    # A convolution's activations are kept: what one step of so many really holds until its backward pass fits the memory.
    stack = StackedNetwork([convolution(n) for n in range(most)])
    held = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: held.append(t) or t, lambda t: t):
        stack.run(torch.rand(most, 20, 1, 12, 12)).sum().backward()
    held = sum({t.data_ptr(): t.nbytes for t in held}.values())
    assert 1 < most < 32 and 0.02 * 40_000_000 < held < groups._SHARE * 40_000_000
    # More draws, more samples, or another process take their part.
    draws = [Trial(each.recipe, mb.multimix(4, 1.0, CLASSES)) for each in trials]
    assert sizes(monkeypatch, images(), draws, free=160_000_000)[0] == pytest.approx(most, abs=2)
    assert sizes(monkeypatch, images(), trials, jobs=2)[0] == pytest.approx(most / 2, abs=1)


def test_data_that_all_share_are_there_once(monkeypatch):
    trials, wide = [Trial(recipe(n), None) for n in range(16)], table(5000)
    assert sizes(monkeypatch, wide, trials, mlp, free=2_000_000) == [16]
    each = [table(5000) for _ in trials]
    assert max(sizes(monkeypatch, each, trials, mlp, free=2_000_000)) < 8


def test_memory_that_runs_out_comes_with_advice():
    def hungry(logits, targets):
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError, match=r"3 networks side by side.*batch of 16.*way='loop'.*CUDA out of"):
        fit_trials(mlp, table(), [Trial(recipe(n)) for n in range(3)], loss=hungry, way="stacked", progress=False)


def test_looking_for_the_room_draws_no_random_numbers_of_torchs():
    from mixbook.training.memory import kept_for_backward

    x = torch.rand(2, 4)
    hidden, noisy = nn.Linear(4, 10), nn.Sequential(nn.Linear(4, 10), nn.Dropout(0.5), nn.Linear(10, 3))
    before = torch.get_rng_state()
    # The input; then what dropout drew and what it made of the hidden layer, 10 numbers each or their bytes.
    assert kept_for_backward(hidden, x) == x.nbytes
    assert kept_for_backward(noisy, x) >= x.nbytes + 2 * 10 * 4
    assert torch.equal(torch.get_rng_state(), before)


def test_chunks_in_processes_give_the_same_in_the_same_order():
    trials = [Trial(recipe(n), NEAR) for n in range(4)]
    one, two = (fit_trials(mlp, table(), trials, jobs=jobs, progress=False) for jobs in (1, 2))
    for a, b in zip(one, two, strict=True):
        assert a.history["loss"] == pytest.approx(b.history["loss"], abs=1e-6)


def test_finished_trials_are_kept_and_found_again(tmp_path, monkeypatch):
    from mixbook.training.trials import run

    trials = [Trial(recipe(n), NEAR) for n in range(3)]
    first = fit_trials(mlp, table(), trials, folder=tmp_path, progress=False)
    monkeypatch.setattr(run, "train_together", lambda *_: pytest.fail("it was trained again"))
    again = fit_trials(mlp, table(), trials, folder=tmp_path, progress=False)
    for a, b in zip(first, again, strict=True):
        assert a.history == b.history
        assert all(torch.equal(p, q) for p, q in zip(a.model.parameters(), b.model.parameters(), strict=True))
    with pytest.raises(pytest.fail.Exception):  # another protocol is not taken for this one
        fit_trials(
            mlp, table(), [Trial(recipe(n), mb.mixup(1.0, CLASSES)) for n in range(3)], folder=tmp_path, progress=False
        )


@pytest.mark.parametrize("changed", [{"room": 4}, {"room": 99}, {"jobs": 2}], ids=str)
def test_finished_trials_are_found_whatever_the_memory_and_the_processes(tmp_path, monkeypatch, changed):
    trials = [Trial(recipe(n), NEAR) for n in range(8)]

    def fitted(trials, room=3, **how):
        monkeypatch.setattr(groups, "_room", lambda *_: room)
        return fit_trials(mlp, table(), trials, folder=tmp_path, progress=False, **how)

    first, before = fitted(trials[:7]), {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again = fitted([*trials[:5], trials[7], trials[6]], **changed)
    assert {path: path.stat().st_mtime_ns for path in before} == before and len(list(tmp_path.iterdir())) == 8
    for old, new in ((first[0], again[0]), (first[4], again[4]), (first[6], again[6])):
        assert old.history == new.history
        assert all(torch.equal(p, q) for p, q in zip(old.model.parameters(), new.model.parameters(), strict=True))
    assert_as_alone(again[5:6], mlp, table(), trials[7:])


@pytest.mark.parametrize("way", ["stacked", "vmap", "loop"])
def test_kept_trials_are_of_one_choice_of_what_is_frozen(tmp_path, way):
    def frozen(*names):
        def make(seed):
            model = normalised(seed)
            for name in names:
                model.get_submodule(name).requires_grad_(False)
            return model

        return make

    for make in (normalised, frozen("0"), frozen("3.0"), frozen("0", "3.0")):
        fitted = fit_trials(make, table(), [Trial(recipe(0), NEAR)], folder=tmp_path, way=way, progress=False)
        assert_as_alone(fitted, make, table(), [Trial(recipe(0), NEAR)])
    assert len(list(tmp_path.glob("trial-*.pt"))) == 4


def test_kept_trials_are_of_one_choice_of_modes_and_of_one_start_of_the_buffers(tmp_path):
    def still(seed):
        model = normalised(seed)
        model[1].eval()
        return model

    def seen(seed):
        model = normalised(seed)
        model[1].running_mean += 1
        return model

    def still_and_seen(seed):
        model = seen(seed)
        model[1].eval()
        return model

    makers = (normalised, still, seen, still_and_seen)
    for _ in range(2):
        for make in makers:
            fitted = fit_trials(make, table(), [Trial(recipe(0), NEAR)], folder=tmp_path, progress=False)
            assert_as_alone(fitted, make, table(), [Trial(recipe(0), NEAR)])
        assert len(list(tmp_path.glob("trial-*.pt"))) == len(makers)


def test_kept_trials_are_of_one_forward(tmp_path):
    def scaled(by):
        forward = lambda self, x: by * nn.functional.linear(x, self.weight, self.bias)  # noqa: E731
        return lambda seed: seeded(seed, lambda: type("Net", (nn.Linear,), {"forward": forward})(4, CLASSES))

    for make in (scaled(1), scaled(20), scaled(1)):
        fitted = fit_trials(make, table(), [Trial(recipe(0), NEAR)], folder=tmp_path, progress=False)
        assert_as_alone(fitted, make, table(), [Trial(recipe(0), NEAR)])
    assert len(list(tmp_path.glob("trial-*.pt"))) == 2


def test_kept_trials_are_of_one_loss_and_of_one_validation(tmp_path):
    def scaled(by):
        return lambda logits, targets: by * nn.functional.cross_entropy(logits, targets)

    def seen(loss, validate):
        (one,) = fit_trials(
            mlp, table(), [Trial(recipe(0), NEAR)], loss=loss, validate=validate, folder=tmp_path, progress=False
        )
        return one.history

    first = seen(scaled(1), lambda m: {"score": 1.0})
    assert seen(scaled(100), lambda m: {"score": 1.0})["loss"][0] == pytest.approx(100 * first["loss"][0], rel=0.5)
    assert seen(scaled(1), lambda m: {"score": 2.0})["score"] == [2.0] * 3
    assert len(list(tmp_path.glob("trial-*.pt"))) == 3
    assert seen(scaled(1), lambda m: {"score": 1.0}) == first and len(list(tmp_path.glob("trial-*.pt"))) == 3


def test_torchs_global_randomness_is_left_alone():
    before = torch.get_rng_state()
    fit_trials(mlp, table(), [Trial(recipe(0), NEAR)], progress=False)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"trials": []}, "there must be trials"),
        ({"data": [table()] * 2}, "one data set for all or each, got 1 and 2"),
        ({"jobs": 0}, "at least 1, got 0"),
        ({"validate_every": 0}, "validate_every must be at least 1, got 0"),
        ({"trials": [Trial(Recipe(1, batch_size=8), mb.kmixup(16, 1.0, CLASSES))]}, "k=16 is larger than the batch of 8"),
        ({"trials": [Trial(Recipe(1), mb.mixup(1.0))]}, "num_classes is needed"),
        ({"make_model": lambda seed: MLP(4, (5,), 2)}, "model must give 3 logits"),
    ],
)
def test_bad_input_is_named(change, message):
    arguments = {"make_model": mlp, "data": table(), "trials": [Trial(recipe(0))], **change}
    with pytest.raises(ValueError, match=message):
        fit_trials(**arguments, progress=False)


@pytest.mark.parametrize("way", ["auto", "stacked", "vmap", "loop"])
def test_missing_values_are_refused_before_anything_is_trained_or_kept(way, tmp_path):
    full = table()
    gaps = Arrays(full.x.clone().index_fill_(0, torch.tensor([7]), math.nan), full.y, CLASSES, "gaps", missing=True)
    trials = [Trial(Recipe(1, 10, 0.01, seed=seed)) for seed in range(2)]
    for data in (gaps, [full, gaps]):
        with pytest.raises(ValueError, match="gaps: values are missing: impute"):
            fit_trials(mlp, data, trials, way=way, folder=tmp_path, device="cpu", progress=False)
    assert not list(tmp_path.glob("trial-*"))


def test_a_mixer_of_one_network_is_refused():
    with pytest.raises(TypeError, match="give a function"):
        fit_trials(mlp, table(), [Trial(recipe(0), mb.ManifoldMixer(mlp(0), ["layer1"], NEAR))], progress=False)


def test_losses_are_numbers():
    (one,) = fit_trials(mlp, table(), [Trial(recipe(0), NEAR)], progress=False)
    assert all(math.isfinite(value) for value in one.history["loss"])
