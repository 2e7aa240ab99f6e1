"""What several rooms refuse alike: counts that are none, and batches that are no tensors."""

from typing import Any

from torch import Tensor


def check_count(name: str, value: Any, advice: str) -> None:
    """Refuse what is not a whole number of at least 1.

    Raises:
        ValueError: naming the argument, its value and what is good.
    """
    if not hasattr(value, "__index__"):
        raise ValueError(f"{name} must be a whole number, got {value!r}: {advice}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1, got {value}: {advice}")


def check_batch(x: Any, y: Any = None, names: tuple[str, str] = ("x", "y")) -> None:
    """Refuse a batch ``x`` (B, ...) and its targets ``y`` (B, ...) or None, before anything is planned for them.

    Raises:
        TypeError: if one is not a tensor.
        ValueError: if they differ in length.
    """
    if not isinstance(x, Tensor):
        raise TypeError(_no_tensor(names[0], x))
    if y is None:
        return
    if not isinstance(y, Tensor):
        raise TypeError(_no_tensor(names[1], y))
    if x.shape[:1] != y.shape[:1] or x.ndim == 0:
        got = " and ".join(str(each.shape[0]) if each.ndim else "a single number" for each in (x, y))
        raise ValueError(f"{names[0]} and {names[1]} must have the same length, got {got}")


def _no_tensor(name: str, value: Any) -> str:
    return f"{name} must be a tensor, got {type(value).__name__}: torch.as_tensor({name}) makes one"
