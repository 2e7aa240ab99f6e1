"""Both branches of the door to torchvision: builds that match, and a CUDA build beside a CPU build of torch."""

import subprocess
import sys

import pytest
import torch

from mixbook import vision

FAKE_CUDA_BUILD = """
import sys, types
from mixbook import vision
calls = []
def fake():
    calls.append(1)
    if len(calls) == 1:
        raise RuntimeError("operator torchvision::nms does not exist")
    return types.ModuleType("torchvision")
vision._import = fake
assert vision.load().__name__ == "torchvision" and len(calls) == 2
import torch
assert torch._C._dispatch_find_schema_or_throw("torchvision::nms", "") is not None
assert torch._C._dispatch_find_schema_or_throw("torchvision::qnms", "") is not None
"""

FAKE_MATCHING_BUILD = """
import types
from mixbook import vision
vision._import = lambda: types.ModuleType("torchvision")
assert vision.load().__name__ == "torchvision"
assert vision._declared == []
"""


@pytest.mark.parametrize("script", [FAKE_CUDA_BUILD, FAKE_MATCHING_BUILD], ids=["operators missing", "builds match"])
def test_operators_are_declared_only_where_they_are_missing(script):
    # In a process of its own: schemas that are declared once stay declared.
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_another_error_is_not_swallowed(monkeypatch):
    def broken():
        raise RuntimeError("something else")

    monkeypatch.setattr(vision, "_import", broken)
    with pytest.raises(RuntimeError, match="something else"):
        vision.load()


def test_a_missing_torchvision_names_the_extra(monkeypatch):
    def missing():
        raise ModuleNotFoundError("No module named 'torchvision'")

    monkeypatch.setattr(vision, "_import", missing)
    with pytest.raises(ImportError, match=r"pip install .\.\[vision\]"):
        vision.load()


def test_the_installed_torchvision_loads():
    try:
        torchvision = vision.load()
    except ImportError as error:
        pytest.skip(str(error))
    assert torchvision.models.resnet18(num_classes=3)(torch.rand(2, 3, 32, 32)).shape == (2, 3)
