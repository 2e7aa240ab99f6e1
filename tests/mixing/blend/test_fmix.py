import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import mixbook as mb
from mixbook.mixing.blend.fmix import FMix, smooth_noise
from mixbook.mixing.ratio import Beta, Fixed


def plan_of(blend, ratio, batch, height, width, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(batch, 3, height, width, generator=generator)
    lam = ratio.sample(batch, generator)
    return x, lam, blend.plan(x, torch.randperm(batch, generator=generator), lam, generator)


@settings(max_examples=60, deadline=None)
@given(
    batch=st.integers(1, 5),
    height=st.integers(1, 12),
    width=st.integers(1, 12),
    draws=st.integers(1, 4),
    scopes=st.tuples(*[st.sampled_from(["batch", "pair"])] * 2),
    max_soft=st.sampled_from([0.0, 0.1, 0.5]),
    alpha=st.sampled_from([0.05, 1.0]),
    seed=st.integers(0, 1000),
)
def test_masks_are_nested_and_their_means_are_lambda_to_a_pixel(batch, height, width, draws, scopes, max_soft, alpha, seed):
    blend = FMix(scopes[0], max_soft=max_soft)
    x, lam, plan = plan_of(blend, Beta(alpha, draws, scopes[1]), batch, height, width, seed)
    original, partner = plan.masks[:, 0], plan.masks[:, 1]
    torch.testing.assert_close(original + partner, torch.ones_like(original))
    torch.testing.assert_close(plan.weights, plan.masks.mean(dim=(2, 3, 4)))
    assert (plan.weights[:, 0] - lam.flatten()).abs().max() <= 1 / (height * width) + 1e-5
    per_draw = original.reshape(draws, batch, height, width)
    assert (per_draw.diff(dim=0) >= -1e-6).all()
    if max_soft == 0:
        assert ((original == 0) | (original == 1)).all()
    first, second = x[plan.sources[:, 0]], x[plan.sources[:, 1]]
    torch.testing.assert_close(plan.apply(x), original * first + partner * second)


@pytest.mark.parametrize("max_soft", [0.0, 0.3])
def test_the_ends_show_one_image_only(max_soft):
    x, _, plan = plan_of(FMix("pair", max_soft=max_soft), Fixed(0.0, 1.0), 6, 7, 10)
    assert torch.equal(plan.apply(x), torch.cat([x[plan.sources[:6, 1]], x]))


def test_rounding_is_right_on_average():
    _, _, plan = plan_of(FMix("pair"), Fixed(0.3), 4000, 3, 3)
    counts = plan.weights[:, 0] * 9
    assert counts.mean() == pytest.approx(2.7, abs=0.04)
    assert sorted(counts.round().unique().tolist()) == [2, 3]


def test_soft_edges_are_as_wide_as_asked_and_narrow_at_the_ends():
    for lam, width in ((0.5, 0.4), (0.1, 0.2)):
        _, _, plan = plan_of(FMix(max_soft=0.2), Fixed(lam), 1, 40, 40)
        edge = ((plan.masks[0, 0] > 0) & (plan.masks[0, 0] < 1)).float().mean()
        assert edge == pytest.approx(width, abs=0.005)


@pytest.mark.parametrize("decay", [0.0, 1.5, 3.0])
def test_amplitudes_fall_with_frequency_to_the_power_of_the_decay(decay, generator):
    size = 48
    noise = smooth_noise(200, size, size, decay, generator=generator).numpy()
    amplitude = np.sqrt((np.abs(np.fft.fft2(noise)) ** 2).mean(0))
    down, across = np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size), indexing="ij")
    radius = np.hypot(down, across)
    chosen = radius > 1.5 / size
    slope = np.polyfit(np.log(radius[chosen]), np.log(amplitude[chosen]), 1)[0]
    assert slope == pytest.approx(-decay, abs=0.03)


def mirrored(image: torch.Tensor) -> torch.Tensor:
    """The image turned by half a turn about its first pixel, on the torus."""
    return image.flip(-2, -1).roll((1, 1), (-2, -1))


def test_the_real_spectrum_makes_masks_symmetric_about_a_point_and_ours_does_not(generator):
    for legacy, symmetric in (("real", True), ("rows", False), (None, False)):
        noise = smooth_noise(20, 32, 32, legacy=legacy, generator=generator)
        assert torch.allclose(noise, mirrored(noise), atol=1e-9 * noise.abs().max().item()) == symmetric
        mask = plan_of(FMix("pair", legacy=legacy), Fixed(0.5), 20, 32, 32)[2].masks[:, 0, 0]
        differ = (mask != mirrored(mask)).sum(dim=(1, 2))
        assert (differ <= 2).all() if symmetric else (differ > 50).all()  # the level may divide one mirrored pair


def energy(noise: torch.Tensor, axis: int) -> torch.Tensor:
    """Share of the noise's energy at each frequency along one axis."""
    power = torch.fft.rfft(noise, dim=axis).abs().square().sum(dim=tuple({0, 1, 2} - {axis}))
    return power / power.sum()


def test_rows_taken_for_parts_leave_two_frequencies_along_the_width(generator):
    rows = smooth_noise(200, 32, 32, 1.5, legacy="rows", generator=generator)
    ours = smooth_noise(200, 32, 32, 1.5, generator=generator)
    assert energy(rows, 2)[2:].sum() < 1e-20 < 0.01 < energy(rows, 1)[2:].sum()
    torch.testing.assert_close(energy(ours, 2), energy(ours, 1), rtol=0.2, atol=0.01)


def edges(mask: torch.Tensor) -> float:
    """Boundary pixels met along the width, relative to those met along the height."""
    return ((mask.diff(dim=-1) != 0).sum() / (mask.diff(dim=-2) != 0).sum()).item()


def test_only_the_released_masks_have_a_preferred_direction(generator):
    ratio = {}
    for legacy in ("rows", "real", None):
        noise = smooth_noise(2000, 32, 32, legacy=legacy, generator=generator)
        ratio[legacy] = edges(noise > 0)
    assert ratio[None] == pytest.approx(1, abs=0.05)
    assert ratio["rows"] > 1.2 and ratio["real"] > 1.2


def test_noise_of_an_oblong_image_turned_is_that_of_the_turned_image(generator):
    wide, high = (edges(smooth_noise(4000, *size, generator=generator) > 0) for size in ((12, 20), (20, 12)))
    assert abs(wide - 1) > 0.1 and wide * high == pytest.approx(1, abs=0.05)


def test_scope_decides_whether_the_batch_shares_a_mask():
    shared, own = (plan_of(FMix(per), Fixed(0.5), 30, 16, 16)[2].masks for per in ("batch", "pair"))
    assert (shared == shared[:1]).all() and shared.stride(0) == 0
    assert len(own[:, 0].flatten(1).unique(dim=0)) == 30


def test_the_preset_mixes_with_draws_and_reproduces(generator):
    x, y = torch.rand(6, 3, 9, 8, generator=generator), torch.arange(6)
    first, second = (mb.fmix(1.0, 6, draws=3, generator=torch.Generator().manual_seed(1))(x, y) for _ in range(2))
    assert first[0].shape == (18, 3, 9, 8) and torch.equal(first[0], second[0])
    torch.testing.assert_close(first[1].sum(1), torch.ones(18))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FMix("image"), r"per must be one of .* got 'image'"),
        (lambda: FMix(decay=-1.0), r"decay must lie in \[0, 50\], got -1\.0"),
        (lambda: FMix(decay=250), r"decay must lie in \[0, 50\], got 250"),
        (lambda: FMix(max_soft=0.6), r"max_soft must lie in \[0, 0\.5\], got 0\.6"),
        (lambda: FMix(legacy="numpy"), r"legacy must be None or one of .* got 'numpy'"),
        (lambda: smooth_noise(1, 1, 8, legacy="rows"), "at least 2 rows, got height 1"),
        (lambda: mb.fmix(1.0, 2)(torch.rand(2, 9), torch.tensor([0, 1])), r"images of shape .* got x of shape \(2, 9\)"),
    ],
)
def test_bad_input_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_the_lowest_frequency_is_one_wave_along_the_longer_side(generator):
    power = torch.fft.rfft2(smooth_noise(2000, 4, 16, decay=2.0, generator=generator)).abs().square().mean(0)
    assert power[0, 1] / power[0, 2] == pytest.approx(2.0**4, rel=0.15)  # waves of 16 and of 8 pixels
    assert power[0, 0] / power[0, 1] == pytest.approx(1.0, rel=0.15)  # the mean counts as one such wave
