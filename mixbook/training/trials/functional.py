"""N networks of any kind as one, by ``torch.func``: the network is run once for all weights, whatever its layers are."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

_NOISY = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)


def is_noisy(model: nn.Module) -> bool:
    """Whether a layer of ``model`` draws noise from torch's global generator, which all networks would share."""
    return any(isinstance(module, _NOISY) and module.p > 0 for module in model.modules())


class FunctionalNetwork:
    """Copies of any network that are run side by side, in training mode; mixtures are made before it runs.

    On a GPU, where starting an operation costs as much as a small one, this is how networks with skip connections go
    together. :class:`~mixbook.training.trials.network.StackedNetwork` is faster where it can be had.

    Args:
        models: N networks that differ in their weights alone; they are copied.
        device: where the stack lives.
    """

    def __init__(self, models: Sequence[nn.Module], device: torch.device | str = "cpu") -> None:
        self.models = list(models)
        weights, memory = stack_module_state(self.models)
        self._weights = {name: p.detach().to(device).requires_grad_(p.requires_grad) for name, p in weights.items()}
        self._memory = {name: tensor.to(device) for name, tensor in memory.items()}

    def __len__(self) -> int:
        """Number of networks, N."""
        return len(self.models)

    def parameters(self) -> list[Tensor]:
        """The stacked parameters, (N, ...) each."""
        return [tensor for tensor in self._weights.values() if tensor.requires_grad]

    def stages(self, layer: str | None) -> tuple[slice, slice]:
        """Nothing, and all: the layers of such a network cannot be told apart.

        Raises:
            ValueError: if a layer is named.
        """
        if layer is not None:
            raise ValueError(f"networks that are run by torch.func are mixed at the input, got layer {layer!r}")
        return slice(0, 0), slice(None)

    def run(self, x: Tensor, stage: slice = slice(None), which: Tensor | None = None) -> Tensor:
        """Outputs (N, B, ...) on inputs (N, B, ...)."""
        if stage == slice(0, 0):
            return x

        def one(weights: dict[str, Tensor], memory: dict[str, Tensor], x: Tensor) -> Tensor:
            return functional_call(self.models[0], (weights, memory), (x,))

        return vmap(one)(self._weights, self._memory, x)

    def write_back(self) -> list[nn.Module]:
        """Copy the weights into the models that the stack was made of, and give those."""
        with torch.no_grad():
            for n, model in enumerate(self.models):
                model.load_state_dict({name: tensor[n] for name, tensor in {**self._weights, **self._memory}.items()})
        return self.models
