"""The script for a GPU host, rehearsed on a CPU: limits, what happens on a failure, and going on."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import gpu_window
import pytest
from gpu_window import Step, Window

from mixbook.benchmarks.experiments import get_experiment

ROOT = Path(__file__).parent.parent
FULL = "cifar10-full"  # PreActResNet-18, which a rehearsal replaces by a slim one
EXPERIMENT = "kmixup-tmlr-section5-one-ring"  # read from another one, which is run for it


def python(name: str, code: str, minutes: float = 1.0, into: str | None = None) -> Step:
    return Step(name, [("-c", code)], minutes, into)


@pytest.fixture
def short(monkeypatch):
    """Little time to put things away."""
    monkeypatch.setattr(gpu_window, "GRACE", 2.0)
    monkeypatch.setattr(gpu_window, "SHORTEST", 0.1)


def test_a_failed_step_and_one_out_of_time_stop_no_other(tmp_path, short):
    chosen = [
        python("fails", "import sys; print('half'); sys.exit('why it failed')", into="speed/half.json"),
        python("hangs", "import time; time.sleep(600)", minutes=0.01),
        python("works", "print(1)", into="speed/one.json"),
    ]
    began = time.monotonic()
    window = Window(tmp_path, 300)
    window.work(chosen)
    assert time.monotonic() - began < 120
    assert [window.state(step) for step in chosen] == ["failed", "out of time", "done"]
    assert "why it failed" in (tmp_path / "log" / "fails.log").read_text()
    assert [path.name for path in (tmp_path / "speed").iterdir()] == ["one.json"]  # not what was left half done
    assert (tmp_path / "speed" / "one.json").read_text() == "1\n"


def test_another_call_goes_on_and_takes_what_failed_at_last(tmp_path, short):
    trace = tmp_path / "trace"

    def writes(name: str, letter: str, then: str = "") -> Step:
        return python(name, f"open({str(trace)!r}, 'a').write({letter!r}); {then}")

    Window(tmp_path, 300).work([writes("first", "1", "raise SystemExit(3)"), writes("second", "2")])
    window = Window(tmp_path, 300)
    window.work([writes("first", "1"), writes("second", "2"), writes("third", "3")])
    assert trace.read_text() == "1231"
    assert {name: step["state"] for name, step in window.record.items()} == dict.fromkeys(window.record, "done")
    assert window.record["first"]["tries"] == 2


def test_a_scheduler_that_ends_the_script_ends_its_step_too(tmp_path):
    """SIGTERM comes from `timeout`, from a scheduler at the end of a job, and from a container that is stopped."""
    lives = tmp_path / "lives"
    hangs = f"import os, time; open({str(lives)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    code = "import signal, gpu_window; from pathlib import Path; signal.signal(signal.SIGTERM, gpu_window.ended); "
    code += "gpu_window.GRACE = 2.0; "  # seconds, half of which it waits for a step that does not end by itself
    code += f"gpu_window.Window(Path({str(tmp_path)!r}), 300).work([gpu_window.Step('hangs', [('-c', {hangs!r})], 4)])"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "scripts")}
    script = subprocess.Popen([sys.executable, "-c", code], env=environment, stderr=subprocess.DEVNULL)
    while not lives.exists() or not lives.read_text():
        assert script.poll() is None
        time.sleep(0.05)
    script.terminate()
    assert script.wait(60) != 0
    assert json.loads((tmp_path / "steps.json").read_text())["hangs"]["state"] == "out of time"
    with pytest.raises(ProcessLookupError):
        os.kill(int(lives.read_text()), 0)


def test_a_rehearsal_on_a_cpu_or_of_some_tests_is_not_the_work_itself(tmp_path, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    folder = ["--folder", str(tmp_path)]
    rehearsal = ["5", *folder, "--device", "cpu", "--tests", "tests/test_plots.py"]
    names = []
    for arguments in (rehearsal, ["5", *folder]):
        steps = gpu_window.steps(gpu_window.parse(arguments))
        names.append({step.name for step in steps if step.name.startswith(("tests", "speed"))})
    assert len(names[0]) == len(names[1]) == 5 and names[0].isdisjoint(names[1])


def test_many_networks_are_timed_with_as_many_as_the_goal_for_a_gpu_is_about(tmp_path):
    options = gpu_window.parse(["5", "--device", "cpu", "--folder", str(tmp_path)])
    (step,) = (step for step in gpu_window.steps(options) if step.name == "speed-cpu-trials-200")
    assert " ".join(step.commands[0]).endswith("speed trials --networks 200 --device cpu --json")
    assert step.into == "book/results/speed/cpu-trials-200.json"


def test_results_that_the_book_has_are_not_computed_again_for_what_is_read_from_tables(tmp_path):
    gpu_window.prepare_book(tmp_path, ["kmixup-v1-cifar10"], "gpu")
    copied = {path.parent.name for path in (tmp_path / "book" / "results").glob("*/gpu.csv")}
    assert copied == {"cifar10-preactresnet18-constant-xi", "cifar10-preactresnet18-fixed-alpha"}


def test_nothing_starts_without_time(tmp_path, capsys):
    Window(tmp_path, gpu_window.GRACE).work([python("late", "print(1)")])
    assert "no time left for late" in capsys.readouterr().out
    assert not (tmp_path / "steps.json").exists()


def test_a_step_out_of_time_is_interrupted_so_that_it_can_put_things_away(tmp_path, short):
    kept = tmp_path / "kept"
    code = f"import time\ntry: time.sleep(600)\nexcept KeyboardInterrupt: open({str(kept)!r}, 'w').write('kept')"
    step = python("long", code, minutes=0.05)
    window = Window(tmp_path, 300)
    window.work([step])
    assert window.state(step) == "out of time"
    assert kept.read_text() == "kept"


def test_experiments_with_a_gpu_profile_come_in_order_of_value():
    chosen = gpu_window.with_profile("gpu")
    assert chosen[: len(gpu_window.FIRST)] == list(gpu_window.FIRST)
    tables = [table for together in chosen for table in together]
    assert len(tables) == len(set(tables)) > 3
    whole = [table.name for table in tables if not table.only]
    assert "kmixup-tmlr-table3-mnist" not in whole  # read from that of the networks
    for table in tables:
        cells = get_experiment(table.name).selected("gpu", table.only)
        assert table.name in whole and 0 < len(cells) <= len(get_experiment(table.name).cells)
    assert all(len({table.name for table in together}) == len(together) for together in chosen)  # one writes each result


def test_what_comes_first_can_be_parts_of_experiments_at_once(tmp_path):
    options = gpu_window.parse(["5", "--device", "cpu", "--profile", "gpu", "--folder", str(tmp_path)])
    part, whole = (s for s in gpu_window.steps(options) if s.name.startswith("cifar10-preactresnet18-constant-xi"))
    assert len(part.commands) == 3 and part.commands[0][-3:] == ["--only", "erm", "alpha=0.5"]
    assert len(whole.commands) == 1 and "--only" not in whole.commands[0]
    assert part.name.split("+")[0] == f"{whole.name}-first"


def test_with_few_minutes_only_results(tmp_path):
    options = gpu_window.parse(["5", "--device", "cpu", "--results-only", "--folder", str(tmp_path)])
    chosen = gpu_window.steps(options)
    assert len(chosen) > 3 and not [step for step in chosen if step.name.startswith(("tests", "speed"))]


def test_commands_of_a_step_run_at_once_and_all_must_succeed(tmp_path, short):
    meets = "import sys, time; from pathlib import Path; mine, theirs = map(Path, sys.argv[1:3]); mine.touch()\n"
    meets += "while not theirs.exists(): time.sleep(0.05)\n"
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    both = [("-c", meets, one, two), ("-c", meets, two, one)]
    steps = [Step("meet", both, 1.0), Step("one fails", [*both, ("-c", "raise SystemExit(3)")], 1.0)]
    steps.append(Step("one hangs", [("-c", "pass"), ("-c", "import time; time.sleep(600)")], 0.03))
    window = Window(tmp_path, 300)
    window.work(steps)
    assert [window.state(step) for step in steps] == ["done", "failed", "out of time"]


@pytest.mark.parametrize("starts", [True, False])
def test_processes_overlap_where_the_server_for_that_starts(tmp_path, short, monkeypatch, starts):
    server, said = tmp_path / "nvidia-cuda-mps-control", tmp_path / "said"
    server.write_text(f'#!/bin/sh\necho "$@" >> {said}\n[ $# = 0 ] && cat >> {said}\nexit {0 if starts else 1}\n')
    server.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    code = "import os; print(os.path.isdir(os.environ['CUDA_MPS_PIPE_DIRECTORY']))"
    step = Step("shares", [("-c", code)], 1.0, "found", shares=True)
    Window(tmp_path, 300).work([step])
    assert (tmp_path / "found").read_text() == "True\n"
    assert said.read_text().split() == (["-d", "quit"] if starts else ["-d"])
    assert "CUDA_MPS_PIPE_DIRECTORY" not in os.environ


@pytest.mark.slow
def test_rehearsal_on_a_cpu(tmp_path):
    command = ["bash", str(ROOT / "scripts" / "gpu_window.sh"), "20", "--folder", str(tmp_path / "window")]
    command += ["--device", "cpu", "--profile", "smoke", "--speed", "--experiments", FULL, EXPERIMENT]
    command += ["--tests", "tests/training/test_recipe.py", "tests/mixing/test_ahead.py"]
    environment = {**os.environ, "PYTHON": sys.executable, "OMP_NUM_THREADS": "1"}
    for _ in range(2):  # the second time there is nothing left to do
        run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=1200)
        assert run.returncode == 0, run.stdout + run.stderr
    assert "3 of 3 steps are done" in run.stdout
    assert "at most" not in run.stdout
    folder = tmp_path / "window"
    assert (folder / "tests.xml").exists()
    assert list((folder / "_build" / "benchmarks" / "smoke").glob("*/smoke.csv"))
    assert {step["tries"] for step in json.loads((folder / "steps.json").read_text()).values()} == {1}


def test_without_a_gpu_it_says_how_to_rehearse(capsys):
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(SystemExit):
        gpu_window.main(["5"])
    assert "--device cpu --profile smoke" in capsys.readouterr().err
