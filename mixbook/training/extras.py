"""The packages that only training needs, imported when it starts."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
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
    devices: Any = 1 if device is None or device.type == "cpu" or device.index is None else [device.index]
    return _fabric(device, precision, devices=devices)


def this_process(device: "torch.device | None" = None, precision: str = "fp32") -> "Fabric":
    """Fabric for one of the processes that torchrun started, which then work together; without torchrun, for one device.

    Raises:
        ValueError: as for :func:`one_device`, and for a device with a number where torchrun hands the devices out.
    """
    import torch

    if not (torch.distributed.is_available() and torch.distributed.is_torchelastic_launched()):
        return one_device(device, precision)
    if device is not None and device.index is not None:
        raise ValueError(f"device must be cpu or cuda under torchrun, which gives each process its own, got {device}")
    here, everywhere = int(os.environ["LOCAL_WORLD_SIZE"]), int(os.environ["WORLD_SIZE"])
    fabric = _fabric(device, precision, devices=here, num_nodes=everywhere // here, strategy="ddp")
    fabric.launch()
    return fabric


def check_precision(fabric: "Fabric", wanted: str) -> None:
    """Refuse a fabric that does not compute in the half precision that a recipe asks for.

    A recipe of "fp32" asks for nothing: the fabric decides.

    Raises:
        ValueError: if it computes in another precision.
    """
    found = fabric.strategy.precision.precision
    if wanted != "fp32" and found != _PRECISIONS[wanted]:
        raise ValueError(
            f"fabric must have precision={_PRECISIONS[wanted]!r} for a recipe with precision={wanted!r}, got {found!r}: "
            "make it so, leave fabric out, or leave the precision to it with precision='fp32'"
        )


def _fabric(device: "torch.device | None", precision: str, **options: Any) -> "Fabric":
    try:
        from lightning_fabric import Fabric
    except ImportError as error:
        raise ImportError("training needs lightning-fabric: pip install '.[train]' in the clone") from error
    import torch

    kind = "auto" if device is None else device.type
    if kind == "cuda" and not torch.cuda.is_available():
        raise ValueError("device must be there, got cuda, and torch finds no GPU here: use cpu, or see `mixbook doctor`")
    if precision == "fp16" and (kind == "cpu" or not torch.accelerator.is_available()):
        raise ValueError("precision='fp16' needs a GPU: on a CPU use 'bf16', or 'fp32'")
    with _without_news():
        return Fabric(accelerator=kind, precision=_PRECISIONS[precision], **options)


@contextmanager
def _without_news() -> Iterator[None]:
    """Within it Fabric does not print that it uses the precision that it was asked for: once for each of many networks."""
    logger = logging.getLogger("lightning_fabric.utilities.rank_zero")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def progress_bar(total: int, done: int, name: str, shown: bool) -> Any:
    """A bar of epochs on the standard error output, where that is a terminal."""
    try:
        from tqdm import tqdm  # not tqdm.auto, which warns in notebooks without widgets
    except ImportError as error:
        raise ImportError("training needs tqdm: pip install '.[train]' in the clone") from error
    return tqdm(total=total, initial=done, desc=name, unit="epoch", disable=None if shown else True)
