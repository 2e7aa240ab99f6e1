"""Pictures of plans show the right images, weights and names, for every kind of input."""

import matplotlib
import numpy as np
import pytest
import torch

import mixbook as mb

matplotlib.use("Agg")


@pytest.fixture
def images():
    return torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def shown(axes):
    return np.asarray(axes.images[0].get_array())


@pytest.mark.parametrize("blend", [mb.Linear(), mb.CutMix()])
def test_a_row_has_the_sources_the_share_and_the_mixture(images, blend, generator):
    plan = mb.Mixer(ratio=mb.Fixed(0.25, 0.6), blend=blend).plan(images, generator=generator)
    figure = plan.show(images, most=3)
    assert len(figure.axes) == 3 * 4
    original, partner, share, mixture = figure.axes[4:8]  # the second mixture
    row = plan.sources[1]
    both = images[row].permute(0, 2, 3, 1).numpy()
    low, high = both.min(), both.max()  # a mixture lies between its sources
    for axes, image in ((original, both[0]), (partner, both[1])):
        np.testing.assert_allclose(shown(axes), (image - low) / (high - low), atol=1e-6)
    mixed = plan.apply(images)[1].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(shown(mixture), (mixed - low) / (high - low), atol=1e-6)
    assert shown(share).mean() == pytest.approx(float(plan.weights[1, 0]), abs=1e-6)
    assert [axes.get_xlabel() for axes in (original, partner)] == [f"{float(each):.2f}" for each in plan.weights[1]]


def test_a_mixture_is_called_by_its_labels_or_by_its_rows(images, generator):
    plan = mb.mixup().plan(images, generator=generator)
    y = torch.tensor([7, 8, 9, 5])
    first, partner = plan.sources[0].tolist()
    weight = float(plan.weights[0, 0])
    assert plan.show(images, y).axes[3].get_xlabel() == f"{weight:.2f} {y[first]} + {1 - weight:.2f} {y[partner]}"
    assert plan.show(images).axes[3].get_xlabel() == f"{weight:.2f} #{first} + {1 - weight:.2f} #{partner}"


def test_points_are_joined_with_their_mixtures(generator):
    x = torch.rand(5, 2, generator=generator)
    plan = mb.mixup().plan(x, generator=generator)
    axes = plan.show(x).axes[0]
    drawn = {line.get_label(): line.get_xydata() for line in axes.lines}
    np.testing.assert_allclose(drawn["samples"], x)
    np.testing.assert_allclose(drawn["mixtures"], plan.apply(x))
    ends = axes.collections[1].get_segments()
    np.testing.assert_allclose(ends[2], torch.stack([x[plan.sources[2, 1]], plan.apply(x)[2]]), atol=1e-6)


def test_anything_else_is_shown_as_a_matrix(generator):
    x = torch.rand(6, 30, generator=generator)
    plan = mb.multimix(draws=2).plan(x, generator=generator)
    np.testing.assert_allclose(shown(plan.show(x).axes[0]), plan.matrix())


def test_rows_that_the_plan_was_not_made_for_are_refused(images, generator):
    plan = mb.mixup().plan(images, generator=generator)
    with pytest.raises(ValueError, match="x has 2 rows"):
        plan.show(images[:2])
    with pytest.raises(ValueError, match="y has 2 rows"):
        plan.show(images, torch.tensor([0, 1]))
