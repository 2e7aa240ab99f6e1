import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, one_hot

import mixbook as mb
from mixbook.mixing.losses import bce_of_softmax
from mixbook.mixing.plan import MixPlan


def test_soft_cross_entropy_is_the_mean_of_the_two_hard_ones(generator):
    logits = torch.randn(32, 7, generator=generator)
    a, b = (torch.randint(0, 7, (32,), generator=generator) for _ in range(2))
    lam = torch.rand(32, generator=generator)
    targets = lam[:, None] * one_hot(a, 7) + (1 - lam)[:, None] * one_hot(b, 7)
    hard = lam * cross_entropy(logits, a, reduction="none") + (1 - lam) * cross_entropy(logits, b, reduction="none")
    torch.testing.assert_close(mb.mixed_cross_entropy(logits, targets, "none"), hard)
    torch.testing.assert_close(mb.mixed_cross_entropy(logits, targets), hard.mean())


def test_hard_labels_give_the_ordinary_values(generator):
    logits, y = torch.randn(32, 7, generator=generator), torch.randint(0, 7, (32,), generator=generator)
    torch.testing.assert_close(mb.mixed_cross_entropy(logits, y), cross_entropy(logits, y))
    for accuracy in (mb.mixed_accuracy, mb.dominant_accuracy):
        expected = (logits.argmax(1) == y).float().mean()
        assert accuracy(logits, y) == accuracy(logits, one_hot(y, 7).float()) == expected


def test_expected_accuracy_is_the_weight_of_the_predicted_class():
    logits = torch.tensor([[2.0, 1.0, 0.0], [0.0, 1.0, 2.0]])
    targets = torch.tensor([[0.3, 0.7, 0.0], [0.5, 0.0, 0.5]])
    assert mb.mixed_accuracy(logits, targets) == pytest.approx((0.3 + 0.5) / 2)
    assert mb.dominant_accuracy(logits, targets) == pytest.approx((0 + 1) / 2)


@pytest.mark.parametrize("loss", [mb.mixed_cross_entropy, mb.mixed_accuracy, mb.dominant_accuracy])
def test_shapes_that_do_not_fit_are_refused(loss):
    with pytest.raises(ValueError, match="targets must be float with the shape of logits"):
        loss(torch.zeros(4, 3), torch.zeros(4, 2))
    with pytest.raises(ValueError, match="targets must be float with the shape of logits"):
        loss(torch.zeros(4, 3), torch.zeros(3, dtype=torch.int64))


def test_logits_with_the_classes_last_are_refused_where_that_can_be_seen():
    logits, y = torch.zeros(4, 7, 3), torch.zeros(4, 7, dtype=torch.int64)
    for targets in (y, one_hot(y, 3).movedim(-1, 1).float()):
        with pytest.raises(ValueError, match=r"With the classes last, pass logits\.movedim\(-1, 1\)"):
            mb.mixed_cross_entropy(logits, targets)
        assert mb.mixed_cross_entropy(logits.movedim(-1, 1), targets).item() == pytest.approx(math.log(3))


@pytest.mark.parametrize("loss", [mb.mixed_cross_entropy, bce_of_softmax])
def test_one_logit_is_refused_for_its_softmax_is_always_one(loss):
    assert cross_entropy(torch.randn(4, 1), torch.rand(4, 1)) == 0
    with pytest.raises(ValueError, match=r"two classes or more, got \(4, 1\).*binary_cross_entropy_with_logits"):
        loss(torch.randn(4, 1), torch.rand(4, 1))


def permuted_plan(size, lam, generator):
    sources = torch.stack([torch.arange(size), torch.randperm(size, generator=generator)], 1)
    return MixPlan(sources, torch.tensor([lam, 1 - lam]).expand(size, 2), rows=size)


@settings(deadline=None, max_examples=50)
@given(
    seed=st.integers(0, 2**32),
    lam=st.floats(0, 1),
    smoothing=st.sampled_from([0.0, 0.1, 1.0]),
    weighted=st.booleans(),
    ignoring=st.booleans(),
    pixels=st.sampled_from([(), (3, 2)]),
)
def test_the_loss_is_the_average_of_the_two_hard_losses(seed, lam, smoothing, weighted, ignoring, pixels):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(16, 5, *pixels, generator=generator)
    y = torch.randint(0, 5, (16, *pixels), generator=generator)
    weight = torch.rand(5, generator=generator) + 0.1 if weighted else None
    if ignoring:
        y[torch.rand(y.shape, generator=generator) < 0.4] = -100
        y[0] = 1  # something to learn from
    plan = permuted_plan(16, lam, generator)
    labels = plan.pixel_targets if pixels else plan.targets
    targets = labels(y, 5, ignore_index=-100 if ignoring else None)
    for reduction in ("mean", "sum", "none"):
        hard = [
            cross_entropy(logits, y[source], weight, reduction=reduction, label_smoothing=smoothing)
            for source in plan.sources.unbind(1)
        ]
        ours = mb.mixed_cross_entropy(logits, targets, reduction, weight=weight, label_smoothing=smoothing)
        torch.testing.assert_close(ours, lam * hard[0] + (1 - lam) * hard[1], rtol=1e-4, atol=1e-5)


def test_pytorchs_own_mean_over_soft_targets_is_another_number_under_class_weights(generator):
    logits, y = torch.randn(32, 3, generator=generator), torch.randint(0, 3, (32,), generator=generator)
    weight = torch.tensor([0.2, 1.0, 5.0])
    targets = permuted_plan(32, 0.3, generator).targets(y, 3)
    ours = mb.mixed_cross_entropy(logits, targets, weight=weight)
    divided_by_batch = cross_entropy(logits, targets, weight)
    torch.testing.assert_close(ours * (targets @ weight).mean(), divided_by_batch)
    assert abs(ours - divided_by_batch) > 0.1


def test_a_batch_without_any_known_label_has_no_mean_as_in_pytorch():
    y = torch.full((4,), -100)
    targets = permuted_plan(4, 0.3, None).targets(y, 3, ignore_index=-100)
    assert mb.mixed_cross_entropy(torch.zeros(4, 3), targets).isnan() and cross_entropy(torch.zeros(4, 3), y).isnan()
    assert mb.mixed_cross_entropy(torch.zeros(4, 3), targets, "sum") == 0


def test_half_precision_changes_no_divisor_and_no_target():
    """Autocast would count pixels in float16, where more than 65,504 are infinitely many, and mix prices in bfloat16."""
    maps, weight = torch.arange(8 * 128 * 128).reshape(8, 128, 128) % 2, torch.tensor([1.0, 3.0])
    plan = mb.Mixer(ratio=mb.Fixed(0.3)).plan(torch.rand(8, 3, 128, 128))
    logits, prices = torch.zeros(8, 2, 128, 128), torch.linspace(1000, 2000, 8)[:, None]
    want = mb.mixed_cross_entropy(logits, plan.pixel_targets(maps, 2), weight=weight)
    for dtype in (torch.float16, torch.bfloat16):
        with torch.autocast("cpu", dtype=dtype):
            found = mb.mixed_cross_entropy(logits, plan.pixel_targets(maps, 2), weight=weight)
            mixed = plan.targets(prices)
        assert found.item() == pytest.approx(want.item(), rel=1e-5)
        assert mixed.dtype == torch.float32 and torch.equal(mixed, plan.targets(prices))


def test_hard_labels_and_weights_go_with_half_precision_outputs(generator):
    logits, weight = torch.randn(6, 3, generator=generator).half(), torch.tensor([1.0, 2.0, 0.5])
    y = torch.tensor([0, 1, 2, 0, 1, 2])
    assert torch.equal(mb.mixed_cross_entropy(logits, y, weight=weight), cross_entropy(logits.float(), y, weight))


@pytest.mark.parametrize("soft", [False, True])
def test_many_digits_are_kept(soft):
    """In single precision nothing is left of the gradient at the label's own logit."""
    logits = torch.tensor([[20.0, 0.0]], dtype=torch.float64, requires_grad=True)
    targets = torch.tensor([[1.0, 0.0]]) if soft else torch.tensor([0])
    loss = mb.mixed_cross_entropy(logits, targets, weight=torch.ones(2))
    (found,) = torch.autograd.grad(loss, logits)
    small = 1 / (1 + torch.tensor(20.0, dtype=torch.float64).exp())
    torch.testing.assert_close(found, torch.stack([-small, small])[None], rtol=1e-6, atol=0)
    assert loss.dtype == bce_of_softmax(logits, torch.tensor([[1.0, 0.0]])).dtype == torch.float64


def test_ignored_labels_count_in_no_accuracy():
    plan = mb.Mixer(ratio=mb.Fixed(0.75)).plan(torch.rand(4, 2))
    logits, nobody = torch.eye(3)[[0, 0, 1, 2]], torch.full((4,), -100)
    nothing = plan.targets(nobody, 3, ignore_index=-100)
    assert mb.dominant_accuracy(logits, nothing).isnan() and mb.mixed_accuracy(logits, nothing).isnan()
    some = torch.tensor([[0.75, 0.25, 0.0], [0.0, 0.0, 0.0], [0.0, 0.25, 0.0], [0.25, 0.75, 0.0]])
    assert mb.dominant_accuracy(logits, some).item() == pytest.approx(2 / 3)
    assert mb.mixed_accuracy(logits, some).item() == pytest.approx((0.75 + 0.25) / 2.25)
    labels = torch.tensor([0, -100, 0, 2])
    assert mb.mixed_accuracy(logits, labels) == mb.dominant_accuracy(logits, labels) == pytest.approx(2 / 3)


def test_several_labels_at_once_are_no_targets_of_cross_entropy():
    with pytest.raises(
        ValueError, match=r"must sum to 1 over the classes, got up to 2: .*binary_cross_entropy_with_logits"
    ):
        mb.mixed_cross_entropy(torch.zeros(2, 3), torch.tensor([[1.0, 1.0, 0.0], [0.0, 1.0, 0.0]]))
    with pytest.raises(TypeError, match=r"weight must be a tensor, got list: torch\.tensor\(weight\)"):
        mb.mixed_cross_entropy(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]), weight=[1.0, 2.0])


def test_the_loss_of_each_sample_may_be_vectorised(generator):
    logits, targets = torch.randn(5, 3, generator=generator), torch.rand(5, 3, generator=generator).softmax(1)
    gradient = torch.func.grad(lambda logit, target: mb.mixed_cross_entropy(logit[None], target[None]))
    torch.testing.assert_close(torch.func.vmap(gradient)(logits, targets), logits.softmax(1) - targets)


def test_bce_of_softmax_is_that_of_every_class_by_itself(generator):
    logits = torch.randn(8, 4, generator=generator, requires_grad=True)
    targets = permuted_plan(8, 0.3, generator).targets(torch.randint(0, 4, (8,), generator=generator), 4)
    p = logits.softmax(1)
    expected = binary_cross_entropy_with_logits((p / (1 - p)).log(), targets)
    torch.testing.assert_close(bce_of_softmax(logits, targets), expected)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(bce_of_softmax(logits, targets), expected)


def test_a_network_that_diverged_has_no_number_for_a_loss():
    logits = torch.tensor([[0.0, float("nan")], [1.0, 2.0]], requires_grad=True)
    targets = torch.tensor([[0.5, 0.5], [0.0, 1.0]])
    for loss in (bce_of_softmax, mb.mixed_cross_entropy):
        assert loss(logits, targets).isnan()


def test_bce_of_softmax_stays_finite_where_the_network_is_sure_and_wrong():
    logits = torch.tensor([[200.0, 0.0], [0.0, 200.0]], requires_grad=True)
    loss = bce_of_softmax(logits, torch.tensor([[0.0, 1.0], [0.0, 1.0]]))
    loss.backward()
    assert loss.isfinite() and loss > 10 and logits.grad.isfinite().all()


def test_multi_labels_are_mixed_and_binary_cross_entropy_is_linear_in_them(generator):
    logits, y = torch.randn(16, 6, generator=generator), torch.randint(0, 2, (16, 6), generator=generator).float()
    plan = permuted_plan(16, 0.3, generator)
    hard = [binary_cross_entropy_with_logits(logits, y[source]) for source in plan.sources.unbind(1)]
    ours = binary_cross_entropy_with_logits(logits, plan.targets(y))
    torch.testing.assert_close(ours, 0.3 * hard[0] + 0.7 * hard[1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weight": torch.ones(2)}, r"each of the 3 classes, got shape \(2,\)"),
        ({"label_smoothing": 1.5}, r"label_smoothing must lie in \[0, 1\], got 1.5"),
        ({"reduction": "avg"}, r"reduction must be one of \('mean', 'sum', 'none'\), got 'avg'"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        mb.mixed_cross_entropy(torch.zeros(4, 3), torch.full((4, 3), 1 / 3), **options)


def test_integer_targets_are_refused_where_a_loss_needs_one_for_each_class():
    with pytest.raises(ValueError, match=r"one_hot"):
        bce_of_softmax(torch.zeros(4, 3), torch.zeros(4, dtype=torch.int64))
