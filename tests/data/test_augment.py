import math

import pytest
import torch

from mixbook.data import Augment, Cutout, Flip, InputNoise, Rotate, Shift

CHANGES = [Cutout(4), InputNoise(0.3), Shift(2), Flip(), Rotate(20)]
each_change = pytest.mark.parametrize("change", CHANGES, ids=lambda change: type(change).__name__)


@pytest.fixture
def images(generator):
    return torch.rand(40, 3, 10, 14, generator=generator) + 1  # no pixel is 0


@each_change
def test_the_generator_decides_and_the_batch_is_left_alone(change, images):
    before, state = images.clone(), torch.get_rng_state()
    first, again, other = (change(images, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.shape == images.shape and first.dtype == images.dtype
    assert torch.equal(images, before) and torch.equal(torch.get_rng_state(), state)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@each_change
def test_a_seed_gives_the_same_samples_on_a_gpu(change, images):
    cpu, gpu = (change(images.to(device), torch.Generator().manual_seed(1)) for device in ("cpu", "cuda"))
    assert gpu.device.type == "cuda"
    assert torch.allclose(gpu.cpu(), cpu, atol=1e-5)


@each_change
def test_samples_are_changed_one_by_one(change, images):
    """Equal images come out different: each draws its own."""
    same = images[:1].expand(40, -1, -1, -1)
    assert len(change(same, torch.Generator().manual_seed(0)).unique(dim=0)) > 1


@each_change
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_floats_keep_their_dtype(change, images, dtype):
    assert change(images.to(dtype), torch.Generator().manual_seed(0)).dtype == dtype


@each_change
def test_bytes_are_refused_with_advice(change):
    with pytest.raises(TypeError, match=r"uint8.*float\(\) / 255"):
        change(torch.zeros(2, 3, 8, 8, dtype=torch.uint8))


@pytest.mark.parametrize("change", [Cutout(4), Shift(2), Flip(), Rotate(20)])
def test_a_change_of_images_refuses_rows(change):
    with pytest.raises(ValueError, match=r"\(B, channels, H, W\), got \(5, 7\)"):
        change(torch.zeros(5, 7))


@pytest.mark.parametrize("size", [1, 4, 5, 40])
def test_cutout_blanks_one_clipped_square_in_all_channels(size, images, generator):
    hole = Cutout(size, fill=-1.0)(images, generator) == -1
    assert torch.equal(hole.any(1), hole.all(1))
    hole = hole[:, 0]
    rows, columns = hole.any(2), hole.any(1)
    assert torch.equal(hole, rows[:, :, None] & columns[:, None, :])  # a rectangle
    for sides in (rows.sum(1), columns.sum(1)):
        assert sides.max() <= size and sides.min() >= 1
    if size == 40:
        assert hole.all()
    if size == 4:  # clipped at the border, whole inside
        assert sides.min() < 4 and sides.max() == 4


def test_the_centre_of_cutout_is_any_pixel(generator):
    hole = Cutout(1)(torch.ones(20_000, 1, 4, 5), generator) == 0
    share = hole.float().mean(0)
    assert hole.flatten(1).sum(1).eq(1).all()
    assert share == pytest.approx(torch.full((1, 4, 5), 1 / 20), abs=0.008)


def test_input_noise_has_its_deviation_and_takes_any_shape(generator):
    x = torch.zeros(20_000, 3)
    assert InputNoise(0.3)(x, generator).std() == pytest.approx(0.3, rel=0.02)


def test_a_shift_is_a_window_of_the_padded_image(images, generator):
    padded = torch.nn.functional.pad(images, [2] * 4)
    windows = torch.stack([padded[:, :, i : i + 10, j : j + 14] for i in range(5) for j in range(5)])
    hits = (windows == Shift(2)(images, generator)).flatten(2).all(2)
    assert hits.sum(0).eq(1).all()  # each image is one of the 25, and they are all different
    assert len(hits.nonzero()[:, 0].unique()) > 12


def test_flips_come_at_their_rate_and_are_mirror_images(images, generator):
    many = images.repeat(50, 1, 1, 1)
    flipped = Flip(0.3)(many, generator)
    mirrored = (flipped == many.flip(3)).flatten(1).all(1)
    assert torch.equal(flipped[~mirrored], many[~mirrored])
    assert mirrored.float().mean() == pytest.approx(0.3, abs=0.04)


def test_a_rotation_turns_about_the_centre_and_keeps_lengths(generator):
    """A small bright spot goes to where the angle says, also in an image that is not square."""
    x = torch.zeros(200, 1, 41, 61)
    x[:, :, 20 - 1 : 20 + 2, 30 + 12 - 1 : 30 + 12 + 2] = 1  # 12 pixels right of the centre
    turned = Rotate(30)(x, generator)[:, 0]
    weight = turned / turned.sum((1, 2), keepdim=True)
    row = (weight.sum(2) * torch.arange(41)).sum(1) - 20
    column = (weight.sum(1) * torch.arange(61)).sum(1) - 30
    assert torch.hypot(row, column) == pytest.approx(torch.full((200,), 12.0), abs=0.1)
    angle = torch.atan2(row, column).abs()
    assert angle.max() <= math.radians(30) + 0.01 and angle.max() > math.radians(27)
    assert angle.mean() == pytest.approx(math.radians(15), abs=math.radians(2))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_rotation_in_half_precision_is_that_in_single_rounded(dtype):
    ramp = torch.linspace(0, 1, 64).expand(4, 1, 64, 64).to(dtype)
    exact, half = (Rotate(20)(x, torch.Generator().manual_seed(0)) for x in (ramp.float(), ramp))
    assert half.dtype == dtype and torch.equal(half, exact.to(dtype))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(Rotate(20)(ramp.float(), torch.Generator().manual_seed(0)), exact)


@each_change
def test_a_batch_of_nothing_stays_one(change, images):
    assert change(images[:0]).shape == (0, 3, 10, 14)


def test_copies_follow_one_another_with_their_labels(images, generator):
    y = torch.arange(40)
    x, labels = Augment(InputNoise(1e-3), repeats=3)(images, y, generator)
    assert torch.equal(labels, y.repeat(3))
    assert torch.allclose(x, images.repeat(3, 1, 1, 1), atol=0.01)
    assert not torch.equal(x[:40], x[40:80])


def test_changes_are_applied_in_order(images):
    both = Augment(InputNoise(0.1), Cutout(4))(images, torch.zeros(40), torch.Generator().manual_seed(3))[0]
    generator = torch.Generator().manual_seed(3)
    assert torch.equal(both, Cutout(4)(InputNoise(0.1)(images, generator), generator))
    assert (both == 0).any()  # noise after the hole would have filled it


@pytest.mark.parametrize("wrong", [[Shift(4), Flip()], Flip])
def test_what_changes_nothing_is_refused_when_it_is_made(wrong):
    with pytest.raises(TypeError, match=r"changes must be given one by one, such as Augment\(Shift\(4\), Flip\(\)\), got"):
        Augment(wrong)


def test_nothing_to_do_is_the_identity(images):
    x, y = Augment()(images, torch.arange(40))
    assert torch.equal(x, images) and torch.equal(y, torch.arange(40))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Cutout(0), "size must be at least 1, got 0"),
        (lambda: Shift(0), "pixels must be at least 1"),
        (lambda: InputNoise(0.0), "std must be positive"),
        (lambda: Flip(1.5), r"p must lie in \[0, 1\]"),
        (lambda: Rotate(0), r"degrees must lie in \(0, 180\]"),
        (lambda: Augment(Flip(), repeats=0), "repeats must be at least 1"),
        (lambda: Augment(repeats=5), "equal copies"),
    ],
)
def test_bad_settings_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_shift_goes_equally_far_to_all_sides(generator):
    x = torch.zeros(5000, 1, 7, 7)
    x[:, :, 3, 3] = 1
    moved = Shift(2)(x, generator)[:, 0]
    for axis in (1, 2):
        share = moved.sum(axis).argmax(1).bincount(minlength=7) / 5000
        torch.testing.assert_close(share, torch.tensor([0, 0.2, 0.2, 0.2, 0.2, 0.2, 0]), atol=0.03, rtol=0)
