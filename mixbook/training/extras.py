"""The packages that only training needs, imported when it starts."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def one_device() -> "Fabric":
    """Fabric on the best single device that there is."""
    try:
        from lightning_fabric import Fabric
    except ImportError as error:
        raise ImportError("training needs lightning-fabric: pip install 'mixbook[train]'") from error
    return Fabric(devices=1)


def progress_bar(total: int, done: int, name: str, shown: bool) -> Any:
    """A bar of epochs on the standard error output, where that is a terminal."""
    try:
        from tqdm import tqdm  # not tqdm.auto, which warns in notebooks without widgets
    except ImportError as error:
        raise ImportError("training needs tqdm: pip install 'mixbook[train]'") from error
    return tqdm(total=total, initial=done, desc=name, unit="epoch", disable=None if shown else True)
