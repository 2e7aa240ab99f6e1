"""What a network takes as its input: the shape of a sample, and how its numbers are scaled."""

from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mixbook.models import Normalise


@dataclass(frozen=True)
class Inputs:
    """A network sees (x - offset) / scale: of each column of a table, or of each channel of pixels in [0, 1].

    Args:
        shape: of a sample, (d,) or (channels, height, width).
        offset, scale: a number for each column or channel; none where samples are seen as they are.
    """

    shape: tuple[int, ...]
    offset: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()

    def in_front_of(self, model: nn.Module) -> nn.Module:
        """The network behind its scaling, so that it takes tables and pixels (or bytes) as they are."""
        if not self.offset:
            return model
        if len(self.shape) == 1:
            return nn.Sequential(OrderedDict(scale=Columns(self.offset, self.scale), net=model))
        return nn.Sequential(OrderedDict(normalise=Normalise(self.offset, self.scale), net=model))

    def seen(self, x: Tensor, scaled: "Inputs") -> Tensor:
        """Rows (B, d) of another table, which were ``scaled`` otherwise, as this network sees them: float32 (B, d)."""
        there, here = (Columns(each.offset, each.scale) for each in (scaled, self))
        return here(x.double() * there.scale + there.offset)


class Columns(nn.Module):
    """(x - offset) / scale for each column of a table (B, d).

    In double precision, as dates and account numbers lose their last digits in single; what comes out is float32.

    Args:
        offset, scale: a number for each column.

    Raises:
        ValueError: if a table has another number of columns.

    Example:
        >>> import torch
        >>> from mixbook.training.inputs import Columns
        >>> Columns((1_700_000_000.0,), (2.0,))(torch.tensor([[1_700_000_001]]))
        tensor([[0.5000]])
    """

    offset: Tensor
    scale: Tensor

    def __init__(self, offset: tuple[float, ...], scale: tuple[float, ...]) -> None:
        super().__init__()
        self.register_buffer("offset", torch.tensor(offset, dtype=torch.float64), persistent=False)
        self.register_buffer("scale", torch.tensor(scale, dtype=torch.float64), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """The table, scaled."""
        if x.ndim != 2 or x.shape[1] != len(self.offset):
            raise ValueError(
                f"x must be a table of {len(self.offset)} columns, (B, {len(self.offset)}), got {tuple(x.shape)}"
            )
        return ((x.double() - self.offset) / self.scale).float()
