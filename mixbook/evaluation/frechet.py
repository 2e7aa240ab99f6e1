"""How far apart two clouds of features are, as Gaussians: what is called FID where the features are Inception's."""

import math

import torch
from torch import Tensor


def frechet_distance(x: Tensor, y: Tensor) -> float:
    """Squared Fréchet distance of the Gaussians with the means and covariances of two samples (Heusel et al. 2017, eq. 6).

    |mean x - mean y|^2 + tr(Cx + Cy - 2 (Cx Cy)^(1/2)), in squared units of the features. Finite samples of one law are a
    little apart: compare with the distance of two real samples, and distances with each other only at the same n and m.

    Args:
        x: features, (n, d) with n at least 2. Computed in float64 on the CPU.
        y: features, (m, d) with m at least 2.

    Returns:
        At least 0; NaN where a feature is not finite, as those of what a diverged generator made.

    Raises:
        ValueError: if shapes do not fit, or there are fewer than two samples of one.

    Example:
        >>> import torch
        >>> from mixbook.evaluation import frechet_distance
        >>> x = torch.tensor([[0.0, 1.0], [2.0, 0.0], [1.0, 5.0]])
        >>> round(frechet_distance(x, x + 3), 9)
        18.0
    """
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or min(len(x), len(y)) < 2:
        raise ValueError(f"features must be (n, d) and (m, d) with n and m above 1, got {tuple(x.shape)}, {tuple(y.shape)}")
    if not (x.isfinite().all() and y.isfinite().all()):
        return math.nan
    (mean_x, root_x), (mean_y, root_y) = (_moments(each.detach().to("cpu", torch.float64)) for each in (x, y))
    # The trace of (Cx Cy)^(1/2) is the sum of singular values of Rx Ry^T. Roots of eigenvalues would lose half the digits.
    shared = torch.linalg.svdvals(root_x @ root_y.T).sum()
    spread = root_x.square().sum() + root_y.square().sum() - 2 * shared
    return float((mean_x - mean_y).square().sum() + spread.clamp(min=0))


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (d,), and a matrix R (r, d) with the covariance R^T R."""
    mean = x.mean(0)
    return mean, torch.linalg.qr((x - mean) / math.sqrt(len(x) - 1), mode="r").R
