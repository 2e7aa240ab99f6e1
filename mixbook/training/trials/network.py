"""N networks of one shape as one: their weights stacked along a first axis, so that a layer of all is one operation."""

from collections.abc import Iterator, Sequence
from typing import Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mixbook.training.trials.linear import linear
from mixbook.training.trials.obstacles import hooked, still, tied, used_twice, watched

# Each number by itself, so N networks at once are no different from one.
_ELEMENTWISE = (nn.ReLU, nn.LeakyReLU, nn.Tanh, nn.Sigmoid, nn.ELU, nn.GELU, nn.SiLU, nn.Softplus, nn.Identity)
_POOLING = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)
_BATCH_NORM = (nn.BatchNorm1d, nn.BatchNorm2d)
_KNOWN = (nn.Linear, nn.Conv2d, nn.Flatten, nn.Dropout, *_ELEMENTWISE, *_POOLING, *_BATCH_NORM)


def against_stacking(model: nn.Module) -> str:
    """Why :class:`StackedNetwork` cannot hold copies of ``model``; empty if it can.

    It holds (nested) ``Sequential`` networks of layers that it knows, each of them used once, without hooks, and training.

    Example:
        >>> from torch import nn
        >>> from mixbook.models import MLP
        >>> from mixbook.training.trials.network import against_stacking
        >>> softmax = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
        >>> against_stacking(MLP(4, (8,), 3)), against_stacking(softmax)
        ('', 'Sequential has a layer that cannot be stacked, Softmax')
    """
    kind = type(model).__name__
    if not _is_chain(model):
        return f"{kind} is not an nn.Sequential, or runs its layers in a way of its own"
    strange = [type(leaf).__name__ for _, leaf in _leaves(model) if not _known(leaf)]
    if strange:
        return f"{kind} has a layer that cannot be stacked, {strange[0]}"
    return tied(model) or used_twice(model) or hooked(model) or watched(model) or still(model)


def has_convolutions(model: nn.Module) -> bool:
    """Whether ``model`` convolves: many of those at once are slower than one by one on a CPU."""
    return any(isinstance(module, nn.Conv2d) for module in model.modules())


class Networks(Protocol):
    """N networks that are run side by side, in training mode."""

    models: list[nn.Module]

    def parameters(self) -> list[Tensor]:
        """The stacked parameters, (N, ...) each."""
        ...

    def stages(self, layer: str | None) -> tuple[slice, slice]:
        """What runs up to and including the module of that name, and what runs after it; nothing and all for None."""
        ...

    def run(self, x: Tensor, stage: slice = slice(None), which: Tensor | None = None) -> Tensor:
        """Outputs (n, B, ...) of a stage on inputs (n, B, ...), of the networks ``which`` (n,), by default of all."""
        ...

    def write_back(self) -> list[nn.Module]:
        """Copy the weights into the models that the stack was made of, and give those."""
        ...


class StackedNetwork:
    """Copies of a ``Sequential`` network that are run side by side, in training mode.

    Args:
        models: N networks that differ in their weights alone; they are copied.
        device: where the stack lives.

    Raises:
        TypeError: if they are not ``Sequential``, have a layer that cannot be stacked, such as dropout, whose noise comes
            from a generator that all would share, use a part twice, have a hook, or a part that stays in evaluation mode.
    """

    def __init__(self, models: Sequence[nn.Module], device: torch.device | str = "cpu") -> None:
        if reason := against_stacking(models[0]):
            raise TypeError(reason)
        self.models = list(models)
        leaves = [dict(_leaves(model)) for model in models]
        self._layers = list(leaves[0].values())
        self._ends = _ends(models[0])
        self.weights = [_stack([each[name] for each in leaves], device) for name in leaves[0]]

    def __len__(self) -> int:
        """Number of networks, N."""
        return len(self.models)

    def parameters(self) -> list[Tensor]:
        """The stacked parameters, (N, ...) each."""
        return [tensor for weights in self.weights for tensor in weights.values() if tensor.requires_grad]

    def stages(self, layer: str | None) -> tuple[slice, slice]:
        """What runs up to and including the module of that name, and what runs after it; nothing and all for None."""
        end = 0 if layer is None else self._ends[layer]
        return slice(0, end), slice(end, None)

    def run(self, x: Tensor, stage: slice = slice(None), which: Tensor | None = None) -> Tensor:
        """Outputs (n, B, ...) of a stage on inputs (n, B, ...).

        Args:
            x: a batch for each network.
            stage: which layers; all by default.
            which: the networks that run, int64 (n,); all by default.
        """
        fresh = False  # whether x is what a linear layer has just made and nothing else holds
        for layer, weights in zip(self._layers[stage], self.weights[stage], strict=True):
            chosen = weights if which is None else {name: tensor[which] for name, tensor in weights.items()}
            x = x.relu_() if fresh and isinstance(layer, nn.ReLU) else _apply(layer, chosen, x)
            fresh = isinstance(layer, nn.Linear)
            if which is not None and isinstance(layer, _BATCH_NORM):
                for name in ("running_mean", "running_var", "num_batches_tracked"):
                    if name in weights:
                        weights[name][which] = chosen[name]
        return x

    def write_back(self) -> list[nn.Module]:
        """Copy the weights into the models that the stack was made of, and give those."""
        with torch.no_grad():
            for n, model in enumerate(self.models):
                for (_, layer), weights in zip(_leaves(model), self.weights, strict=True):
                    layer.load_state_dict({key: tensor[n] for key, tensor in weights.items()})
        return self.models


def _leaves(model: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The layers of nested Sequentials by name, in the order in which they run."""
    children = cast("dict[str, nn.Module]", model._modules)  # named_children leaves out what comes a second time
    for name, child in children.items():
        path = f"{prefix}{name}"
        if _is_chain(child):
            yield from _leaves(child, f"{path}.")
        else:
            yield path, child


def _is_chain(module: nn.Module) -> bool:
    """Whether a module runs its children one after the other: a Sequential, or what is derived from it for its names."""
    if not isinstance(module, nn.Sequential) or "forward" in vars(module):
        return False
    return all(getattr(type(module), name) is getattr(nn.Sequential, name) for name in ("forward", "__call__", "__iter__"))


def _ends(model: nn.Module) -> dict[str, int]:
    """For each module by name, how many leaves have run when its output is there."""
    order = [name for name, _ in _leaves(model)]
    return {
        name: 1 + max(place for place, leaf in enumerate(order) if leaf == name or leaf.startswith(f"{name}."))
        for name, module in model.named_modules()
        if name and (name in order or len(list(module.children())))
    }


def _known(layer: nn.Module) -> bool:
    # Exactly these: what is derived from them may run in another way, as layers with weight norm do.
    if type(layer) not in _KNOWN or "forward" in vars(layer):
        return False
    if isinstance(layer, nn.Dropout):
        return layer.p == 0
    if isinstance(layer, nn.Conv2d):
        return layer.padding_mode == "zeros" and not isinstance(layer.padding, str)
    if isinstance(layer, nn.Flatten):
        return (layer.start_dim, layer.end_dim) == (1, -1)
    if isinstance(layer, _BATCH_NORM):
        return layer.track_running_stats and layer.momentum is not None
    return True


def _stack(layers: Sequence[nn.Module], device: torch.device | str) -> dict[str, Tensor]:
    """The parameters and buffers of one layer of all networks, (N, ...) each."""
    stacked = {}
    for name in layers[0].state_dict():
        tensors = [layer.state_dict(keep_vars=True)[name] for layer in layers]
        stacked[name] = torch.stack([tensor.detach() for tensor in tensors]).to(device)
        stacked[name].requires_grad_(tensors[0].requires_grad)
    return stacked


def _apply(layer: nn.Module, weights: dict[str, Tensor], x: Tensor) -> Tensor:
    """One layer of n networks on (n, B, ...)."""
    if isinstance(layer, nn.Linear):
        if x.ndim == 3:
            return linear(x, weights["weight"], weights.get("bias"))
        return linear(x.flatten(1, -2), weights["weight"], weights.get("bias")).unflatten(1, x.shape[1:-1])
    if isinstance(layer, _ELEMENTWISE):
        return layer(x)
    if isinstance(layer, nn.Flatten):
        return x.flatten(2)
    if isinstance(layer, nn.Dropout):
        return x
    if isinstance(layer, _POOLING):
        return layer(x.flatten(0, 1)).unflatten(0, x.shape[:2])
    # The channels of all networks side by side: (B, n C, ...). They stay apart, in groups or by nature.
    side_by_side = x.transpose(0, 1).flatten(1, 2)
    if isinstance(layer, nn.Conv2d):
        out = F.conv2d(
            side_by_side,
            weights["weight"].flatten(0, 1),
            weights["bias"].flatten() if "bias" in weights else None,
            layer.stride,
            layer.padding,
            layer.dilation,
            layer.groups * len(x),
        )
    else:
        out = _batch_norm(layer, weights, side_by_side)
    return out.unflatten(1, (len(x), -1)).transpose(0, 1)


def _batch_norm(layer: nn.Module, weights: dict[str, Tensor], x: Tensor) -> Tensor:
    assert isinstance(layer, _BATCH_NORM)
    mean, var = (weights[name].view(-1) for name in ("running_mean", "running_var"))  # which this updates in place
    weight, bias = (weights[name].flatten() if name in weights else None for name in ("weight", "bias"))
    weights["num_batches_tracked"] += 1
    return F.batch_norm(x, mean, var, weight, bias, training=True, momentum=layer.momentum or 0.0, eps=layer.eps)
