"""Fully connected networks."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from itertools import pairwise

from torch import nn

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "leaky_relu": nn.LeakyReLU}


class MLP(nn.Sequential):
    """Fully connected network, (B, ...) to logits (B, out_features), with named layers.

    ``layer1``, ``layer2``, ... are the hidden layers, activation included: their outputs are the hidden representations
    h_1, h_2, ... ; ``head`` is the last linear map. k-mixup's nets are 2-(130, 120)-2 for the toys, 4-(120, 84)-3 for Iris
    and 30-(120, 120, 84)-2 for Breast Cancer (TMLR, section 5); the activation is not given there, we take ReLU.

    Args:
        in_features: numbers per sample; samples of more than one axis are flattened.
        hidden: widths of the hidden layers; () is a linear model.
        out_features: classes.
        activation: "relu", "tanh" or "leaky_relu".
        dropout: chance in [0, 1) that a hidden unit is silent in training, for all hidden layers or for each. Manifold
            mixup compares with 0.5 everywhere but in a bottleneck of 2 units (Figure 2).

    Raises:
        TypeError: if ``hidden`` is no list.
        ValueError: if a width is less than 1, the activation is unknown, or ``dropout`` is out of range.

    Example:
        >>> import torch
        >>> from mixbook.models import MLP
        >>> model = MLP(30, (120, 84), 2)
        >>> model(torch.rand(4, 30)).shape, model.layer2(torch.rand(4, 120)).shape
        (torch.Size([4, 2]), torch.Size([4, 84]))
    """

    def __init__(
        self,
        in_features: int,
        hidden: Sequence[int] = (130, 120),
        out_features: int = 2,
        activation: str = "relu",
        dropout: float | Sequence[float] = 0.0,
    ) -> None:
        if not isinstance(hidden, Iterable):
            raise TypeError(f"hidden must be a list of widths, got {hidden!r}: e.g. ({hidden!r},)")
        widths = [in_features, *hidden]
        if min(*widths, out_features) < 1:
            raise ValueError(f"widths must be at least 1, got in {in_features}, hidden {hidden}, out {out_features}")
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}, got {activation!r}")
        silent = list(dropout) if isinstance(dropout, Sequence) else [dropout] * len(hidden)
        if len(silent) != len(hidden) or not all(0 <= share < 1 for share in silent):
            raise ValueError(f"dropout must be one share in [0, 1), or one for each of {len(hidden)} layers, got {dropout}")
        layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
        for i, (width_in, width_out) in enumerate(pairwise(widths), start=1):
            parts = [nn.Linear(width_in, width_out), ACTIVATIONS[activation]()]
            layers[f"layer{i}"] = nn.Sequential(*parts, *[nn.Dropout(share) for share in silent[i - 1 : i] if share])
        layers["head"] = nn.Linear(widths[-1], out_features)
        super().__init__(layers)
