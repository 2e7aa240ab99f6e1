"""What a result was measured with: code, versions, machine."""

import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import mixbook


def describe(device: str | None = None) -> dict[str, Any]:
    """Commit and whether the package was changed since, versions, device and processor, for a provenance file.

    Args:
        device: "cpu" or "cuda"; the one that training takes by itself if None: a GPU where there is one.
    """
    packages = ("torch", "numpy", "scipy", "lightning-fabric", "scikit-learn")
    return {
        **_commit(),
        "mixbook": mixbook.__version__,
        "python": platform.python_version(),
        **{package: version_of(package) for package in packages},
        "device": _device(device),
        "processor": _processor(),
    }


@cache
def machine() -> dict[str, Any]:
    """What a single trial ran on, here or on a node of a cluster: device, processor and torch."""
    return {"device": _device(None), "processor": _processor(), "torch": version_of("torch")}


def _commit() -> dict[str, Any]:
    """The commit of the package's own files, and whether they differ from it; None outside of a git checkout."""
    package = Path(mixbook.__file__).parent

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=package, capture_output=True, text=True, check=True).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", "__init__.py")  # an installed copy may lie in somebody else's checkout
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain", "--", "."))}
    except (OSError, subprocess.CalledProcessError):
        return {"commit": None, "dirty": None}


def _device(device: str | None) -> str:
    import torch

    if device == "cpu" or not torch.cuda.is_available():
        return "cpu"
    return torch.cuda.get_device_name(device)


def version_of(package: str) -> str | None:
    """The version of a package that is installed, or None."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
