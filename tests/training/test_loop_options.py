"""What a recipe may ask of the loop beyond steps: schedules, parts, precision, averages, loaders, and ends."""

import os
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

import mixbook as mb
from mixbook.compat import Schedule
from mixbook.data import Augment, InputNoise, Pixels, iris, loader
from mixbook.evaluation import evaluate
from mixbook.models import MLP, seeded
from mixbook.training import CheckpointError, Recipe, fit
from mixbook.training.checkpoint import load
from mixbook.training.stop import Terminated

CLASSES = 3


def model() -> nn.Module:
    return seeded(0, lambda: MLP(4, (8,), CLASSES))


def weights(network: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in network.parameters()])


def trained(recipe: Recipe, data=None, network: nn.Module | None = None, **options: object) -> torch.Tensor:
    network = network or model()
    fit(network, iris() if data is None else data, recipe, **{"progress": False} | options)
    return weights(network)


def rates(recipe: Recipe) -> list[float]:
    """The learning rate of every step."""
    seen: list[float] = []
    own = Recipe.make_optimizer

    def make(self, parameters):
        optimizer = own(self, parameters)
        optimizer.register_step_pre_hook(lambda opt, *_: seen.append(opt.param_groups[0]["lr"]))
        return optimizer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Recipe, "make_optimizer", make)
        trained(recipe)
    return seen


def test_cosine_falls_step_by_step_from_lr_to_almost_nothing():
    seen = rates(Recipe(epochs=4, batch_size=30, lr=0.1, schedule="cosine"))
    assert len(seen) == 20 and seen[0] == 0.1
    assert all(a > b > 0 for a, b in pairwise(seen))
    torch_says = torch.optim.lr_scheduler.CosineAnnealingLR(torch.optim.SGD(model().parameters(), lr=0.1), T_max=20)
    for rate in seen:
        assert rate == pytest.approx(torch_says.get_last_lr()[0])
        torch_says.optimizer.step()
        torch_says.step()


def test_a_line_goes_through_its_knots_and_jumps_where_two_meet():
    recipe = Recipe(epochs=4, batch_size=75, lr=2.0, schedule="linear", knots=((0, 0.5), (2, 1), (2, 0.1), (4, 0)))
    assert rates(recipe) == pytest.approx([1.0, 1.25, 1.5, 1.75, 0.2, 0.15, 0.1, 0.05])
    assert recipe.lr_at(9) == 0


@pytest.mark.parametrize("knots", [(), ((1, 1.0),), ((0, 1.0), (2, 1.0), (1, 1.0)), ((0, -1.0),)])
def test_knots_that_make_no_line_are_refused(knots):
    with pytest.raises(ValueError, match="knots must be pairs"):
        Recipe(epochs=1, schedule="linear", knots=knots)


@pytest.mark.parametrize("mixer", [None, mb.mixup(1.0, CLASSES)])
@pytest.mark.parametrize("pairs", ["within", "across"])
def test_parts_one_after_the_other_make_the_step_of_the_batch(mixer, pairs):
    """Without mixing exactly; with it each part is mixed by itself, so the steps differ but none is lost."""
    whole = trained(Recipe(epochs=2, batch_size=50, lr=0.1, pairs=pairs), mixer=mixer)
    parts = trained(Recipe(epochs=2, batch_size=50, lr=0.1, pairs=pairs, accumulate=3), mixer=mixer)
    assert torch.allclose(whole, parts, atol=1e-6) is (mixer is None)
    assert (whole - parts).abs().max() < 0.2


@pytest.mark.parametrize(("batch", "accumulate", "sizes"), [(50, 12, [5, 5] + [4] * 10), (10, 4, [3, 3, 2, 2])])
def test_parts_are_as_many_as_asked_for_and_of_one_size(batch, accumulate, sizes):
    seen: list[int] = []

    def loss(logits, targets):
        seen.append(len(targets))
        return nn.functional.cross_entropy(logits, targets)

    whole = trained(Recipe(epochs=2, batch_size=batch, lr=0.1))
    parts = trained(Recipe(epochs=2, batch_size=batch, lr=0.1, accumulate=accumulate), loss=loss)
    assert seen == sizes * (150 // batch) * 2
    assert torch.allclose(whole, parts, atol=1e-6)


def test_a_short_batch_has_no_more_parts_than_samples():
    data = iris()[torch.arange(0, 150, 11)]  # 14 samples: batches of 12 and of 2
    whole, parts = (trained(Recipe(epochs=3, batch_size=12, lr=0.1, accumulate=n), data) for n in (1, 4))
    assert torch.allclose(whole, parts, atol=1e-6)


def test_the_average_is_the_result_and_what_is_validated():
    recipe, seen = Recipe(epochs=3, batch_size=150, lr=0.5, ema=0.5), []
    plain = [trained(Recipe(epochs=n, batch_size=150, lr=0.5)) for n in (1, 2, 3)]
    averaged = trained(recipe, validate=lambda m: seen.append(weights(m)) or {})
    assert torch.allclose(averaged, plain[0] / 4 + plain[1] / 4 + plain[2] / 2, atol=1e-6)
    assert torch.equal(seen[-1], averaged)


def test_the_best_epoch_is_the_result_where_the_protocol_says_so(tmp_path):
    scores, seen = iter([3.0, 1.0, 2.0, 1.0]), []  # of two that are equal it is the first

    def validate(network):
        seen.append(weights(network))
        return {"error": next(scores)}

    recipe = Recipe(epochs=4, batch_size=50, lr=0.1)
    # The best epoch comes back from a checkpoint too.
    trained(Recipe(**recipe.as_dict() | {"epochs": 3}), validate=validate, choose="error", checkpoint=tmp_path / "run.pt")
    chosen = trained(recipe, validate=validate, choose="error", checkpoint=tmp_path / "run.pt")
    assert torch.equal(chosen, seen[1]) and not torch.equal(chosen, seen[-1])
    with pytest.raises(ValueError, match="choose='nll' is no score of validate, which gave error"):
        trained(recipe, validate=lambda m: {"error": 0.0}, choose="nll")
    with pytest.raises(ValueError, match="choose='nll' needs validate"):
        trained(recipe, choose="nll")


@pytest.mark.parametrize("epochs_at_first", [1, 4])
def test_an_epoch_without_a_score_is_never_the_best(tmp_path, epochs_at_first):
    scores, seen = iter([float("nan"), 3.0, float("nan"), 4.0]), []

    def validate(network):
        seen.append(weights(network))
        return {"error": next(scores)}

    recipe = Recipe(epochs=4, batch_size=50, lr=0.1)
    for epochs in sorted({epochs_at_first, 4}):
        stage = Recipe(**recipe.as_dict() | {"epochs": epochs})
        chosen = trained(stage, validate=validate, choose="error", checkpoint=tmp_path / "run.pt")
    assert torch.equal(chosen, seen[1])


def test_half_precision_trains_and_keeps_the_weights_whole():
    network = model()
    whole, half = trained(Recipe(epochs=5, lr=0.05)), trained(Recipe(epochs=5, lr=0.05, precision="bf16"), network=network)
    assert half.dtype == torch.float32
    assert 0 < (whole - half).abs().max() < 0.02
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="precision='fp16' needs a GPU"):
            trained(Recipe(epochs=1, precision="fp16"))


def test_a_fabric_that_is_passed_computes_as_the_recipe_says_or_is_refused():
    from mixbook.training.extras import one_device

    here, half = torch.device("cpu"), Recipe(epochs=2, lr=0.05, precision="bf16")
    whole = Recipe(**half.as_dict() | {"precision": "fp32"})
    with pytest.raises(ValueError, match=r"must have precision='bf16-mixed' for a recipe with .*'bf16', got '32-true'"):
        trained(half, fabric=one_device(here))
    with_half = trained(half, fabric=one_device(here, "bf16"))
    assert not torch.equal(with_half, trained(whole, fabric=one_device(here)))
    # A recipe that asks for nothing leaves it to the fabric.
    assert torch.equal(with_half, trained(whole, fabric=one_device(here, "bf16")))


def mixed_epochs(schedule: Schedule, epochs: int, **options: object) -> list[bool]:
    """Whether anything was mixed, in each epoch that ran."""
    found: list[bool] = []

    def loss(logits, targets):
        found.append(bool((targets.max(1).values < 1).any()))
        return nn.functional.cross_entropy(logits, targets)

    trained(Recipe(epochs, batch_size=75, lr=0.05), mixer=schedule, loss=loss, **options)
    return [any(found[start : start + 2]) for start in range(0, len(found), 2)]


def test_a_schedule_is_told_the_epoch_also_when_a_run_goes_on(tmp_path):
    path, schedule = tmp_path / "run.pt", Schedule(mb.mixup(1.0, CLASSES), until=2)
    assert mixed_epochs(schedule, 4) == [True, True, False, False]
    assert mixed_epochs(schedule, 1, checkpoint=path) == [True]
    assert mixed_epochs(schedule, 2, checkpoint=path) == [True]
    assert mixed_epochs(Schedule(mb.mixup(1.0, CLASSES), until=2), 3, checkpoint=path) == [False]


def test_hidden_layers_are_mixed_until_an_epoch_too():
    def weights(**options):
        model = seeded(0, lambda: MLP(4, (8,), CLASSES))
        mixer = Schedule(mb.manifold_mixup(model, ["layer1"], 2.0, CLASSES), **options) if options else None
        fit(model, iris(), Recipe(epochs=2, batch_size=75, lr=0.05), mixer=mixer, progress=False)
        return nn.utils.parameters_to_vector(model.parameters())

    always, once, never = (weights(until=until) for until in (None, 1, 0))
    torch.testing.assert_close(never, weights())
    assert not torch.equal(once, always) and not torch.equal(once, never)


def half_on_cpu(growth_interval: int = 2):
    """Fabric with float16, whose gradients are scaled by more and more until they overflow and a step is left out."""
    from lightning_fabric import Fabric
    from lightning_fabric.plugins.precision import MixedPrecision

    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**14, growth_interval=growth_interval)
    return Fabric(accelerator="cpu", devices=1, plugins=[MixedPrecision("16-mixed", "cpu", scaler)])


def test_a_run_in_float16_goes_on_with_the_scale_of_its_gradients(tmp_path):
    recipe, path = Recipe(epochs=6, batch_size=50, lr=0.05), tmp_path / "run.pt"
    whole = trained(recipe, fabric=half_on_cpu(), checkpoint=tmp_path / "whole.pt")
    assert not torch.equal(whole, trained(recipe, fabric=half_on_cpu(100)))  # the scale decides which steps are left out
    trained(Recipe(**recipe.as_dict() | {"epochs": 3}), fabric=half_on_cpu(), checkpoint=path)
    scaler = load(path)["precision"]
    assert scaler["scale"] != 2.0**14
    assert torch.equal(whole, trained(recipe, fabric=half_on_cpu(), checkpoint=path))
    assert load(path)["precision"] == load(tmp_path / "whole.pt")["precision"] != scaler


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_run_in_float16_on_a_gpu_goes_on_too(tmp_path):
    recipe = Recipe(epochs=6, batch_size=50, lr=0.05, precision="fp16")
    whole = trained(recipe, checkpoint=tmp_path / "whole.pt")
    trained(Recipe(**recipe.as_dict() | {"epochs": 3}), checkpoint=tmp_path / "run.pt")
    assert load(tmp_path / "run.pt")["precision"]["_growth_tracker"] > 0
    assert torch.allclose(whole, trained(recipe, checkpoint=tmp_path / "run.pt"), atol=1e-4)
    assert load(tmp_path / "run.pt")["precision"] == load(tmp_path / "whole.pt")["precision"]


def test_the_memory_on_record_is_that_of_the_run(monkeypatch):
    from mixbook.training.memory import Peak

    assert Peak(torch.device("cpu")).record() == {}
    peak = {"bytes": 7e9}  # of what the process did before
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device: peak.update(bytes=2e9))
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: peak["bytes"])
    assert Peak(torch.device("cuda")).record() == {"gigabytes": 2.0}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_memory_that_was_used_before_a_run_is_not_on_its_record():
    torch.zeros(10**9, dtype=torch.uint8, device="cuda")
    history = fit(model(), iris(), Recipe(epochs=1), progress=False)
    assert history["gigabytes"][-1] < 0.9


def test_channels_last_changes_the_layout_and_nothing_else():
    def image_network() -> nn.Module:
        return seeded(0, lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, CLASSES)))

    data, seen = mb_images(), []
    networks = [image_network(), image_network()]
    for network, last in zip(networks, (False, True), strict=True):
        network[0].register_forward_hook(lambda m, x, y: seen.append(x[0].is_contiguous(memory_format=torch.channels_last)))
        trained(Recipe(epochs=1, batch_size=10, lr=0.1, channels_last=last), data, network)
    assert torch.allclose(*map(weights, networks), atol=1e-6)
    assert seen[-1]


def mb_images():
    from mixbook.data import Arrays

    generator = torch.Generator().manual_seed(0)
    x = torch.rand(20, 1, 4, 4, generator=generator)
    return Arrays(x, torch.randint(CLASSES, (20,), generator=generator), CLASSES)


def test_compiling_is_left_to_torch(monkeypatch):
    asked = []
    monkeypatch.setattr(torch, "compile", lambda network: asked.append(network) or network)
    network = model()
    assert torch.equal(trained(Recipe(epochs=1, compile=True), network=network), trained(Recipe(epochs=1)))
    assert asked == [network]


@pytest.mark.parametrize("growing", [False, True])
def test_loaders_give_the_batches_and_a_run_from_one_resumes_exactly(tmp_path, growing):
    data = TensorDataset(iris().x, iris().y)
    sizes: list[int] = []

    def feed():
        def at(epoch: int):
            return loader(data, 30 if epoch < 2 else 50, seed=5)

        return at if growing else loader(data, 30, seed=5)

    class Counting:
        def outputs(self, model, x, y, *, partner=None, generator=None):
            sizes.append(len(y))
            return mb.mixup(1.0, CLASSES).outputs(model, x, y, generator=generator)

    recipe = Recipe(epochs=3, batch_size=30, lr=0.05)
    whole = trained(recipe, feed(), mixer=Counting())
    assert sizes == [30] * 5 * 2 + ([50] * 3 if growing else [30] * 5)
    trained(Recipe(**recipe.as_dict() | {"epochs": 1}), feed(), mixer=Counting(), checkpoint=tmp_path / "run.pt")
    assert torch.equal(whole, trained(recipe, feed(), mixer=Counting(), checkpoint=tmp_path / "run.pt"))
    assert not torch.equal(whole, trained(Recipe(**recipe.as_dict() | {"seed": 1}), feed(), mixer=Counting()))


def test_a_loader_has_no_second_batch_and_needs_a_generator():
    data = TensorDataset(iris().x, iris().y)
    with pytest.raises(ValueError, match="pairs='across' needs data in memory"):
        trained(Recipe(epochs=1, pairs="across"), loader(data, 30, seed=0))
    with pytest.raises(ValueError, match="must have a generator"):
        trained(Recipe(epochs=1), torch.utils.data.DataLoader(data, 30))


def test_the_memory_of_a_loaders_batch_is_said_by_its_own_size():
    def allocate(x, y, generator):
        raise torch.OutOfMemoryError("CUDA out of memory")

    data = TensorDataset(iris().x, iris().y)
    for feed in (loader(data, 30, seed=0), lambda epoch: loader(data, 30, seed=0)):
        with pytest.raises(torch.OutOfMemoryError, match="a batch of 30 does not fit the memory"):
            trained(Recipe(epochs=1, batch_size=50), feed, augment=allocate)


@pytest.mark.parametrize("mixer", [None, mb.kmixup(4, 1.0, CLASSES)], ids=["plain", "kmixup"])
def test_every_epoch_says_how_fast_it_was_and_is_logged(mixer):
    logged: list[dict] = []
    recipe = Recipe(epochs=2, batch_size=50, lr=0.1)
    history = fit(model(), iris(), recipe, mixer=mixer, log=logged.append, progress=False)
    assert [record["epoch"] for record in logged] == [1, 2]
    for record in history.records:
        phases = [record[f"seconds_{phase}"] for phase in ("data", "forward", "backward", "update")]
        assert all(seconds > 0 for seconds in phases) and sum(phases) <= record["seconds"]
        assert record["samples_per_second"] == pytest.approx(150 / sum(phases))


def test_the_pace_of_an_interrupted_epoch_is_that_since_it_went_on(tmp_path):
    recipe, path, steps = Recipe(epochs=1, batch_size=10, lr=0.1), tmp_path / "run.pt", []

    def end(*_: object) -> None:
        steps.append(1)
        if len(steps) == 12:
            os.kill(os.getpid(), signal.SIGTERM)

    network = model()
    network.register_forward_pre_hook(end)
    with pytest.raises(Terminated):
        trained(recipe, network=network, checkpoint=path)
    record = fit(model(), iris(), recipe, checkpoint=path, progress=False).records[0]
    took = sum(record[f"seconds_{phase}"] for phase in ("data", "forward", "backward", "update"))
    assert record["samples_per_second"] == pytest.approx(30 / took)


def test_a_cosine_run_cannot_grow(tmp_path):
    recipe = Recipe(epochs=2, schedule="cosine")
    trained(recipe, checkpoint=tmp_path / "run.pt")
    with pytest.raises(CheckpointError, match="epochs: 2, now 3"):
        trained(Recipe(epochs=3, schedule="cosine"), checkpoint=tmp_path / "run.pt")


def of_a_gpu():
    raise torch.OutOfMemoryError("CUDA out of memory")


def torch_of_a_cpu():
    torch.empty(10**14)  # more bytes than a process can address


def numpy_of_a_cpu():
    np.empty(10**14)


@pytest.mark.parametrize("allocate", [of_a_gpu, torch_of_a_cpu, numpy_of_a_cpu])
def test_memory_that_runs_out_comes_with_advice(allocate):
    with pytest.raises(torch.OutOfMemoryError, match=r"a batch of 50 does not fit the memory: accumulate=2 halves it"):
        trained(Recipe(epochs=1, batch_size=50), loss=lambda logits, targets: allocate())


def test_another_error_of_a_loss_stays_what_it_is():
    def mine(logits, targets):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine") as raised:
        trained(Recipe(epochs=1, batch_size=50), loss=mine)
    assert type(raised.value) is RuntimeError


RECIPE = Recipe(epochs=3, batch_size=40, lr=0.05, pairs="across", seed=3)


def noisy(path, before_a_step=lambda *_: None) -> torch.Tensor:
    """k-mixup with dropout and noise, so that every stream of random numbers matters."""
    network = seeded(0, lambda: nn.Sequential(MLP(4, (16,), 8), nn.Dropout(0.2), nn.Linear(8, CLASSES)))
    network.register_forward_pre_hook(before_a_step)
    options = {"mixer": mb.kmixup(16, 1.0, CLASSES), "augment": Augment(InputNoise(0.1))}
    return trained(RECIPE, None, network, checkpoint=path, **options)


def ask_to_end(path: Path) -> None:
    steps = []

    def end(*_):
        steps.append(1)
        if len(steps) == 6:  # the second step of the second epoch
            os.kill(os.getpid(), signal.SIGTERM)

    noisy(path, end)


def test_sigterm_saves_in_the_middle_of_an_epoch_and_exits_with_143(tmp_path):
    path = tmp_path / "run.pt"
    done = subprocess.run([sys.executable, __file__, str(path)], env=os.environ | {"OMP_NUM_THREADS": "1"}, timeout=300)
    assert done.returncode == 143
    saved = load(path)
    assert len(saved["records"]) == 1 and saved["total"]["steps"] == 2
    assert torch.equal(noisy(path), noisy(tmp_path / "whole.pt"))


@pytest.mark.parametrize(("epoch", "save_every"), [(2, 1), (3, 2)])
def test_sigterm_during_validation_is_not_lost(tmp_path, epoch, save_every):
    """In the last epoch too, after which no step asks."""
    path, done = tmp_path / "run.pt", []

    def validate(network):
        done.append(1)
        if len(done) == epoch:
            os.kill(os.getpid(), signal.SIGTERM)
        return {}

    with pytest.raises(Terminated):
        trained(Recipe(epochs=3, batch_size=50), validate=validate, checkpoint=path, save_every=save_every)
    assert len(load(path)["records"]) == epoch


def test_evaluating_between_epochs_changes_nothing():
    held_out = iris()
    recipe = Recipe(epochs=3, batch_size=50, lr=0.1, ema=0.9)
    assert torch.equal(trained(recipe), trained(recipe, validate=lambda m: evaluate(m, held_out)))


if __name__ == "__main__":
    ask_to_end(Path(sys.argv[1]))


def test_bytes_of_a_loader_are_numbers_from_0_to_1():
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (120, 4), generator=generator, dtype=torch.uint8)
    labels = torch.arange(120) % CLASSES
    feeds = [loader(TensorDataset(x, labels), 30, seed=0) for x in (pixels, pixels.float() / 255)]
    recipe, mixed = Recipe(epochs=2, lr=0.5), mb.kmixup(4, 1.0, CLASSES)
    as_bytes, as_numbers = (trained(recipe, feed, mixer=mixed) for feed in feeds)
    assert torch.equal(as_bytes, as_numbers)
    assert mb.evaluate(model(), feeds[0]) == mb.evaluate(model(), feeds[1])


@pytest.mark.parametrize("said", [None, 0.5])
def test_scores_without_names_are_refused(said):
    with pytest.raises(TypeError, match=rf"validate must give scores by name.*, got {type(said).__name__}"):
        trained(Recipe(epochs=1), validate=lambda m: said)


def test_what_cannot_be_trained_on_says_what_to_wrap_it_in():
    data = Pixels(torch.zeros(9, 1, 2, 2, dtype=torch.uint8), torch.arange(9) % CLASSES, CLASSES)
    for wrong in (data, TensorDataset(iris().x, iris().y)):
        with pytest.raises(TypeError, match=f"got {type(wrong).__name__}: wrap images as bytes in mixbook.data.Resident"):
            trained(Recipe(epochs=1), wrong)
