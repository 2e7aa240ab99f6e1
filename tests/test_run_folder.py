"""The folder of a run describes the checkpoint that is in it."""

import json
import shutil
from contextlib import nullcontext

import pytest

from mixbook import cli
from mixbook.benchmarks import BenchmarkError
from mixbook.cli import run_folder
from mixbook.training import job


@pytest.mark.parametrize("before", ["{}", None])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_ends_a_run_before_its_first_checkpoint_leaves_the_description_of_the_old_one(error, before, tmp_path):
    path = tmp_path / "job.json"
    if before is not None:
        path.write_text(before)
    with pytest.raises(error), run_folder.put_back(tmp_path):
        run_folder.write(tmp_path, "job.json", {"new": True})
        raise error
    assert (path.read_text() if path.exists() else None) == before


def test_with_a_new_checkpoint_the_new_description_stays(tmp_path):
    with pytest.raises(ValueError), run_folder.put_back(tmp_path):
        run_folder.write(tmp_path, "job.json", {"new": True})
        (tmp_path / "checkpoint.pt").write_text("weights")
        raise ValueError
    assert "new" in (tmp_path / "job.json").read_text()


@pytest.mark.parametrize("fresh", [True, False])
def test_the_result_of_the_run_before_is_none_of_a_fresh_one_that_was_stopped(fresh, tmp_path):
    (tmp_path / "result.json").write_text("{}")
    with pytest.raises(KeyboardInterrupt), run_folder.put_back(tmp_path, fresh=fresh):
        (tmp_path / "checkpoint.pt").write_text("weights")
        raise KeyboardInterrupt
    assert (tmp_path / "result.json").exists() is not fresh and (tmp_path / "result.json.old").exists() is fresh


TRAIN = [
    "train",
    "--data",
    "iris",
    "--model",
    "mlp",
    "--hidden",
    "8",
    "--milestones",
    "--batch-size",
    "20",
    "--device",
    "cpu",
]


def kill_before_the_first_checkpoint(monkeypatch, *command):
    """As SIGKILL does: nothing is put back."""

    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(SystemExit):
        patched.setattr(job, "fit", killed)
        patched.setattr(run_folder, "put_back", lambda *_, **__: nullcontext())
        cli.main([*TRAIN, *command])


@pytest.mark.parametrize("times", [1, 2])
def test_until_a_fresh_run_has_a_checkpoint_the_one_before_goes_on_and_is_what_is_evaluated(
    times, tmp_path, monkeypatch, capsys
):
    old, new = ("--out", str(tmp_path / "run")), ("--out", str(tmp_path / "run"), "--alpha", "8", "--epochs", "1")
    cli.main([*TRAIN, *old, "--epochs", "1"])
    for _ in range(times):
        kill_before_the_first_checkpoint(monkeypatch, *new, "--fresh")
    copy = shutil.copytree(tmp_path / "run", tmp_path / "copy")
    capsys.readouterr()
    cli.main(["evaluate", str(copy)])
    assert "mlp after 1 epochs on iris, not mixed\n" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        cli.main([*TRAIN, *new])
    assert "holds another run (alpha: None, now 8.0)" in capsys.readouterr().err
    cli.main([*TRAIN, *old, "--epochs", "2"])
    cli.main(["evaluate", str(tmp_path / "run")])
    assert "mlp after 2 epochs on iris, not mixed\n" in capsys.readouterr().out
    cli.main([*TRAIN, *new, "--fresh"])
    cli.main(["evaluate", str(tmp_path / "run")])
    assert "mlp after 1 epochs on iris, mixed at input: alpha 8," in capsys.readouterr().out
    assert "replaces" not in json.loads((tmp_path / "run" / "job.json").read_text())


def test_a_checkpoint_that_a_fresh_run_has_replaced_is_its_own_whatever_ends_it(tmp_path, monkeypatch, capsys):
    def killed(*_, **__):
        raise KeyboardInterrupt

    out = ("--out", str(tmp_path))
    cli.main([*TRAIN, *out, "--epochs", "1"])
    with monkeypatch.context() as patched, pytest.raises(SystemExit):
        patched.setattr(job, "evaluate", killed)  # after the last epoch
        cli.main([*TRAIN, *out, "--epochs", "1", "--alpha", "8", "--fresh"])
    cli.main(["evaluate", str(tmp_path)])
    assert "mixed at input: alpha 8," in capsys.readouterr().out


def test_of_a_checkpoint_of_which_nothing_says_what_it_is_no_other_name_is_said(tmp_path, monkeypatch, capsys):
    cli.main([*TRAIN, "--out", str(tmp_path), "--epochs", "1"])
    for name in ("job.json", "result.json"):
        (tmp_path / name).unlink()
    kill_before_the_first_checkpoint(monkeypatch, "--out", str(tmp_path), "--alpha", "8", "--epochs", "1", "--fresh")
    with pytest.raises(SystemExit):
        cli.main(["evaluate", str(tmp_path)])
    assert "the checkpoint is of an earlier run, of which nothing says it" in capsys.readouterr().err


def test_what_is_written_is_json_for_every_reader(tmp_path):
    def refuse(constant):
        raise AssertionError(constant)

    content = {"scores": {"nll": float("nan"), "error": 1.5}, "history": [{"loss": float("inf")}], "knots": ((0.0, 1),)}
    run_folder.write(tmp_path, "result.json", content)
    read = json.loads((tmp_path / "result.json").read_text(), parse_constant=refuse)
    assert read == {"scores": {"nll": None, "error": 1.5}, "history": [{"loss": None}], "knots": [[0.0, 1]]}


def test_two_runs_are_not_in_one_folder(tmp_path, capsys):
    command = ["train", "--data", "iris", "--model", "mlp", "--epochs", "1", "--milestones", "--device", "cpu"]
    command += ["--out", str(tmp_path / "run")]
    with run_folder.alone(tmp_path / "run"), pytest.raises(SystemExit) as left:
        cli.main(command)
    assert left.value.code == 2
    assert f"mixbook: another run is at work in {tmp_path}/run: give another folder with --out" in capsys.readouterr().err
    assert not (tmp_path / "run" / "job.json").exists()
    for _ in range(2):  # it leaves the folder to the next
        cli.main(command)


def test_a_run_that_wrote_nothing_leaves_no_folder(tmp_path):
    with run_folder.alone(tmp_path / "new" / "run"):
        assert (tmp_path / "new" / "run").is_dir()
    assert not (tmp_path / "new").exists()
    (tmp_path / "new").mkdir()
    for folder in (tmp_path / "new", tmp_path / "new" / "run"):
        with run_folder.alone(folder):
            (folder / "job.json").touch(exist_ok=True)
        assert (folder / "job.json").exists()


def test_what_ends_a_run_opens_its_folder(tmp_path):
    with pytest.raises(KeyboardInterrupt), run_folder.alone(tmp_path):
        raise KeyboardInterrupt
    with run_folder.alone(tmp_path), pytest.raises(BenchmarkError), run_folder.alone(tmp_path):
        pass
