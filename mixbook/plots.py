"""Figures that the book uses more than once: arrays in, axes drawn on. Nothing here knows a mixing method."""

from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from mixbook.intervals import interval as interval

if TYPE_CHECKING:
    from types import ModuleType

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, which readers with any common colour vision tell apart; yellow left out, it fades on white.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")


def pyplot() -> "ModuleType":
    """``matplotlib.pyplot``, imported when the first figure is drawn.

    Raises:
        ImportError: if matplotlib is missing.

    Example:
        >>> from mixbook.plots import pyplot
        >>> pyplot().figure().axes
        []
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError("figures need matplotlib: pip install '.[bench]' in the clone, or matplotlib alone") from error
    return plt


def use_style() -> None:
    """Set matplotlib up for the book: opaque white, readable at phone width, the book's colours, few lines.

    Example:
        >>> import matplotlib.pyplot as plt
        >>> from mixbook.plots import use_style
        >>> with plt.rc_context():  # for these lines alone; a chapter calls it once
        ...     use_style()
        ...     print(plt.rcParams["figure.facecolor"])
        white
    """
    plt = pyplot()
    from cycler import cycler  # which matplotlib brings along

    plt.rcParams.update(
        {
            "figure.dpi": 100,
            "figure.figsize": (6.4, 3.6),
            "figure.facecolor": "white",
            "axes.facecolor": "white",
            "savefig.facecolor": "white",
            "figure.constrained_layout.use": True,
            "axes.prop_cycle": cycler(color=PALETTE),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": 11,
            "axes.labelsize": 11,
            "xtick.labelsize": 10,
            "ytick.labelsize": 10,
            "legend.frameon": False,
            "legend.fontsize": 10,
            "lines.linewidth": 1.8,
        }
    )


def scatter_classes(ax: "Axes", x: ArrayLike, y: ArrayLike, size: float = 9, **style: Any) -> None:
    """Points (n, 2), coloured and shaped by their integer class (n,), on axes of equal scale.

    Classes differ by marker as well as by colour, so that the figure survives a grey print.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from mixbook.plots import scatter_classes
        >>> ax = Figure().subplots()
        >>> scatter_classes(ax, [[0.0, 0.0], [1.0, 1.0], [2.0, 0.0]], [0, 1, 1])
        >>> len(ax.collections)  # one for each class
        2
    """
    x, y = np.asarray(x), np.asarray(y)
    for label, marker in zip(np.unique(y), cycle("o^sDvP*X<>"), strict=False):
        across, up = x[y == label].T
        ax.scatter(across, up, s=size, marker=marker, color=PALETTE[int(label) % len(PALETTE)], **style)
    ax.set_aspect("equal")


def couplings(ax: "Axes", start: ArrayLike, end: ArrayLike, **style: Any) -> None:
    """A line from each row of ``start`` (n, 2) to the same row of ``end`` (n, 2): who is mixed with whom.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from mixbook.plots import couplings
        >>> ax = Figure().subplots()
        >>> couplings(ax, start=[[0.0, 0.0], [1.0, 1.0]], end=[[0.0, 1.0], [1.0, 2.0]])
        >>> len(ax.collections) + len(ax.lines)  # all lines are one artist
        1
    """
    from matplotlib.collections import LineCollection

    segments = np.stack([np.asarray(start), np.asarray(end)], axis=1)
    look: dict[str, Any] = {"color": "0.55", "linewidth": 0.6, "zorder": 0} | style
    ax.add_collection(LineCollection(list(segments), **look))
    ax.autoscale_view()


def interval_bars(ax: "Axes", labels: Sequence[str], values: Sequence[ArrayLike], **style: Any) -> None:
    """One row per label: the mean of its values (n,) with a 95% interval, every repetition as a faint dot behind it.

    Raises:
        ValueError: if there are more labels than values, or fewer.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from mixbook.plots import interval_bars
        >>> ax = Figure().subplots()
        >>> interval_bars(ax, ["without", "with mixup"], [[5.1, 5.3, 5.0], [4.2, 4.4, 4.1]])
        >>> [label.get_text() for label in ax.get_yticklabels()]
        ['without', 'with mixup']
    """
    _check_one_for_each("labels", labels, "values", len(values))
    for row, repetitions in enumerate(values):
        mean, half = interval(repetitions)
        colour = PALETTE[row % len(PALETTE)]
        ax.plot(np.asarray(repetitions), np.full(len(np.asarray(repetitions)), row), "o", color=colour, alpha=0.25, ms=4)
        ax.errorbar(mean, row, xerr=half, fmt="o", color=colour, capsize=4, ms=7, **style)
    ax.set_yticks(range(len(labels)), labels)
    if not ax.yaxis_inverted():  # panels that share their rows are turned once
        ax.invert_yaxis()
    ax.margins(y=0.2)


def rank_bars(ax: "Axes", names: Sequence[str], ranks: ArrayLike, difference: float, **style: Any) -> None:
    """Average ranks, best first: a row per method, its bar half a critical difference long on either side.

    Two methods are told apart if and only if their bars do not overlap: the diagram of Demšar (2006) without its lines
    between methods.

    Args:
        names: of the methods.
        ranks: average rank of each, 1 is best, (methods,).
        difference: the critical difference of two ranks.

    Raises:
        ValueError: if there are more names than ranks, or fewer.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from mixbook.plots import rank_bars
        >>> ax = Figure().subplots()
        >>> rank_bars(ax, ["mixup", "k-mixup"], [1.8, 1.2], difference=0.5)
        >>> [label.get_text() for label in ax.get_yticklabels()]
        ['k-mixup', 'mixup']
    """
    ranks = np.asarray(ranks)
    _check_one_for_each("names", names, "ranks", len(ranks))
    order = np.argsort(ranks, kind="stable")
    rows = np.arange(len(order))
    look: dict[str, Any] = {"color": PALETTE[0], "fmt": "o", "capsize": 3, "ms": 6} | style
    ax.errorbar(ranks[order], rows, xerr=difference / 2, **look)
    ax.axvline(ranks[order[0]] + difference / 2, color="0.6", lw=0.8, ls=":")
    ax.set_yticks(rows, [names[row] for row in order])
    ax.invert_yaxis()


def _check_one_for_each(name: str, labels: Sequence[str], what: str, rows: int) -> None:
    if len(labels) != rows:
        raise ValueError(f"{name} must be one for each of {rows} {what}, got {len(labels)}")


def reliability_diagram(ax: "Axes", counts: ArrayLike, confidences: ArrayLike, accuracies: ArrayLike) -> None:
    """Accuracy of each bin over its mean confidence, from :func:`mixbook.evaluation.reliability`, (bins,) each.

    A dot has the area of its share of the samples. Right of the diagonal a network is surer than it is right; the red line
    from the dot to the diagonal is the bin's part of the calibration error. Bins without samples are left out.

    Example:
        >>> import torch
        >>> from matplotlib.figure import Figure
        >>> from mixbook.evaluation import reliability
        >>> from mixbook.plots import reliability_diagram
        >>> logits = torch.tensor([[0.8, 0.2], [0.8, 0.2], [0.6, 0.4]]).log()
        >>> reliability_diagram(Figure().subplots(), *reliability(logits, torch.tensor([0, 1, 0]), bins=10))
    """
    counts, confidences, accuracies = (np.asarray(each, dtype=float) for each in (counts, confidences, accuracies))
    full = counts > 0
    x, y, share = confidences[full], accuracies[full], counts[full] / counts.sum()
    ax.plot([0, 1], [0, 1], color="0.6", linewidth=1, zorder=0)
    ax.vlines(x, np.minimum(x, y), np.maximum(x, y), color=PALETTE[1], linewidth=2, zorder=1)
    ax.scatter(x, y, s=15 + 300 * share, color=PALETTE[0], zorder=2, clip_on=False)  # the largest often lie at the edge
    ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence (largest probability)", ylabel="accuracy (share right)")
    ax.set_aspect("equal")


def mixtures_of_images(sources: ArrayLike, shares: ArrayLike, mixtures: ArrayLike, captions: Sequence[str]) -> "Figure":
    """One row per mixture: its sources, how much of the first shows where, and what came out.

    Args:
        sources: what each mixture is made of, (N, S, C, H, W) with C of 1 or 3; every image is stretched to [0, 1] by the
            smallest and largest value of its row.
        shares: how much of each source shows at each pixel, (N, S, H, W), summing to 1 over the sources.
        mixtures: (N, C, H, W).
        captions: one for each mixture.

    Example:
        >>> import numpy as np
        >>> from mixbook.plots import mixtures_of_images
        >>> sources = np.random.default_rng(0).random((2, 2, 1, 8, 8))  # two mixtures of two grey images
        >>> shares = np.full((2, 2, 8, 8), 0.5)
        >>> figure = mixtures_of_images(sources, shares, sources.mean(1), ["first", "second"])
        >>> len(figure.axes)
        8
    """
    plt = pyplot()
    sources, shares, mixtures = np.asarray(sources), np.asarray(shares), np.asarray(mixtures)
    rows, parts = sources.shape[:2]
    fig, axes = plt.subplots(rows, parts + 2, figsize=(1.15 * (parts + 2), 1.3 * rows), squeeze=False)
    for row, (ours, share, mixture, caption) in enumerate(zip(sources, shares, mixtures, captions, strict=True)):
        low, high = min(ours.min(), mixture.min()), max(ours.max(), mixture.max())
        for ax, image in zip(axes[row], [*ours, None, mixture], strict=True):
            if image is None:
                ax.imshow(share[0], cmap="gray", vmin=0, vmax=1)
            else:
                scaled = (np.moveaxis(image, 0, -1) - low) / max(high - low, 1e-12)
                ax.imshow(scaled.squeeze(-1) if scaled.shape[-1] == 1 else scaled, cmap="gray", vmin=0, vmax=1)
            ax.set(xticks=[], yticks=[])
        for part in range(parts):
            axes[row, part].set_xlabel(f"{share[part].mean():.2f}", fontsize=8)
        axes[row, -1].set_xlabel(caption, fontsize=8)
    titles = ["original", *(["partner"] if parts == 2 else [f"source {s + 1}" for s in range(1, parts)])]
    for ax, title in zip(axes[0], [*titles, "share shown", "mixture"], strict=True):
        ax.set_title(title, fontsize=9)
    return fig


def mixtures_of_points(points: ArrayLike, ends: ArrayLike, mixtures: ArrayLike) -> "Figure":
    """Samples (R, 2) as open dots, mixtures (N, 2) as full ones, and a line from each to its sources, ends (N, S, 2).

    Example:
        >>> from mixbook.plots import mixtures_of_points
        >>> points = [[0.0, 0.0], [1.0, 1.0]]
        >>> figure = mixtures_of_points(points, ends=[[points[0], points[1]]], mixtures=[[0.5, 0.5]])
        >>> len(figure.axes)
        1
    """
    plt = pyplot()
    points, ends, mixtures = np.asarray(points), np.asarray(ends), np.asarray(mixtures)
    fig, ax = plt.subplots(figsize=(4.2, 4.2))
    for part in range(ends.shape[1]):
        couplings(ax, ends[:, part], mixtures)
    ax.plot(*points.T, "o", mfc="none", mec=PALETTE[0], label="samples")
    ax.plot(*mixtures.T, "o", ms=4, color=PALETTE[1], label="mixtures")
    ax.set(aspect="equal", xlabel="feature 1", ylabel="feature 2")
    ax.legend()
    return fig


def weights_of_samples(matrix: ArrayLike) -> "Figure":
    """The plan as a matrix (N, R): how much of each sample, a column, is in each mixture, a row.

    Example:
        >>> from mixbook.plots import weights_of_samples
        >>> figure = weights_of_samples([[0.75, 0.25], [0.25, 0.75]])
        >>> figure.axes[0].images[0].get_array().shape
        (2, 2)
    """
    plt = pyplot()
    fig, ax = plt.subplots(figsize=(4.6, 4.2))
    shown = ax.imshow(np.asarray(matrix), cmap="cividis", vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    ax.set(xlabel="sample", ylabel="mixture")
    fig.colorbar(shown, label="weight")
    return fig
