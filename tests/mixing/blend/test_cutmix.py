import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import mixbook as mb
from mixbook.mixing.blend.cutmix import CutMix
from mixbook.mixing.blend.spatial import covered
from mixbook.mixing.ratio import Beta, Fixed


def plan_of(blend, ratio, batch, height, width, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(batch, 3, height, width, generator=generator)
    return x, blend.plan(x, torch.randperm(batch, generator=generator), ratio.sample(batch, generator), generator)


def pasted(plan):
    """Where the partner shows, bool (N, H, W)."""
    return plan.masks[:, 1, 0] == 1


@settings(max_examples=60, deadline=None)
@given(
    batch=st.integers(1, 5),
    height=st.integers(1, 12),
    width=st.integers(1, 12),
    draws=st.integers(1, 4),
    scopes=st.tuples(*[st.sampled_from(["batch", "pair"])] * 2),
    inside=st.booleans(),
    alpha=st.sampled_from([0.05, 1.0]),
    seed=st.integers(0, 1000),
)
def test_a_plan_pastes_nested_boxes_and_weighs_by_what_is_left(batch, height, width, draws, scopes, inside, alpha, seed):
    height, width = (size if inside else size + 2 for size in (height, width))
    x, plan = plan_of(CutMix(scopes[0], inside), Beta(alpha, draws, scopes[1]), batch, height, width, seed)
    box = pasted(plan)
    assert plan.masks.shape == (draws * batch, 2, 1, height, width)
    assert torch.equal(plan.masks.sum(1), torch.ones(draws * batch, 1, height, width))
    torch.testing.assert_close(plan.weights, plan.masks.mean(dim=(2, 3, 4)))
    # A box is all pixels of some rows and some consecutive columns.
    rows, columns = box.any(2), box.any(1)
    assert torch.equal(box, rows[:, :, None] & columns[:, None, :])
    assert (rows.int().diff(dim=1).abs().sum(1) <= 2).all() and (columns.int().diff(dim=1).abs().sum(1) <= 2).all()
    per_draw = box.reshape(draws, batch, height, width)
    assert (per_draw[1:] <= per_draw[:-1]).all()  # lambda grows, so boxes shrink, around one place
    assert torch.equal(plan.sources[:, 0], torch.arange(batch).repeat(draws))
    assert torch.equal(plan.apply(x), torch.where(box[:, None], x[plan.sources[:, 1]], x[plan.sources[:, 0]]))


@pytest.mark.parametrize("inside", [False, True])
def test_all_weight_on_the_original_is_the_identity(inside):
    x, plan = plan_of(CutMix(inside=inside), Fixed(1.0), 4, 7, 10)
    assert torch.equal(plan.apply(x), x) and (plan.weights[:, 0] == 1).all()


def test_no_weight_on_the_original_leaves_only_what_clipping_spares():
    _, published = plan_of(CutMix("pair"), Fixed(0.0), 200, 16, 16)
    assert published.weights[:, 1].min() >= 0.25  # half of each side at least lies within
    assert published.weights[:, 1].mean() == pytest.approx(0.75**2, abs=0.03)
    x, whole = plan_of(CutMix("pair", inside=True), Fixed(0.0), 20, 15, 16)
    assert torch.equal(whole.apply(x), x[whole.sources[:, 1]])


def test_boxes_have_the_shape_of_the_image_and_not_of_its_transpose():
    _, plan = plan_of(CutMix("pair", inside=True), Fixed(0.75), 50, 8, 32)
    box = pasted(plan)
    assert (box.any(2).sum(1) == 4).all() and (box.any(1).sum(1) == 16).all()
    _, clipped = plan_of(CutMix("pair"), Fixed(0.75), 400, 8, 32)
    box = pasted(clipped)
    assert box.any(2).sum(1).max() == 4 and box.any(1).sum(1).max() == 16
    # Every row and column is reached, also those beyond the shorter side.
    assert box.any(0).all()


def test_a_box_that_stays_inside_lies_equally_often_in_every_place():
    _, plan = plan_of(CutMix("pair", inside=True), Fixed(0.75), 6000, 4, 6)  # boxes of 2 x 3: 3 places down, 4 across
    first = [pasted(plan).any(axis).float().argmax(1).bincount(minlength=1) / 6000 for axis in (2, 1)]
    for found, places in zip(first, (3, 4), strict=True):
        torch.testing.assert_close(found, torch.full((places,), 1 / places), atol=0.03, rtol=0)


def test_the_published_box_is_uniform_in_its_centre_and_its_weight_follows_from_clipping():
    lam, length = 0.64, 20  # sides of 12 pixels: 6 to each side of the centre
    _, plan = plan_of(CutMix("pair"), Fixed(lam), 20_000, length, length)
    kept = torch.tensor([min(c + 6, length) - max(c - 6, 0) for c in range(length)], dtype=torch.float64) / length
    assert plan.weights[:, 0].mean() == pytest.approx(1 - kept.mean().item() ** 2, abs=0.003)
    assert plan.weights[:, 0].min() == pytest.approx(lam) and plan.weights[:, 0].mean() > lam + 0.05


def test_inside_the_weight_is_lambda_but_for_rounding():
    for lam in (0.1, 0.5, 0.9):
        _, plan = plan_of(CutMix("pair", inside=True), Fixed(lam), 50, 64, 48)
        assert plan.weights[:, 0].min() == plan.weights[:, 0].max() == pytest.approx(lam, abs=0.02)


def test_scope_decides_whether_the_batch_shares_a_box():
    _, shared = plan_of(CutMix(), Beta(1.0), 30, 16, 16, seed=3)
    _, own = plan_of(CutMix("pair"), Fixed(0.7), 30, 16, 16, seed=3)
    assert (pasted(shared) == pasted(shared)[:1]).all()
    assert len(pasted(own).flatten(1).unique(dim=0)) > 20
    assert shared.masks.stride(0) == 0  # and stores it once


def test_the_preset_mixes_batches_first_or_second_and_hidden_feature_maps(generator):
    x, y = torch.rand(6, 3, 8, 8, generator=generator), torch.arange(6)
    mixed, targets = mb.cutmix(1.0, 6, draws=3, generator=generator)(x, y)
    assert mixed.shape == (18, 3, 8, 8) and torch.allclose(targets.sum(1), torch.ones(18))
    mixed, _ = mb.cutmix(1.0, 6, generator=generator)(x, y, x + 10, y)
    assert ((mixed < 1) | (mixed >= 10)).all()
    hidden = mb.ManifoldMixer(torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Flatten()), ["0"], mb.cutmix(1.0, 6))
    assert hidden(x, y)[0].shape == (6, 4 * 6 * 6)
    first, second = (mb.cutmix(1.0, 6, generator=torch.Generator().manual_seed(1))(x, y)[0] for _ in range(2))
    assert torch.equal(first, second)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match=r"per must be one of .* got 'image'"):
        CutMix("image")
    with pytest.raises(ValueError, match=r"images of shape \(rows, channels, height, width\), got x of shape \(4, 9\)"):
        mb.cutmix(1.0, 2)(torch.rand(4, 9), torch.tensor([0, 1, 0, 1]))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 100), (100, 1), (2, 2), (2, 9)])
def test_images_too_small_for_any_box_are_refused_unless_boxes_stay_inside(height, width):
    lam = Beta(1.0, draws=50, per="pair")
    advice = "mix at an earlier" if height * width == 1 else r"take CutMix\(inside=True\), .*, or mix at an earlier"
    with pytest.raises(ValueError, match=f"no box of whole pixels fits into {height} x {width}, .*: {advice}"):
        plan_of(CutMix("pair"), lam, 20, height, width)
    assert pasted(plan_of(CutMix("pair", inside=True), lam, 20, height, width)[1]).any()
    # The limit is sharp: a pixel more on the shorter side, and some boxes hold pixels.
    assert pasted(plan_of(CutMix("pair"), lam, 20, max(3, height), max(3, width))[1]).any()


def test_rows_whose_box_holds_no_pixel_count_as_not_mixed():
    _, plan = plan_of(CutMix("pair"), Beta(1.0, per="pair"), 400, 4, 4)
    empty = ~pasted(plan).flatten(1).any(1)
    own = plan.sources[:, 0] == plan.sources[:, 1]
    assert empty.float().mean() > 0.1
    assert plan.self_matches == pytest.approx((empty | own).float().mean().item())


@pytest.mark.parametrize("inside", [False, True])
def test_numbers_and_tensors_give_the_same_boxes_and_weights(inside, generator):
    blend = CutMix("pair", inside=inside)
    lam, place = torch.rand(3, 50, generator=generator), torch.rand(2, 1, 50, dtype=torch.float64, generator=generator)
    ends = blend._ends(lam.double(), place, torch.tensor([7, 12])[:, None, None])
    boxes = covered(*ends, 7, 12)
    weights, masks = blend._pasted(lam, place, 7, 12)
    assert torch.equal(masks, torch.stack([~boxes, boxes], dim=2).float())
    weight = (~boxes).mean(dim=(2, 3), dtype=torch.float64).float()
    assert torch.equal(weights, torch.stack([weight, 1 - weight], dim=2))
