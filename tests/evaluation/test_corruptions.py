import pytest
import torch
from torch import nn

from mixbook.evaluation import NoisyBackground, OtherBackground, corrupted_accuracy

BOXES = torch.tensor([[2.0, 1, 4, 5]]).repeat(40, 1)
INSIDE = torch.zeros(8, 8, dtype=torch.bool)
INSIDE[1:6, 2:6] = True


@pytest.fixture
def x(generator):
    """Images that can be told apart by any pixel."""
    return (torch.arange(40) / 40).view(40, 1, 1, 1).expand(40, 3, 8, 8).clone()


def test_another_background_is_that_of_one_other_image(x, generator):
    changed = OtherBackground()(x, BOXES, generator)
    assert torch.equal(changed[:, :, INSIDE], x[:, :, INSIDE])
    outside = changed[:, :, ~INSIDE].flatten(1)
    assert (outside == outside[:, :1]).all()  # of one image, not of several
    source = (outside[:, 0] * 40).round().long()
    assert (source != torch.arange(40)).all()
    assert len(source.unique()) > 15


def test_every_other_image_of_the_batch_is_as_likely(generator):
    x = (torch.arange(4) / 4).view(4, 1, 1, 1).expand(4, 1, 8, 8)
    drawn = torch.stack([OtherBackground()(x, BOXES[:4], generator)[:, 0, 0, 0] for _ in range(3000)]) * 4
    for own in range(4):
        counts = drawn[:, own].long().bincount(minlength=4)
        assert counts[own] == 0
        assert counts.sum() == 3000
        assert (counts[torch.arange(4) != own] - 1000).abs().max() < 130  # five standard deviations


def test_a_pool_gives_the_background(x, generator):
    pool = torch.full((3, 3, 8, 8), 7.0)
    changed = OtherBackground(pool)(x[:1], BOXES[:1], generator)
    assert (changed[:, :, ~INSIDE] == 7).all()
    assert torch.equal(changed[:, :, INSIDE], x[:1, :, INSIDE])


def test_a_pool_of_bytes_is_brought_to_the_units_of_the_images(x, generator):
    pool = torch.full((3, 3, 8, 8), 51, dtype=torch.uint8)
    assert (OtherBackground(pool)(x[:1], BOXES[:1], generator)[:, :, ~INSIDE] == 0.2).all()
    assert (OtherBackground(pool)(x[:1].byte(), BOXES[:1], generator)[:, :, ~INSIDE] == 51).all()
    with pytest.raises(ValueError, match=r"pool must be of the dtype of x, torch\.uint8, got torch\.float32"):
        OtherBackground(pool / 255)(x[:1].byte(), BOXES[:1])


def test_noise_has_its_spread_outside_of_the_boxes_and_none_inside(generator):
    x = torch.full((40, 3, 8, 8), 0.5)
    change = NoisyBackground()(x, BOXES, generator) - x
    assert (change[:, :, INSIDE] == 0).all()
    noise = change[:, :, ~INSIDE]
    assert float(noise.std()) == pytest.approx(0.1, rel=0.05)
    assert float(noise.mean()) == pytest.approx(0, abs=0.01)


def test_noisy_pixels_stay_pixels_unless_told_otherwise(generator):
    x = torch.ones(40, 3, 8, 8)
    assert NoisyBackground()(x, BOXES, generator).max() == 1
    assert NoisyBackground(clip=None)(x, BOXES, generator).max() > 1.2


def test_bytes_are_numbers_between_0_and_1(generator):
    x, boxes = torch.full((4, 1, 8, 8), 255, dtype=torch.uint8), BOXES[:4]
    bright, batch = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 2)), (torch.zeros(4).long(), boxes)
    as_bytes, as_floats = (
        corrupted_accuracy(bright, [(each, *batch)], NoisyBackground(), torch.Generator().manual_seed(0))
        for each in (x, x / 255)
    )
    assert as_bytes == as_floats


def test_several_boxes_are_all_kept(x, generator):
    two = torch.stack([BOXES, torch.tensor([[0.0, 7, 8, 1]]).repeat(40, 1)], dim=1)
    changed = NoisyBackground()(x, two, generator)
    assert torch.equal(changed[:, :, 7], x[:, :, 7])
    assert torch.equal(changed[:, :, INSIDE], x[:, :, INSIDE])


def test_a_network_that_looks_at_the_background_suffers(generator):
    class At(nn.Module):
        """Says 1 where one pixel is bright."""

        def __init__(self, row: int, column: int) -> None:
            super().__init__()
            self.row, self.column = row, column

        def forward(self, x):
            bright = x[:, 0, self.row, self.column]
            return torch.stack([0.5 - bright, bright - 0.5], dim=1)

    y = torch.arange(40) % 2
    x = y.view(40, 1, 1, 1).expand(40, 3, 8, 8).float()
    data = list(zip(x.split(16), y.split(16), BOXES.split(16), strict=True))
    assert corrupted_accuracy(At(3, 3), data, OtherBackground(), generator) == 1
    assert 0.2 < corrupted_accuracy(At(0, 0), data, OtherBackground(), generator) < 0.8


def test_bad_input_is_named(x):
    with pytest.raises(ValueError, match="std must be positive and finite, got 0"):
        NoisyBackground(0)
    with pytest.raises(ValueError, match=r"clip must be \(smallest, largest\) or None, got \(1.0, 0.0\)"):
        NoisyBackground(clip=(1.0, 0.0))
    with pytest.raises(ValueError, match="two images at least, or there must be a pool"):
        OtherBackground()(x[:1], BOXES[:1])
    with pytest.raises(ValueError, match=r"pool must hold images \(3, 8, 8\), got \(1, 8, 8\)"):
        OtherBackground(torch.zeros(2, 1, 8, 8))(x, BOXES)
    with pytest.raises(ValueError, match=r"with boxes for each, got \(40, 3, 8, 8\) and 3"):
        NoisyBackground()(x, BOXES[:3])
    with pytest.raises(ValueError, match="at least one batch"):
        corrupted_accuracy(nn.Identity(), [], NoisyBackground())


def test_normalised_images_are_not_cut_off_silently():
    with pytest.raises(ValueError, match=r"x must lie in clip=\(0.0, 1.0\), got values from -1"):
        NoisyBackground()(torch.full((4, 1, 8, 8), -1.0), BOXES[:4])
    assert NoisyBackground(clip=None)(torch.full((4, 1, 8, 8), -1.0), BOXES[:4]).min() < -1


@pytest.mark.parametrize(
    ("y", "pool", "warned"), [("sorted", None, 1), ("mixed", None, 0), ("sorted", torch.rand(3, 1, 8, 8), 0)]
)
def test_a_background_from_a_batch_in_class_order_is_warned_of(y, pool, warned, recwarn):
    labels = torch.arange(20) // 10
    labels = labels if y == "sorted" else labels.flip(0)
    batch = torch.rand(20, 1, 8, 8), labels, torch.tensor([[0.0, 0.0, 1.0, 1.0]] * 20)
    corrupted_accuracy(nn.Flatten(), [batch], OtherBackground(pool))
    assert len(recwarn) == warned
