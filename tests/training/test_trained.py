"""A network of ``mixbook train`` in a script of one's own: what it takes, and what it says, is what it was trained on."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from mixbook import cli
from mixbook.data.files import read_table
from mixbook.evaluation import evaluate
from mixbook.models import named
from mixbook.training import CheckpointError, checkpoint, load_run
from mixbook.training.job import Job, in_pixels, on_pixels
from mixbook.training.trained import Run

PAGE = Path(__file__).parents[2] / "book" / "how_to_run.md"


def train(data, out, *arguments):
    common = ["--batch-size", "10", "--lr", "0.05", "--milestones", "--device", "cpu", "--out", str(out)]
    cli.main(["train", "--data", str(data), *common, *map(str, arguments)])


def drawn(path, shade, number):
    """A noisy image around a shade, far from what networks take for the middle."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).normal(shade, 10, (12, 12, 3))
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder with images of two classes, both bright, and a run on it."""
    home = tmp_path_factory.mktemp("photos")
    for number in range(24):
        drawn(home / "photos" / ["cat", "dog"][number % 2] / f"{number}.png", [190, 225][number % 2], number)
    sized = ("--size", "32", "--model", "slim_preact_resnet18", "--epochs", "8")
    train(home / "photos", home / "runs" / "photos", *sized)
    return home


@pytest.fixture
def table(tmp_path):
    """Two classes by the seconds within an hour of 2023, and a feature in thousands."""
    rows = [f"{1_700_000_000 + 60 * (n % 2) + n % 7},{1000 * (n % 3)},{'ab'[n % 2]}" for n in range(60)]
    path = tmp_path / "mine.csv"
    path.write_text("\n".join(["when,far,kind", *rows]) + "\n")
    return path


def scores(folder):
    return json.loads((folder / "result.json").read_text())["scores"]


def test_of_images_it_takes_bytes_and_pixels_as_they_are(photos):
    folder = photos / "runs" / "photos"
    network, classes = load_run(folder)
    _, test = Job.from_dict(json.loads((folder / "job.json").read_text())).parts()
    pixels = in_pixels(test)
    found = evaluate(network, pixels)
    assert classes == ("cat", "dog") and not network.training
    assert 100 * (1 - found["accuracy"]) == pytest.approx(scores(folder)["error"])
    assert found["nll"] == pytest.approx(scores(folder)["nll"], abs=1e-4)
    x, _ = pixels.batch(torch.arange(8))
    torch.testing.assert_close(network((255 * x).round().to(torch.uint8)), network(x), atol=1e-4, rtol=1e-4)
    bare = named("slim_preact_resnet18", (3, 32, 32), 2)
    bare.load_state_dict(checkpoint.load(folder / "checkpoint.pt")["model"])
    assert evaluate(bare, pixels)["accuracy"] < found["accuracy"]  # weights alone are not the network


def test_of_a_table_it_takes_the_columns_of_the_file(table, tmp_path):
    train(table, tmp_path / "run", "--model", "mlp", "--hidden", "16", "--epochs", "40")
    network, classes = load_run(tmp_path / "run" / "checkpoint.pt")
    read = read_table(table)
    assert classes == read.classes
    logits = network(torch.tensor(read.x)).detach()
    assert (logits.argmax(1).numpy() == read.y).mean() > 0.9  # which single precision could not tell apart
    _, test = Job.from_dict(json.loads((tmp_path / "run" / "job.json").read_text())).parts()
    inner = network.net(test.x).detach()
    nearest = (logits[:, None] - inner).abs().amax(2).amin(0)
    assert nearest.max() < 1e-4  # each test sample is a row of the file, and gets the same logits
    with pytest.raises(ValueError, match=r"x must be a table of 2 columns, \(B, 2\), got \(3, 3\)"):
        network(torch.zeros(3, 3))


@pytest.mark.parametrize("data", ["iris", "digits"])
def test_of_a_set_of_the_papers_it_takes_what_that_set_has(data, tmp_path):
    import mixbook.data

    train(data, tmp_path, "--model", "mlp", "--hidden", "16", "--epochs", "20", "--batch-size", "50")
    network, classes = load_run(tmp_path)
    whole = getattr(mixbook.data, data)()
    assert len(classes) == whole.num_classes and evaluate(network, whole)["accuracy"] > 0.8


def test_what_a_result_does_not_say_is_read_from_the_data(photos, tmp_path):
    folder = shutil.copytree(photos / "runs" / "photos", tmp_path / "run")
    x = torch.rand(4, 3, 32, 32)
    network, _ = load_run(folder)
    expected = network(x)
    result = json.loads((folder / "result.json").read_text())
    old = {name: value for name, value in result.items() if name not in ("inputs", "classes")}
    (folder / "result.json").write_text(json.dumps(old))  # which says nothing of them
    torch.testing.assert_close(load_run(folder)[0](x), expected)
    result["inputs"] |= {"data": "00000000", "offset": [0, 0, 0]}
    (folder / "result.json").write_text(json.dumps(result))  # of another run than the checkpoint
    torch.testing.assert_close(load_run(folder)[0](x), expected)
    (folder / "result.json").unlink()  # stopped
    again, classes = load_run(folder)
    torch.testing.assert_close(again(x), expected)
    assert classes == ("cat", "dog")


def test_where_neither_the_result_nor_the_data_say_it_that_is_said(table, tmp_path):
    folder = tmp_path / "run"
    train(table, folder, "--model", "mlp", "--hidden", "8", "--epochs", "1")
    table.rename(tmp_path / "moved.csv")
    load_run(folder)  # says it by itself
    (folder / "result.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"mine\.csv is not there, on which .* no result\.json beside it says how"):
        load_run(folder)
    table.write_text((tmp_path / "moved.csv").read_text() + "1700000000,1,a\n")
    with pytest.raises(ValueError, match=r"mine\.csv has changed since .*run was trained on it"):
        load_run(folder)
    with pytest.raises(FileNotFoundError, match=r"no checkpoint .*give the folder that `mixbook train --out` named"):
        load_run(tmp_path)
    (folder / "checkpoint.pt").write_bytes(b"half")
    with pytest.raises(CheckpointError, match="damaged"):
        load_run(folder)


def test_a_set_that_is_split_otherwise_than_it_was_is_refused(tmp_path):
    train("digits", tmp_path, "--model", "mlp", "--hidden", "8", "--epochs", "1")
    run = Run.read(tmp_path)
    train_part, test = run.job.parts()
    run.check_same_data(train_part)
    with pytest.raises(ValueError, match=r"digits has changed since .* was trained on it, or is other data"):
        run.check_same_data(test)


def test_the_seed_of_another_run_is_refused(tmp_path):
    train("digits", tmp_path, "--model", "mlp", "--hidden", "8", "--epochs", "1")
    job = json.loads((tmp_path / "job.json").read_text())
    job["recipe"]["seed"] = 5
    (tmp_path / "job.json").write_text(json.dumps(job))
    with pytest.raises(ValueError, match=r"is of another run than job\.json beside it says \(seed: 0, now 5\)"):
        load_run(tmp_path)


def test_a_checkpoint_of_a_version_without_a_setting_has_its_default(tmp_path):
    train("digits", tmp_path, "--model", "mlp", "--hidden", "8", "--epochs", "1")
    content = checkpoint.load(tmp_path / "checkpoint.pt")
    del content["run"]["recipe"]["ema"]
    checkpoint.save(tmp_path / "checkpoint.pt", content)
    load_run(tmp_path)


def test_it_is_the_network_that_evaluate_builds(photos):
    folder = photos / "runs" / "photos"
    job = Job.from_dict(json.loads((folder / "job.json").read_text()))
    train_part, _ = job.parts()
    model = job.network(train_part)
    model.load_state_dict(checkpoint.result_of(checkpoint.load(folder / "checkpoint.pt")))
    same: nn.Module = on_pixels(model, train_part).eval()
    x = torch.rand(2, 3, 32, 32)
    assert torch.equal(load_run(folder)[0](x), same(x))


def test_the_script_of_the_page_names_the_class_of_new_images(photos, monkeypatch, capsys):
    script = re.search(r"\(own-network\)=.*?```python\n(.*?)```", PAGE.read_text(), re.DOTALL).group(1)
    from PIL import Image

    for number, name in ((101, "bright"), (100, "dark")):
        drawn(photos / "new" / f"{name}.png", [190, 225][number % 2], number)
        Image.open(photos / "new" / f"{name}.png").save(photos / "new" / f"{name}.jpg", quality=95)
    monkeypatch.chdir(photos)
    exec(script, {})
    assert capsys.readouterr().out == "new/bright.jpg dog\nnew/dark.jpg cat\n"
