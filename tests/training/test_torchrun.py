"""``mixbook train`` in the processes that torchrun starts: one result, stopped and continued together."""

import json
import os
import signal
import subprocess
import sys

import pytest
import torch

from mixbook.training.checkpoint import load
from mixbook.training.extras import this_process

EPOCHS = 60
MIXED = ["--data", "digits", "--model", "lenet", "--batch-size", "200", "--lr", "0.05", "--alpha", "1", "--k", "4"]


def start(folder) -> subprocess.Popen:
    processes = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = ["-m", "mixbook", "train", *MIXED, "--device", "cpu", "--milestones", "--epochs", str(EPOCHS)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, *processes, *command, "--out", str(folder)], env=environment)


def losses(folder) -> list[float]:
    return [record["loss"] for record in json.loads((folder / "result.json").read_text())["history"]]


@pytest.mark.slow
def test_processes_work_together_stop_on_sigterm_and_go_on(tmp_path):
    stopped, whole = tmp_path / "stopped", tmp_path / "whole"
    running = start(stopped)
    while not (stopped / "checkpoint.pt").exists():
        assert running.poll() is None
        signal.sigtimedwait([], 0.1)
    running.send_signal(signal.SIGTERM)  # torchrun hands it on
    assert running.wait(120) != 0
    saved = load(stopped / "checkpoint.pt")
    assert len(saved["streams"]["mixing"]) == len(saved["plan_from"]) == 2 and 1 <= len(saved["records"]) < EPOCHS
    assert start(stopped).wait(120) == start(whole).wait(120) == 0
    assert losses(stopped) == losses(whole) and len(losses(whole)) == EPOCHS
    assert json.loads((whole / "result.json").read_text())["made_with"]["processes"] == 2


def test_torchrun_gives_each_process_its_device(monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    with pytest.raises(ValueError, match="cpu or cuda under torchrun, which gives each process its own, got cuda:1"):
        this_process(torch.device("cuda:1"))
