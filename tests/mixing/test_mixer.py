import doctest

import pytest
import torch
from torch.nn.functional import one_hot

import mixbook as mb
from mixbook.mixing import mixer, place
from mixbook.mixing.block import begin_plans
from mixbook.mixing.checks import built_in

PAIRINGS = [mb.RandomPairing(), mb.OptimalTransport(4), mb.NearestNeighbour(4), mb.ByClass("any")]
RATIOS = [
    mb.Beta(1.0),
    mb.TruncatedBeta(1.0),
    mb.Beta(0.05, draws=3),
    mb.Beta(1.0, draws=2, per="pair"),
    mb.Uniform(),
    mb.Fixed(0.2, 0.8),
]


def batch(generator, size=12):
    return torch.rand(size, 2, 3, generator=generator), torch.randint(0, 5, (size,), generator=generator)


@pytest.mark.parametrize("pairing", PAIRINGS, ids=str)
@pytest.mark.parametrize("ratio", RATIOS, ids=str)
def test_a_plan_is_row_stochastic_and_keeps_the_order_of_the_batch(pairing, ratio, generator):
    x, y = batch(generator)
    mix = mb.Mixer(pairing, ratio, num_classes=5, generator=generator)
    plan = mix.plan(x, y)
    draws = len(plan) // len(x)
    assert torch.equal(plan.sources[:, 0], torch.arange(len(x)).repeat(draws))
    torch.testing.assert_close(plan.matrix().sum(1), torch.ones(len(plan)))
    per_draw = plan.weights[:, 0].reshape(draws, -1)
    assert (per_draw.diff(dim=0) >= 0).all()
    # All draws of a pair share the partner.
    assert (plan.sources[:, 1].reshape(draws, -1) == plan.sources[: len(x), 1]).all()


@pytest.mark.parametrize("pairing", PAIRINGS, ids=str)
def test_all_weight_on_the_original_is_the_identity(pairing, generator):
    x, y = batch(generator)
    mixed, targets = mb.Mixer(pairing, mb.Fixed(1.0), num_classes=5, generator=generator)(x, y)
    torch.testing.assert_close(mixed, x)
    torch.testing.assert_close(targets, one_hot(y, 5).float())


def test_mixup_is_the_formula(generator):
    x, y = batch(generator)
    state = generator.get_state()
    mixed, targets = mb.mixup(0.7, 5, generator=generator)(x, y)
    generator.set_state(state)
    partner = torch.randperm(len(x), generator=generator)
    lam = torch._sample_dirichlet(torch.full((1, 1, 2), 0.7, dtype=torch.float64), generator)[0, 0, 0].item()
    torch.testing.assert_close(mixed, lam * x + (1 - lam) * x[partner])
    torch.testing.assert_close(targets, lam * one_hot(y, 5) + (1 - lam) * one_hot(y[partner], 5), check_dtype=False)


def test_a_call_takes_a_generator_as_plan_and_outputs_do(generator):
    x, y = batch(generator)
    mix = mb.mixup(1.0, 5, generator=generator)
    before = generator.get_state()
    one, two = (torch.Generator().manual_seed(8) for _ in range(2))
    mixed, targets = mix(x, y, generator=one)
    plan = mix.plan(x, y, generator=two)
    assert torch.equal(mixed, plan.apply(x)) and torch.equal(targets, plan.targets(y, 5))
    assert torch.equal(generator.get_state(), before)


def test_presets_differ_from_mixup_in_one_answer_each():
    plain = mb.mixup(0.3, 5)
    assert mb.kmixup(1, 0.3, 5).ratio == plain.ratio and mb.kmixup(16, 0.3, 5).pairing == mb.OptimalTransport(16)
    assert mb.kmixup(16, 0.3, 5, strict=False).pairing == mb.OptimalTransport(16, strict=False)
    assert mb.multimix(1, 0.3, 5).ratio == plain.ratio and mb.multimix(5, 0.3, 5).ratio == mb.Beta(0.3, draws=5)
    assert mb.multimix(5, 0.3, 5).pairing == plain.pairing
    assert mb.kmixup(16, 0.3, 5, draws=5) == mb.Mixer(mb.OptimalTransport(16), mb.Beta(0.3, draws=5), num_classes=5)
    hidden = mb.manifold_mixup(torch.nn.Linear(2, 5), ["input"], 0.3, 5, k=16, strict=False)
    assert hidden.mixer == mb.Mixer(mb.OptimalTransport(16, strict=False), mb.Beta(0.3), num_classes=5)
    assert mb.manifold_mixup(torch.nn.Linear(2, 5), ["input"], 0.3, 5).mixer == plain


@pytest.mark.parametrize("per", ["batch", "pair"])
def test_presets_hand_on_for_what_a_ratio_is_drawn(per):
    ratio = mb.Beta(0.3, 2, per)
    assert mb.mixup(0.3, 5, per=per) == mb.Mixer(ratio=mb.Beta(0.3, per=per), num_classes=5)
    assert mb.kmixup(4, 0.3, 5, draws=2, per=per) == mb.Mixer(mb.OptimalTransport(4), ratio, num_classes=5)
    assert mb.multimix(2, 0.3, 5, per=per) == mb.Mixer(ratio=ratio, num_classes=5)
    assert mb.cutmix(0.3, 5, draws=2, per=per) == mb.Mixer(ratio=ratio, blend=mb.CutMix(per), num_classes=5)
    fmix = mb.fmix(0.3, 5, draws=2, per=per, decay=2.0, max_soft=0.1)
    assert fmix == mb.Mixer(ratio=ratio, blend=mb.FMix(per, 2.0, 0.1), num_classes=5)
    assert mb.puzzlemix(torch.nn.Identity(), 0.3, 5, draws=2, per=per).ratio == ratio
    hidden = mb.manifold_mixup(torch.nn.Identity(), ["input"], 0.3, 5, draws=2, per=per, stop_gradient=True)
    assert hidden.mixer == mb.Mixer(ratio=ratio, num_classes=5) and (hidden.per, hidden.stop_gradient) == (per, True)


def test_the_defaults_of_presets_are_those_of_their_papers():
    assert mb.kmixup() == mb.Mixer(mb.OptimalTransport(16), mb.Beta(1.0))
    assert mb.multimix() == mb.Mixer(ratio=mb.Beta(1.0, draws=5))
    assert mb.fmix() == mb.Mixer(blend=mb.FMix("batch", 3.0, 0.0))
    assert mb.manifold_mixup(torch.nn.Linear(2, 5), ["input"]).mixer == mb.Mixer(ratio=mb.Beta(2.0))
    assert mb.fmix(legacy="rows").blend == mb.FMix(legacy="rows")
    puzzle = mb.PuzzleMix(grids=(2, 4, 8, 16), labels=3, beta=1.2, gamma=0.5, eta=0.2, neighbourhood=4, transport=0.8)
    joint = mb.CoMixup(grid=4, group=20, beta=0.32, gamma=1.0, tau=0.83, eta=0.05, alpha=2.0, omega=0.001, passes=4)
    assert (mb.PuzzleMix(), mb.CoMixup()) == (puzzle, joint)


def test_the_same_seed_gives_the_same_mixtures_and_leaves_the_global_generator_alone(generator):
    x, y = batch(generator)
    before = torch.get_rng_state()
    first, second = (mb.kmixup(4, 1.0, 5, generator=torch.Generator().manual_seed(3))(x, y) for _ in range(2))
    assert torch.equal(first[0], second[0]) and torch.equal(first[1], second[1])
    assert torch.equal(torch.get_rng_state(), before)


def test_a_restored_mixer_continues_the_sequence(generator):
    x, y = batch(generator)
    mix = mb.kmixup(4, 1.0, 5, generator=torch.Generator().manual_seed(3))
    mix(x, y)
    state = mix.state_dict()
    expected = mix(x, y)[0]
    other = mb.kmixup(4, 1.0, 5, generator=torch.Generator())
    other.load_state_dict(state)
    assert torch.equal(other(x, y)[0], expected)
    with pytest.raises(ValueError, match="generator of their own"):
        mb.kmixup(4, 1.0, 5).load_state_dict(state)


def test_outputs_are_the_model_on_the_mixtures(generator):
    x, y = batch(generator)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(6, 5))
    one, two = (torch.Generator().manual_seed(8) for _ in range(2))
    mix = mb.multimix(3, 1.0, 5)
    logits, targets = mix.outputs(model, x, y, generator=one)
    plan = mix.plan(x, y, generator=two)
    torch.testing.assert_close(logits, model(plan.apply(x)))
    torch.testing.assert_close(targets, plan.targets(y, 5))


@pytest.mark.parametrize("mix", [mb.mixup(1.0, 5), mb.kmixup(4, 1.0, 5)], ids=["mixup", "kmixup"])
def test_partners_can_come_from_a_second_batch(mix, generator):
    x, y = batch(generator)
    x2, y2 = batch(generator)
    one, two = (torch.Generator().manual_seed(8) for _ in range(2))
    mixed, targets = mix.outputs(torch.nn.Identity(), x, y, partner=(x2, y2), generator=one)
    plan = mix.plan(x, y, x2=x2, generator=two)
    assert (plan.sources[:, 1] >= len(x)).all()
    partner, lam = plan.sources[:, 1] - len(x), plan.weights[:, 0]
    torch.testing.assert_close(mixed, lam[:, None, None] * x + (1 - lam)[:, None, None] * x2[partner])
    expected = lam[:, None] * one_hot(y, 5) + (1 - lam)[:, None] * one_hot(y2[partner], 5)
    torch.testing.assert_close(targets, expected)
    called = mb.Mixer(mix.pairing, mix.ratio, num_classes=5, generator=torch.Generator().manual_seed(8))(x, y, x2, y2)
    assert torch.equal(called[0], mixed) and torch.equal(called[1], targets)
    with pytest.raises(ValueError, match="x2 and y2 must be given together"):
        mix(x, y, x2)


@pytest.mark.parametrize("second", [False, True])
def test_pairings_see_the_labels_at_the_input_and_at_hidden_layers(second, generator):
    y = torch.arange(12) % 3
    x, x2, y2 = torch.rand(12, 4, generator=generator), torch.rand(12, 4, generator=generator), y.flip(0)
    mix = mb.Mixer(mb.ByClass("different"), mb.Fixed(0.5), num_classes=3, generator=generator)
    hidden = mb.ManifoldMixer(torch.nn.Sequential(torch.nn.Linear(4, 3)), ["0"], mix)
    partner = (x2, y2) if second else None
    for targets in (
        mix.outputs(torch.nn.Identity(), x, y, partner=partner)[1],
        hidden.outputs(hidden.model, x, y, partner=partner)[1],
    ):
        assert torch.equal(targets.max(1).values, torch.full((12,), 0.5))


def test_a_batch_of_one_and_odd_batches_are_fine(generator):
    for size in (1, 3, 7):
        x, y = batch(generator, size)
        assert mb.mixup(1.0, 5)(x, y)[0].shape == x.shape


def test_bad_input_is_refused(generator):
    x, y = batch(generator)
    with pytest.raises(ValueError, match="x and y must have the same length, got 12 and 11"):
        mb.mixup(1.0, 5)(x, y[:-1])
    with pytest.raises(ValueError, match="y is a single number, so this looks like one sample: mix batches"):
        mb.mixup(1.0, 5)(x, y[0])
    with pytest.raises(ValueError, match="x looks like the labels of y: pass the inputs first"):
        mb.kmixup(2, 1.0, 5)(y, x)
    with pytest.raises(ValueError, match="the same length, got a single number and a single number"):
        mb.mixup(1.0, 5)(x.sum(), y[0])
    with pytest.raises(ValueError, match="empty batch"):
        mb.mixup(1.0, 5)(x[:0], y[:0])
    with pytest.raises(ValueError, match=r"labels must lie in \[0, 3\)"):
        mb.mixup(1.0, 3)(x, y.clamp(min=4))
    with pytest.raises(TypeError, match="uint8"):
        mb.mixup(1.0, 5)(x.byte(), y)


OUT_OF_RANGE = r"labels must lie in \[0, 5\), got 0 to 9: is num_classes right\?"


@pytest.mark.parametrize("second", [False, True])
def test_a_label_out_of_range_is_refused_while_planning_before_anything_is_drawn(second, generator):
    x, y = batch(generator)
    wrong = y.clone()
    wrong[:2] = torch.tensor([0, 9])
    given = (x, y, x, wrong) if second else (x, wrong, None, None)
    state = generator.get_state()
    for mix in (mb.mixup(1.0, 5, generator=generator), mb.kmixup(2, 1.0, 5, generator=generator)):
        with pytest.raises(ValueError, match=OUT_OF_RANGE):
            mix.plan(*given[:2], x2=given[2], y2=given[3])
    with pytest.raises(ValueError, match=OUT_OF_RANGE):
        begin_plans(mix, [(given[:2], given[2:] if second else None)])
    assert torch.equal(generator.get_state(), state)
    mb.mixup(1.0).plan(*given[:2], x2=given[2], y2=given[3])  # of how many classes, nobody said


@pytest.mark.parametrize("dtype", [torch.int64, torch.int8])
def test_what_is_not_known_may_be_planned_for_and_has_no_target(dtype, generator):
    x, y = batch(generator)
    y[0] = -100
    plan = mb.mixup(1.0, 5, generator=generator).plan(x, y.to(dtype))
    assert plan.targets(y, 5, ignore_index=-100).sum() == pytest.approx(11)
    with pytest.raises(ValueError, match=r"labels must lie in \[0, 5\), got -100 to"):
        mb.mixup(1.0, 5)(x, y.to(dtype))


def test_a_plan_of_ones_own_in_a_derived_class_is_that_of_calls(generator):
    class Still(mb.Mixer):
        def plan(self, x, y=None, *, x2=None, y2=None, generator=None):
            return mb.MixPlan.identity(x)

    x, y = batch(generator)
    assert torch.equal(Still(num_classes=5)(x, y)[0], x)


class Finds:
    """A pairing that finds what it is told to."""

    def __init__(self, partner):
        self.partner = partner

    def pair(self, x, other=None, generator=None, y=None, y2=None):
        return self.partner


@pytest.mark.parametrize(
    ("partner", "got"),
    [
        (torch.zeros(12), r"got torch\.float32 \(12,\)"),
        (torch.zeros(12, 1, dtype=torch.int64), r"got torch\.int64 \(12, 1\)"),
        ([0] * 12, "got list"),
    ],
)
def test_what_a_pairing_finds_must_be_rows(partner, got, generator):
    x, y = batch(generator)
    assert mb.Mixer(Finds(torch.zeros(12, dtype=torch.int64)), num_classes=5).plan(x, y).sources[:, 1].sum() == 0
    with pytest.raises(TypeError, match=rf"a pairing must give the row of each partner, int64 \(12,\), {got}"):
        mb.Mixer(Finds(partner), num_classes=5).plan(x, y)


@pytest.mark.parametrize("second", [False, True])
@pytest.mark.parametrize("wrong", [-1, 12])
def test_partners_must_be_rows_of_the_batch_that_they_come_from(wrong, second, generator):
    x, y = batch(generator)
    partner = torch.arange(12)
    partner[5] = wrong
    both = {"x2": x, "y2": y} if second else {}
    with pytest.raises(ValueError, match=rf"partner must lie in \[0, 12\), got {min(wrong, 0)} to {max(wrong, 11)}"):
        mb.Mixer(Finds(partner), num_classes=5).plan(x, y, **both)


@pytest.mark.parametrize(("name", "method"), [("pairing", "pair"), ("ratio", "sample"), ("blend", "plan")])
def test_what_is_no_pairing_ratio_or_blend_is_refused(name, method):
    with pytest.raises(TypeError, match=f"{name} must have a method '{method}', got 1.0"):
        mb.Mixer(**{name: 1.0})


@pytest.mark.parametrize(("name", "part"), [("pairing", mb.RandomPairing), ("ratio", mb.Fixed), ("blend", mb.CutMix)])
def test_a_class_is_no_object_of_it(name, part):
    with pytest.raises(TypeError, match=rf"got the class {part.__name__}: {name}={part.__name__}\(\.\.\.\)"):
        mb.Mixer(**{name: part})


@pytest.mark.parametrize("mix", [mb.mixup(1.0, 5), mb.OneOf([mb.cutmix(1.0, 5)])], ids=["mixer", "one of"])
def test_without_targets_there_is_a_plan_alone(mix, generator):
    x = torch.rand(4, 1, 3, 3, generator=generator)
    for call in (lambda: mix(x, None), lambda: mix.outputs(torch.nn.Identity(), x, None)):
        with pytest.raises(TypeError, match=r"y is needed .* got None: without any, mix\.plan\(x\)\.apply\(x\)"):
            call()
    assert mix.plan(x).apply(x).shape == x.shape


@pytest.mark.parametrize(
    "mix", [mb.mixup(1.0, 5), mb.kmixup(2, 1.0, 5), mb.cutmix(1.0, 5)], ids=["mixup", "kmixup", "cutmix"]
)
def test_a_batch_that_is_no_tensor_is_refused_with_what_makes_one(mix, generator):
    x, y = torch.rand(4, 2, 3, 3, generator=generator), torch.arange(4)
    wrong = {
        r"x must be a tensor, got ndarray: torch\.as_tensor\(x\)": (x.numpy(), y),
        "x must be a tensor, got list": (x.tolist(), y),
        "y must be a tensor, got ndarray": (x, y.numpy()),
        "x2 must be a tensor, got ndarray": (x, y, x.numpy(), y),
        "y2 must be a tensor, got list": (x, y, x, y.tolist()),
    }
    for message, given in wrong.items():
        with pytest.raises(TypeError, match=message):
            mix(*given)
    hidden = mb.ManifoldMixer(torch.nn.Sequential(torch.nn.Flatten()), ["0"], mix)
    for call in (lambda bad: mix.plan(bad), lambda bad: hidden(bad, y), lambda bad: mb.plan_many(mix, [(bad, None)])):
        with pytest.raises(TypeError, match="x must be a tensor, got ndarray"):
            call(x.numpy())


@pytest.mark.parametrize("module", [mixer, place], ids=lambda m: m.__name__)
def test_examples_in_the_docstrings_run(module):
    result = doctest.testmod(module)
    assert result.attempted > 0 and result.failed == 0


class _Law:
    """A ratio of a reader's own."""

    def __init__(self, made):
        self.made = made

    def sample(self, batch_size, generator=None):
        return self.made


@pytest.mark.parametrize(
    ("made", "error", "got"),
    [
        ([0.5] * 6, TypeError, "got list"),
        (torch.ones(1, 6, dtype=torch.int64), TypeError, "got torch.int64"),
        (torch.full((6,), 0.5), ValueError, r"got shape \(6,\)"),
        (torch.full((1, 5), 0.5), ValueError, r"got shape \(1, 5\)"),
        (torch.zeros(0, 6), ValueError, r"got shape \(0, 6\)"),
        (torch.full((1, 6), float("nan")), ValueError, "got values from nan"),
        (torch.full((1, 6), 1.5), ValueError, "got values from 1.5 to 1.5"),
        (torch.full((1, 6), -0.1), ValueError, "got values from -0.1"),
    ],
)
@pytest.mark.parametrize("pairing", [mb.RandomPairing(), mb.OptimalTransport(2)])
def test_a_ratio_of_ones_own_must_give_weights(pairing, made, error, got):
    mixer, batch = mb.Mixer(pairing, _Law(made), num_classes=3), (torch.rand(6, 2), torch.arange(6) % 3)
    for plan in (lambda: mixer(*batch), lambda: mb.plan_many(mixer, [batch])):
        with pytest.raises(error, match=rf"_Law.sample must give lambda in \[0, 1\], float32 \(K, 6\), {got}"):
            plan()


def test_a_ratio_of_ones_own_in_many_digits_is_taken_in_those_of_weights():
    mixer = mb.Mixer(ratio=_Law(torch.full((2, 6), 0.25, dtype=torch.float64)))
    assert mixer.plan(torch.rand(6, 2)).weights.dtype == torch.float32


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        (None, TypeError, "_Blend.plan must give a MixPlan, got NoneType"),
        ((0.7, 0.7), ValueError, "weights of _Blend.plan must sum to 1 over the sources, got sums from 1.4 to 1.4"),
        ((1.5, -0.5), ValueError, "weights of _Blend.plan must be at least 0, got -0.5"),
    ],
)
def test_a_blend_of_ones_own_must_give_a_plan_of_weights(weights, error, message):
    class _Blend:
        def plan(self, x, partner, lam, generator=None, y=None):
            rows = None if weights is None else torch.tensor([weights] * len(partner))
            return None if rows is None else mb.MixPlan.of_pairs(partner, rows, len(x))

    with pytest.raises(error, match=message):
        mb.Mixer(blend=_Blend()).plan(torch.rand(6, 2))


class _Late(mb.Beta):
    """Derived from a ratio of the package, and so a reader's own."""

    def sample(self, batch_size, generator=None):
        return super().sample(batch_size, generator) + 1


class _Heavy(mb.CutMix):
    def plan(self, x, partner, lam, generator=None, y=None):
        made = super().plan(x, partner, lam, generator, y)
        return mb.MixPlan.of_pairs(partner, made.weights + 1, len(x))


def test_what_is_derived_from_a_part_of_the_package_is_looked_at_like_any_of_ones_own():
    x = torch.rand(6, 3, 8, 8)
    with pytest.raises(ValueError, match=r"_Late\.sample must give lambda in \[0, 1\]"):
        mb.Mixer(ratio=_Late()).plan(x)
    with pytest.raises(ValueError, match=r"weights of _Heavy\.plan must sum to 1"):
        mb.Mixer(blend=_Heavy()).plan(x)
    assert all(map(built_in, (*RATIOS, mb.Linear(), mb.CutMix(), mb.PuzzleMix())))
    assert not any(map(built_in, (_Late(), _Heavy(), _Law(None))))
