"""How many processes share this machine: its processors, or its GPU."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from toy_trial import TOY

from mixbook.benchmarks import run_all, runner, side_by_side
from mixbook.benchmarks.experiments import get_experiment
from mixbook.benchmarks.home import NOTEBOOKS

LARGE, SMALL = get_experiment("cifar10-full"), get_experiment("mnist-lenet-constant-xi")
READ = get_experiment("kmixup-tmlr-table10a")  # from the networks of another experiment


@pytest.fixture
def gpu(monkeypatch):
    """A machine with 16 processors and a GPU, of which a test says how many gigabytes it has."""

    def of(gigabytes: float) -> None:
        memory = SimpleNamespace(total_memory=gigabytes * 2**30)
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: memory)

    monkeypatch.setattr(side_by_side, "processors", lambda: 16)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    return of


@pytest.mark.parametrize(("gigabytes", "large"), [(8, 1), (24, 2), (80, 8), (141, 8)])
def test_as_many_large_networks_share_a_gpu_as_fit_and_small_ones_as_there_are_processors(gpu, gigabytes, large):
    gpu(gigabytes)
    assert side_by_side.side_by_side([LARGE]) == side_by_side.side_by_side([SMALL, LARGE]) == large
    assert side_by_side.side_by_side([READ]) == large
    assert side_by_side.side_by_side([SMALL]) == 16


def test_there_are_never_more_than_processors(gpu, monkeypatch):
    gpu(141)
    monkeypatch.setattr(side_by_side, "processors", lambda: 2)
    assert side_by_side.side_by_side([LARGE]) == 2


def test_without_a_gpu_there_is_one_for_each_processor(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert side_by_side.side_by_side([LARGE]) == side_by_side.processors()


def test_a_run_takes_as_many_unless_it_is_told(gpu, monkeypatch, tmp_path):
    gpu(24)
    given = []
    monkeypatch.setattr(runner, "_execute", lambda notebook, executed, parameters: given.append(parameters["jobs"]))
    toy = replace(TOY, model=LARGE.model)
    notebook = tmp_path / NOTEBOOKS / toy.notebook
    notebook.parent.mkdir(parents=True)
    notebook.write_text("{}")
    runner.run(toy, "smoke", tmp_path)
    runner.run(toy, "smoke", tmp_path, jobs=5)
    assert given == [2, 5]


def test_notebooks_that_run_beside_each_other_are_no_more(gpu, monkeypatch, tmp_path):
    gpu(24)
    at_once = []

    class Stop(Exception):
        pass

    def pool(processes, *_):
        at_once.append(processes)
        raise Stop

    monkeypatch.setattr(run_all, "ProcessPoolExecutor", pool)
    with pytest.raises(Stop):
        list(run_all.run_all([replace(LARGE, name=str(n)) for n in range(5)], "smoke", tmp_path))
    assert at_once == [2]
