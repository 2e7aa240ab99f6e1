"""A whole run in plain values, from Python and from the command line."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch

from mixbook import cli, whole_file
from mixbook.data.sources import SOURCES
from mixbook.mixing.answers import Answers
from mixbook.mixing.place import ManifoldMixer
from mixbook.training import CheckpointError, Recipe
from mixbook.training.job import Images, Job, ModelName, run

SHORT = Job("digits", "lenet", recipe=Recipe(epochs=2, batch_size=200, lr=0.05))


@pytest.mark.parametrize("name", get_args(ModelName))
def test_every_network_can_be_built_for_grey_images_of_ten_classes(name, monkeypatch):
    train, _ = SHORT.parts()
    sample = (
        torch.empty(2, 1, 8, 8, device="meta") if name in ("mlp", "lenet") else torch.empty(2, 1, 32, 32, device="meta")
    )
    monkeypatch.setattr("mixbook.training.job.seeded", lambda seed, make: _without_weights(make))
    assert replace(SHORT, model=name).network(train)(sample).shape == (2, 10)


TINY = (3, 64, 64)


@pytest.mark.parametrize(
    ("model", "options", "shape", "stride"),
    [
        ("preact_resnet18", {}, TINY, 2),
        ("wrn16_8", {}, TINY, 2),
        ("preact_resnet18", {}, (3, 32, 32), 1),
        ("preact_resnet18_facebook", {}, TINY, 1),
        ("preact_resnet18_facebook", {"stem_stride": 2}, TINY, 2),
        ("preact_resnet18", {"stem_stride": 1}, TINY, 1),
        ("slim_preact_resnet18", {}, (3, 32, 32), 2),
    ],
)
def test_the_stem_has_the_stride_of_the_papers_code_or_the_one_that_is_asked_for(
    model, options, shape, stride, monkeypatch
):
    monkeypatch.setattr("mixbook.training.job.seeded", lambda seed, make: _without_weights(make))
    network = Job("tiny_imagenet", model, **options).network_for(shape, 200)
    first = next(module for module in network.modules() if isinstance(module, torch.nn.Conv2d))
    assert first.stride == (stride, stride)


def test_a_stem_s_stride_is_refused_for_networks_that_take_none():
    with pytest.raises(ValueError, match="stem_stride is for a preact_resnet or wrn, not for lenet"):
        replace(SHORT, stem_stride=2).network(SHORT.parts()[0])


@pytest.mark.parametrize("data", ["tiny_imagenet", "photos/mine"])
def test_a_job_that_was_written_before_stems_had_strides_keeps_the_network_that_it_trained(data):
    written = Job(data, "preact_resnet18").as_dict()
    assert Job.from_dict(written).stem_stride is None
    del written["stem_stride"]
    assert Job.from_dict(written).stem_stride == 1
    assert Job.from_dict({**written, "model": "lenet"}).stem_stride is None
    assert Job.from_dict({**written, "data": "cifar10"}) == Job("cifar10", "preact_resnet18")


def _without_weights(make):
    with torch.device("meta"):
        return make()


def test_the_parts_follow_the_seed_and_a_subset_is_part_of_the_training_part():
    whole, test = SHORT.parts()
    some, same_test = replace(SHORT, samples=50).parts()
    rows = {tuple(x.flatten().tolist()) for x in whole.x}
    assert len(whole) + len(test) == 1797 and len(some) == 50
    assert torch.equal(test.x, same_test.x)
    assert all(tuple(x.flatten().tolist()) in rows for x in some.x)
    other, _ = replace(SHORT, recipe=Recipe(epochs=2, seed=1)).parts()
    assert not torch.equal(whole.x, other.x)


def test_four_answers_make_the_mixer():
    model = SHORT.network(SHORT.parts()[0])
    assert Answers().mixer_for(model, 10) is None
    mixer = Answers(alpha=0.5, k=8, draws=3, layers=("input", "layer2"), blend="cutmix").mixer_for(model, 10)
    assert isinstance(mixer, ManifoldMixer) and mixer.layers == ("input", "layer2")
    assert "OptimalTransport(k=8, strict=False" in repr(mixer) and "draws=3" in repr(mixer) and "CutMix" in repr(mixer)


def test_the_seed_decides_the_run():
    first, _, scores = run(SHORT, progress=False)
    again, _, same = run(SHORT, progress=False)
    assert scores == same and set(scores) == {"error", "nll", "ece"}
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))


@pytest.mark.parametrize(
    ("recipe", "together"),
    [
        ({"batch_size": 16}, 16),
        ({"batch_size": 64, "accumulate": 4}, 10),
        ({"batch_size": 500}, 40),  # all that there are
    ],
)
def test_a_run_that_would_mix_nothing_is_refused_before_it_begins(recipe, together, tmp_path):
    job = Job("digits", "mlp", Answers(1.0, k=40), Recipe(epochs=1, **recipe), samples=40)
    with pytest.raises(ValueError, match=f"k must be much smaller than the {together} samples"):
        run(job, tmp_path / "checkpoint.pt", progress=False)
    assert not list(tmp_path.iterdir())
    run(replace(job, recipe=Recipe(epochs=1, pairs="across", **recipe)), progress=False)  # which are matched with others


def test_a_short_last_batch_is_no_reason_to_refuse_a_run():
    run(Job("digits", "mlp", Answers(1.0, k=8), Recipe(epochs=1, batch_size=32), samples=36), progress=False)


@pytest.fixture
def mine(tmp_path):
    """A table of two classes far apart, one feature in thousands; in a folder beside where runs go."""
    path = tmp_path / "own" / "mine.csv"
    path.parent.mkdir()
    rows = [f"{n % 2 + n / 100},{1000 * (n % 3)},{'ab'[n % 2]}" for n in range(60)]
    path.write_text("\n".join(["near,far,kind", *rows]) + "\n")
    return path


def test_data_of_one_s_own_are_scaled_by_their_training_part_and_split_by_the_seed(mine):
    job = Job(str(mine), "mlp")
    train, test = job.parts()
    assert (len(train), len(test)) == (40, 20)
    assert train.x.amin(0).tolist() == [0, 0] and train.x.amax(0).tolist() == [1, 1]
    assert not torch.equal(replace(job, recipe=Recipe(epochs=1, seed=1)).parts()[1].x, test.x)
    assert len(replace(job, samples=7).parts()[0]) == 7


def test_images_that_are_all_of_one_value_are_named(tmp_path):
    np.savez(tmp_path / "dark.npz", x=np.zeros((8, 6, 6), dtype=np.uint8), y=np.arange(8) % 2)
    with pytest.raises(ValueError, match=r"channel 0 of .*dark\.npz has one value in all pixels to train on: are"):
        Job(str(tmp_path / "dark.npz"), "mlp").parts()


def test_a_path_is_kept_whole_and_a_name_is_a_name_also_where_a_folder_has_it(mine, monkeypatch):
    monkeypatch.chdir(mine.parent)
    (mine.parent / "iris").mkdir()
    (mine.parent / "plain").mkdir()
    assert Job("mine.csv", "mlp").data == str(mine) and Job("plain", "mlp").data == str(mine.parent / "plain")
    assert Job("iris", "mlp").data == "iris" and Job("./iris", "mlp").data == str(mine.parent / "iris")


def test_the_same_job_on_other_data_takes_all_of_them_as_they_are():
    job = Job("photos/a", "lenet", samples=5, shift=2, flip=True, size=8, colour=True)
    other = job.on("photos/b")
    assert (other.samples, other.shift, other.flip, other.size, other.colour) == (None, 0, False, 8, True)
    assert other.data.endswith("b") and other.recipe == job.recipe
    assert (job.on("iris").size, job.on("iris").colour) == (None, False)


COMMAND = [
    "train",
    "--data",
    "digits",
    "--model",
    "lenet",
    "--batch-size",
    "200",
    "--lr",
    "0.05",
    "--alpha",
    "1",
    "--k",
    "4",
]


def test_the_command_trains_goes_on_and_writes_what_was_done(tmp_path, capsys):
    cli.main([*COMMAND, "--epochs", "1", "--milestones", "2", "--out", str(tmp_path)])
    cli.main([*COMMAND, "--epochs", "3", "--milestones", "2", "--out", str(tmp_path)])
    result = json.loads((tmp_path / "result.json").read_text())
    assert json.loads((tmp_path / "job.json").read_text()) == result["job"] and result["job"]["recipe"]["epochs"] == 3
    assert [record["lr"] for record in result["history"]] == [0.05, 0.05, pytest.approx(0.005)]
    assert result["job"]["mixing"]["k"] == 4 and result["made_with"]["torch"] == torch.__version__
    assert f"test error {result['scores']['error']:.2f} %" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "iris", "--model", "lenet"], "needs images"),
        (["--data", "digits", "--model", "mlp", "--samples", "9999"], "samples must be from 1 to 1198, got 9999"),
        (["--data", "iris", "--model", "mlp", "--flip"], "flip are for images"),
        (["--data", "digits", "--model", "lenet", "--lr", "-1"], "lr must be positive"),
        (["--data", "imagenette"], "no data set 'imagenette'. There are: mnist, cifar10, cifar100, svhn, tiny_imagenet"),
        (["--data", "no/where.csv", "--model", "mlp"], "there is no file or folder"),
        (["--data", "iris", "--model", "mlp", "--size", "8"], "size and colour are for data of your own, not for iris"),
    ],
)
def test_what_does_not_fit_together_is_said(arguments, message, tmp_path, capsys):
    with pytest.raises(SystemExit) as exit_:
        cli.main(["train", *arguments, "--epochs", "1", "--milestones", "--out", str(tmp_path)])
    assert exit_.value.code == 2
    assert message in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("name", sorted(SOURCES.keys() - set(get_args(Images))))
def test_of_a_set_for_python_alone_it_says_what_reads_it_there(name):
    reader = {"svhn_extra": "svhn", "imagenet_devkit": "imagenet"}.get(name, name)
    with pytest.raises(ValueError, match=rf"^{name} is for Python: mixbook\.data\.{reader} reads it for mixbook\.training"):
        Job(name).parts()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "mlp", "--label", "sort"], "mine.csv has no column 'sort'"),
        (["--model", "lenet"], "lenet needs images, and"),
        (["--model", "mlp", "--flip"], "flip are for images"),
        (["--model", "mlp", "--alpha", "1", "--layers", "nowhere"], "nowhere"),
    ],
)
def test_what_is_wrong_with_data_of_one_s_own_is_said_in_a_line_before_anything_is_written(
    arguments, message, mine, tmp_path, capsys
):
    with pytest.raises(SystemExit) as left:
        cli.main(
            ["train", "--data", str(mine), *arguments, "--epochs", "1", "--milestones", "--out", str(tmp_path / "run")]
        )
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("mixbook: ") and message in said and said.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_run_on_data_of_one_s_own_goes_on_from_another_folder_and_notices_that_they_changed(
    mine, tmp_path, capsys, monkeypatch
):
    command = ["train", "--model", "mlp", "--hidden", "8", "--milestones", "--batch-size", "10", "--device", "cpu"]
    run = ["--out", str(tmp_path / "run")]
    cli.main([*command, *run, "--epochs", "1", "--data", str(mine)])
    assert "of 2 classes\nlabel: column 'kind' (--label)\n" in capsys.readouterr().out
    monkeypatch.chdir(mine.parent)
    cli.main([*command, *run, "--epochs", "2", "--data", mine.name])
    before = (tmp_path / "run" / "job.json").read_bytes()
    mine.write_text(mine.read_text() + "1,2,a\n")
    capsys.readouterr()
    with pytest.raises(SystemExit) as left:
        cli.main([*command, *run, "--epochs", "3", "--data", mine.name])
    assert left.value.code == 2 and "belongs to another run (data: 'mine.csv (40 rows" in (said := capsys.readouterr().err)
    assert "give another folder with --out, or --fresh to start again" in said and "resume" not in said
    assert (tmp_path / "run" / "job.json").read_bytes() == before


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_said(tmp_path, capsys):
    with pytest.raises(SystemExit):
        cli.main([*COMMAND, "--device", "cuda", "--out", str(tmp_path)])
    assert "torch finds no GPU here" in capsys.readouterr().err


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="there is one")
def test_a_gpu_of_apples_that_is_not_there_is_said(tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main([*COMMAND, "--epochs", "1", "--milestones", "--device", "mps", "--out", str(tmp_path)])
    assert left.value.code == 2
    assert "--device mps: torch finds no GPU of Apple's here" in capsys.readouterr().err


def test_weights_that_the_last_step_destroyed_are_no_success(tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        command = ["train", "--data", "iris", "--model", "mlp", "--epochs", "1", "--milestones", "--lr", "1e30"]
        cli.main([*command, "--device", "cpu", "--out", str(tmp_path)])
    assert left.value.code == 1
    assert "the weights are not finite since step 0 of epoch 0: lower lr=1e+30 on iris" in capsys.readouterr().err
    assert not (tmp_path / "result.json").exists()


def refusal(capsys, *arguments) -> str:
    with pytest.raises(SystemExit) as left:
        cli.main([*COMMAND, "--milestones", "2", *map(str, arguments)])
    assert left.value.code == 2
    error = " ".join(capsys.readouterr().err.split())
    assert error.startswith("mixbook: ")
    return error


def test_another_run_in_the_same_folder_is_refused_and_what_is_there_stays(tmp_path, capsys):
    cli.main([*COMMAND, "--model", "mlp", "--hidden", "16", "--epochs", "2", "--milestones", "2", "--out", str(tmp_path)])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    same = ("--model", "mlp", "--hidden", "16", "--out", tmp_path)
    assert f"{tmp_path} holds another run (hidden: (16,), now (8,)): give another folder with --out, or --fresh" in refusal(
        capsys, *same, "--hidden", "8", "--epochs", "2"
    )
    assert "(lr: 0.05, now 0.1; samples: None, now 90)" in refusal(
        capsys, *same, "--samples", "90", "--lr", "0.1", "--epochs", "2"
    )
    assert "(epochs: 2, now 1)" in refusal(capsys, *same, "--epochs", "1")
    wrong_layer = ("--hidden", "8", "--alpha", "1", "--layers", "nowhere", "--epochs", "2", "--fresh")
    assert "nowhere" in refusal(capsys, *same, *wrong_layer)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    elsewhere = tmp_path / "new"
    refusal(capsys, *same[:-1], elsewhere, *wrong_layer)
    assert not (elsewhere / "job.json").exists()
    cli.main([*COMMAND, *map(str, same), "--hidden", "8", "--epochs", "1", "--milestones", "2", "--fresh"])
    assert json.loads((tmp_path / "job.json").read_text())["hidden"] == [8]


def test_a_checkpoint_of_which_nothing_says_the_network_is_refused_by_its_weights(tmp_path, capsys):
    job = Job("digits", "mlp", recipe=SHORT.recipe, hidden=(16,))
    run(job, tmp_path / "checkpoint.pt", progress=False)
    with pytest.raises(CheckpointError, match="has the weights of another network"):
        run(replace(job, hidden=(8,)), tmp_path / "checkpoint.pt", progress=False)
    assert "checkpoint.pt belongs to another run" in refusal(capsys, "--epochs", "2", "--out", tmp_path)
    assert not (tmp_path / "job.json").exists()


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "cuda:99", "meta", ""])
def test_a_device_that_is_none_is_said(name, tmp_path, capsys):
    assert "--device" in refusal(capsys, "--epochs", "1", "--out", tmp_path, "--device", name)


def test_a_result_that_cannot_be_written_is_said_and_leaves_the_old_one(tmp_path, capsys, monkeypatch):
    arguments = ("--milestones", "2", "--out", str(tmp_path))
    cli.main([*COMMAND, "--epochs", "1", *arguments])
    before, write = (tmp_path / "result.json").read_bytes(), whole_file.whole_file

    @contextmanager
    def full(path):
        with write(path) as file:
            yield file
            if path.name == "result.json":
                raise OSError(28, "No space left on device")

    monkeypatch.setattr(whole_file, "whole_file", full)
    assert "No space left on device" in refusal(capsys, "--epochs", "2", *arguments)
    assert (tmp_path / "result.json").read_bytes() == before
    assert not list(tmp_path.glob("*.part"))


def test_sigterm_ends_the_command_with_143_and_the_same_command_goes_on(tmp_path):
    arguments = [sys.executable, "-m", "mixbook", *COMMAND, "--epochs", "100000", "--out", str(tmp_path)]
    command = subprocess.Popen(arguments, env=os.environ | {"OMP_NUM_THREADS": "1"})
    while not (tmp_path / "checkpoint.pt").exists():
        assert command.poll() is None
        signal.sigtimedwait([], 0.1)
    command.send_signal(signal.SIGTERM)
    assert command.wait(120) == 143
    from mixbook.training.checkpoint import load

    assert len(load(tmp_path / "checkpoint.pt")["records"]) >= 1


def test_a_column_may_be_given_by_its_number():
    assert Job("flowers.csv", label=2) == Job("flowers.csv", label="2")
