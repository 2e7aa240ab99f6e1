"""What several rooms refuse alike: counts, batches and mixers that are none; which network is meant; whose work it is."""

import warnings
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


def built_in(part: object) -> bool:
    """Whether a ratio, a blend or another part is of this package; what a reader's own gives is looked at.

    A class that a reader derives from one of the package's is the reader's own.

    Example:
        >>> import mixbook as mb
        >>> from mixbook.mixing.checks import built_in
        >>> built_in(mb.Beta()), built_in(object())
        (True, False)
    """
    return type(part).__module__.startswith("mixbook.")


def check_count(name: str, value: Any, advice: str) -> None:
    """Refuse what is not a whole number of at least 1.

    Raises:
        ValueError: naming the argument, its value and what is good.
    """
    if not hasattr(value, "__index__"):
        raise ValueError(f"{name} must be a whole number, got {value!r}: {advice}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1, got {value}: {advice}")


def check_names(name: str, given: Any, example: str) -> None:
    """Refuse a string, which would be read letter by letter, and nothing, where a list of names is meant.

    Raises:
        ValueError: naming the argument, its value and what is good.
    """
    if isinstance(given, str) or not given:
        raise ValueError(f"{name} must be a list with at least one name, got {given!r}: e.g. [{given or example!r}]")


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
    if y.ndim == 0 and x.ndim > 0:
        raise ValueError(
            f"{names[1]} is a single number, so this looks like one sample: mix batches, in the training loop or by "
            "mixbook.compat.MixCollate in the loader"
        )
    if x.ndim == 1 and not x.is_floating_point() and y.ndim > 1:
        raise ValueError(f"{names[0]} looks like the labels of {names[1]}: pass the inputs first")
    if x.shape[:1] != y.shape[:1] or x.ndim == 0:
        got = " and ".join(str(each.shape[0]) if each.ndim else "a single number" for each in (x, y))
        raise ValueError(f"{names[0]} and {names[1]} must have the same length, got {got}")


def check_batches(x: Tensor, other: Tensor | None) -> None:
    """Refuse a batch ``x`` and a second one ``other``, or None, in which nobody can be paired.

    Raises:
        ValueError: if the batch is empty, or the second one has another shape.
    """
    if x.shape[0] == 0:
        raise ValueError("x is an empty batch: there is nobody to pair")
    if other is not None and other.shape != x.shape:
        raise ValueError(f"the second batch must have the shape of the first, {tuple(x.shape)}, got {tuple(other.shape)}")


def can_be_looked_at(values: Tensor) -> bool:
    """Whether there are values here and now: not on a device that would be waited for, while tracing, or in vmap.

    Example:
        >>> import torch
        >>> from mixbook.mixing.checks import can_be_looked_at
        >>> can_be_looked_at(torch.ones(2)), can_be_looked_at(torch.ones(2, device="meta"))
        (True, False)
    """
    if torch.compiler.is_compiling() or values.device.type != "cpu":
        return False
    return values.numel() > 0 and not in_vmap(values)


def in_vmap(values: Tensor) -> bool:
    """Whether a function is being mapped over these values; not to be asked while compiling, and then False.

    Example:
        >>> import torch
        >>> from mixbook.mixing.checks import in_vmap
        >>> in_vmap(torch.ones(2))
        False
    """
    return not torch.compiler.is_compiling() and bool(torch._C._functorch.is_functorch_wrapped_tensor(values))


def check_inputs(x: Tensor) -> None:
    """Refuse inputs that cannot be mixed.

    Raises:
        TypeError: if they are not floating point.
    """
    if x.is_complex():
        raise TypeError(f"x must be real to be mixed, got {x.dtype}: torch.view_as_real(x) makes two real features of each")
    if not x.is_floating_point():
        raise TypeError(f"x must be floating point to be mixed, got {x.dtype}: convert it first, e.g. x.float() / 255")


def check_mixer(mixer: object) -> None:
    """Refuse what plans no batches, such as a function, or a mixer that gives outputs of a network.

    Raises:
        TypeError: naming what it is.
    """
    plans = callable(getattr(mixer, "plan", None)) and hasattr(mixer, "draws_globally")
    if isinstance(mixer, type) or not plans:
        raise TypeError(f"mixer must be of type Mixer or OneOf, got {type(mixer).__name__}: e.g. mb.mixup(2.0)")


def another_network(own: nn.Module, model: object, layers: Iterable[nn.Module] = ()) -> bool:
    """Whether ``model``, which trains, is another network than ``own``, which a mixer was made for.

    A wrapper around ``own`` (compiled, of several processes, with a layer that normalises) has it among its modules, and is
    no other. Nor is what is made of its parts: of ``layers`` where there are some, else of weights that train, as networks
    may share frozen layers or an activation. Of what is no module, or shows no weights, nothing is said.

    Example:
        >>> import torch
        >>> from mixbook.mixing.checks import another_network
        >>> own, other = torch.nn.Linear(2, 3), torch.nn.Linear(2, 3)
        >>> another_network(own, torch.nn.Sequential(own)), another_network(own, other)
        (False, True)
    """
    if not isinstance(model, nn.Module) or own in model.modules():
        return False
    trained = {weight for weight in model.parameters() if weight.requires_grad}
    if not trained:
        return False
    needed = set(layers)
    return not needed.issubset(model.modules()) if needed else trained.isdisjoint(own.parameters())


def name_of(model: object) -> str:
    """The type of a network, seen through what runs it in several processes or precisions."""
    while isinstance(inner := getattr(model, "module", None), nn.Module):
        model = inner
    return type(model).__name__


def check_looks_at(own: nn.Module, model: object) -> None:
    """Warn where a saliency asks a network that is not the one in training, but trains too: so it is hardly meant.

    Averaged weights or a teacher may be asked: an ``AveragedModel`` says that it is meant, and so does what is frozen.
    """
    if isinstance(own, AveragedModel) or not another_network(own, model):
        return
    if any(weight.requires_grad for weight in own.parameters()):
        warnings.warn(
            "the saliency is that of another network than the one in training: make the mixer anew for each network. If it "
            "is meant, use torch's AveragedModel for averaged weights, or freeze a teacher: teacher.requires_grad_(False)",
            stacklevel=3,
        )


def _no_tensor(name: str, value: Any) -> str:
    return f"{name} must be a tensor, got {type(value).__name__}: torch.as_tensor({name}) makes one"
