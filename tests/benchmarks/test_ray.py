"""A Ray cluster of two nodes, one of which is killed in mid-run: nothing is lost, and nothing is counted twice."""

import os
import signal
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from test_cells import until
from toy_trial import TOY

from mixbook.benchmarks import BenchmarkError
from mixbook.benchmarks.cells import run_missing_cells
from mixbook.benchmarks.results import Results

pytest.importorskip("ray", reason="Ray is an extra: pip install '.[ray]' in the clone")
SMALL = replace(TOY, own_cells=TOY.cells[:3])


@pytest.fixture
def cluster(monkeypatch):
    """Two nodes with a processor each, which find the toy's trials and take three seconds for each of them."""
    from ray.cluster_utils import Cluster

    # A busy machine takes long to start a node, and lets Ray's workers, which are nice, wait for everybody else.
    patient = {"RAY_agent_register_timeout_ms": "240000", "RAY_raylet_start_wait_time_s": "240", "RAY_worker_niceness": "0"}
    apart = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
    for name, value in {"TOY_SECONDS": "3", **patient, **apart}.items():
        monkeypatch.setenv(name, value)
    root = Path(__file__).parents[2]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(root), str(Path(__file__).parent)]))
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    monkeypatch.setenv("RAY_ADDRESS", nodes.address)
    yield nodes
    nodes.shutdown()


@pytest.mark.slow
def test_a_node_that_is_killed_costs_time_only(cluster, tmp_path):
    second = cluster.add_node(num_cpus=1)
    results, lines = Results(SMALL, "laptop", tmp_path), []

    def both_nodes_have_done_a_trial() -> bool:
        found = [*results.load().values(), *results.begun().values()]
        return len({trial.metrics["process"] for trials in found for trial in trials}) == 2

    def kill() -> None:
        until(both_nodes_have_done_a_trial, seconds=240)
        raylet = second.all_processes["raylet"][0].process.pid
        workers = Path(f"/proc/{raylet}/task/{raylet}/children").read_text().split()
        cluster.remove_node(second, allow_graceful=False)
        for worker in workers:  # they would outlive it for a while, on a machine that is still there
            with suppress(ProcessLookupError):
                os.kill(int(worker), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    cells = run_missing_cells(results, jobs=None, report=lines.append, on="ray")
    killer.join()

    assert any("is gone" in line and "run again" in line for line in lines), lines
    assert list(cells) == list(SMALL.cells)
    assert all([trial.number for trial in trials] == [0, 1, 2] for trials in cells.values())
    processes = {trial.metrics["process"] for trials in cells.values() for trial in trials}
    assert len(processes) >= 2 and os.getpid() not in processes
    (run,) = results.provenance()["runs"]
    assert run["trials"] == 9 and run["on"] == "ray"


@pytest.mark.slow
def test_gpus_that_the_cluster_lacks_are_named(cluster, tmp_path):
    with pytest.raises(BenchmarkError, match=r"--gpus 0\.5: this Ray cluster has 0 GPUs"):
        run_missing_cells(Results(SMALL, "laptop", tmp_path), jobs=None, report=lambda _: None, on="ray", gpus=0.5)
