"""Fully connected networks."""

from collections import OrderedDict
from collections.abc import Sequence
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
        dropout: chance in [0, 1) that a hidden unit is silent in training; manifold mixup compares with 0.5 (Figure 2).

    Raises:
        ValueError: if a width is less than 1, the activation is unknown, or ``dropout`` is out of range.
    """

    def __init__(
        self,
        in_features: int,
        hidden: Sequence[int] = (130, 120),
        out_features: int = 2,
        activation: str = "relu",
        dropout: float = 0.0,
    ) -> None:
        widths = [in_features, *hidden]
        if min(*widths, out_features) < 1:
            raise ValueError(f"widths must be at least 1, got in {in_features}, hidden {hidden}, out {out_features}")
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}, got {activation!r}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must lie in [0, 1), got {dropout}: it is the share of hidden units that are silent")
        layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
        for i, (width_in, width_out) in enumerate(pairwise(widths), start=1):
            silence = [nn.Dropout(dropout)] if dropout else []
            layers[f"layer{i}"] = nn.Sequential(nn.Linear(width_in, width_out), ACTIVATIONS[activation](), *silence)
        layers["head"] = nn.Linear(widths[-1], out_features)
        super().__init__(layers)
