"""The one door to torchvision, which opens also where torchvision was built for CUDA and torch for the CPU.

The registry's torchvision wheel registers some of its operators from a compiled library that needs CUDA. Beside a CPU build
of torch that library does not load, and ``import torchvision`` stops at ``operator torchvision::nms does not exist``. Only
detection models need these operators; declaring their schemas lets everything else work.
"""

from types import ModuleType

import torch

# Kept alive for as long as the process: a torch.library.Library withdraws its schemas when it is collected.
_declared: list[torch.library.Library] = []

_MISSING = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}


def load() -> ModuleType:
    """Import torchvision, declaring its compiled operators first where their library could not be loaded.

    Where torch and torchvision match this is ``import torchvision`` and nothing else.

    Raises:
        ImportError: if torchvision is not installed.

    Example:
        >>> from mixbook import vision
        >>> vision.load().__name__
        'torchvision'
    """
    try:
        return _import()
    except ModuleNotFoundError as error:
        raise ImportError("torchvision is not installed: pip install '.[vision]' in the clone") from error
    except RuntimeError as error:
        if "operator torchvision::nms does not exist" not in str(error):
            raise
    _declare_operators()
    return _import()


def _import() -> ModuleType:
    import torchvision

    return torchvision


def _declare_operators() -> None:
    library = torch.library.Library("torchvision", "DEF")
    for schema in _MISSING.values():
        library.define(schema)
    _declared.append(library)
