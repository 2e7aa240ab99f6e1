"""Images rendered from known factors."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from mixbook.data.strokes import CANVAS, FACTORS, Law, draw_factors, render

TASK_A = Law(((-70.0, -50.0), (50.0, 80.0)))


def drawn(row: list[float], size: int) -> np.ndarray:
    """The same image by a drawing library: lines on a canvas, turned, shrunk."""
    x, y, foot, tilt, bar, height, width, angle = row
    image = Image.new("RGB", (CANVAS, CANVAS), "white")
    draw = ImageDraw.Draw(image)
    draw.line([(x, y), (x + bar, y + tilt)], fill="red", width=round(width))
    draw.line([(x + bar, y + tilt), (x + bar + foot, y + height)], fill="red", width=round(width))
    turned = image.rotate(angle, resample=Image.Resampling.BICUBIC)
    return np.asarray(turned.resize((size, size), Image.Resampling.BOX).convert("L")) / 255


def test_renders_what_a_drawing_library_draws(generator):
    factors, _ = draw_factors(40, TASK_A, generator)
    images = render(factors)
    library = np.stack([drawn(row, 64) for row in factors.tolist()])
    off = np.abs(images[:, 0].numpy() - library).mean((1, 2))
    assert images.shape == (40, 1, 64, 64) and images.dtype == torch.float32
    assert off.max() < 0.015
    # and not because the images are alike: those of other factors are further off
    assert (off < 0.3 * np.abs(images.flip(0)[:, 0].numpy() - library).mean((1, 2))).all()


def test_an_image_depends_on_its_own_factors_alone(generator):
    factors, _ = draw_factors(5, TASK_A, generator)
    torch.testing.assert_close(render(factors)[3:4], render(factors[3:4]))


def test_the_ink_is_the_area_of_the_lines():
    stem = torch.tensor([[128.0, 28, 0, 0, 0, 200, 20, 0]])  # no bar: one upright line of 200 x 20, well inside
    blank = stem.clone()
    blank[0, [5, 6]] = 0
    for angle in (0.0, 30.0, -75.0):
        stem[0, 7] = blank[0, 7] = angle
        ink = (render(blank, 128) - render(stem, 128)).sum().item() * (CANVAS / 128) ** 2
        assert ink == pytest.approx((1 - 76 / 255) * 200 * 20, rel=0.02)


def test_half_a_turn_turns_the_image(generator):
    factors, _ = draw_factors(8, TASK_A, generator)
    turned = factors.clone()
    turned[:, 7] += 180
    torch.testing.assert_close(render(turned), render(factors).flip(2, 3), atol=1e-3, rtol=0)


def test_the_bar_points_up_to_the_right_after_a_turn_anticlockwise():
    flat = torch.tensor([[60.0, 120, 0, 0, 140, 0.1, 20, 45]])  # a bar alone, turned by 45 degrees
    ink = (render(flat)[0, 0, 16:48, 16:48] < 0.5).nonzero().double()
    slope = np.polyfit(ink[:, 1], ink[:, 0], 1)[0]
    assert slope < -0.5  # rows count downwards


def test_corners_show_the_angle_up_to_a_quarter_turn_and_white_ones_show_nothing():
    blank = torch.zeros(3, 8)
    blank[:, 7] = torch.tensor([-20.0, 70.0, 20.0])
    same, quarter, other = render(blank)
    torch.testing.assert_close(same, quarter, atol=1e-3, rtol=0)
    assert (same - other).abs().max() > 0.9
    assert render(blank, outside=1.0).min() > 1 - 1e-6


def test_factors_fill_their_ranges_and_no_more(generator):
    factors, _ = draw_factors(20_000, TASK_A, generator)
    ranges = {"x": (30, 150), "y": (20, 50), "foot": (-30, 5), "tilt": (-10, 10), "bar": (0, 100), "height": (200, 200)}
    for name, bounds in ranges.items():
        found = factors[:, FACTORS.index(name)]
        assert found.min() >= bounds[0] and found.max() <= bounds[1]
        assert (found.min().item(), found.max().item()) == pytest.approx(bounds, abs=0.1)
    bar = factors[:, FACTORS.index("bar")]
    assert ((bar <= 20) | (bar >= 40)).all()  # of a "1" or of a "7"
    assert factors[:, FACTORS.index("width")].unique().tolist() == list(range(15, 36))


@pytest.mark.parametrize("label", ["angle", "digit"])
def test_labels_and_angles_follow_the_law(label, generator):
    factors, y = draw_factors(4000, Law(TASK_A.ranges, label), generator)
    angle, bar = factors[:, FACTORS.index("angle")], factors[:, FACTORS.index("bar")]
    assert (((angle > -70) & (angle < -50)) | ((angle > 50) & (angle < 80))).all()
    assert torch.equal(y, (angle > 0).long() if label == "angle" else (bar > 30).long())
    assert y.double().mean().item() == pytest.approx(0.5, abs=0.04)
    # the other of the two is independent of the label
    other = (bar > 30) if label == "angle" else (angle > 0)
    assert other[y == 1].double().mean().item() == pytest.approx(0.5, abs=0.05)


def test_what_is_refused(generator):
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        draw_factors(0, TASK_A, generator)
    with pytest.raises(ValueError, match=r"shape \(n, 8\), got \(3, 7\)"):
        render(torch.zeros(3, 7))
    with pytest.raises(ValueError, match="size must be at least 1 pixel, got 0"):
        render(torch.zeros(1, 8), 0)
    with pytest.raises(ValueError, match="outside must be a grey"):
        render(torch.zeros(1, 8), 8, 2.0)
    with pytest.raises(ValueError, match="'angle' or 'digit', got 'colour'"):
        Law(TASK_A.ranges, "colour")
