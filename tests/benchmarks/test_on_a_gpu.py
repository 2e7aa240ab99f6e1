"""On a GPU: one experiment for each way in which a trial runs there, end to end."""

import pytest
import torch

from mixbook.benchmarks.experiments import all_experiments
from mixbook.benchmarks.runner import run_without_notebook

WITH_GPU = [e for e in all_experiments() if "gpu" in e.profiles and not e.sources]
OF_EACH_KIND = {experiment.trial or experiment.trials: experiment for experiment in WITH_GPU}.values()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("experiment", OF_EACH_KIND, ids=lambda experiment: experiment.name)
def test_a_smoke_run(experiment, tmp_path):
    results = run_without_notebook(experiment, "smoke", tmp_path)
    assert {run["device"] for run in results.provenance()["runs"]} == {torch.cuda.get_device_name()}
    assert set(results.load()) == set(experiment.selected("smoke"))
