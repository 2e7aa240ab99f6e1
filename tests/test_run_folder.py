"""The folder of a run describes the checkpoint that is in it."""

import json

import pytest

from mixbook import cli
from mixbook.benchmarks import BenchmarkError
from mixbook.cli import run_folder


@pytest.mark.parametrize("before", ["{}", None])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_ends_a_run_before_its_first_checkpoint_leaves_the_description_of_the_old_one(error, before, tmp_path):
    job = tmp_path / "job.json"
    if before is not None:
        job.write_text(before)
    with pytest.raises(error), run_folder.put_back(tmp_path):
        run_folder.write(tmp_path, "job.json", {"new": True})
        raise error
    assert (job.read_text() if job.exists() else None) == before


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
