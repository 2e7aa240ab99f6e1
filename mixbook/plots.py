"""Figures that the book uses more than once: arrays in, axes drawn on. Nothing here knows a mixing method."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from mixbook.evaluation.intervals import interval as interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colours, which readers with any common colour vision tell apart; yellow left out, it fades on white.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")


def use_style() -> None:
    """Set matplotlib up for the book: opaque white, readable at phone width, the book's colours, few lines."""
    import matplotlib as mpl
    from cycler import cycler

    mpl.rcParams.update(
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
    """
    x, y = np.asarray(x), np.asarray(y)
    for label, marker in zip(np.unique(y), "o^sDvP*X<>", strict=False):
        across, up = x[y == label].T
        ax.scatter(across, up, s=size, marker=marker, color=PALETTE[int(label) % len(PALETTE)], **style)
    ax.set_aspect("equal")


def couplings(ax: "Axes", start: ArrayLike, end: ArrayLike, **style: Any) -> None:
    """A line from each row of ``start`` (n, 2) to the same row of ``end`` (n, 2): who is mixed with whom."""
    from matplotlib.collections import LineCollection

    segments = np.stack([np.asarray(start), np.asarray(end)], axis=1)
    look: dict[str, Any] = {"color": "0.55", "linewidth": 0.6, "zorder": 0} | style
    ax.add_collection(LineCollection(list(segments), **look))
    ax.autoscale_view()


def interval_bars(ax: "Axes", labels: Sequence[str], values: Sequence[ArrayLike], **style: Any) -> None:
    """One row per label: its mean with a 95% interval, every repetition as a faint dot behind it."""
    for row, repetitions in enumerate(values):
        mean, half = interval(repetitions)
        colour = PALETTE[row % len(PALETTE)]
        ax.plot(np.asarray(repetitions), np.full(len(np.asarray(repetitions)), row), "o", color=colour, alpha=0.25, ms=4)
        ax.errorbar(mean, row, xerr=half, fmt="o", color=colour, capsize=4, ms=7, **style)
    ax.set_yticks(range(len(labels)), labels)
    ax.invert_yaxis()
    ax.margins(y=0.2)
