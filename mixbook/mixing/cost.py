"""What mixing at a layer costs: floating point operations of a training step, counted without running it."""

from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from mixbook.mixing.mixer import Mixer
from mixbook.mixing.place import ManifoldMixer
from mixbook.mixing.ratio import Fixed


def step_flops(model: nn.Module, x: Tensor, layer: str, draws: int = 1) -> int:
    """Operations of the forward and backward pass of one step with K interpolations of each pair made at ``layer``.

    The layers before it run on B rows, those after it on K B. So ``step_flops(model, x, "layer2", 5)`` over
    ``step_flops(model, x, "input", 5)`` is the least share of the time that mixing there can take. Products of matrices and
    convolutions are counted, on copies without memory for their values; a multiplication and its addition are two.

    Args:
        model: gives one tensor; left as it is.
        x: a batch (B, ...), of which only the shape matters; its gradient is not counted.
        layer: as for :class:`~mixbook.mixing.place.ManifoldMixer`.
        draws: K, >= 1.

    Raises:
        ValueError: if ``draws`` is less than 1, or ``layer`` is not in the model.

    Example:
        >>> import torch
        >>> from mixbook.mixing.cost import step_flops
        >>> from mixbook.models import MLP
        >>> model, x = MLP(8, (16, 16), 3), torch.rand(4, 8)
        >>> [step_flops(model, x, layer, draws=5) for layer in ("input", "layer1", "layer2")]
        [46720, 38528, 13952]
    """
    if draws < 1:
        raise ValueError(f"draws must be at least 1, got {draws}: 1 is mixup, 5 is multi-mix as published")
    outline = deepcopy(model).to("meta").train()
    mixer = Mixer(ratio=Fixed(*[0.5] * draws), generator=torch.Generator())
    hidden = ManifoldMixer(outline, [layer], mixer)
    batch = torch.empty_like(x, device="meta")
    with FlopCounterMode(display=False) as counter:
        outputs, _ = hidden.with_plan(outline, batch, torch.zeros(len(x)))
        outputs.sum().backward()
    return counter.get_total_flops()
