import math

import pytest
import torch
from torch import Tensor

from mixbook.evaluation import deform, deformation
from mixbook.evaluation.deformations import TABLE_9, Rotation, Shear, Zoom


class Fixed:
    """A deformation by one matrix for all images."""

    def __init__(self, *rows: tuple[float, float]) -> None:
        self.matrix = torch.tensor(rows)

    def matrices(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        return self.matrix.expand(count, 2, 2)


def turn(degrees: float) -> Fixed:
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return Fixed((cos, -sin), (sin, cos))


@pytest.fixture
def images(generator):
    return torch.rand(5, 3, 8, 8, generator=generator)


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_quarter_turns_are_exact(quarters, images):
    assert torch.equal(deform(images, turn(90 * quarters)), images.rot90(-quarters, (2, 3)))


def test_rounding_of_a_right_angle_moves_no_pixel_of_an_oblong_image(generator):
    x = torch.rand(2, 1, 6, 9, generator=generator)  # whose rows land halfway between columns
    right = torch.tensor(math.pi / 2)
    cos, sin = float(right.cos()), float(right.sin())  # of single precision, so that cos is not 0
    assert torch.equal(deform(x, Fixed((cos, -sin), (sin, cos))), deform(x, Fixed((0.0, -1.0), (1.0, 0.0))))
    assert torch.equal(deform(x, Fixed((cos, sin), (-sin, cos))), deform(x, Fixed((0.0, 1.0), (-1.0, 0.0))))


def test_a_shear_moves_columns_by_their_distance_from_the_middle(generator):
    x = torch.rand(2, 3, 7, 7, generator=generator)  # odd, so that the middle is a pixel
    moved = deform(x, Fixed((1.0, -1.0), (0.0, 1.0)))
    for column in range(7):
        down = column - 3
        expected = x[..., column].roll(down, dims=2)
        expected[:, :, : max(down, 0)] = 0
        expected[:, :, 7 + min(down, 0) :] = 0
        assert torch.equal(moved[..., column], expected)


def test_zooming_in_shows_the_middle_and_zooming_out_puts_black_around(images):
    inside = deform(images, Zoom(0.5))
    assert torch.equal(inside, images[:, :, 2:6, 2:6].repeat_interleave(2, 2).repeat_interleave(2, 3))
    outside = deform(images, Zoom(2.0))
    assert not outside[:, :, :2].any() and not outside[:, :, 6:].any() and not outside[..., :2].any()
    kept = outside[:, :, 2:6, 2:6].flatten()
    assert kept.all()
    assert torch.isin(kept, images).all()
    assert torch.equal(deform(images, Zoom(1.0)), images)


def test_outside_is_filled_and_oblong_images_keep_their_shape(generator):
    x = torch.rand(2, 1, 6, 10, generator=generator)
    out = deform(x, turn(90), fill=7.0)
    assert out.shape == x.shape
    assert (out[..., :2] == 7).all() and (out[..., 8:] == 7).all()
    assert torch.equal(out[..., 2:8], x[..., 2:8].rot90(-1, (2, 3)))


def test_the_released_centre_lies_one_pixel_off(images):
    out = deform(images, turn(180), centre="released")
    half = images.rot90(2, (2, 3))
    assert torch.equal(out[:, :, 2:, 2:], half[:, :, :-2, :-2])  # about 4.5 instead of 3.5
    assert not out[:, :, 0].any()


def test_each_image_has_its_own_angle_within_the_range(generator):
    angles = torch.atan2(*Rotation(40).matrices(4000, generator)[:, :, 0].T.flip(0)).rad2deg()
    assert angles.abs().max() <= 40
    assert angles.std().item() == pytest.approx(80 / 12**0.5, rel=0.05)
    shears = Shear(2.5).matrices(4000, generator)
    angle = torch.atan2(-shears[:, 0, 1], shears[:, 1, 1])
    torch.testing.assert_close(shears[:, :, 0], torch.tensor([1.0, 0.0]).expand(4000, 2))
    torch.testing.assert_close(shears[:, 0, 1] ** 2 + shears[:, 1, 1] ** 2, torch.ones(4000))
    assert angle.std().item() == pytest.approx(5 / 12**0.5, rel=0.05)


def test_autocast_moves_no_pixel(generator):
    x, how = torch.rand(4, 1, 64, 64, generator=generator), deformation("rotation_20")
    plain = deform(x, how, generator=torch.Generator().manual_seed(1))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(deform(x, how, generator=torch.Generator().manual_seed(1)), plain)


def test_the_same_seed_gives_the_same_images(images):
    first, again, other = (deform(images, Shear(1.0), torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_rows_of_table_9_are_what_they_say():
    kinds = [type(deformation(name)) for name in TABLE_9]
    assert [kinds.count(kind) for kind in (Rotation, Shear, Zoom)] == [4, 5, 8]
    assert [deformation(name).radians for name in TABLE_9 if name.startswith("shear")] == [0.5, 1, 2, 2.5, 3]
    assert deformation("shear_20").radians == pytest.approx(math.radians(20))
    assert [deformation(f"shear_{degrees}").radians for degrees in (28.6, 28.7)] == [0.5, pytest.approx(math.radians(28.7))]
    assert deformation("rotation_40") == Rotation(40)
    assert deformation("zoomin_60") == Zoom(0.6)
    assert deformation("zoomout_140") == Zoom(1.4)


@pytest.mark.parametrize("name", ["turn_20", "rotation", "rotation_far", ""])
def test_unknown_names_are_refused(name):
    with pytest.raises(ValueError, match=f"name must be one such as rotation_20, .*, got '{name}'"):
        deformation(name)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Rotation(0), r"degrees must lie in \(0, 180\], got 0"),
        (lambda: Shear(28.6), r"radians must lie in \(0, pi\], got 28.6: 28.6 degrees are 0.5"),
        (lambda: Zoom(0), "factor must be positive and finite, got 0"),
        (lambda: deform(torch.zeros(3, 8, 8), Zoom(1)), r"x must be images of shape .*, got \(3, 8, 8\)"),
        (lambda: deform(torch.zeros(1, 1, 8, 8), Zoom(1), centre="left"), "centre must be one of .*, got 'left'"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("name", ["zoomin_120", "zoomout_60"])
def test_zooming_in_that_shrinks_and_out_that_grows_are_refused(name):
    with pytest.raises(ValueError, match=f"zoomin must be below 100 per cent and zoomout above, got '{name}'"):
        deformation(name)
