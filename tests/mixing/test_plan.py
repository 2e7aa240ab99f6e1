import itertools
from functools import partial

import pytest
import torch
from torch.nn import functional as F
from torch.utils.data._utils.pin_memory import pin_memory

import mixbook as mb
from mixbook.mixing.plan import MixPlan


@pytest.fixture
def plan(generator):
    sources = torch.randint(0, 6, (12, 2), generator=generator)
    weight = torch.rand(12, generator=generator)
    return MixPlan(sources, torch.stack([weight, 1 - weight], 1), rows=6)


def test_apply_and_targets_are_products_with_the_matrix(plan, generator):
    x = torch.rand(6, 3, 4, 4, generator=generator)
    y = torch.randint(0, 5, (6,), generator=generator)
    W = plan.matrix()
    torch.testing.assert_close(plan.apply(x), torch.einsum("nr,rchw->nchw", W, x))
    torch.testing.assert_close(plan.targets(y, 5), W @ torch.nn.functional.one_hot(y, 5).float())
    soft = torch.rand(6, 7, generator=generator)
    torch.testing.assert_close(plan.targets(soft), W @ soft)


def test_mixed_losses_weigh_the_losses_with_each_source_s_target(plan, generator):
    outputs, y = torch.randn(12, 5, generator=generator), torch.randint(0, 5, (6,), generator=generator)
    every = torch.stack([F.cross_entropy(outputs, y[r].expand(12), reduction="none") for r in range(6)], dim=1)
    losses = plan.loss(partial(F.cross_entropy, reduction="none"), outputs, y)
    torch.testing.assert_close(losses, (plan.matrix() * every).sum(1))
    # Linear in the target, so the same as the loss with the mixed target; a squared error is not.
    torch.testing.assert_close(losses, F.cross_entropy(outputs, plan.targets(y, 5), reduction="none"))
    values = torch.rand(6, 1, generator=generator)

    def squared(prediction, target):
        return (prediction - target).square().mean(1)

    assert (plan.loss(squared, outputs, values) > squared(outputs, plan.targets(values)) + 1e-6).any()


@pytest.mark.parametrize(
    "blend",
    [mb.Linear(), mb.CutMix("pair"), mb.FMix("pair", max_soft=0.3), mb.PuzzleMix(lambda x, y: x.mean(1), grids=(2,))],
)
@pytest.mark.parametrize("draws", [1, 2])
def test_losses_of_pixels_are_those_of_what_each_pixel_shows(blend, draws, generator):
    x, y = torch.rand(6, 3, 8, 8, generator=generator), torch.randint(0, 5, (6, 8, 8), generator=generator)
    plan = mb.Mixer(ratio=mb.Beta(1.0, draws, "pair"), blend=blend, generator=generator).plan(x, y)
    outputs = torch.randn(len(plan), 5, 8, 8, generator=generator)
    losses = plan.loss(partial(F.cross_entropy, reduction="none"), outputs, y)
    torch.testing.assert_close(losses, F.cross_entropy(outputs, plan.pixel_targets(y, 5), reduction="none"))
    # Maps of numbers, with an axis of channels.
    far = plan.loss(lambda found, want: (found - want).abs().mean(1), outputs[:, :3], x)
    maps = [plan._source(x, s) for s in range(2)]
    share = plan.weights[:, :, None, None, None] if plan.masks is None else plan.masks
    torch.testing.assert_close(far, sum(share[:, s, 0] * (outputs[:, :3] - maps[s]).abs().mean(1) for s in range(2)))


@pytest.mark.parametrize("mix", [mb.cutmix(1.0), mb.fmix(1.0)], ids=["cutmix", "fmix"])
def test_one_loss_for_a_map_is_refused_where_its_pixels_show_different_samples(mix, generator):
    def averaged(outputs, y):
        return F.cross_entropy(outputs, y, reduction="none").mean((1, 2))

    plan = mix.plan(torch.rand(6, 3, 8, 8, generator=generator), generator=generator)
    outputs, y = torch.zeros(6, 5, 8, 8), torch.zeros(6, 8, 8, dtype=torch.int64)
    with pytest.raises(ValueError, match=r"for each pixel, \(6, 8, 8\), got \(6,\): .* take plan\.pixel_targets"):
        plan.loss(averaged, outputs, y)
    with pytest.raises(ValueError, match=r"masks are for images \(rows, channels, 8, 8\)"):
        plan.loss(partial(F.cross_entropy, reduction="none"), outputs[..., :4], y[..., :4])
    uniform = mb.mixup(1.0).plan(torch.rand(6, 3, 8, 8, generator=generator), generator=generator)
    assert uniform.loss(averaged, outputs, y).shape == (6,)


def test_maps_of_another_size_than_the_masks_may_have_one_loss_each(generator):
    plan = mb.cutmix(generator=generator).plan(torch.rand(4, 3, 8, 8))
    outputs, y = torch.rand(4, 2, 4, 4), torch.rand(4, 2, 4, 4)
    found = plan.loss(lambda z, t: (z - t).square().mean((1, 2, 3)), outputs, y)
    each = torch.stack([(outputs - y[plan.sources[:, s]]).square().mean((1, 2, 3)) for s in (0, 1)], dim=1)
    torch.testing.assert_close(found, (plan.weights * each).sum(1))


def test_a_loss_that_is_already_averaged_is_refused(plan):
    with pytest.raises(ValueError, match=r"must give shape \(12,\), got \(\): pass reduction='none'"):
        plan.loss(F.cross_entropy, torch.zeros(12, 5), torch.zeros(6, dtype=torch.int64))
    with pytest.raises(ValueError, match="y has 5 rows"):
        plan.loss(F.cross_entropy, torch.zeros(12, 5), torch.zeros(5, dtype=torch.int64))


def test_self_matches_are_the_rows_with_one_sample_only():
    plan = MixPlan(torch.tensor([[0, 0], [1, 0], [2, 2], [3, 1]]), torch.full((4, 2), 0.5), rows=4)
    assert plan.self_matches == 0.5
    weights = torch.tensor([[0.0, 1.0], [1.0, 0.0], [0.3, 0.7], [0.7, 0.3]])
    assert MixPlan(plan.sources, weights, rows=4).self_matches == 0.75
    three = MixPlan(torch.tensor([[0, 1, 0], [0, 1, 0]]), torch.tensor([[0.4, 0.0, 0.6], [0.4, 0.2, 0.4]]), rows=2)
    assert three.self_matches == 0.5


def test_a_sample_mixed_with_itself_keeps_its_whole_weight():
    plan = MixPlan(torch.tensor([[0, 0], [1, 0]]), torch.tensor([[0.3, 0.7], [0.3, 0.7]]), rows=2)
    torch.testing.assert_close(plan.targets(torch.tensor([1, 0]), 2), torch.tensor([[0.0, 1.0], [0.3, 0.7]]))


def test_apply_does_not_change_its_input_and_keeps_its_dtype(plan, generator):
    for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16):
        x = torch.rand(6, 4, generator=generator).to(dtype)
        before = x.clone()
        assert plan.apply(x).dtype == dtype
        assert torch.equal(x, before)


def test_the_order_of_rows_and_the_layout_in_memory_change_nothing(generator):
    x = torch.rand(6, 3, 4, 4, generator=generator)
    partner, weight = torch.randperm(6, generator=generator), torch.rand(6, generator=generator)
    shuffled = torch.randperm(6, generator=generator)
    sources, weights = torch.stack([torch.arange(6), partner], 1), torch.stack([weight, 1 - weight], 1)
    in_order, other = MixPlan(sources, weights, rows=6), MixPlan(sources[shuffled], weights[shuffled], rows=6)
    assert torch.equal(in_order.apply(x)[shuffled], other.apply(x))
    last = x.to(memory_format=torch.channels_last)
    for plan in (in_order, other):
        mixed = plan.apply(last)
        assert torch.equal(mixed, plan.apply(x)) and mixed.is_contiguous(memory_format=torch.channels_last)


def test_half_precision_keeps_the_digits_of_the_weights():
    weight = torch.tensor(0.5003)  # bfloat16 has 8 bits: it would round this weight to 0.5
    plan = MixPlan(torch.tensor([[0, 1]]), torch.stack([weight, 1 - weight])[None], rows=2)
    x = torch.tensor([[256.0], [-256.0]], dtype=torch.bfloat16)
    assert plan.apply(x).item() == pytest.approx(512 * 0.5003 - 256, rel=0.01)


def test_gradients_of_apply_are_right(plan, generator):
    x = torch.rand(6, 2, dtype=torch.float64, generator=generator, requires_grad=True)
    assert torch.autograd.gradcheck(plan.apply, (x,))


@pytest.mark.parametrize(
    ("sources", "weights", "message"),
    [
        (torch.zeros(3, dtype=torch.int64), torch.ones(3), r"shape \(N, S\)"),
        (torch.zeros(3, 2, dtype=torch.int64), torch.ones(3, 1), r"shape \(N, S\)"),
        (torch.tensor([[0, 9]]), torch.tensor([[0.5, 0.5]]), r"sources must lie in \[0, 4\), got 0 to 9"),
        (torch.tensor([[0, 1]]), torch.tensor([[0.5, 0.4]]), "must sum to 1"),
    ],
)
def test_an_inconsistent_plan_is_refused(sources, weights, message):
    with pytest.raises(ValueError, match=message):
        MixPlan(sources, weights, rows=4)


HALVES = torch.full((1, 2, 1, 4, 4), 0.5)


def test_a_last_share_that_rounding_makes_negative_is_taken(generator):
    weights = torch._sample_dirichlet(torch.full((128, 3), 0.05), generator)
    weights = torch.stack([weights[:, 0], weights[:, 1], 1 - weights[:, 0] - weights[:, 1]], 1)
    masks = (20 * torch.randn(128, 3, 1, 6, 6, generator=generator)).softmax(1)
    masks[:, 2] = 1 - masks[:, :2].sum(1)
    assert -1e-6 < weights.min() < 0 and -1e-6 < masks.min() < 0
    sources = torch.arange(128)[:, None].expand(-1, 3)
    made = MixPlan(sources, weights, rows=128), MixPlan(sources, masks.mean((2, 3, 4)), rows=128, masks=masks)

    class OnesOwn:
        def plan(self, x, partner, lam, generator=None, y=None):
            return made[0]

    assert mb.Mixer(blend=OnesOwn()).plan(torch.rand(128, 2)) is made[0]


@pytest.mark.parametrize(
    ("weights", "masks", "message"),
    [
        ([1.5, -0.5], None, "weights must be at least 0, got -0.5"),
        ([torch.nan, 1.0], None, "must sum to 1"),
        ([0.5, 0.5], 1.8 * HALVES, "masks must sum to 1 .* got sums from 1.8 to 1.8"),
        ([0.5, 0.5], torch.nan * HALVES, "masks must sum to 1"),
        ([0.5, 0.5], HALVES + torch.tensor([1.0, -1.0])[:, None, None, None], "masks must be at least 0, got -0.5"),
    ],
)
def test_shares_that_are_no_mixture_are_refused(weights, masks, message):
    with pytest.raises(ValueError, match=message):
        MixPlan(torch.tensor([[0, 1]]), torch.tensor([weights]), rows=2, masks=masks)
    MixPlan(torch.tensor([[0, 1]]), torch.tensor([weights]), rows=2, masks=masks, check=False)  # nothing is looked at


def test_a_plan_of_pairs_is_the_plan_with_these_sources(generator):
    partner, lam = torch.randperm(5, generator=generator), torch.rand(15, generator=generator)
    weights, x = torch.stack([lam, 1 - lam], 1), torch.rand(5, 4, generator=generator)
    for draws in (1, 3):
        sources = torch.stack([torch.arange(5), partner], 1).repeat(draws, 1)
        ours, plain = MixPlan.of_pairs(partner, weights[: 5 * draws], 5), MixPlan(sources, weights[: 5 * draws], 5)
        assert torch.equal(ours.sources, plain.sources) and torch.equal(ours.apply(x), plain.apply(x))


def test_partners_that_are_not_there_are_refused():
    with pytest.raises(ValueError, match=r"partner must lie in \[0, 2\), got 0 to 2"):
        MixPlan.of_pairs(torch.tensor([2, 0]), torch.full((2, 2), 0.5), rows=2)
    with pytest.raises(ValueError, match="sources and weights must both have shape"):
        MixPlan.of_pairs(torch.tensor([1, 0]), torch.full((3, 2), 0.5), rows=2)


def test_what_cannot_be_mixed_is_refused_with_advice(plan):
    with pytest.raises(TypeError, match=r"uint8.*x\.float\(\) / 255"):
        plan.apply(torch.zeros(6, 3, dtype=torch.uint8))
    with pytest.raises(ValueError, match="x has 5 rows, but the plan was made for 6"):
        plan.apply(torch.zeros(5, 3))
    with pytest.raises(ValueError, match="y has 5 rows"):
        plan.targets(torch.zeros(5, dtype=torch.int64), 3)


@pytest.mark.parametrize(
    ("y", "num_classes", "message"),
    [
        (torch.tensor([0, 1, 2, 3, 4, 5]), 5, r"labels must lie in \[0, 5\), got 0 to 5"),
        (torch.tensor([0, 1, 2, -1, 4, 4]), 5, "got -1 to 4"),
        (torch.tensor([0, 1, 2, 3, 4, 4]), None, "num_classes is needed"),
        (torch.rand(6), None, r"labels of classes as y\.long\(\).*as y\[:, None\]"),
        (torch.rand(6, 4, 4), 3, r"plan\.pixel_targets\(y\.long\(\), num_classes\), and for .* numbers plan\.apply\(y\)"),
        (torch.zeros(6, 3, dtype=torch.int64), 3, r"pass y\.float\(\)"),
        (torch.zeros(6, 1, dtype=torch.int64), 3, r"for classes pass y\[:, 0\], for yes or no y\.float\(\)"),
        (
            torch.zeros(6, 4, dtype=torch.int64),
            3,
            r"pass y\.float\(\); for a label at each step use plan\.pixel_targets\(y\[:, None\], num_classes\)\[:, :, 0\]",
        ),
        (torch.zeros(6, 4, 4, dtype=torch.int64), 3, r"maps of labels, .* use plan\.pixel_targets\(y, num_classes\)"),
        (torch.rand(6, 7), 10, r"float y must have num_classes=10 columns, got shape \(6, 7\)"),
    ],
)
def test_targets_that_would_be_guesses_are_refused(plan, y, num_classes, message):
    with pytest.raises(ValueError, match=message):
        plan.targets(y, num_classes)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf, 1e300])
def test_float_targets_that_are_not_finite_are_refused(plan, value, recwarn):
    y = torch.rand(6, 3, dtype=torch.float64)
    assert plan.targets(y.requires_grad_()).isfinite().all() and not recwarn
    y = y.detach().index_put((torch.tensor([4, 5]), torch.tensor([0, 2])), torch.tensor(value, dtype=y.dtype))
    with pytest.raises(ValueError, match="float y must be finite, got NaN or infinity in 2 of 6 rows, the first is row 4"):
        plan.targets(y)
    with pytest.raises(ValueError, match="float y must be finite"):
        mb.mixup()(torch.rand(6, 2), y)


def test_masks_decide_pixel_by_pixel_and_their_means_weigh_the_targets(generator):
    mask = (torch.rand(4, 1, 6, 6, generator=generator) < 0.3).float()
    masks = torch.stack([mask, 1 - mask], dim=1)
    sources = torch.tensor([[0, 1], [1, 2], [2, 0], [1, 1]])
    plan = MixPlan(sources, masks.mean(dim=(2, 3, 4)), rows=3, masks=masks)
    x = torch.rand(3, 2, 6, 6, generator=generator)
    expected = torch.where(mask.bool(), x[sources[:, 0]], x[sources[:, 1]])
    torch.testing.assert_close(plan.apply(x), expected)
    torch.testing.assert_close(plan.targets(torch.eye(3)), plan.matrix())


def test_masks_of_another_shape_are_refused():
    sources, weights = torch.tensor([[0, 1]]), torch.tensor([[0.5, 0.5]])
    with pytest.raises(ValueError, match=r"masks must be \(N, S, 1, H, W\)"):
        MixPlan(sources, weights, rows=2, masks=torch.ones(1, 2, 6, 6))
    plan = MixPlan(sources, weights, rows=2, masks=torch.full((1, 2, 1, 6, 6), 0.5))
    with pytest.raises(ValueError, match=r"masks are for images \(rows, channels, 6, 6\), got x of shape \(2, 3, 4, 4\)"):
        plan.apply(torch.rand(2, 3, 4, 4))


def test_pixel_targets_follow_the_weights_or_the_masks(generator):
    y = torch.randint(0, 4, (3, 6, 6), generator=generator)
    sources = torch.tensor([[0, 1], [1, 2], [2, 0], [1, 1]])
    weights = torch.tensor([[0.3, 0.7]]).expand(4, 2)
    whole = MixPlan(sources, weights, rows=3).pixel_targets(y, 4)
    torch.testing.assert_close(whole.sum(1), torch.ones(4, 6, 6))
    assert whole[0, :, 2, 3].tolist() == pytest.approx(
        [0.3 * (y[0, 2, 3] == c).item() + 0.7 * (y[1, 2, 3] == c).item() for c in range(4)]
    )

    mask = (torch.rand(4, 1, 6, 6, generator=generator) < 0.3).float()
    masks = torch.stack([mask, 1 - mask], dim=1)
    pasted = MixPlan(sources, masks.mean(dim=(2, 3, 4)), rows=3, masks=masks).pixel_targets(y, 4)
    shown = torch.where(mask[:, 0].bool(), y[sources[:, 0]], y[sources[:, 1]])
    assert torch.equal(pasted.argmax(1), shown) and torch.equal(pasted.amax(1), torch.ones(4, 6, 6))


def test_ignored_labels_add_nothing_to_targets():
    plan = MixPlan(torch.tensor([[0, 1], [1, 0]]), torch.tensor([[0.25, 0.75], [0.25, 0.75]]), rows=2)
    known = torch.tensor([[0.0, 0.25], [0.0, 0.75]])
    assert torch.equal(plan.targets(torch.tensor([1, 255]), 2, ignore_index=255), known)
    pixels = plan.pixel_targets(torch.tensor([1, 255])[:, None, None], 2, ignore_index=255)
    assert torch.equal(pixels, known[:, :, None, None])
    with pytest.raises(ValueError, match=r"labels must lie in \[0, 2\), got 1 to 255"):
        plan.targets(torch.tensor([1, 255]), 2)


@pytest.mark.parametrize("y", [torch.zeros(6, dtype=torch.int64), torch.zeros(6, 4, 4)], ids=["no map", "float"])
def test_pixel_targets_need_integer_maps(plan, y):
    with pytest.raises(ValueError, match=r"y must be integer labels of shape \(rows, H, W\)"):
        plan.pixel_targets(y, 3)


def test_patches_move_before_they_are_masked(generator):
    x = torch.rand(3, 2, 6, 9, generator=generator)
    mask = (torch.rand(4, 1, 6, 9, generator=generator) < 0.5).float()
    masks, sources = torch.stack([mask, 1 - mask], dim=1), torch.tensor([[0, 1], [1, 2], [2, 0], [1, 1]])
    moves = torch.stack([torch.randperm(9, generator=generator) for _ in range(8)]).reshape(4, 2, 9)
    plan = MixPlan(sources, masks.mean(dim=(2, 3, 4)), rows=3, masks=masks, moves=moves)
    expected = torch.zeros(4, 2, 6, 9)
    for n, s, place in itertools.product(range(4), range(2), range(9)):
        patch = moves[n, s, place].item()
        here = (slice(2 * (place // 3), 2 * (place // 3) + 2), slice(3 * (place % 3), 3 * (place % 3) + 3))
        there = (slice(2 * (patch // 3), 2 * (patch // 3) + 2), slice(3 * (patch % 3), 3 * (patch % 3) + 3))
        expected[n][:, *here] += masks[n, s][:, *here] * x[sources[n, s]][:, *there]
    torch.testing.assert_close(plan.apply(x), expected)
    assert torch.autograd.gradcheck(plan.apply, (x.double().requires_grad_(),))


def test_moved_patches_keep_channels_last(generator):
    x = torch.rand(4, 3, 8, 8, generator=generator)
    moves = torch.stack([torch.randperm(16, generator=generator) for _ in range(8)]).reshape(4, 2, 16)
    sources = torch.tensor([[0, 1], [1, 2], [2, 3], [3, 0]])
    plan = MixPlan(sources, torch.full((4, 2), 0.5), rows=4, masks=torch.full((4, 2, 1, 8, 8), 0.5), moves=moves)
    mixed = plan.apply(x.to(memory_format=torch.channels_last))
    assert mixed.is_contiguous(memory_format=torch.channels_last) and torch.equal(mixed, plan.apply(x))
    assert plan.apply(x).is_contiguous() and plan.apply(x.mT).shape == x.shape


def test_complex_numbers_are_told_to_be_two_real_ones(plan):
    with pytest.raises(TypeError, match=r"x must be real to be mixed, got torch.complex64: torch.view_as_real\(x\)"):
        plan.apply(torch.zeros(6, 3, dtype=torch.complex64))


@pytest.mark.parametrize(
    ("masks", "moves", "message"),
    [
        (None, torch.zeros(1, 2, 4, dtype=torch.int64), r"moves must be \(N, S, g \* g\).*beside masks"),
        (torch.full((1, 2, 1, 6, 6), 0.5), torch.zeros(1, 2, 5, dtype=torch.int64), r"got \(1, 2, 5\)"),
        (torch.full((1, 2, 1, 6, 6), 0.5), torch.zeros(1, 2, 16, dtype=torch.int64), "4 x 4 patches .* must divide"),
    ],
)
def test_moves_that_do_not_fit_are_refused(masks, moves, message):
    with pytest.raises(ValueError, match=message):
        MixPlan(torch.tensor([[0, 1]]), torch.tensor([[0.5, 0.5]]), rows=2, masks=masks, moves=moves)


def test_a_plan_that_mixes_nothing_and_plans_can_be_compared():
    x, y = torch.rand(4, 3), torch.tensor([0, 1, 1, 0])
    plan = MixPlan.identity(x)
    assert torch.equal(plan.apply(x), x) and torch.equal(plan.targets(y, 2), torch.eye(2)[y])
    assert plan.self_matches == 1 and plan == plan and plan != MixPlan.identity(x)


@pytest.mark.parametrize("blend", [mb.Linear(), mb.CutMix(), mb.FMix()])
def test_a_plan_moves_whole_and_what_a_batch_shares_is_stored_once(blend, monkeypatch, generator):
    x, y = torch.rand(6, 3, 8, 8, generator=generator), torch.arange(6) % 3
    plan = mb.Mixer(blend=blend, generator=generator).plan(x)
    monkeypatch.setattr(torch.Tensor, "pin_memory", torch.Tensor.clone)  # which needs a GPU
    for moved in (plan.to("cpu"), plan.pin_memory()):
        assert torch.equal(moved.apply(x), plan.apply(x)) and torch.equal(moved.targets(y, 3), plan.targets(y, 3))
    elsewhere = plan.to("meta")
    assert elsewhere.apply(x.to("meta")).device.type == elsewhere.targets(y.to("meta"), 3).device.type == "meta"
    if plan.masks is not None:
        assert plan.pin_memory().masks.untyped_storage().nbytes() == 2 * 8 * 8 * 4


def test_a_loader_pins_plans_that_its_workers_made(monkeypatch, generator):
    pinned = []
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda part, *_: pinned.append(part) or part)
    pin_memory((torch.rand(2), mb.mixup(generator=generator).plan(torch.rand(4, 8))))
    assert len(pinned) == 3  # the sample, the sources and the weights
