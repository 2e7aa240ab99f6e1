"""``mixbook evaluate`` on small networks that ``mixbook train`` makes."""

import json
import re
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from mixbook import cli
from mixbook.benchmarks import BenchmarkError
from mixbook.cli.evaluate import _lines, _of_another
from mixbook.data import digits, images, stand_in
from mixbook.data.pixels import Pixels
from mixbook.evaluation import attack, evaluate
from mixbook.training import checkpoint as checkpoints
from mixbook.training.inputs import Inputs
from mixbook.training.job import Job, Ready


def train(folder, *arguments, data="digits", model="mlp"):
    cli.main(
        ["train", "--data", data, "--model", model, "--hidden", "16", "--epochs", "3", "--milestones", "2", "--batch-size",
         "100", "--lr", "0.05", "--device", "cpu", "--out", str(folder), *arguments]
    )  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    train(folder, "--alpha", "1", "--layers", "input", "layer1")
    return folder


def says(capsys, *arguments) -> dict:
    capsys.readouterr()
    cli.main(["evaluate", *map(str, arguments), "--device", "cpu", "--json"])
    return json.loads(capsys.readouterr().out)


def refusal(capsys, *arguments) -> str:
    with pytest.raises(SystemExit) as left:
        cli.main(["evaluate", *map(str, arguments), "--device", "cpu"])
    assert left.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("mixbook: ")
    return error


def test_it_is_the_network_that_was_trained(trained, capsys):
    found = says(capsys, trained, "--top", "2")
    scores = json.loads((trained / "result.json").read_text())["scores"]
    assert 100 * (1 - found["scores"]["accuracy"]) == pytest.approx(scores["error"])
    assert found["scores"]["nll"] == pytest.approx(scores["nll"])
    assert found["scores"]["accuracy_top2"] > found["scores"]["accuracy"]
    assert (found["epochs"], found["data"], found["samples"]) == (3, "digits", 599)
    assert Job.from_dict(found["job"]).mixing.layers == ("input", "layer1")


def test_attacks_and_deformations_are_those_of_the_package(trained, capsys):
    arguments = ["--attack", "fgsm@8/255", "--attack", "pgd5x2@8/255", "--deform", "rotation_20", "--deform", "zoomout_140"]
    found = says(capsys, trained, *arguments, "--seed", "3")["scores"]
    job = Job.from_dict(json.loads((trained / "job.json").read_text()))
    _, test = job.parts()
    model = job.network(test)
    model.load_state_dict(checkpoints.load(trained / "checkpoint.pt")["model"])
    attacks = [attack("fgsm@8/255"), attack("pgd5x2@8/255")]
    seeded = torch.Generator().manual_seed(3)
    expected = evaluate(model, test, 256, attacks=attacks, deformations=["rotation_20", "zoomout_140"], generator=seeded)
    assert found == pytest.approx(expected)
    assert min(found["error@pgd5x2@8/255"], found["error@fgsm@8/255"]) > 1.1 * (1 - found["accuracy"])


def test_the_table_says_what_is_what(trained, capsys):
    capsys.readouterr()
    cli.main(["evaluate", str(trained / "checkpoint.pt"), "--attack", "fgsm@8/255", "--samples", "50", "--device", "cpu"])
    said = capsys.readouterr().out
    assert "mlp after 3 epochs on digits, mixed at input, layer1: alpha 1, k 1, 1 per pair, linear" in said
    assert "50 test samples of digits" in said
    assert [line.split("  ")[0] for line in said.splitlines()[3:]] == [
        "error", "nll", "brier", "ece", "error under fgsm@8/255",
    ]  # fmt: skip


def test_a_line_is_an_error_whether_the_score_was_one_or_an_accuracy():
    scores = {"accuracy": 0.9, "accuracy_top5": 0.97, "accuracy@rotation_20": 0.8, "error@fgsm@8/255": 0.3, "nll": 0.5}
    said = dict(re.split(r"  +", line) for line in _lines(scores))
    assert said == {
        "error": "10.00 %",
        "top-5 error": "3.00 %",
        "error under rotation_20": "20.00 %",
        "error under fgsm@8/255": "30.00 %",
        "nll": "0.500 nats",
    }


def test_a_set_of_other_classes_is_refused_although_its_samples_have_the_same_shape(monkeypatch):
    shape, classes = (3, 32, 32), tuple(map(str, range(100)))
    ten = Pixels(torch.zeros(4, *shape, dtype=torch.uint8), torch.arange(4), 10).arrays()
    monkeypatch.setattr(Job, "ready", lambda job: Ready(ten, ten, classes[:10], Inputs(shape), None))
    job = Job("cifar100", "slim_preact_resnet18")
    with pytest.raises(BenchmarkError, match=r"of 100 classes .cifar100.; cifar10 has samples .* of 10 classes"):
        _of_another(job, job.on("cifar10"), Inputs(shape), classes)


def test_scores_that_are_no_numbers_are_null_in_json(trained, tmp_path, capsys):
    shutil.copytree(trained, tmp_path / "lost")
    content = checkpoints.load(tmp_path / "lost" / "checkpoint.pt")
    content["model"] = {name: value.fill_(torch.nan) for name, value in content["model"].items()}
    checkpoints.save(tmp_path / "lost" / "checkpoint.pt", content)
    capsys.readouterr()
    cli.main(["evaluate", str(tmp_path / "lost"), "--device", "cpu", "--json"])
    said = capsys.readouterr().out
    assert "NaN" not in said and json.loads(said)["scores"]["nll"] is None


def test_a_run_that_was_stopped_can_be_evaluated(trained, tmp_path, capsys):
    shutil.copytree(trained, tmp_path / "stopped")
    (tmp_path / "stopped" / "result.json").unlink()
    assert says(capsys, tmp_path / "stopped")["scores"] == says(capsys, trained)["scores"]


def test_with_a_moving_average_that_is_the_network(tmp_path, capsys):
    train(tmp_path, "--ema", "0.9")
    scores = json.loads((tmp_path / "result.json").read_text())["scores"]
    assert 100 * (1 - says(capsys, tmp_path)["scores"]["accuracy"]) == pytest.approx(scores["error"])


@pytest.fixture
def small_mnist(monkeypatch):
    """Digits in MNIST's shape in place of the files."""

    def pixels_of(name, part="train"):
        data = stand_in("mnist") if part == "train" else stand_in("mnist")[torch.arange(40)]
        assert name in ("mnist", "svhn")
        x = (255 * data.x).round().to(torch.uint8)
        return Pixels(x if name == "mnist" else 255 - x, data.y, 10, name)

    monkeypatch.setattr(images, "pixels_of", pixels_of)


def test_images_are_attacked_as_pixels_in_front_of_the_normalisation(small_mnist, tmp_path, capsys):
    train(tmp_path, data="mnist", model="lenet")
    scores = json.loads((tmp_path / "result.json").read_text())["scores"]
    found = says(capsys, tmp_path, "--attack", "fgsm@40/255", "--attack", "fgsm@1 normalised", "--attack", "unbounded5")
    assert 100 * (1 - found["scores"]["accuracy"]) == pytest.approx(scores["error"], abs=1e-4)
    assert {"error@fgsm@40/255", "error@fgsm@1 normalised", "error@unbounded5"} <= set(found["scores"])
    other = says(capsys, tmp_path, "--data", "svhn")
    assert other["data"] == "svhn" and other["scores"]["accuracy"] < found["scores"]["accuracy"]


def photos(folder, *classes, shades=(40, 200), size=(12, 10), images=12):
    """Noisy images around a shade for each class."""
    rng = np.random.default_rng(len(str(folder)))
    for name, shade in zip(classes, shades, strict=True):
        (folder / name).mkdir(parents=True)
        for number in range(images):
            pixels = np.clip(rng.normal(shade, 20, (*size, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


def test_a_network_for_photos_of_one_s_own_is_tested_in_pixels_and_on_others_of_the_same_classes(tmp_path, capsys):
    home, run = photos(tmp_path / "mine", "cat", "dog"), tmp_path / "run"
    train(run, "--size", "8", "--shift", "1", "--flip", "--batch-size", "4", "--lr", "0.01", data=str(home))
    assert "mine: 16 samples to train on and 8 to test on, of 2 classes" in capsys.readouterr().out
    scores = json.loads((run / "result.json").read_text())["scores"]
    found = says(capsys, run, "--attack", "fgsm@60/255")
    assert (found["data"], found["samples"]) == ("mine", 8)
    assert 100 * (1 - found["scores"]["accuracy"]) == pytest.approx(scores["error"])
    assert found["scores"]["nll"] == pytest.approx(scores["nll"], abs=1e-4)
    swapped = photos(tmp_path / "swapped", "cat", "dog", shades=(200, 40))  # what it learnt is wrong here
    assert found["scores"]["accuracy"] > 0.8 > 0.2 > says(capsys, run, "--data", swapped)["scores"]["accuracy"]
    assert "is for the classes cat, dog; " in refusal(capsys, run, "--data", photos(tmp_path / "others", "ant", "bee"))
    assert "no data set 'nothing'" in refusal(capsys, run, "--data", "nothing")
    moved = home.rename(tmp_path / "moved")
    assert f"{home} is not there, on which this was trained: if it was moved" in refusal(capsys, run)
    assert f"{home} is not there" in refusal(capsys, run, "--data", "cifar10")
    assert says(capsys, run, "--data", moved)["scores"]["nll"] == pytest.approx(found["scores"]["nll"], abs=1e-4)
    assert f"{swapped} has changed since {run} was trained on it, or is other" in refusal(capsys, run, "--data", swapped)
    moved.rename(home)
    (home / "cat" / "0.png").unlink()
    assert f"{home} has changed since {run} was trained on it" in refusal(capsys, run)


def test_a_network_for_a_table_of_one_s_own_is_tested_on_what_was_kept(tmp_path, capsys):
    path = tmp_path / "mine.csv"
    path.write_text("\n".join(f"{'ab'[n % 2]},{n % 2 + n / 50},{n % 5}" for n in range(60)))
    train(tmp_path / "run", "--label", "0", data=str(path))
    found = says(capsys, tmp_path / "run")
    assert (found["data"], found["samples"], found["job"]["label"]) == ("mine.csv", 20, "0")
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert 100 * (1 - found["scores"]["accuracy"]) == pytest.approx(result["scores"]["error"])
    assert "has samples (4,) of 3 classes" in refusal(capsys, tmp_path / "run", "--data", "iris")


def test_what_is_wrong_is_said(trained, tmp_path, capsys, monkeypatch):
    assert f"no checkpoint {tmp_path}/checkpoint.pt: give the folder that" in refusal(capsys, tmp_path)
    assert "name must be one such as fgsm@8/255" in refusal(capsys, trained, "--attack", "fgsm8")
    assert "a table's epsilon of 8 is 8 / 255 of pixels in [0, 1]" in refusal(capsys, trained, "--attack", "fgsm@8")
    assert "name must be one such as rotation_20" in refusal(capsys, trained, "--deform", "rotate:20")
    assert "imagenet is for Python: mixbook.data.imagenet reads it" in refusal(capsys, trained, "--data", "imagenet")
    assert "is for samples (1, 8, 8) of 10 classes (digits); iris has samples (4,) of 3 classes" in refusal(
        capsys, trained, "--data", "iris"
    )
    assert "--samples must be from 1 to 599, got 0" in refusal(capsys, trained, "--samples", "0")
    assert "space='normalised' needs a network that normalises" in refusal(
        capsys, trained, "--attack", "fgsm@0.1 normalised"
    )
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(trained / "checkpoint.pt", alone)
    assert "neither job.json nor result.json" in refusal(capsys, alone)
    (alone / "job.json").write_text("{")
    assert "job.json does not say what was trained" in refusal(capsys, alone)
    job = json.loads((trained / "job.json").read_text())
    (alone / "job.json").write_text(json.dumps({**job, "hidden": [7]}))
    assert "has the weights of another network than job.json beside it says, mlp" in refusal(capsys, alone)
    (alone / "checkpoint.pt").write_bytes((trained / "checkpoint.pt").read_bytes()[:500])
    assert "is damaged" in refusal(capsys, alone)
    monkeypatch.setenv("MIXBOOK_DATA", str(tmp_path / "empty"))
    monkeypatch.setenv("MIXBOOK_OFFLINE", "1")
    assert "cifar10 is not in the data folder" in refusal(capsys, trained, "--data", "cifar10")


@pytest.mark.parametrize(
    ("recipe", "job", "said"),
    [({"seed": 5}, {}, "seed: 0, now 5"), ({"lr": 0.1}, {}, "lr: 0.05, now 0.1"), ({}, {"data": "iris"}, "now iris")],
)
def test_a_mixture_of_two_runs_is_refused(recipe, job, said, trained, tmp_path, capsys):
    """By another seed, what is tested on was trained on."""
    mixture = shutil.copytree(trained, tmp_path / "mixture")
    written = json.loads((trained / "job.json").read_text())
    (mixture / "job.json").write_text(json.dumps({**written, **job, "recipe": {**written["recipe"], **recipe}}))
    error = refusal(capsys, mixture)
    assert f"{mixture}/checkpoint.pt is of another run than job.json beside it says" in error and said in error


def test_a_run_that_is_to_have_more_epochs_is_no_other(trained, tmp_path, capsys):
    longer = shutil.copytree(trained, tmp_path / "longer")
    written = json.loads((trained / "job.json").read_text())
    written["recipe"]["epochs"] += 4
    (longer / "job.json").write_text(json.dumps(written))
    assert says(capsys, longer)["scores"] == says(capsys, trained)["scores"]


def test_a_job_survives_json():
    job = Job("digits", "mlp", hidden=(3, 4))
    assert Job.from_dict(json.loads(json.dumps(job.as_dict()))) == job
    assert digits().num_classes == 10


def test_a_test_part_alone_is_tested_on_whole_also_where_the_training_data_are_not(tmp_path, capsys):
    home, run = photos(tmp_path / "mine", "cat", "dog"), tmp_path / "run"
    train(run, "--size", "8", "--batch-size", "4", "--lr", "0.01", data=str(home))
    part = photos(tmp_path / "new" / "test", "cat", "dog")
    found = says(capsys, run, "--data", tmp_path / "new")
    assert (found["data"], found["samples"]) == ("new", 24) and found["scores"]["accuracy"] > 0.8
    shutil.rmtree(part / "cat")
    with pytest.warns(UserWarning, match="has no images of 1 of the classes"):
        only = says(capsys, run, "--data", tmp_path / "new")  # dogs are number 1 here too
    assert only["samples"] == 12 and only["scores"]["accuracy"] > 0.8
    shutil.rmtree(home)
    with pytest.warns(UserWarning, match="has no images of 1 of the classes"):
        assert says(capsys, run, "--data", tmp_path / "new")["scores"] == only["scores"]
    (run / "result.json").unlink()
    assert f"{home} is not there" in refusal(capsys, run) and "no train beside" in refusal(
        capsys, run, "--data", tmp_path / "new"
    )


def test_another_table_is_scaled_as_the_network_s_own(tmp_path, capsys):
    """Both classes of the other lie where the network saw the second: by its own columns it would look like the first."""
    table(tmp_path / "mine.csv", shift=0)
    table(tmp_path / "other.csv", shift=5)
    train(tmp_path / "run", "--epochs", "30", "--milestones", data=str(tmp_path / "mine.csv"))
    assert says(capsys, tmp_path / "run")["scores"]["accuracy"] > 0.9
    assert says(capsys, tmp_path / "run", "--data", tmp_path / "other.csv")["scores"]["accuracy"] == 0.5


def table(path, shift):
    """Two classes far apart, by the first feature."""
    path.write_text("\n".join(["f,g,kind", *(f"{n % 2 + n / 100 + shift},{n % 5},{'ab'[n % 2]}" for n in range(60))]))
