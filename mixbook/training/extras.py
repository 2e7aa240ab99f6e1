"""The packages that only training needs, imported when it starts."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from lightning_fabric import Fabric


_PRECISIONS: dict[str, Any] = {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}


def one_device(device: "torch.device | None" = None, precision: str = "fp32") -> "Fabric":
    """Fabric on one device: this one, or the best that there is.

    Raises:
        ValueError: for float16 on a CPU, which cannot train in it, and for a GPU that is not there.
    """
    try:
        from lightning_fabric import Fabric
    except ImportError as error:
        raise ImportError("training needs lightning-fabric: pip install 'mixbook[train]'") from error
    import torch

    kind = "auto" if device is None else device.type
    if kind == "cuda" and not torch.cuda.is_available():
        raise ValueError("device must be there, got cuda, and torch finds no GPU here: use cpu, or see `mixbook doctor`")
    devices: Any = 1 if device is None or device.type == "cpu" or device.index is None else [device.index]
    if precision == "fp16" and (kind == "cpu" or not torch.accelerator.is_available()):
        raise ValueError("precision='fp16' needs a GPU: on a CPU use 'bf16', or 'fp32'")
    return Fabric(accelerator=kind, devices=devices, precision=_PRECISIONS[precision])


def progress_bar(total: int, done: int, name: str, shown: bool) -> Any:
    """A bar of epochs on the standard error output, where that is a terminal."""
    try:
        from tqdm import tqdm  # not tqdm.auto, which warns in notebooks without widgets
    except ImportError as error:
        raise ImportError("training needs tqdm: pip install 'mixbook[train]'") from error
    return tqdm(total=total, initial=done, desc=name, unit="epoch", disable=None if shown else True)
