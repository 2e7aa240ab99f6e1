"""What of a network would be lost if copies of it were run as one: parts that it uses twice, hooks, and modes.

Each function says what it has found, and gives an empty text for a network that has none.
"""

from itertools import chain

from torch import nn
from torch.nn.parameter import is_lazy

from mixbook.training.checkpoint import still_modules


def tied(model: nn.Module) -> str:
    """Weights or buffers that are one tensor by two names: copies would train them apart.

    Example:
        >>> from torch import nn
        >>> from mixbook.training.trials.obstacles import tied
        >>> layer = nn.Linear(4, 4)
        >>> tied(nn.Sequential(layer, nn.ReLU(), layer))
        "its '0.weight' and '2.weight' are one tensor"
    """
    seen: dict[int, str] = {}
    weights, memory = model.named_parameters(remove_duplicate=False), model.named_buffers(remove_duplicate=False)
    for name, tensor in chain(weights, memory):
        place = 0 if is_lazy(tensor) else tensor.data_ptr()  # 0 also where nothing is stored
        if place and seen.setdefault(place, name) != name:
            return f"its {seen[place]!r} and {name!r} are one tensor"
    return ""


def used_twice(model: nn.Module) -> str:
    """Modules that run in two places, so that a hook, or mixing at one of them, is met twice."""
    seen: dict[int, str] = {}
    for name, module in model.named_modules(remove_duplicate=False):
        if seen.setdefault(id(module), name) != name:
            return f"its {seen[id(module)]!r} and {name!r} are one module"
    return ""


def hooked(model: nn.Module) -> str:
    """Modules whose forward or backward pass something is to be told of, or may change."""
    for name, each in model.named_modules():
        if each._forward_hooks or each._forward_pre_hooks or each._backward_hooks or each._backward_pre_hooks:
            return f"its {name!r} has a hook" if name else "it has a hook"
    return ""


def watched(model: nn.Module) -> str:
    """Weights whose gradients something is to be told of, or may change: copies of them have no such hook."""
    for name, weight in model.named_parameters():
        if weight._backward_hooks or getattr(weight, "_post_accumulate_grad_hooks", None):
            return f"the gradient of its {name!r} has a hook"
    return ""


def still(model: nn.Module) -> str:
    """Modules in evaluation mode within a network that is in training mode, such as a batch norm that is frozen.

    ``fit`` leaves them so, and the copies would all train.
    """
    found = still_modules(model)
    return next((f"its {name!r} stays in evaluation mode" for name, each in model.named_modules() if each in found), "")
