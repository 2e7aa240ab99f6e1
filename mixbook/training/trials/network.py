"""N networks of one shape as one: their weights stacked along a first axis, so that a layer of all is one operation."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mixbook.training.trials.linear import linear

# Each number by itself, so N networks at once are no different from one.
_ELEMENTWISE = (nn.ReLU, nn.LeakyReLU, nn.Tanh, nn.Sigmoid, nn.ELU, nn.GELU, nn.SiLU, nn.Softplus, nn.Identity)
_POOLING = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)
_BATCH_NORM = (nn.BatchNorm1d, nn.BatchNorm2d)


def stackable(model: nn.Module) -> bool:
    """Whether :class:`StackedNetwork` can hold copies of ``model``: a (nested) ``Sequential`` of layers that it knows."""
    try:
        return all(_known(leaf) for _, leaf in _leaves(model))
    except TypeError:
        return False


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
        TypeError: if they are not ``Sequential`` or have a layer that cannot be stacked, such as dropout, whose noise comes
            from a generator that all would share.
    """

    def __init__(self, models: Sequence[nn.Module], device: torch.device | str = "cpu") -> None:
        self.models = list(models)
        self._layers = [leaf for _, leaf in _leaves(models[0])]
        unknown = next((leaf for leaf in self._layers if not _known(leaf)), None)
        if unknown is not None:
            raise TypeError(f"{unknown} cannot be stacked")
        self._ends = _ends(models[0])
        self.weights = [_stack([dict(_leaves(m))[n] for m in models], device) for n, _ in _leaves(models[0])]

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
            for place, (name, _) in enumerate(_leaves(self.models[0])):
                for n, model in enumerate(self.models):
                    state = {key: tensor[n] for key, tensor in self.weights[place].items()}
                    dict(_leaves(model))[name].load_state_dict(state)
        return self.models


def _leaves(model: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The layers of nested Sequentials by name, in the order in which they run."""
    if not isinstance(model, nn.Sequential):
        raise TypeError(f"only networks that are nn.Sequential can be stacked, got {type(model).__name__}")
    for name, child in model.named_children():
        path = f"{prefix}{name}"
        if isinstance(child, nn.Sequential):
            yield from _leaves(child, f"{path}.")
        else:
            yield path, child


def _ends(model: nn.Module) -> dict[str, int]:
    """For each module by name, how many leaves have run when its output is there."""
    order = [name for name, _ in _leaves(model)]
    return {
        name: 1 + max(place for place, leaf in enumerate(order) if leaf == name or leaf.startswith(f"{name}."))
        for name, module in model.named_modules()
        if name and (name in order or len(list(module.children())))
    }


def _known(layer: nn.Module) -> bool:
    if isinstance(layer, nn.Dropout):
        return layer.p == 0
    if isinstance(layer, nn.Conv2d):
        return layer.padding_mode == "zeros" and not isinstance(layer.padding, str)
    if isinstance(layer, nn.Flatten):
        return (layer.start_dim, layer.end_dim) == (1, -1)
    if isinstance(layer, _BATCH_NORM):
        return layer.track_running_stats and layer.momentum is not None
    return isinstance(layer, (nn.Linear, *_ELEMENTWISE, *_POOLING))


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
        return linear(x, weights["weight"], weights.get("bias"))
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
