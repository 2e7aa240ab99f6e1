"""Advice for somebody's own data: what mixing would do to them, and the k, alpha and place that this suggests.

Everything is measured on the samples and their labels alone; nothing is trained. The diagnostics are those that the theory
gives a meaning to; the rule that turns them into a suggestion is ours, is written out in :func:`advise`, and is tested
against trained networks in the book's chapter "Which one should I use?".
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from textwrap import fill
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor

from mixbook.mixing.mixer import Mixer, kmixup
from mixbook.mixing.pairing import OptimalTransport
from mixbook.mixing.ratio import Beta
from mixbook.mixing.transport import mean_square_ratio
from mixbook.theory.clusters import expected_share
from mixbook.theory.collinearity import violations

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Scale = Literal["none", "columns"]

BLOCK_SIZES = (1, 2, 4, 8, 16, 32)
ALPHAS = (1.0, 0.5, 0.2, 0.1, 0.05)
TOLERANCE = 0.05  # share of mixtures; twice the standard error of a share from 400 of them
_EXACT_WORK = 1_000_000  # differences of coordinates that the exact test looks at: a second or so
_EXACT_VALUES = 1 << 16  # coordinates of samples, up to which distances are exact: 2000 samples of 32, a few seconds


@dataclass(frozen=True)
class AtBlockSize:
    """What mixing does to the data with partners matched in blocks of k, lambda uniform.

    Args:
        k: block size; 1 is mixup.
        distance: root mean square distance of partners, in the units of the (scaled) features.
        xi: root mean square distance of a mixture to its nearer end, same units (k-mixup, Section 2).
        crossing: share of the pairs that join two classes.
        floor: the least share that any matching can have on average (k-mixup, Theorem 3.4, exact form).
        contradicted: share of the mixtures whose nearest sample is of another class than the one that weighs most in their
            target.

    Example:
        >>> import torch, mixbook as mb
        >>> advice = mb.advise(torch.rand(50, 2), torch.arange(50) % 2, block_sizes=(1, 4))
        >>> [at.k for at in advice.at], advice.at[1].distance < advice.at[0].distance
        ([1, 4], True)
    """

    k: int
    distance: float
    xi: float
    crossing: float
    floor: float
    contradicted: float


@dataclass(frozen=True)
class Advice:
    """A suggestion, the reason for each part of it, and the diagnostics behind it. ``print`` it, or :meth:`show` it.

    Args:
        k: block size of the pairing; 1 is mixup's random pairing.
        alpha: lambda ~ Beta(alpha, alpha).
        place: ``"input"``, or ``"hidden"``: hidden layers alone.
        reasons: why, for ``"k"``, ``"alpha"`` and ``"place"``.
        at: the diagnostics at each block size.
        overlap: share of the samples whose nearest other sample is of another class: what the data contradict themselves.
        allowed: share of contradicted mixtures that the rule allows.
        gap: half the median distance of a sample to the nearest one of another class.
        on_segments: share of the samples that lie exactly on a segment between two others, at least one of another class.
        samples: how many samples were looked at.
    """

    k: int
    alpha: float
    place: Literal["input", "hidden"]
    reasons: dict[str, str]
    at: tuple[AtBlockSize, ...]
    overlap: float
    allowed: float
    gap: float
    on_segments: float
    samples: int

    def mixer(self, num_classes: int | None = None, *, generator: torch.Generator | None = None) -> Mixer:
        """The mixer that is suggested; for ``place == "hidden"`` give it to a ``ManifoldMixer`` with your layers.

        Take batches much larger than k. One of k samples or fewer, such as the last of an epoch, stays as it is.
        """
        return kmixup(self.k, self.alpha, num_classes, strict=False, generator=generator)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        """The suggestion with its reasons, then the table of diagnostics."""
        suggested = {"k": f"{self.k}", "alpha": f"{self.alpha:g}", "place": self.place}
        lines = [
            fill(f"{name} = {value}: {self.reasons[name]}.", 76, subsequent_indent="    ")
            for name, value in suggested.items()
        ]
        lines += ["", "  k  distance     xi  crossing  (at least)  contradicted"]
        for row in self.at:
            shares = f"{row.crossing:8.0%}  {row.floor:10.0%}  {row.contradicted:12.0%}"
            lines.append(f"{row.k:3d}  {row.distance:8.3g}  {row.xi:5.3g}  {shares}")
        seen = (
            f"From {self.samples} samples. {self.overlap:.0%} of them have a nearest neighbour of another class; half the "
        )
        lines += ["", fill(f"{seen}median distance to another class is {self.gap:.3g}.", 76)]
        if self.k > 1:
            batches = f"Take batches much larger than {self.k}: one of {self.k} samples or fewer would not be mixed."
            lines += [fill(batches, 76)]
        return "\n".join(lines)

    def show(self) -> "Figure":
        """Two panels against k: shares of pairs and mixtures, and distances. Needs matplotlib."""
        from mixbook.plots import PALETTE, pyplot

        plt = pyplot()
        blue, orange, green = PALETTE[:3]
        ks = [row.k for row in self.at]
        fig, (top, low) = plt.subplots(2, 1, figsize=(4.8, 5.0), sharex=True, layout="constrained")
        top.plot(ks, [100 * row.contradicted for row in self.at], "o-", color=orange, label="mixtures contradicted")
        top.plot(ks, [100 * row.crossing for row in self.at], "s-", color=blue, label="pairs across classes")
        top.plot(ks, [100 * row.floor for row in self.at], ":", color=blue, label="... at least")
        top.axhline(100 * self.allowed, color="0.5", lw=1, ls="--")
        top.annotate("what the data allow", (ks[-1], 100 * self.allowed), ha="right", va="bottom", color="0.4")
        top.set(ylabel="share [%]", ylim=(0, None))
        low.plot(ks, [row.distance for row in self.at], "s-", color=blue, label="to the partner")
        low.plot(ks, [row.xi for row in self.at], "o-", color=green, label="moved by mixing, ξ")
        low.axhline(self.gap, color="0.5", lw=1, ls="--")
        low.annotate("half way to another class", (ks[-1], self.gap), ha="right", va="bottom", color="0.4")
        low.set(xlabel="block size k", ylabel="distance [units of x]", ylim=(0, None))
        low.set_xscale("log", base=2)
        low.set_xticks(ks, [str(k) for k in ks])
        for ax in (top, low):
            ax.axvline(self.k, color="0.8", lw=6, zorder=0)
            ax.legend(frameon=False, fontsize=9, ncols=2, loc="lower left", bbox_to_anchor=(0, 1))  # above, off the lines
        return fig


def advise(
    x: Any,
    y: Any,
    *,
    scale: Scale = "none",
    block_sizes: Sequence[int] = BLOCK_SIZES,
    mixtures: int = 2000,
    samples: int = 2000,
    seed: int = 0,
) -> Advice:
    """Look at data before any training, and suggest k, alpha and place for mixing them.

    A mixture is *contradicted* if the sample nearest to it is of another class than the one that weighs most in its target.
    Samples contradict each other too, where classes overlap: by the share whose nearest neighbour is of another class. The
    rule allows mixtures 5 points more than that. (Where neighbours disagree more often than random samples do, classes do
    not overlap but alternate, and it allows 5% alone.)

    * k: the smallest block size that keeps within it at alpha = 1. Small, because matched partners come nearer as k grows,
      and mixing does less. If none does, the one with the fewest contradictions.
    * alpha: 1 if a block size was found. Else the largest of 0.5, 0.2, 0.1, 0.05 with which the chosen one keeps within it.
    * place: the input; hidden layers alone if more than 5% of the samples lie *exactly* between two others that contradict
      them, or no alpha keeps within it. There, no law of lambda avoids asking for two answers at one place (Chidambaram et
      al. 2022, Section 2.4), while representations can move apart.

    How far mixtures move, against half the way to another class, is reported beside alpha, and the rule does not use it.

    Args:
        x: samples as the network sees them, (n, ...); array, tensor or nested lists of numbers.
        y: class labels, integers (n,).
        scale: ``"columns"`` subtracts each feature's mean and divides by its standard deviation first.
        block_sizes: candidates for k, increasing; those above n / 2 are left out.
        mixtures: how many are drawn for each candidate, at least 100.
        samples: larger data are represented by this many random samples, at least 20.
        seed: of all random draws.

    Raises:
        TypeError: if ``x`` or ``y`` does not hold numbers.
        ValueError: if shapes do not fit, a value is NaN or infinite, labels are not integers, there are fewer than 20
            samples or two classes, all samples are the same, or an option is out of range.

    Example:
        >>> import torch, mixbook as mb
        >>> g = torch.Generator().manual_seed(0)
        >>> y = torch.arange(200) % 2
        >>> x = torch.randn(200, 2, generator=g) + 20.0 * y[:, None]  # two clusters, far apart
        >>> advice = mb.advise(x, y)
        >>> advice.place, advice.overlap
        ('input', 0.0)
    """
    points, labels = _checked(x, y)
    _check_options(scale, block_sizes, mixtures, samples)
    g = torch.Generator().manual_seed(seed)
    if len(points) > samples:
        chosen = torch.randperm(len(points), generator=g)[:samples].numpy()
        points, labels = points[chosen], labels[chosen]
        if labels.min() == labels.max():
            raise ValueError(f"y must hold two classes in {samples} random samples, got {labels[0]} alone: raise samples")
    labels = np.unique(labels, return_inverse=True)[1]
    on_segments = _on_segments(points, labels, torch.Generator().manual_seed(seed))
    points = points.astype(float)
    looked = _Look(torch.from_numpy(_scaled(points) if scale == "columns" else points), torch.from_numpy(labels))
    at = tuple(looked.at(k, mixtures, g) for k in block_sizes if k <= len(points) // 2)
    allowed = TOLERANCE + (looked.overlap if looked.overlap < looked.chance else 0)
    harmless = next((row for row in at if row.contradicted <= allowed), None)
    best = harmless or min(at, key=lambda row: row.contradicted)
    alpha, left = 1.0, best.contradicted
    for alpha in ALPHAS if harmless is None else ():
        left = looked.contradicted(best.k, alpha, mixtures, g)[2]
        if left <= allowed:
            break
    hidden = on_segments > TOLERANCE or left > allowed
    reasons = {
        "k": _why_k(at, best, harmless is not None, allowed),
        "alpha": _why_alpha(best, alpha, left, allowed, looked.gap),
        "place": _why_place(on_segments, left, allowed),
    }
    return Advice(
        best.k,
        alpha,
        "hidden" if hidden else "input",
        reasons,
        at,
        looked.overlap,
        allowed,
        looked.gap,
        on_segments,
        len(points),
    )


class _Look:
    """Samples, float64 (n, d), with labels int64 (n,), and what can be seen in them."""

    def __init__(self, x: Tensor, y: Tensor) -> None:
        self.x, self.y = x - x.mean(0), y
        distance = self.distances(self.x)
        distance.fill_diagonal_(float("inf"))
        self.overlap = float((y[distance.argmin(1)] != y).double().mean())
        distance[y[:, None] == y] = float("inf")
        self.gap = float(distance.min(1).values.median()) / 2
        self.masses = np.bincount(y.numpy()) / len(y)
        self.chance = float(1 - (self.masses**2).sum())  # that two random samples are of different classes

    def distances(self, points: Tensor) -> Tensor:
        """From points (m, d) to all samples, (m, n)."""
        # A matrix product is faster, and rounds away what is small beside the extent of the data.
        exact = self.x.numel() <= _EXACT_VALUES
        mode = "donot_use_mm_for_euclid_dist" if exact else "use_mm_for_euclid_dist"
        return torch.cdist(points, self.x, compute_mode=mode)

    def at(self, k: int, mixtures: int, generator: torch.Generator) -> AtBlockSize:
        square, crossing, contradicted = self.contradicted(k, 1.0, mixtures, generator)
        xi = sqrt(square * mean_square_ratio(1.0))
        return AtBlockSize(k, sqrt(square), xi, crossing, expected_share(self.masses, k), contradicted)

    def contradicted(self, k: int, alpha: float, mixtures: int, generator: torch.Generator) -> tuple[float, float, float]:
        """Mean squared distance of partners, share of pairs across classes, and share of mixtures that are contradicted."""
        pairing, whole = OptimalTransport(k), len(self.x) // k * k
        square, crossing, against, seen = 0.0, 0, 0, 0
        while seen < mixtures:
            first, second = (torch.randperm(len(self.x), generator=generator)[:whole] for _ in range(2))
            second = second[pairing.pair(self.x[first], self.x[second], generator)]
            first, second = first[: mixtures - seen], second[: mixtures - seen]
            lam = Beta(alpha, per="pair").sample(len(first), generator)[0].double()[:, None]
            mixed = lam * self.x[first] + (1 - lam) * self.x[second]
            main = torch.where(lam[:, 0] >= 0.5, self.y[first], self.y[second])
            against += int((self.y[self.distances(mixed).argmin(1)] != main).sum())
            crossing += int((self.y[first] != self.y[second]).sum())
            square += float((self.x[first] - self.x[second]).square().sum())
            seen += len(first)
        return square / seen, crossing / seen, against / seen


def _scaled(points: np.ndarray) -> np.ndarray:
    """Each column with mean 0 and standard deviation 1; constant ones become 0."""
    std = points.std(axis=0)
    return (points - points.mean(axis=0)) / np.where(std > 0, std, 1)


def _on_segments(points: np.ndarray, labels: np.ndarray, generator: torch.Generator) -> float:
    """Share of the samples on a segment that contradicts them: exact in the decimal digits of the numbers.

    Of many samples with many features some are looked at, drawn at random: tables are often sorted by class.
    """
    n = min(len(points), max(20, int(sqrt(_EXACT_WORK / points.shape[1]))))
    if n < len(points):
        chosen = torch.randperm(len(points), generator=generator)[:n].numpy()
        points, labels = points[chosen], labels[chosen]
    decimal = points.astype(str).astype(object)  # "0.1", not the binary fraction next to it
    return len(np.unique(violations(decimal, labels)[:, 0])) / n


def _why_k(at: Sequence[AtBlockSize], best: AtBlockSize, harmless: bool, allowed: float) -> str:
    random = at[0]
    start = f"with random partners {random.contradicted:.0%} of the mixtures are contradicted by the sample nearest to them"
    limit = f"the {allowed:.0%} that your data allow"
    if best is random and harmless:
        return f"{start}, within {limit}; nearer partners would only mix less"
    found = f"{best.contradicted:.0%}; {best.crossing:.0%} of the pairs join two classes instead of {random.crossing:.0%}"
    if harmless:
        return f"{start}; this is the smallest k that keeps within {limit}: {found}"
    return f"{start}; no k comes down to {limit}, this one comes nearest: {found}"


def _why_alpha(best: AtBlockSize, alpha: float, left: float, allowed: float, gap: float) -> str:
    moved = best.xi * sqrt(mean_square_ratio(alpha) / mean_square_ratio(1.0))
    way = f"mixtures move by {moved:.3g} (root mean square), {_ratio(moved, gap)} half the way to another class"
    share = f"{way} (the rule does not use this)"
    if alpha == 1.0:
        return f"the contradicted mixtures ask for no less; {share}"
    limit = f"{'within' if left <= allowed else 'still above'} {allowed:.0%}"
    return f"weaker mixing, as k alone is not enough: {left:.0%} of the mixtures are then contradicted, {limit}; {share}"


def _why_place(on_segments: float, left: float, allowed: float) -> str:
    if on_segments > TOLERANCE:
        return f"{on_segments:.0%} of the samples lie exactly between two that contradict them, and no lambda avoids that"
    if left > allowed:
        return f"at the input {left:.0%} of the mixtures stay contradicted; representations can move apart"
    return "mixtures at the input agree with your samples; hidden layers may still help, and the data do not tell"


def _ratio(value: float, other: float) -> str:
    return f"{value / other:.0%} of" if other > 0 else "more than"


def _as_numpy(values: Any) -> np.ndarray:
    if not isinstance(values, Tensor):
        return np.asarray(values)
    plain = values.detach().cpu()
    return (plain.float() if plain.dtype == torch.bfloat16 else plain).numpy()  # numpy has no bfloat16


def _checked(x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Samples (n, d), numbers as they came, and labels int64 (n,), after a look at everything that people get wrong."""
    points, labels = (_as_numpy(v) for v in (x, y))
    for name, array in (("x", points), ("y", labels)):
        if array.dtype.kind not in "biuf":
            raise TypeError(f"{name} must hold numbers, got {array.dtype}: encode text as numbers, and drop what is none")
    if points.ndim < 2 or 0 in points.shape:
        raise ValueError(f"x must have shape (n, ...), none of them 0, got {points.shape}: one column is x[:, None]")
    if labels.shape != points.shape[:1]:
        raise ValueError(f"y must have shape ({len(points)},) as x has rows, got {labels.shape}")
    points = points.reshape(len(points), -1)
    if points.dtype.kind == "b":
        points = points.astype(np.uint8)
    bad = ~np.isfinite(points).all(axis=1)
    if bad.any():
        rows = f"{int(bad.sum())} of {len(bad)} rows, the first at {int(bad.argmax())}"
        raise ValueError(f"x must be finite, got NaN or infinity in {rows}: remove or impute them")
    whole = labels.astype(np.int64) if np.isfinite(labels).all() else None
    if whole is None or (whole != labels).any():
        raise ValueError("y must hold integer class labels, got fractions or NaN: advice is for classification")
    if len(points) < 20:
        raise ValueError(f"x must have at least 20 samples to say anything, got {len(points)}")
    if whole.min() == whole.max():
        raise ValueError(f"y must hold at least two classes, got {whole[0]} alone")
    if len(np.unique(whole)) > len(whole) // 2:
        raise ValueError(f"y has {len(np.unique(whole))} classes for {len(whole)} samples: are these class labels?")
    if (points == points[0]).all():
        raise ValueError("x must have samples that differ, got the same row throughout")
    return points, whole


def _check_options(scale: str, block_sizes: Sequence[int], mixtures: int, samples: int) -> None:
    if scale not in ("none", "columns"):
        raise ValueError(f"scale must be 'none' or 'columns', got {scale!r}")
    if not block_sizes or list(block_sizes) != sorted(set(block_sizes)) or block_sizes[0] != 1:
        raise ValueError(f"block_sizes must increase from 1, got {tuple(block_sizes)}: 1 is mixup, the first choice")
    if mixtures < 100 or samples < 20:
        raise ValueError(f"mixtures must be at least 100 and samples at least 20, got {mixtures} and {samples}")
