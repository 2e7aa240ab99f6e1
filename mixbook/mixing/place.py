"""At which layer: mixing hidden representations of any network, by forward hooks."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mixbook.mixing.mixer import Mixer
from mixbook.mixing.plan import MixPlan
from mixbook.mixing.ratio import Beta
from mixbook.mixing.scope import Scope

INPUT = "input"


class ManifoldMixer:
    """Mixes a batch at a layer drawn anew for each batch: manifold mixup (Verma et al. 2019, Section 2).

    The layers up to the drawn one run once on the batch; what comes out of that layer is mixed, and the rest of the network
    runs on the mixtures. So K interpolations share the first layers, and a transport pairing matches activations.
    In eval mode nothing is mixed.

    Args:
        model: any network that gives one output row per input row.
        layers: where mixing may happen: ``"input"``, or names from ``model.named_modules()`` whose output is a tensor.
        mixer: who, how much, and how.

    Raises:
        ValueError: if ``layers`` is empty or names no module of the model.

    Example:
        >>> import torch, mixbook as mb
        >>> model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3))
        >>> hidden = mb.ManifoldMixer(model, ["input", "1"], mb.mixup(alpha=2.0, num_classes=3))
        >>> logits, targets = hidden(torch.rand(4, 8), torch.tensor([0, 1, 2, 0]))
        >>> logits.shape, targets.shape
        (torch.Size([4, 3]), torch.Size([4, 3]))
    """

    def __init__(self, model: nn.Module, layers: Sequence[str], mixer: Mixer) -> None:
        if isinstance(layers, str) or not layers:
            raise ValueError(f"layers must be a list with at least one name, got {layers!r}: e.g. ['input']")
        modules = dict(model.named_modules())
        unknown = [name for name in layers if name != INPUT and (name == "" or name not in modules)]
        if unknown:
            known = ", ".join([INPUT, *(name for name in modules if name)])
            raise ValueError(f"layers {unknown} are not in the model: it has {known}")
        self.model = model
        self.layers = tuple(layers)
        self.mixer = mixer
        self._modules = {name: modules[name] for name in layers if name != INPUT}

    def __repr__(self) -> str:
        return f"ManifoldMixer(layers={self.layers}, mixer={self.mixer})"

    def __call__(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs of the model on the mixtures (N, C), and their targets, float32 (N, C)."""
        return self.outputs(self.model, x, y)

    def outputs(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        *,
        partner: tuple[Tensor, Tensor] | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor, Tensor]:
        """As :meth:`Mixer.outputs`; ``model`` is the network that was given at first, or a wrapper around it.

        Raises:
            RuntimeError: if the drawn layer did not run, or its output is not a tensor with a row for each sample.
        """
        if len(x) != len(y):
            raise ValueError(f"x and y must have the same length, got {len(x)} and {len(y)}")
        generator = self.mixer.generator if generator is None else generator
        rows, labels = (x, y) if partner is None else (torch.cat([x, partner[0]]), torch.cat([y, partner[1]]))
        if not self.model.training:
            return model(x), _unmixed(x).targets(y, self.mixer.num_classes)
        layer = self._draw_layer(generator)
        if layer == INPUT:
            return self.mixer.outputs(model, x, y, partner=partner, generator=generator)

        plans: list[MixPlan] = []

        def mix(module: nn.Module, inputs: Any, output: Any) -> Tensor:
            if plans:  # a module that is used twice mixes once
                return output
            if not isinstance(output, Tensor) or len(output) != len(rows):
                raise RuntimeError(f"layer {layer!r} must give one tensor with {len(rows)} rows, got {_describe(output)}")
            first, second = (output, None) if partner is None else output.split(len(x))
            y2 = None if partner is None else partner[1]
            plans.append(self.mixer.plan(first, y, x2=second, y2=y2, generator=generator))
            return plans[0].apply(output)

        hook = self._modules[layer].register_forward_hook(mix)
        try:
            logits = model(rows)
        finally:
            hook.remove()
        if not plans:
            raise RuntimeError(f"layer {layer!r} did not run in this forward pass, so nothing was mixed")
        return logits, plans[0].targets(labels, self.mixer.num_classes)

    def state_dict(self) -> dict[str, Any]:
        """State of the mixer's generator: see :meth:`Mixer.state_dict`."""
        return self.mixer.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what :meth:`state_dict` gave."""
        self.mixer.load_state_dict(state)

    def _draw_layer(self, generator: torch.Generator | None) -> str:
        device = "cpu" if generator is None else generator.device
        return self.layers[int(torch.randint(len(self.layers), (), generator=generator, device=device))]


def manifold_mixup(
    model: nn.Module,
    layers: Sequence[str],
    alpha: float = 2.0,
    num_classes: int | None = None,
    *,
    draws: int = 1,
    per: Scope = "batch",
    generator: torch.Generator | None = None,
) -> ManifoldMixer:
    """Manifold mixup (Verma et al. 2019): random pairs mixed at a random one of ``layers``; alpha = 2 as in its tables."""
    ratio = Beta(alpha, draws, per)
    return ManifoldMixer(model, layers, Mixer(ratio=ratio, num_classes=num_classes, generator=generator))


def _unmixed(x: Tensor) -> MixPlan:
    sources = torch.arange(len(x), device=x.device)[:, None]
    return MixPlan(sources, torch.ones(len(x), 1, device=x.device), rows=len(x))


def _describe(output: Any) -> str:
    return f"a tensor of shape {tuple(output.shape)}" if isinstance(output, Tensor) else type(output).__name__
