"""What a part of a run is, in a line of text: a loss, a mixer, an augmentation. Equal parts have one line in every process.

A default repr, or that of a function, has a memory address in it, and the name of a lambda says nothing. So functions go by
their code, and by the values that they take from outside, and objects by their attributes, as long as those do not change
while a run goes on: lists, dictionaries, sets and attributes with a leading underscore are left out. (Name so what a loss
of your own counts or averages, or make it anew for each run.) Of functions of installed packages, and of this one, the name
stands for the code; of networks the layers and their settings stand for the weights, and :func:`code_of` adds the code.
"""

import dataclasses
import dis
import hashlib
import re
import sysconfig
import zlib
from functools import partial
from pathlib import Path
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

_CHANGING = (list, dict, set, ModuleType)  # what a run may change while it goes on, or what says nothing by itself
_PLAIN = (type(None), bool, int, float, complex, str, bytes)
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_OURS = str(Path(__file__).parents[1])
_INSTALLED = ("<frozen", _OURS, *(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")))


def fingerprint(part: object) -> str:
    """A line that tells ``part`` from others of its kind.

    Code is compared as Python compiled it: another version of Python may give another line.

    Example:
        >>> from mixbook.training.fingerprint import fingerprint
        >>> def scaled(by):
        ...     return lambda x: by * x
        >>> [fingerprint(scaled(2)) == fingerprint(scaled(by)) for by in (2, 3)]
        [True, False]
    """
    return _of(part, set())


def code_of(network: nn.Module) -> str:
    """A line for the code that a reader wrote for a network; empty for one of installed packages, or of this one.

    Of each module within it is that of ``forward``, and of the functions, methods and properties of the module that this
    names. It is compared as Python compiled it, so code in a notebook, which has no file, is no exception. What is reached
    in another way, such as by ``getattr`` or from a list of functions, does not count.

    Example:
        >>> from torch import nn
        >>> from mixbook.training.fingerprint import code_of
        >>> def network(code):
        ...     return type("Net", (nn.Linear,), {"forward": code})(2, 2)
        >>> own, other = network(lambda self, x: x), network(lambda self, x: -x)
        >>> code_of(own) == code_of(other), code_of(nn.Linear(2, 2))
        (False, '')
    """
    lines = {_function(function, set()) for module in network.modules() for function in _written_for(module)}
    return ", ".join(sorted(lines))


def _written_for(module: nn.Module) -> list[FunctionType]:
    places = [vars(module), *map(vars, type(module).__mro__)]  # those of the classes before it too: they are called as well
    found, names = [], ["forward"]
    for name in names:  # which grows
        written = filter(None, (_written(place.get(name)) for place in places))
        for function in written:
            found.append(function)
            names += sorted(_names(function.__code__).difference(names))
    return found


def _written(part: Any) -> FunctionType | None:
    """The reader's own function in what may be a method, a property, or one that a package has decorated."""
    while part is not None and not (isinstance(part, FunctionType) and _is_own(part)):
        part = part.fget if isinstance(part, property) else getattr(part, "__wrapped__", getattr(part, "__func__", None))
    return part


def _is_own(function: FunctionType) -> bool:
    """Whether it is a reader's, and not of an installed package or of this one."""
    return not function.__code__.co_filename.startswith(_INSTALLED)


def _names(code: CodeType) -> set[str]:
    """What a function, and those within it, name outside of themselves."""
    return set(code.co_names).union(*(_names(inner) for inner in code.co_consts if isinstance(inner, CodeType)))


def _of(part: Any, seen: set[int]) -> str:
    """As ``fingerprint``; ``seen`` has what was described before, as functions and objects may name each other."""
    kind = type(part)
    if kind in _PLAIN:
        return repr(part)
    if kind in (tuple, frozenset):
        items = [_of(item, seen) for item in part]
        return f"({', '.join(items if kind is tuple else sorted(items))})"
    if isinstance(part, type):
        return part.__qualname__
    if isinstance(part, FunctionType):
        return _function(part, seen)
    if isinstance(part, MethodType):
        return f"{_of(part.__self__, seen)}.{part.__name__}"
    if isinstance(part, partial):
        given = [_of(each, seen) for each in part.args] + _named(part.keywords, seen)
        return f"partial({', '.join([_of(part.func, seen), *given])})"
    if isinstance(part, CodeType):
        return repr((part.co_code.hex(), part.co_names, _of(part.co_consts, seen)))
    if isinstance(part, Tensor):
        return f"tensor({tuple(part.shape)}, {part.dtype}, {_digits(part)})"
    if isinstance(part, np.ndarray) and part.dtype.hasobject:  # bytes of such an array are addresses
        return f"array({part.shape}, {_of(tuple(part.ravel().tolist()), seen)})"
    if isinstance(part, np.ndarray):
        return f"array({part.shape}, {part.dtype}, {zlib.crc32(np.ascontiguousarray(part).tobytes()):08x})"
    if isinstance(part, np.generic):
        return repr(part.item())
    if callable(getattr(part, "checksum", None)):  # data
        return f"{kind.__qualname__}({part.checksum()})"
    if id(part) in seen:
        return kind.__qualname__
    seen.add(id(part))
    if dataclasses.is_dataclass(part):
        shown = {field.name: getattr(part, field.name) for field in dataclasses.fields(part) if field.repr}
        return f"{kind.__qualname__}({', '.join(_named(shown, seen))})"
    if isinstance(part, nn.Module):
        return f"{_ADDRESS.sub('', repr(part))}({', '.join(_layers(part, seen))})"
    if kind.__repr__ is object.__repr__:
        return f"{kind.__qualname__}({', '.join(_named(_settings(part), seen))})"
    return _ADDRESS.sub("", repr(part))


def _digits(tensor: Tensor) -> str:
    """Eight hexadecimal digits of its values; none where there are no values."""
    if tensor.is_meta:
        return "no values"
    plain = tensor.detach().cpu()
    plain = plain.to_dense() if plain.layout != torch.strided else plain
    values = plain.resolve_conj().resolve_neg().contiguous().flatten().view(torch.uint8).numpy()
    return f"{zlib.crc32(values.tobytes()):08x}"


def _function(function: FunctionType, seen: set[int]) -> str:
    code, name = function.__code__, function.__qualname__
    if id(function) in seen:
        return name
    seen.add(id(function))
    outside, own = {}, _is_own(function)
    for variable, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        try:
            outside[variable] = cell.cell_contents
        except ValueError:  # it has no value yet
            continue
    if own:
        named = _globals(code) & function.__globals__.keys()
        outside |= {f"global {each}": function.__globals__[each] for each in named}
        outside |= {"defaults": function.__defaults__, **(function.__kwdefaults__ or {})}
    kept = {each: value for each, value in outside.items() if not isinstance(value, _CHANGING)}
    if not own and not kept:
        return name
    text = repr((_of(code, seen) if own else "", _named(kept, seen)))
    return f"{name} {hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _globals(code: CodeType) -> set[str]:
    """Names that a function, and those within it, look up outside of all functions."""
    found = {each.argval for each in dis.get_instructions(code) if each.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    return found.union(*(_globals(inner) for inner in code.co_consts if isinstance(inner, CodeType)))


def _layers(module: nn.Module, seen: set[int]) -> list[str]:
    """Settings of a module and all within; of what has no weights, such as a loss, tensors and buffers too."""
    bare = next(module.parameters(), None) is None
    found = []
    for name, each in module.named_modules():
        own = {n: value for n, value in _settings(each).items() if bare or not isinstance(value, Tensor)}
        own |= each._buffers if bare else {}
        found += [f"{name}.{setting}" if name else setting for setting in _named(own, seen)]
    return found


def _settings(part: object) -> dict[str, Any]:
    """Its attributes, but for those that change while a run goes on."""
    found = getattr(part, "__dict__", {})
    return {n: v for n, v in found.items() if n[0] != "_" and n != "training" and not isinstance(v, _CHANGING)}


def _named(values: dict[str, Any], seen: set[int]) -> list[str]:
    return [f"{name}={_of(values[name], seen)}" for name in sorted(values)]
