"""The packages that only training needs, imported when it starts."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from lightning_fabric import Fabric


def one_device(device: "torch.device | None" = None) -> "Fabric":
    """Fabric on one device: this one, or the best that there is."""
    try:
        from lightning_fabric import Fabric
    except ImportError as error:
        raise ImportError("training needs lightning-fabric: pip install 'mixbook[train]'") from error
    if device is None or (device.type != "cpu" and device.index is None):
        return Fabric(accelerator=device.type if device else "auto", devices=1)
    return Fabric(accelerator=device.type, devices=1 if device.index is None else [device.index])


def progress_bar(total: int, done: int, name: str, shown: bool) -> Any:
    """A bar of epochs on the standard error output, where that is a terminal."""
    try:
        from tqdm import tqdm  # not tqdm.auto, which warns in notebooks without widgets
    except ImportError as error:
        raise ImportError("training needs tqdm: pip install 'mixbook[train]'") from error
    return tqdm(total=total, initial=done, desc=name, unit="epoch", disable=None if shown else True)
