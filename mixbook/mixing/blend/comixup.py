"""Co-Mixup: a whole batch made into as many mixtures at once, each of what is salient in several images."""

from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from mixbook.generators import draw_device, drawn_by
from mixbook.least import at_least
from mixbook.mixing.blend.mincut import Floats, Ints
from mixbook.mixing.blend.saliency import Saliency, block_saliency, magnitude, saliency_of
from mixbook.mixing.blend.swap import swap_labels
from mixbook.mixing.plan import MixPlan
from mixbook.mixing.transport import assignment

_SOFT_BONUS = 5e-4  # what a block of two images costs less than the mean of their costs, as in the released code
_CONVERGED = 1e-6  # relative change of the energy that ends the passes


@dataclass(frozen=True)
class CoMixup:
    """Each block of each mixture shows one of a group's images, or halves of two, at a small joint cost (Kim et al. 2021).

    The cost of a group of m images and m mixtures is what is hidden of the images' saliency, plus the roughness of each
    mixture, plus a prior that makes some images more welcome, plus gamma times how much the mixtures repeat one another
    (:func:`comixup_energy`). Mixtures are improved one after the other, several times: what the others show already counts
    against an image once they show it on more than ``tau`` whole mixtures, so no image rules. For one mixture, swap moves
    are made until none improves (:func:`~mixbook.mixing.blend.swap.swap_labels`). From the second pass on, a block may
    also be half one image and half another, for the three images that the mixture shows most. Before the last pass,
    mixtures of the same images are told apart.

    Co-Mixup itself chooses who is mixed with whom and how much of each, so a mixer refuses another pairing than the
    default, and lambda has no say: K draws are K such sets of mixtures, each from its own start, and a lambda of exactly 1
    or 0 leaves a sample, or its partner, whole. Mixtures have no order of their own; they are given to the samples so that
    together these own as much as possible of what is shown. So the first source of row n is sample n, as in every plan,
    but its weight may be 0. The weights of a mixture are the areas that it shows.

    Args:
        saliency: where each image matters: ``GradientSaliency(model)`` as published, which needs targets, or any
            function of images and targets. The default, the values' own magnitude, suits hidden layers.
        grid: number of blocks along each side.
        group: m, how many consecutive samples are mixed together; the last group of a batch may be smaller.
        beta: weight of the roughness of the mixtures.
        gamma: weight of the repetition.
        tau: how much of an image the other mixtures may show before it costs anything, in whole mixtures.
        eta: weight of the prior, minus the logarithms of one Dirichlet draw for each group.
        alpha: shape of the Dirichlet law.
        omega: how much of the repetition is counted between different images, by how far apart their most salient places
            are, rather than between an image and itself. In [0, 1].
        passes: how often each mixture is improved, at most.

    Raises:
        ValueError: if an argument is out of range; when planning, if ``x`` is not a batch of images, the grid does not
            divide them, partners come from a second batch, or the saliency needs targets that are not there.

    Example:
        >>> import torch, mixbook as mb
        >>> mix = mb.Mixer(ratio=mb.Fixed(0.5), blend=mb.CoMixup(grid=2, group=4))
        >>> plan = mix.plan(torch.rand(4, 1, 8, 8))
        >>> plan.sources.shape, plan.weights.sum(1)
        (torch.Size([4, 2]), tensor([1., 1., 1., 1.]))
    """

    saliency: Saliency = magnitude
    grid: int = 4
    group: int = 20
    beta: float = 0.32
    gamma: float = 1.0
    tau: float = 0.83
    eta: float = 0.05
    alpha: float = 2.0
    omega: float = 0.001
    passes: int = 4

    chooses_partners: ClassVar[bool] = True

    def __post_init__(self) -> None:
        at_least(1, grid=self.grid, group=self.group, passes=self.passes)
        for name in ("beta", "gamma", "tau", "eta"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        if not self.alpha > 0:
            raise ValueError(f"alpha must be positive, got {self.alpha}: 2.0 is published, large values favour no image")
        if not 0 <= self.omega <= 1:
            raise ValueError(f"omega must lie in [0, 1], got {self.omega}: it is a share of the repetition")

    def plan(
        self,
        x: Tensor,
        partner: Tensor,
        lam: Tensor,
        generator: torch.Generator | None = None,
        y: Tensor | None = None,
    ) -> MixPlan:
        """Plan for ``K * B`` mixtures: see :class:`mixbook.mixing.blend.Blend`. ``partner`` serves where lambda is 0."""
        draws, batch_size = lam.shape
        if len(x) != batch_size:
            raise ValueError(
                f"CoMixup mixes one batch, got {len(x)} rows for {batch_size} samples: it needs no partners from a second "
                "batch, so put both batches into one"
            )
        saliency = saliency_of(self.saliency, x, y)
        height, width = saliency.shape[1:]
        if height % self.grid or width % self.grid:
            raise ValueError(f"grid must divide images of {height} x {width}, got {self.grid}: pass one that does")
        salient = block_saliency(saliency, self.grid).cpu().numpy()
        peaks = _peaks(saliency, (height // self.grid, width // self.grid))
        groups = [slice(start, start + self.group) for start in range(0, batch_size, self.group)]
        compat = [repetition(peaks[rows], self.omega) for rows in groups]
        made = [
            self._mix_group(salient[rows], compat_, generator)
            for _ in range(draws)
            for rows, compat_ in zip(groups, compat, strict=True)
        ]
        sources, masks = _sources(made, [rows.start for rows in groups] * draws)
        _leave_whole(sources, masks, partner.cpu().repeat(draws), lam.cpu().flatten())
        weights = masks.mean((2, 3)).float().to(x.device)
        masks = masks[:, :, None].float().to(x.device)
        masks = masks.repeat_interleave(height // self.grid, 3).repeat_interleave(width // self.grid, 4)
        return MixPlan(sources.to(x.device), weights, rows=len(x), masks=masks)

    def _mix_group(self, salient: Floats, compat: Floats, generator: torch.Generator | None) -> Floats:
        """Shares (m, g, g, m) of one group from saliencies (m, g, g), in the order of the samples."""
        m, cells = len(salient), self.grid**2
        start = torch.randint(m, (m, self.grid, self.grid), **drawn_by(generator)).cpu().numpy()
        concentration = torch.full((1, m), self.alpha, dtype=torch.float64, device=draw_device(generator))
        popularity = torch._sample_dirichlet(concentration, generator).cpu().numpy()[0]
        unary = (-salient - self.eta / cells * np.log(popularity + 1e-8)[:, None, None]).transpose(1, 2, 0)
        shares = joint_shares(
            start, unary, self.beta / cells, self.gamma / cells, compat, tau=self.tau * cells, passes=self.passes
        )
        # Whoever shows most of a sample becomes its mixture, as far as that is possible for all.
        owned = shares.sum((1, 2))
        return shares[assignment(torch.from_numpy(-owned.T)[None])[0].numpy()]


def comixup_energy(shares: Floats, unary: Floats, beta: float, gamma: float, compat: Floats) -> float:
    """Cost of a group's mixtures (Kim et al. 2021, the objective of Section 3 without its threshold).

    With z the shares of the images in one block of one mixture and o their sum over the blocks of a mixture, it is the sum
    of unary . z, plus beta / 2 times the squared differences of z between neighbouring blocks, plus gamma times the sum of
    o A o' over ordered pairs of different mixtures.

    Args:
        shares: z, (n, g, g, m), summing to 1 over the m images.
        unary: cost of each image in each block, (g, g, m).
        beta, gamma: weights, as they are (``CoMixup`` divides its own by the number of blocks).
        compat: A, symmetric, (m, m).

    Example:
        >>> import numpy as np
        >>> from mixbook.mixing.blend.comixup import comixup_energy
        >>> shares = np.zeros((2, 2, 2, 2))  # two mixtures of 2 x 2 blocks and two images:
        >>> shares[0, ..., 0] = shares[1, ..., 1] = 1.0  # each shows one image
        >>> comixup_energy(shares, unary=np.ones((2, 2, 2)), beta=0.3, gamma=1.0, compat=np.eye(2))
        8.0
    """
    rough = (np.diff(shares, axis=1) ** 2).sum() + (np.diff(shares, axis=2) ** 2).sum()
    shown = shares.sum((1, 2))
    total = shown.sum(0)
    repeated = total @ compat @ total - np.einsum("ni,ij,nj->", shown, compat, shown)
    return float((unary * shares).sum() + beta / 2 * rough + gamma * repeated)


def repetition(peaks: Ints, omega: float) -> Floats:
    """A of :func:`comixup_energy`, (m, m): the identity, and by the share omega the distances of most salient places.

    Distances are sums of absolute differences, scaled so that a row sums to 1 on average. Images whose salient places are
    far apart repeat each other more here than images whose places coincide, and that is as published: such images fit into
    one mixture, and the cost is for showing them in different ones.

    Example:
        >>> import numpy as np
        >>> from mixbook.mixing.blend.comixup import repetition
        >>> blocks = np.array([[0, 0], [0, 0], [3, 3]])  # most salient ones of three images
        >>> repetition(blocks, omega=0.1).round(3)
        array([[0.9  , 0.   , 0.075],
               [0.   , 0.9  , 0.075],
               [0.075, 0.075, 0.9  ]])
    """
    apart = np.abs(peaks[:, None] - peaks[None]).sum(-1).astype(float)
    total = apart.sum()
    return (1 - omega) * np.eye(len(peaks)) + (omega * len(peaks) / total * apart if total else 0)


def joint_shares(
    start: Ints, unary: Floats, beta: float, gamma: float, compat: Floats, *, tau: float = 0.0, passes: int = 4
) -> Floats:
    """Shares (n, g, g, m) of mixtures that are improved one after the other, given the others, in some passes.

    Given the others, the repetition of a mixture is linear in its shares: 2 gamma (A c) . z in each block, with c what the
    others show. An entry of A c counts only if it is above ``tau``. With ``tau`` 0 no step raises
    :func:`comixup_energy`, until in the last pass mixtures of the same images are told apart.

    Args:
        start: which image each block shows at first, (n, g, g), integers in 0 ... m - 1.
        unary, beta, gamma, compat: as for :func:`comixup_energy`.
        tau: in blocks.
        passes: at most; fewer where the energy stops to change.

    Example:
        >>> import numpy as np
        >>> from mixbook.mixing.blend.comixup import joint_shares
        >>> start = np.zeros((2, 2, 2), dtype=int)  # both mixtures show image 0, and that costs
        >>> joint_shares(start, np.ones((2, 2, 2)), beta=0.3, gamma=1.0, compat=np.eye(2)).sum((1, 2))
        array([[0., 4.],
               [4., 0.]])
    """
    m = unary.shape[-1]
    shares: Floats = np.eye(m)[start]
    twins: Floats = np.zeros((len(shares), m))
    before = comixup_energy(shares, unary, beta, gamma, compat)
    for turn in range(passes):
        for n in range(len(shares)):
            others = shares.sum((0, 1, 2)) - shares[n].sum((0, 1))
            repeated = compat @ others
            cost = unary + 2 * gamma * np.where(repeated > tau, repeated, 0) + gamma * twins[n]
            shares[n] = _improve(shares[n], cost, beta, soft=turn > 0)
        if turn == passes - 2:
            twins = _twins(shares.sum((1, 2)) > 0)
        now = comixup_energy(shares, unary, beta, gamma, compat)
        if abs(now - before) < _CONVERGED * abs(now):
            break
        before = now
    return shares


def _improve(shares: Floats, cost: Floats, beta: float, soft: bool) -> Floats:
    """One mixture (g, g, m) after swap moves. Half-and-half labels are those of its three main images and those in use."""
    m = cost.shape[-1]
    shown = shares.sum((0, 1))
    pairs = set()
    if soft:
        main = [i for i in np.argsort(-shown, kind="stable")[:3].tolist() if shown[i] > 0]
        pairs |= {(min(pair), max(pair)) for pair in combinations(main, 2)}
        halves = shares[(shares > 0).sum(-1) == 2]
        pairs |= {(int(i), int(j)) for i, j in np.nonzero(halves)[1].reshape(-1, 2)}
    one = np.eye(m)
    labels: Floats = np.concatenate([one, *[(one[[i]] + one[[j]]) / 2 for i, j in sorted(pairs)]])
    unary = cost @ labels.T
    unary[..., m:] -= _SOFT_BONUS
    distance = ((labels[:, None] - labels) ** 2).sum(-1) / 2
    start = ((shares[:, :, None] - labels) ** 2).sum(-1).argmin(-1)
    down, across = (np.full(shape, beta) for shape in ((len(start) - 1, len(start)), (len(start), len(start) - 1)))
    return labels[swap_labels(start, unary, down, across, distance)]


def _twins(shows: NDArray[np.bool_]) -> Floats:
    """For mixtures (n, m) of the same two or more images: one pays for the first of these, the other for the second."""
    penalty = np.zeros(shows.shape)
    for one, two in combinations(range(len(shows)), 2):
        images = np.nonzero(shows[one])[0]
        if len(images) > 1 and (shows[one] == shows[two]).all():
            penalty[one, images[0]] = penalty[two, images[1]] = 1
    return penalty


def _peaks(saliency: Tensor, window: tuple[int, int]) -> Ints:
    """Row and column of the most salient window of each image, (R, 2)."""
    smooth = F.avg_pool2d(saliency[:, None].float(), window, stride=1)[:, 0]
    peak = smooth.flatten(1).argmax(1).cpu().numpy()
    return np.stack(np.divmod(peak, smooth.shape[2]), axis=1)


def _sources(made: list[Floats], starts: list[int]) -> tuple[Tensor, Tensor]:
    """Sources (N, S) and masks (N, S, g, g) of groups' shares (m, g, g, m): first the sample itself, then by area."""
    areas = [shares.mean((1, 2)) for shares in made]
    for area in areas:
        np.fill_diagonal(area, 2)  # more than any other
    most = max(2, *(int((area > 0).sum(1).max()) for area in areas))
    sources, masks = [], []
    for shares, area, start in zip(made, areas, starts, strict=True):
        order = np.argsort(-area, axis=1, kind="stable")[:, :most]
        order = np.pad(order, ((0, 0), (0, most - order.shape[1])), mode="edge")
        shown = np.take_along_axis(area, order, 1) > 0
        shown[:, len(shares) :] = False  # of what was padded
        parts = np.take_along_axis(shares, order[:, None, None], 3).transpose(0, 3, 1, 2)
        sources.append(torch.from_numpy(start + np.where(shown, order, order[:, :1])))
        masks.append(torch.from_numpy(parts * shown[:, :, None, None]))
    return torch.cat(sources), torch.cat(masks)


def _leave_whole(sources: Tensor, masks: Tensor, partner: Tensor, lam: Tensor) -> None:
    """Where lambda is 1 or 0, the sample or its partner alone."""
    for source, whole in enumerate((lam == 1, lam == 0)):
        sources[whole, 1:] = (sources[:, 0] if source == 0 else partner)[whole, None]
        masks[whole] = 0
        masks[whole, source] = 1
