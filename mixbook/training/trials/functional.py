"""N networks of any kind as one, by ``torch.func``: the network is run once for all weights, whatever its layers are."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from mixbook.training.trials.obstacles import still, tied, watched


def against_vmap(model: nn.Module, x: Tensor, device: torch.device | str = "cpu") -> str:
    """Why :class:`FunctionalNetwork` cannot train copies of ``model``; empty if it can. Two copies are run to see.

    Args:
        model: the network.
        x: a batch that it can be trained on.
        device: where it is to be trained.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from mixbook.training.trials.functional import against_vmap
        >>> against_vmap(nn.Linear(4, 3), torch.rand(2, 4))
        ''
        >>> against_vmap(nn.Sequential(nn.Linear(4, 3), nn.Dropout()), torch.rand(2, 4))
        'Sequential draws noise, as dropout does, from a generator that all would share'
    """
    if lost := tied(model) or watched(model) or still(model):
        return lost
    noisy = f"{type(model).__name__} draws noise, as dropout does, from a generator that all would share"
    on_gpu = [torch.device(device)] if torch.device(device).type == "cuda" else []
    with torch.random.fork_rng(on_gpu), torch.no_grad():
        before = _random_states(on_gpu)
        try:
            network = FunctionalNetwork([model, model], device)
            network.write_back()  # before it runs: what it learns is not to reach the model
            network.run(torch.stack([x, x]).to(device))
        except Exception as error:  # whatever it is, alone the network trains, or says what is wrong
            what = str(error).partition("\n")[0]
            return noisy if "randomness" in what else f"torch.func does not run {type(model).__name__}: {what}"
        drawn = any(not torch.equal(a, b) for a, b in zip(before, _random_states(on_gpu), strict=True))
    return noisy if drawn else ""


def _random_states(gpus: Sequence[torch.device]) -> list[Tensor]:
    return [torch.get_rng_state(), *map(torch.cuda.get_rng_state, gpus)]


class FunctionalNetwork:
    """Copies of any network that are run side by side, in training mode; mixtures are made before it runs.

    On a GPU, where starting an operation costs as much as a small one, this is how networks with skip connections go
    together. :class:`~mixbook.training.trials.network.StackedNetwork` is faster where it can be had.

    Args:
        models: N networks that differ in their weights alone; they are copied.
        device: where the stack lives.
    """

    def __init__(self, models: Sequence[nn.Module], device: torch.device | str = "cpu") -> None:
        self.models = [model.train() for model in models]
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
                own = {**dict(model.named_parameters()), **dict(model.named_buffers())}
                for name, tensor in {**self._weights, **self._memory}.items():
                    own[name].copy_(tensor[n])
        return self.models
