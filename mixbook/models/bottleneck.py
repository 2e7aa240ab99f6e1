"""A fully connected network with a narrow layer in its middle."""

from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from mixbook.models.mlp import ACTIVATIONS


class BottleneckMLP(nn.Sequential):
    """Fully connected, (B, ...) to logits (B, out_features), with a linear ``bottleneck`` between wide layers.

    ``layer1``, ``layer2``, ... are the wide layers, activation included, numbered through and passing over ``bottleneck``;
    ``head`` is the last linear map. Manifold mixup (Figures 1, 2, 5 and 9 to 12) looks at such bottlenecks: 2 units in the
    plane and for MNIST, 12 and 30 units between layers of 1,024.

    Args:
        in_features: numbers per sample; samples of more than one axis are flattened.
        before: widths of the layers in front of the bottleneck.
        bottleneck: its units. It has no activation: it is what the rest of the network sees.
        after: widths of the layers behind it.
        out_features: classes.
        activation: "relu", "tanh" or "leaky_relu".
        dropout: chance in [0, 1) that a unit of a wide layer is silent in training.
        batch_norm: normalise every layer but the head, the bottleneck included, before the activation.

    Raises:
        ValueError: if a width is less than 1, there is no layer on a side, the activation is unknown, or ``dropout`` is out
            of range.

    Example:
        >>> import torch
        >>> from mixbook.models import BottleneckMLP
        >>> model = BottleneckMLP(2, (64, 64), bottleneck=2, after=(64,), out_features=2)
        >>> model(torch.rand(4, 2)).shape, [name for name, _ in model.named_children()]
        (torch.Size([4, 2]), ['flatten', 'layer1', 'layer2', 'bottleneck', 'layer3', 'head'])
    """

    def __init__(
        self,
        in_features: int,
        before: Sequence[int],
        bottleneck: int,
        after: Sequence[int],
        out_features: int,
        activation: str = "leaky_relu",
        dropout: float = 0.0,
        batch_norm: bool = False,
    ) -> None:
        if not before or not after or min(in_features, *before, bottleneck, *after, out_features) < 1:
            raise ValueError(
                "widths must be at least 1, with a layer on each side of the bottleneck, got "
                f"in {in_features}, before {before}, bottleneck {bottleneck}, after {after}, out {out_features}"
            )
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}, got {activation!r}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must be a share in [0, 1), got {dropout}")
        layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())

        def normalised(width_in: int, width_out: int) -> list[nn.Module]:
            return [nn.Linear(width_in, width_out), *([nn.BatchNorm1d(width_out)] if batch_norm else [])]

        def add_wide(widths: Sequence[int]) -> None:
            for width_in, width_out in pairwise(widths):
                parts = [*normalised(width_in, width_out), ACTIVATIONS[activation]()]
                name = f"layer{sum(name.startswith('layer') for name in layers) + 1}"
                layers[name] = nn.Sequential(*parts, *([nn.Dropout(dropout)] if dropout else []))

        add_wide([in_features, *before])
        layers["bottleneck"] = nn.Sequential(*normalised(before[-1], bottleneck))
        add_wide([bottleneck, *after])
        layers["head"] = nn.Linear(after[-1], out_features)
        super().__init__(layers)
