"""Puzzle Mix: blocks of two images, chosen so that what is salient in either stays and the seams are smooth."""

from dataclasses import dataclass
from math import comb

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional as F

from mixbook.generators import drawn_by
from mixbook.mixing.blend.mincut import Floats, best_labels
from mixbook.mixing.blend.saliency import Saliency, block_saliency, magnitude, saliency_of
from mixbook.mixing.plan import MixPlan
from mixbook.transfer import send


@dataclass(frozen=True)
class PuzzleMix:
    """Each block of a mixture takes a share of 0, ..., 1 of the original, at the least cost (Kim et al. 2020).

    The cost is what is hidden of either image's saliency, plus the roughness of the shares and of the seams, plus how
    unlikely the shares are for the given lambda: they are Binomial(labels - 1, lambda), each divided by labels - 1. It is
    minimised exactly, by a minimum cut; the released code's swap moves come close. Then each image's patches move so that
    salient ones are not hidden. The weights of a mixture are the means of its masks, which follow lambda only roughly.

    Every set of mixtures has one grid, drawn from those of ``grids`` that divide the images. Of K ordered draws each has
    its own mask of the same pair. Images outside [0, 1] are brought there, channel by channel, by the range of the batch,
    because gamma is meant for pixels between 0 and 1. With lambda 0 or 1 nothing is mixed.

    Args:
        saliency: where each image matters: ``GradientSaliency(model)`` as published, which needs targets, or any
            function of images and targets. The default, the values' own magnitude, suits hidden layers.
        grids: numbers of blocks along each side.
        labels: m, the number of different shares: 3 allows 0, 1/2 and 1.
        beta: weight of the roughness of the shares, divided by 16 times the grid as in the released code.
        gamma: weight of the roughness of the images at seams, relative to beta, in [0, 1].
        eta: weight of the prior.
        neighbourhood: width in pixels of what is averaged on each side of a seam, at most; it has to divide the blocks.
        transport: price of moving a patch across the whole image, relative to the saliency of an image; None moves
            nothing. The assignment of patches is exact; the released code stops at an approximation.

    Raises:
        ValueError: if an argument is out of range; when planning, if ``x`` is not a batch of images, no grid divides them,
            or the saliency needs targets that are not there.

    Example:
        >>> import torch, mixbook as mb
        >>> plan = mb.Mixer(blend=mb.PuzzleMix(grids=(4,))).plan(torch.rand(4, 1, 8, 8))
        >>> plan.masks.shape, plan.moves.shape
        (torch.Size([4, 2, 1, 8, 8]), torch.Size([4, 2, 16]))
    """

    saliency: Saliency = magnitude
    grids: tuple[int, ...] = (2, 4, 8, 16)
    labels: int = 3
    beta: float = 1.2
    gamma: float = 0.5
    eta: float = 0.2
    neighbourhood: int = 4
    transport: float | None = 0.8

    def __post_init__(self) -> None:
        if not self.grids or min(self.grids) < 2:
            raise ValueError(
                f"grids must be numbers of blocks of at least 2, got {self.grids}: as published, (2, 4, 8, 16)"
            )
        if self.labels < 2:
            raise ValueError(f"labels must be at least 2, got {self.labels}: 2 shares are 0 and 1, 3 are 0, 1/2 and 1")
        if self.beta < 0 or self.eta < 0:
            raise ValueError(f"beta and eta must not be negative, got {self.beta} and {self.eta}")
        if not 0 <= self.gamma <= 1:
            raise ValueError(f"gamma must lie in [0, 1], got {self.gamma}: above 1 a seam could be worth a reward")
        if self.neighbourhood < 1:
            raise ValueError(f"neighbourhood must be at least 1 pixel, got {self.neighbourhood}")
        if self.transport is not None and not self.transport > 0:
            raise ValueError(f"transport must be positive, got {self.transport}: None moves no patches")

    def plan(
        self,
        x: Tensor,
        partner: Tensor,
        lam: Tensor,
        generator: torch.Generator | None = None,
        y: Tensor | None = None,
    ) -> MixPlan:
        """Plan for ``K * B`` mixtures: see :class:`mixbook.mixing.blend.Blend`."""
        draws, batch_size = lam.shape
        saliency = saliency_of(self.saliency, x, y)
        grid = self._draw_grid(x, generator)
        salient = block_saliency(saliency, grid).cpu()
        chosen = partner.cpu()
        mine, other = salient[:batch_size], salient[chosen]
        unary, down, across = self._costs(x, mine.numpy(), other.numpy(), chosen, grid)
        prior = self.eta * _log_loss(lam.cpu().numpy(), self.labels) / grid**2
        unary = (unary + prior[:, :, None, None, :]).reshape(-1, *unary.shape[1:])
        label = best_labels(unary, np.tile(down, (draws, 1, 1)), np.tile(across, (draws, 1, 1)))
        ends = lam.cpu().numpy().reshape(-1, 1, 1)
        label = np.where(ends == 1, 0, np.where(ends == 0, self.labels - 1, label))

        share = torch.from_numpy(1 - label / (self.labels - 1)).float()
        shares = torch.stack([share, 1 - share], dim=1)
        weight = share.mean((1, 2))
        moves = None
        if self.transport is not None:
            pairs = torch.stack([mine, other], dim=1).repeat(draws, 1, 1, 1)
            moves = send(_move(pairs, shares, self.transport), x.device)
        masks = send(shares[:, :, None], x.device)
        masks = masks.repeat_interleave(x.shape[2] // grid, 3).repeat_interleave(x.shape[3] // grid, 4)
        weights = send(torch.stack([weight, 1 - weight], dim=1), x.device)
        return MixPlan.of_pairs(partner, weights, rows=len(x), masks=masks, moves=moves)

    def _draw_grid(self, x: Tensor, generator: torch.Generator | None) -> int:
        fitting = [grid for grid in self.grids if x.shape[2] % grid == 0 and x.shape[3] % grid == 0]
        if not fitting:
            raise ValueError(f"no grid of {self.grids} divides images of {x.shape[2]} x {x.shape[3]}: pass grids that do")
        return fitting[int(torch.randint(len(fitting), (), **drawn_by(generator)))]

    def _costs(self, x: Tensor, mine: Floats, other: Floats, partner: Tensor, grid: int) -> tuple[Floats, Floats, Floats]:
        """Costs without the prior: of each label in each block (B, g, g, m), and weights between neighbouring blocks.

        The seam between two blocks costs d[a, b] if the first shows image a and the second image b (0 is the original).
        A quadratic function of the two choices is a sum of costs of each and a weight on their difference.
        """
        height, width = x.shape[2] // grid, x.shape[3] // grid
        window = (_divisor(height, self.neighbourhood), _divisor(width, self.neighbourhood))
        pixels = F.avg_pool2d(_unit_range(x.detach().float()), window).cpu()
        images = (pixels[: len(mine)], pixels[partner])
        scale = self.beta / grid / 16
        # In place of the shares themselves: what showing the original, or the partner, costs in each block.
        show_mine, show_other = other.copy(), mine.copy()
        weights = []
        for axis in (1, 2):
            views = images if axis == 1 else (images[0].mT, images[1].mT)
            d = [[_seam(above, below, grid) for below in views] for above in views]
            if axis == 2:
                d = [[cost.swapaxes(1, 2) for cost in row] for row in d]
            (d00, d01), (d10, d11) = [[scale * self.gamma * cost for cost in row] for row in d]
            before = (slice(None),) * axis + (slice(None, -1),)
            after = (slice(None),) * axis + (slice(1, None),)
            show_mine[before] += (d01 + d00) / 2
            show_mine[after] += (d10 + d00) / 2
            show_other[before] += (d10 + d11) / 2
            show_other[after] += (d01 + d11) / 2
            weights.append(scale + (d10 + d01 - d11 - d00) / 2)
        share = np.linspace(0, 1, self.labels)
        unary = (1 - share) * show_mine[..., None] + share * show_other[..., None]
        # With gamma = 1 a weight may be 0, and then rounding could make it negative.
        return unary, weights[0].clip(min=0), weights[1].clip(min=0)


def _seam(above: Tensor, below: Tensor, grid: int) -> Floats:
    """Mean absolute difference across the borders between blocks, from (B, C, H, W) to (B, grid - 1, grid)."""
    rows = above.shape[2] // grid
    jump = (above[:, :, rows - 1 : -1 : rows] - below[:, :, rows::rows]).abs().mean(1)
    return jump.unflatten(2, (grid, -1)).mean(3).double().numpy()


def _log_loss(lam: Floats, labels: int) -> Floats:
    """Minus log probability of each label, (K, B) to (K, B, m): label i has lost i of m - 1 draws. At most -log 1e-8."""
    lost = np.arange(labels)
    ways = np.array([comb(labels - 1, i) for i in lost], dtype=np.float64)
    lam = lam[..., None].astype(np.float64)
    return -np.log((ways * lam ** (labels - 1 - lost) * (1 - lam) ** lost).clip(1e-8))


def _unit_range(x: Tensor) -> Tensor:
    low, high = x.aminmax(dim=0)
    low, high = low.amin((1, 2), keepdim=True), high.amax((1, 2), keepdim=True)
    if low.min() >= 0 and high.max() <= 1:
        return x
    return (x - low) / (high - low).clamp(min=torch.finfo(x.dtype).tiny)


def _divisor(side: int, at_most: int) -> int:
    return max(size for size in range(1, min(side, at_most) + 1) if side % size == 0)


def _move(salient: Tensor, shares: Tensor, price: float) -> Tensor:
    """Which patch of each source goes where, int64 (N, 2, g * g): exact, so each patch goes somewhere.

    A patch gains its saliency where its image is shown at all, and pays ``price`` times its squared way, in units of the
    longest straight way (Kim et al. 2020).
    """
    grid = salient.shape[-1]
    place = np.stack(np.divmod(np.arange(grid**2), grid), axis=1) / (grid - 1)
    way = price * ((place[:, None] - place) ** 2).sum(-1)
    moves = np.tile(np.arange(grid**2), (len(salient), 2, 1))
    gain, shown = salient.double().flatten(2).numpy(), (shares.flatten(2) > 0).numpy()
    # Moving pays only round a circle, where as many patches come out of hiding as go into it. Each pair of them gains the
    # difference of their saliencies and pays two steps at least, so most images need no search.
    out_of_hiding = np.where(shown, -np.inf, gain).max(-1) - np.where(shown, gain, np.inf).min(-1)
    cost = np.empty_like(way)
    for n, source in np.argwhere(out_of_hiding > 2 * price / (grid - 1) ** 2):
        np.multiply(shown[n, source][:, None], gain[n, source], out=cost)
        moves[n, source] = linear_sum_assignment(np.subtract(way, cost, out=cost))[1]
    return torch.from_numpy(moves)
