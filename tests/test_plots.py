"""Figures whose geometry carries a claim."""

import matplotlib.pyplot as plt
import numpy as np

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
