"""Many small networks that train at once: a layer that holds one linear map for each."""

import torch
from torch import Tensor, nn

from mixbook.least import at_least


class SideBySide(nn.Module):
    """Linear maps of M networks, (B, M, in_features) to (B, M, out_features): network m sees column m alone.

    Eight small networks side by side take little longer than one, so a result comes with its spread. Rows are still
    samples, so mixing and activations do not notice. The weights are those that M layers of torch would draw one by one.

    Args:
        in_features, out_features: of each map.
        networks: M, >= 1.

    Raises:
        ValueError: if a number is less than 1.

    Example:
        >>> import torch
        >>> from mixbook.models import SideBySide
        >>> SideBySide(2, 5, networks=8)(torch.rand(4, 8, 2)).shape
        torch.Size([4, 8, 5])
    """

    def __init__(self, in_features: int, out_features: int, networks: int = 8) -> None:
        at_least(1, in_features=in_features, out_features=out_features, networks=networks)
        super().__init__()
        maps = [nn.Linear(in_features, out_features) for _ in range(networks)]
        self.weight = nn.Parameter(torch.stack([each.weight.data.T for each in maps]))  # (M, in, out)
        self.bias = nn.Parameter(torch.stack([each.bias.data[None] for each in maps]))  # (M, 1, out)

    def forward(self, x: Tensor) -> Tensor:
        """(B, M, in_features) to (B, M, out_features)."""
        return torch.baddbmm(self.bias, x.transpose(0, 1), self.weight).transpose(0, 1)

    def extra_repr(self) -> str:
        """Sizes, for ``print(model)``."""
        networks, in_features, out_features = self.weight.shape
        return f"in_features={in_features}, out_features={out_features}, networks={networks}"
