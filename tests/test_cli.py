"""The command line, as somebody types it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import mixbook
from mixbook import cli
from mixbook.benchmarks.experiments import EXPERIMENTS
from mixbook.benchmarks.home import results_folder
from mixbook.benchmarks.results import Results, Trial
from mixbook.benchmarks.spec import Experiment

ROOT = Path(__file__).parents[1]
IRIS = "kmixup-tmlr-table5-iris"


@pytest.fixture(autouse=True)
def in_the_book(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_version(capsys):
    cli.main(["--version"])
    assert capsys.readouterr().out == f"mixbook {mixbook.__version__}\n"


def test_list_names_every_experiment_and_profile(capsys):
    cli.main(["bench", "list"])
    said = capsys.readouterr().out
    for name, experiment in EXPERIMENTS.items():
        assert name in said
        assert all(profile in said for profile in experiment.profiles)


def test_list_shows_those_of_a_table(capsys):
    cli.main(["bench", "list", "kmixup-tmlr", "table 5"])
    said = capsys.readouterr().out
    assert IRIS in said and "kmixup-v1-figure4-iris" not in said


def test_list_says_which_have_a_released_protocol(capsys):
    cli.main(["bench", "list"])
    lines = capsys.readouterr().out.splitlines()
    for name, experiment in EXPERIMENTS.items():
        assert lines[lines.index(name) + 1].endswith("; released too") == experiment.has_released


def test_each_command_is_a_function_that_python_can_call(capsys):
    from mixbook.cli import bench  # which needs tyro, as the command line does

    assert all(getattr(bench, function.__name__) is function for function in bench.commands().values())
    bench.list_(("kmixup-tmlr", "table 5"))
    assert IRIS in capsys.readouterr().out


def test_coverage_as_json_is_json_and_as_text_ends_with_the_sum(capsys):
    cli.main(["bench", "coverage", "--json"])
    found = json.loads(capsys.readouterr().out)
    cli.main(["bench", "coverage"])
    last = capsys.readouterr().out.splitlines()[-1]
    assert all(str(found[count]) in last for count in ("printed", "with_experiment", "with_result"))


@pytest.mark.parametrize("command", ["coverage", "report"])
def test_a_damaged_file_is_named_and_leaves_those_of_other_experiments_in(command, tmp_path, monkeypatch, capsys):
    iris, other = (Results(EXPERIMENTS[name], "laptop", tmp_path) for name in (IRIS, "kmixup-v1-figure4-iris"))
    for results in (iris, other):
        cells = results.experiment.selected("laptop")
        metrics = {row.metric: 50.0 for row in results.experiment.printed}
        numbers = range(results.experiment.profile("laptop").trials)
        results.save({cell: [Trial(number, metrics, 1.0) for number in numbers] for cell in cells}, [])
    monkeypatch.setattr("mixbook.cli.bench.stored_results", lambda book: tmp_path)
    cli.main(["bench", command, "--json"])
    whole = capsys.readouterr()
    iris.csv.write_text(iris.csv.read_text()[:-9])
    cli.main(["bench", command, "--json"])
    damaged = capsys.readouterr()
    assert whole.err == "" and damaged.err.startswith(f"left out: {iris.csv} is damaged or cut short")
    assert f"`mixbook bench run {IRIS} --profile laptop`" in damaged.err and damaged.err.count("left out") == 1
    if command == "coverage":
        printed = [json.loads(said.out)["with_result"] for said in (whole, damaged)]
        assert printed[0] > printed[1] > 0
    else:
        assert json.loads(damaged.out)["scoreboard"]


def test_compare_shows_every_printed_value(capsys):
    cli.main(["bench", "compare", IRIS])
    said = capsys.readouterr().out
    for row in EXPERIMENTS[IRIS].printed:
        assert row.value in said
    assert "comparable" in said.splitlines()[-1]


def test_compare_as_json_has_what_is_printed_with_every_trial(capsys):
    cli.main(["bench", "compare", IRIS, "--json"])
    found = json.loads(capsys.readouterr().out)
    assert [cell["printed"] for cell in found["cells"]] == [row.number for row in EXPERIMENTS[IRIS].printed]
    for cell in found["cells"]:
        values = [trial["value"] for trial in cell["trials"]]
        assert len(values) == cell["of"] and cell["mean"] == pytest.approx(sum(values) / len(values))
        assert cell["difference"] == pytest.approx(cell["mean"] - cell["printed"])
    assert found["verdict"]["comparable"] is True and found["profile"] == "laptop"
    cli.main(["bench", "compare", "digits-few-labels", "--json"])
    ours = json.loads(capsys.readouterr().out)
    assert [cell["method"] for cell in ours["cells"]] == [c.method for c in EXPERIMENTS["digits-few-labels"].cells]


@pytest.mark.parametrize("experiment", [IRIS, "digits-few-labels"])
def test_compare_as_latex_has_the_rows_of_the_text_and_says_the_rest_in_comments(experiment, capsys):
    cli.main(["bench", "compare", experiment])
    plain = capsys.readouterr().out.splitlines()
    cli.main(["bench", "compare", experiment, "--latex"])
    said = capsys.readouterr().out.splitlines()
    table = [line for line in said if not line.startswith("% ")]
    assert table[0].startswith(r"\begin{tabular}{l") and table[-1] == r"\end{tabular}"
    assert sum(line.endswith(r" \\") for line in table) == sum("±" in line for line in plain) + 1  # and the header
    assert [line[2:] for line in said if line.startswith("% ")] == [*plain[:2], *plain[2 + len(table) - 5 :]]  # 5 rules


def test_compare_finds_a_smoke_run_where_it_was_put(capsys, tmp_path):
    (tmp_path / "book" / "benchmarks").mkdir(parents=True)
    experiment = EXPERIMENTS[IRIS]
    cells = {cell: [Trial(0, {"error": 5.0, "nll": 0.1}, 1.5)] for cell in experiment.selected("smoke")}
    Results(experiment, "smoke", results_folder(tmp_path, "smoke")).save(cells, [])
    cli.main(["bench", "compare", IRIS, "--profile", "smoke", "--book", str(tmp_path)])
    assert "profile smoke" in capsys.readouterr().out


def test_compare_names_what_a_run_finished_and_no_file_holds(capsys, tmp_path):
    (tmp_path / "book" / "benchmarks").mkdir(parents=True)
    experiment = EXPERIMENTS[IRIS]
    first, second, *_ = experiment.selected("smoke")
    made = {"started": "2026", "commit": "0", "dirty": False, "torch": "2", "seconds": 1, "threads_per_trial": 1, "jobs": 1}
    run = {**made, "processor": "Old", "device": "cpu", "cells": [str(first), str(second)]}
    trials = [Trial(0, {"error": 5.0, "nll": 0.1}, 1.5)]
    Results(experiment, "smoke", results_folder(tmp_path, "smoke")).save({first: trials}, [run])
    command = ["bench", "compare", IRIS, "--profile", "smoke", "--book", str(tmp_path)]
    cli.main(command)
    assert f"finished by a run, but in no file: {second}. " in capsys.readouterr().out.splitlines()[-1]
    cli.main([*command, "--json"])
    assert json.loads(capsys.readouterr().out)["lost"] == [str(second)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["bench", "run", "no-such"], "no experiment 'no-such'"),
        (["bench", "run", "kmixup-table5-iris"], f"did you mean {IRIS} or "),
        (["bench", "list", "iris", "qqq"], "no experiment has 'iris' and 'qqq'"),
        (["bench", "compare", "no-such"], "no experiment 'no-such'"),
        (["bench", "run", IRIS, "--profile", "huge"], "no profile 'huge'. It has: smoke"),
        (["bench", "run", IRIS, "--all"], "name one experiment, or give --all"),
        (["bench", "run"], "name one experiment, or give --all"),
        (["bench", "run", IRIS, "--protocol", "released"], f"{IRIS} has no released variant here: leave --protocol out"),
        (
            ["bench", "run", "datadep-moons-0.5", "--protocol", "released"],
            "but its cells mixup_not_reset: leave --protocol out, and --only mixup_not_reset runs those",
        ),
        (["bench", "run", "--all", "--protocol", "released"], "--protocol released needs one experiment"),
        (["bench", "run", "--all", "--profile", "huge"], "no experiment has a profile 'huge'"),
        (["bench", "run", "--all", "--profile", "smoke", "--only", "erm"], "--only needs one experiment"),
        (["bench", "run", IRIS, "--only", "alpha=7"], "fits no cell of"),
        (["bench", "run", IRIS, "--jobs", "0"], "--jobs must be at least 1"),
        (["bench", "run", "--all", "--profile", "smoke", "--jobs", "-1"], "--jobs must be at least 1, got -1"),
        (["bench", "coverage", "--book", "/nowhere"], "the book is not here"),
        (["bench", "compare", IRIS, "--profile", "smoke", "--book", "BOOK"], "has not been run yet"),
        (["bench", "compare", IRIS, "--json", "--latex"], "give one of --json and --latex"),
    ],
)
def test_what_was_typed_wrongly_is_explained_without_a_traceback(arguments, said, capsys, tmp_path):
    (tmp_path / "book" / "benchmarks").mkdir(parents=True)
    with pytest.raises(SystemExit) as left:
        cli.main([str(tmp_path) if each == "BOOK" else each for each in arguments])
    assert left.value.code == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.startswith("mixbook: ")


@pytest.mark.parametrize("arguments", [[], ["bench"], ["bensh"], ["bench", "rum"], ["bench", "run", IRIS, "--prfile", "x"]])
def test_unknown_commands_and_options_exit_with_2(arguments):
    with pytest.raises(SystemExit) as left:
        cli.main(arguments)
    assert left.value.code == 2


def test_without_tyro_it_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tyro.extras", None)
    with pytest.raises(SystemExit) as left:
        cli.main(["bench", "list"])
    assert left.value.code == 2
    assert "pip install '.[bench]' in the clone" in capsys.readouterr().err


def test_without_papermill_it_says_what_to_install(monkeypatch, capsys, tmp_path):
    (tmp_path / "book" / "benchmarks").mkdir(parents=True)
    (tmp_path / "book" / "benchmarks" / "table.ipynb").write_text("{}")
    monkeypatch.setitem(sys.modules, "papermill", None)
    with pytest.raises(SystemExit) as left:
        cli.main(["bench", "run", IRIS, "--profile", "smoke", "--book", str(tmp_path)])
    assert left.value.code == 2
    assert "pip install '.[bench]' in the clone" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("profile", "gpu", "left_out"),
    [
        ("smoke", False, []),
        ("laptop", False, ["have no profile laptop"]),
        ("gpu", True, ["have no profile gpu"]),
        ("gpu", False, ["have no profile gpu", "take days without a GPU, and torch finds none here"]),
    ],
)
def test_all_are_those_that_can_be_run_here_and_the_others_are_counted(profile, gpu, left_out, monkeypatch, capsys):
    every, ran = EXPERIMENTS.values(), list[Experiment]()
    monkeypatch.setattr("torch.accelerator.is_available", lambda: gpu)
    monkeypatch.setattr("mixbook.cli.bench.run_all", lambda experiments, *_, **__: ran.extend(experiments) or ())
    cli.main(["bench", "run", "--all", "--profile", profile, "--budget", "8h"])
    assert ran == [e for e in every if profile in e.profiles and (gpu or not e.needs_gpu(profile))]
    said = [line.split(" of ", 1) for line in capsys.readouterr().out.splitlines()]
    assert [why for _, why in said] == [f"{len(every)} experiments are left out: they {why}" for why in left_out]
    assert sum(int(count) for count, _ in said) == len(every) - len(ran)
    assert any(e.name == "mnist-lenet-constant-xi" for e in ran)


GOES_ON = ". Finished cells are kept: the same command{} goes on from there"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("arguments", "stopped", "kept"),
    [
        (["bench", "run", IRIS], "benchmarks.runner.run", GOES_ON.format("")),
        (["bench", "run", "--all", "--fresh"], "cli.bench.run_all", GOES_ON.format(", without --fresh,")),
        (["bench", "run", IRIS, "--profile", "smoke"], "benchmarks.runner.run", ""),
        (["bench", "coverage"], "benchmarks.coverage.coverage", ""),
        (["data", "list"], "data.store.root", ""),
        (
            ["train", "--data", "iris", "--model", "mlp", "--epochs", "1", "--milestones", "--out", "OUT"],
            "data.iris",
            ". The same command goes on from the last checkpoint in OUT, if there is one",
        ),
    ],
)
def test_a_command_that_is_stopped_says_what_it_keeps(number, arguments, stopped, kept, monkeypatch, capsys, tmp_path):
    def stop(*_, **__):
        if number == signal.SIGINT:  # which a job in the background is deaf to
            raise KeyboardInterrupt
        os.kill(os.getpid(), number)
        time.sleep(60)

    monkeypatch.setattr(f"mixbook.{stopped}", stop)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as left:
        cli.main([str(tmp_path) if each == "OUT" else each for each in arguments])
    assert left.value.code == 128 + number
    assert capsys.readouterr().err == f"mixbook: stopped{kept}\n".replace("OUT", str(tmp_path))
    assert signal.getsignal(signal.SIGTERM) == before


def test_in_a_terminal_of_a_few_columns_help_comes_all_the_same():
    command = [sys.executable, "-m", "mixbook", "bench", "--help"]
    ended = subprocess.run(command, env=os.environ | {"COLUMNS": "5"}, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0 and "coverage" in ended.stdout


@pytest.mark.parametrize("command", ["bench coverage | head -1", "data list | true", "--version | true", "--help | true"])
def test_a_reader_that_leaves_early_is_no_error(command):
    command = f"{sys.executable} -m mixbook {command}"
    ended = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, cwd=ROOT)
    assert ended.stderr == ""
