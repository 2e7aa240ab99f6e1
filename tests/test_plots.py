"""Figures whose geometry carries a claim."""

import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

import mixbook as mb
from mixbook import plots


def test_bars_of_ranks_overlap_where_the_difference_is_not_critical():
    names, ranks = ["a", "b", "c"], np.array([3.2, 1.0, 2.1])
    fig, ax = plt.subplots()
    plots.rank_bars(ax, names, ranks, 1.5)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["b", "c", "a"]
    assert ax.yaxis_inverted()  # the best is on top
    (bars,) = ax.collections
    ends = [segment[:, 0] for segment in bars.get_segments()]
    overlap = [[max(p[0], q[0]) < min(p[1], q[1]) for q in ends] for p in ends]
    assert overlap == (abs(np.sort(ranks)[:, None] - np.sort(ranks)) < 1.5).tolist()
    plt.close(fig)


def test_every_class_has_its_points_and_a_look_of_its_own():
    fig, ax = plt.subplots()
    y = np.repeat(np.arange(24), 2)
    plots.scatter_classes(ax, np.stack([y, y], axis=1), y)
    assert [len(points.get_offsets()) for points in ax.collections] == [2] * 24
    looks = {(points.get_paths()[0].vertices.tobytes(), points.get_facecolor().tobytes()) for points in ax.collections}
    assert len(looks) == 24
    plt.close(fig)


def test_a_reliability_diagram_shows_the_bins_that_have_samples():
    fig, ax = plt.subplots()
    counts, confidences, accuracies = [0, 30, 10], [0.0, 0.5, 0.9], [0.0, 0.7, 0.6]
    plots.reliability_diagram(ax, counts, confidences, accuracies)
    gaps, dots = ax.collections
    np.testing.assert_allclose(dots.get_offsets(), [[0.5, 0.7], [0.9, 0.6]])
    first, second = dots.get_sizes()
    assert (first, second) == (15 + 300 * 0.75, 15 + 300 * 0.25)  # three quarters of the samples, and one quarter
    np.testing.assert_allclose([np.ptp(segment[:, 1]) for segment in gaps.get_segments()], [0.2, 0.3])
    assert ax.get_xlabel() and ax.get_ylabel()
    plt.close(fig)


@pytest.mark.parametrize(
    "draw",
    [
        plots.use_style,
        lambda: mb.mixup().plan(torch.rand(4, 3)).show(torch.rand(4, 3)),
        lambda: mb.mixup().plan(torch.rand(4, 2)).show(torch.rand(4, 2)),
        lambda: mb.mixup().plan(torch.rand(4, 1, 8, 8)).show(torch.rand(4, 1, 8, 8)),
        lambda: mb.advise(torch.rand(40, 2), torch.arange(40) % 2, mixtures=100).show(),
    ],
    ids=["style", "matrix", "points", "images", "advice"],
)
def test_without_matplotlib_it_is_said_how_to_get_it(draw, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"figures need matplotlib: pip install '.\[bench\]' in the clone"):
        draw()


@pytest.mark.parametrize("names", [["a"], ["a", "b", "c"]])
def test_rows_without_a_name_and_names_without_a_row_are_refused(names):
    _, ax = plt.subplots()
    with pytest.raises(ValueError, match=f"labels must be one for each of 2 values, got {len(names)}"):
        plots.interval_bars(ax, names, [[1.0, 2.0], [3.0, 4.0]])
    with pytest.raises(ValueError, match=f"names must be one for each of 2 ranks, got {len(names)}"):
        plots.rank_bars(ax, names, [1.0, 2.0], 0.5)
    plt.close("all")
