"""Signatures of other libraries: the same draws must give the same numbers, where theirs are right."""

import copy
import inspect
import pickle
from functools import partial
from types import SimpleNamespace
from unittest.mock import patch

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy, one_hot
from torch.utils.data import DataLoader, TensorDataset

import mixbook as mb
from mixbook import vision
from mixbook.compat import CutMix, LightningMixing, MixCollate, MixUp, Mixup, Schedule, loops
from mixbook.mixing.blend.linear import Linear
from mixbook.models import MLP


def images(size, generator, height=12, width=10):
    return torch.rand(size, 3, height, width, generator=generator), torch.randint(0, 5, (size,), generator=generator)


# torchvision


@pytest.fixture(scope="module")
def v2():
    vision.load()
    from torchvision.transforms import v2

    return v2


@pytest.mark.parametrize("lam", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("soft", [False, True])
def test_mixup_gives_torchvisions_numbers(v2, lam, soft, generator):
    x, y = images(7, generator)
    y = torch.rand(7, 5, generator=generator).softmax(1) if soft else y
    theirs, ours = v2.MixUp(num_classes=5), MixUp(num_classes=5)
    theirs._dist.sample = lambda shape: torch.tensor([lam])
    ours.mixer.ratio = mb.Fixed(lam)
    for a, b in zip(ours(x, y), theirs(x, y), strict=True):
        assert a.dtype == b.dtype
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("seed", range(8))
def test_cutmix_gives_torchvisions_numbers(v2, seed, monkeypatch):
    generator = torch.Generator().manual_seed(seed)
    x, y = images(6, generator)
    lam = torch.rand((), generator=generator).item()
    theirs, ours = v2.CutMix(num_classes=5), CutMix(num_classes=5, generator=generator)
    centre = torch.rand(2, dtype=torch.float64, generator=generator.clone_state())
    drawn = [centre[1], centre[0]]  # torchvision draws the column first
    theirs._dist.sample = lambda shape: torch.tensor([lam])
    monkeypatch.setattr(torch, "randint", lambda high, size: (drawn.pop(0) * high).long().expand(size))
    expected = theirs(x, y)
    monkeypatch.undo()
    ours.mixer.ratio = mb.Fixed(lam)
    for a, b in zip(ours(x, y), expected, strict=True):
        torch.testing.assert_close(a, b)


def test_images_of_which_torchvision_mixes_nothing_are_refused(v2, generator):
    x, y = torch.rand(6, 3, 2, 2, generator=generator), torch.arange(6) % 5
    assert torch.equal(v2.CutMix(num_classes=5)(x, y)[0], x)
    with pytest.raises(ValueError, match=r"no box of whole pixels fits into 2 x 2"):
        CutMix(num_classes=5, generator=generator)(x, y)


@pytest.mark.parametrize(
    ("options", "side"), [({"cutmix_alpha": 1.0}, 1), ({"cutmix_minmax": (0.2, 0.8)}, 2)], ids=["alpha", "minmax"]
)
def test_images_of_which_timms_boxes_hold_no_pixel_are_refused(options, side, generator):
    mix = Mixup(0.0, **options, mode="elem", num_classes=5, generator=generator)
    with pytest.raises(ValueError, match=rf"no box of CutMix holds a pixel of a side of {side}"):
        mix.plan(torch.rand(200, 3, side, 30, generator=generator))
    plan = mix.plan(torch.rand(200, 3, side + 1, 30, generator=generator))
    assert (plan.weights[:, 1] > 0).any()


def test_they_take_the_places_of_torchvisions_in_its_own_combinations(v2, generator):
    x, y = images(4, generator)
    either = v2.RandomChoice([MixUp(num_classes=5), CutMix(num_classes=5)])
    mixed, targets = v2.Compose([either, v2.Normalize([0.5] * 3, [0.5] * 3)])(x, y)
    assert mixed.shape == x.shape
    torch.testing.assert_close(targets.sum(1), torch.ones(4))


def test_samples_of_other_shapes_keep_their_structure(generator):
    x, y = images(4, generator)
    mix = MixUp(num_classes=5)
    found = mix({"pixels": x, "Label": y, "name": "a"})
    assert found["name"] == "a" and found["pixels"].shape == x.shape and found["Label"].shape == (4, 5)
    deep = MixUp(num_classes=5, labels_getter=lambda sample: sample[1]["y"])([x, {"y": y, "id": 3}])
    assert deep[0].shape == x.shape and deep[1]["y"].shape == (4, 5) and deep[1]["id"] == 3
    assert mix((x, y))[1].shape == (4, 5)


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        ({"x": torch.rand(2, 3)}, 'no key with "label"'),
        ((torch.rand(2, 3), [0, 1]), "the labels must be a tensor, got list"),
        (torch.rand(2, 3), r"must be \(x, y\) or a dictionary, got Tensor"),
        ({"label": torch.tensor([0, 1])}, "must hold an input"),
        ({"weight": torch.rand(2), "file": torch.tensor([4, 5]), "label": torch.tensor([0, 1])}, "must hold an input"),
    ],
)
def test_samples_that_hold_no_batch_are_refused(sample, message):
    with pytest.raises(ValueError, match=message):
        MixUp(num_classes=3)(sample)


def test_weights_and_numbers_of_samples_are_no_inputs(generator):
    x, y = images(4, generator)
    weight = torch.rand(4, generator=generator)
    found = MixUp(num_classes=5)({"weight": weight, "id": torch.arange(4), "image": x, "label": y})
    assert found["weight"] is weight and found["id"].tolist() == [0, 1, 2, 3] and not torch.equal(found["image"], x)


@pytest.mark.parametrize("make", [lambda x, found: {"image": x, **found}, lambda x, found: (x, found)])
@pytest.mark.parametrize(
    ("names", "at"),
    [(["label_names", "Labels"], 1), (["LABELS", "label"], 0), (["my_label", "label"], 0), (["id", "fooLabelBar"], 1)],
)
def test_labels_are_those_that_torchvision_takes(v2, names, at, make, generator):
    x, y = images(4, generator)
    other = torch.tensor([7, 7, 7, 7])
    sample = make(x, {name: y if n == at else other for n, name in enumerate(names)})
    for mix in (MixUp(num_classes=8), v2.MixUp(num_classes=8)):
        out = mix(sample)
        out = out if isinstance(out, dict) else {"image": out[0], **out[1]}
        assert out[names[at]].shape == (4, 8) and out[names[1 - at]] is other and not torch.equal(out["image"], x)


def test_images_are_told_by_their_type_mixed_alike_and_stay_images(v2, generator):
    from torchvision import tv_tensors

    x, y = images(4, generator)
    first, second = tv_tensors.Image(x), tv_tensors.Image(1 - x)
    mix = MixUp(num_classes=5, labels_getter=lambda sample: sample[2])
    depth, out, labels, other = mix(torch.rand(4, 1, 12, 10), first, y, second)
    assert type(out) is type(other) is tv_tensors.Image and not isinstance(depth, tv_tensors.Image)
    torch.testing.assert_close(out + other, torch.ones_like(x))
    assert not torch.equal(out, first) and labels.shape == (4, 5)
    boxes = tv_tensors.BoundingBoxes(torch.rand(4, 4), format="XYWH", canvas_size=(12, 10))
    with pytest.raises(ValueError, match="has no BoundingBoxes or Mask"):
        MixUp(num_classes=5)({"boxes": boxes, "image": first, "mask": tv_tensors.Mask(x > 0.5), "label": y})


def test_a_labels_getter_that_is_neither_is_refused():
    with pytest.raises(ValueError, match="labels_getter must be"):
        MixUp(labels_getter="y")


# timm


@pytest.fixture(scope="module")
def timms():
    vision.load()  # which timm imports
    from timm.data.mixup import Mixup

    return Mixup


def test_the_defaults_are_those_of_the_others(v2, timms):
    def defaults(made):  # in their order, as they may be given by position
        return [(name, each.default) for name, each in inspect.signature(made).parameters.items() if name != "generator"]

    assert defaults(MixUp) == defaults(v2.MixUp) and defaults(CutMix) == defaults(v2.CutMix)
    assert defaults(Mixup) == defaults(timms)


def of_numpy(uniform, lam, places):
    """The functions of numpy's global generator that timm calls, with draws that were made before."""
    return {
        "rand": lambda *size: next(uniform) if size else next(uniform)[0],
        "beta": lambda alpha, _, size=None: lam[alpha] if size else lam[alpha][0],
        "randint": lambda low, high, size=None: low + int(next(places) * (high - low)),
    }


@settings(deadline=None, max_examples=100)
@given(
    seed=st.integers(0, 2**32),
    mode=st.sampled_from(["batch", "pair", "elem"]),
    prob=st.sampled_from([1.0, 0.6]),
    smoothing=st.sampled_from([0.0, 0.1]),
    correct_lam=st.booleans(),
    half=st.integers(1, 4),
    blend=st.sampled_from(["mixup", "cutmix", "both", "minmax"]),
    multi_label=st.booleans(),
)
def test_mixup_and_cutmix_by_turns_give_timms_numbers(
    timms, seed, mode, prob, smoothing, correct_lam, half, blend, multi_label
):
    options = {
        "mixup_alpha": 0.5 * (blend != "cutmix"),
        "cutmix_alpha": 2.0 * (blend != "mixup"),
        "cutmix_minmax": (0.2, 0.8) if blend == "minmax" else None,
        "prob": prob,
        "mode": mode,
        "correct_lam": correct_lam,
        "label_smoothing": smoothing,
        "num_classes": 5,
        "multi_label": multi_label,
    }
    generator = torch.Generator().manual_seed(seed)
    x, y = images(2 * half, generator, height=11)
    y = (torch.rand(2 * half, 5, generator=generator) < 0.5).float() if multi_label else y
    draws = {"batch": 1, "pair": half, "elem": 2 * half}[mode]
    lam = {alpha: torch.rand(draws, generator=generator) for alpha in (0.0, 0.5, 1.0, 2.0)}
    uniform = torch.rand(6, draws, dtype=torch.float64, generator=generator)
    ours = Mixup(**options)
    mine = iter(uniform)
    ours._beta, ours._uniform = lambda alpha, n: lam[alpha], lambda n: next(mine)

    # The same draws in timm's order, which places boxes one by one, and only those that it needs.
    turn, mixed, *place = uniform.numpy()
    cut = {"mixup": turn < 0, "cutmix": turn >= 0}.get(blend, turn < 0.5)
    place = [place[n] for n in ((0, 2, 1, 3) if blend == "minmax" else (0, 1))]
    places = [each[n] for n in range(draws) if cut[n] and mixed[n] < prob for each in place]
    first = [mixed, turn] if mode == "batch" else [turn, mixed]
    asked = [each for each in first if each is mixed or blend in ("both", "minmax")]
    given = of_numpy(iter(asked), {alpha: each.numpy() for alpha, each in lam.items()}, iter(places))
    with patch.multiple("numpy.random", **given):
        expected = timms(**options)(x.clone(), y)  # which changes x in place
    for a, b in zip(ours(x, y), expected, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("mode", ["batch", "pair", "elem"])
@pytest.mark.parametrize("size", [1, 7])
def test_odd_batches_are_taken_and_nothing_is_changed_in_place(mode, size, generator):
    x, y = images(size, generator)
    before = x.clone()
    mix = Mixup(1.0, 1.0, mode=mode, num_classes=5, generator=generator)
    for _ in range(4):
        mixed, targets = mix(x, y)
        torch.testing.assert_close(targets.sum(1), torch.ones(size))
        torch.testing.assert_close(mixed[size // 2], x[size // 2])
    assert torch.equal(x, before)


@pytest.mark.parametrize("correct_lam", [True, False])
def test_boxes_between_two_shares_have_such_sides_and_stay_inside(correct_lam, generator):
    x = torch.zeros(400, 1, 20, 30)
    x[200:] = 1
    how = {"correct_lam": correct_lam, "label_smoothing": 0, "generator": generator}
    mix = Mixup(0.0, cutmix_minmax=(0.2, 0.8), mode="elem", num_classes=2, **how)
    mixed, targets = mix(x, (torch.arange(400) >= 200).long())
    pasted = (mixed != x)[:, 0]
    assert pasted[:, 0].any() and pasted[:, -1].any() and pasted[:, :, 0].any() and pasted[:, :, -1].any()
    heights, widths = pasted.any(2).sum(1), pasted.any(1).sum(1)
    assert heights.min() >= 4 and heights.max() < 16 and widths.min() >= 6 and widths.max() < 24
    assert heights.unique().numel() == 12 and torch.equal(heights * widths, pasted.sum((1, 2)))
    # The labels follow the box, which no lambda has given, whatever correct_lam says.
    torch.testing.assert_close(targets[:200, 1], pasted[:200].float().mean((1, 2)))


def test_several_labels_at_once_are_each_smoothed_towards_one_half(generator):
    x, y = torch.rand(6, 3, generator=generator), (torch.rand(6, 4, generator=generator) < 0.5).float()
    mix = Mixup(label_smoothing=0.2, num_classes=4, multi_label=True, generator=generator)
    mix.mixup_enabled = False
    torch.testing.assert_close(mix(x, y)[1], torch.where(y == 1, 0.9, 0.1))
    with pytest.raises(ValueError, match=r"must be float \(B, 4\), got torch.int64 \(6,\)"):
        mix(x, torch.arange(6) % 4)


@pytest.mark.parametrize("mode", ["batch", "pair", "elem"])
def test_the_share_of_mixed_samples_is_prob_and_disabled_means_none(mode, generator):
    x, y = torch.rand(1000, 2, generator=generator), torch.arange(1000) % 5
    mix = Mixup(prob=0.25, mode=mode, num_classes=5, generator=generator)
    repeats = 400 if mode == "batch" else 1
    mixed = torch.cat([(mix(x, y)[0] != x).any(1) for _ in range(repeats)])
    assert mixed.float().mean() == pytest.approx(0.25, abs=0.1 if repeats > 1 else 0.06)
    mix.mixup_enabled = False
    same, targets = mix(x, y)
    assert torch.equal(same, x)
    torch.testing.assert_close(targets, one_hot(y, 5) * 0.9 + 0.02)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "half"}, "mode must be one of"),
        ({"mixup_alpha": 0.0}, "mixup_alpha or cutmix_alpha must be positive"),
        ({"prob": 2.0}, r"prob must lie in \[0, 1\], got 2.0"),
        ({"cutmix_minmax": (0.8, 0.2)}, "cutmix_minmax must be two growing shares"),
        ({"cutmix_minmax": (0.2,)}, "cutmix_minmax must be two growing shares"),
    ],
)
def test_options_that_mean_nothing_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Mixup(**options)


# Loops


@pytest.mark.parametrize("make", [MixUp, CutMix, Mixup, lambda **o: mb.mixup(**o)])
def test_the_seed_decides_and_the_global_generator_stays_out_of_it(make, generator):
    x, y = images(8, generator)
    state = torch.get_rng_state()
    a, b = (make(num_classes=5, generator=torch.Generator().manual_seed(3))(x, y) for _ in range(2))
    assert torch.equal(a[0], b[0]) and torch.equal(a[1], b[1])
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("mixer", [mb.kmixup(2, num_classes=5, strict=False), MixUp(num_classes=5), Mixup(num_classes=5)])
def test_a_loader_mixes_its_batches_also_the_odd_last_one(mixer, generator):
    x, y = images(11, generator)
    loader = DataLoader(TensorDataset(x, y), batch_size=4, collate_fn=pickle.loads(pickle.dumps(MixCollate(mixer))))
    shapes = [(mixed.shape, targets.shape) for mixed, targets in loader]
    assert shapes == [((n, 3, 12, 10), (n, 5)) for n in (4, 4, 3)]


def samples_with_names(size, generator):
    x, y = images(size, generator)
    return [{"pixel_values": x[n], "labels": int(y[n]), "file": f"{n}.png"} for n in range(size)]


def test_a_batch_with_names_is_mixed_under_two_of_them_and_the_rest_stays(generator):
    samples = samples_with_names(6, generator)
    collate = MixCollate(mb.Mixer(ratio=mb.Fixed(0.3), num_classes=5), keys=("pixel_values", "labels"))
    state = torch.get_rng_state()
    batch = collate(samples)
    torch.set_rng_state(state)
    x = torch.stack([sample["pixel_values"] for sample in samples])
    y = torch.tensor([sample["labels"] for sample in samples])
    mixed, targets = mb.Mixer(ratio=mb.Fixed(0.3), num_classes=5)(x, y)
    torch.testing.assert_close(batch["pixel_values"], mixed)
    torch.testing.assert_close(batch["labels"], targets)
    assert batch["file"] == [f"{n}.png" for n in range(6)] and set(batch) == set(samples[0])


@pytest.mark.parametrize(("bad", "name"), [((True, False), "x"), ((False, True), "y")])
def test_timms_mixup_refuses_what_is_no_tensor(bad, name):
    given = [
        value.numpy() if numpy else value for value, numpy in zip((torch.rand(4, 3), torch.arange(4)), bad, strict=True)
    ]
    with pytest.raises(TypeError, match=f"{name} must be a tensor, got ndarray"):
        Mixup(num_classes=5)(*given)


@pytest.mark.parametrize("keys", [None, ("x", "labels")])
def test_a_batch_with_names_needs_to_know_which_are_mixed(keys, generator):
    with pytest.raises(ValueError, match=r"batch with \['file', 'labels', 'pixel_values'\], got"):
        MixCollate(mb.mixup(num_classes=5), keys=keys)(samples_with_names(4, generator))


def test_more_rows_than_the_rest_of_a_batch_has_are_refused(generator):
    collate = MixCollate(mb.multimix(3, num_classes=5), keys=("pixel_values", "labels"))
    samples = samples_with_names(4, generator)
    with pytest.raises(ValueError, match=r"makes 12 rows of 4, so \['file'\] would no longer fit"):
        collate(samples)
    for sample in samples:
        del sample["file"]
    assert collate(samples)["labels"].shape == (12, 5)


def test_a_schedule_mixes_some_batches_and_none_after_its_last_epoch(generator):
    x, y = torch.rand(6, 2, generator=generator), torch.tensor([0, 1, 2, 0, 1, 2])
    schedule = Schedule(mb.Mixer(ratio=mb.Fixed(0.5), num_classes=3, generator=generator), probability=0.3, until=2)
    clean = [torch.equal(schedule(x, y)[1], one_hot(y, 3).float()) for _ in range(1000)]
    assert 1 - sum(clean) / 1000 == pytest.approx(0.3, abs=0.05)
    schedule.epoch = 2
    same, targets = schedule(x, y)
    assert same is x and torch.equal(targets, one_hot(y, 3).float())
    outputs, targets = schedule.outputs(torch.nn.Identity(), x, y)
    assert torch.equal(outputs, x) and torch.equal(targets, one_hot(y, 3).float())


def test_a_schedule_that_always_mixes_is_its_mixer_and_resumes(generator):
    x, y = torch.rand(6, 2, generator=generator), torch.arange(6) % 3
    schedule = Schedule(mb.mixup(num_classes=3, generator=generator.clone_state()), epoch=4)
    assert torch.equal(schedule(x, y)[0], mb.mixup(num_classes=3, generator=generator.clone_state())(x, y)[0])
    state, ahead = schedule.state_dict(), schedule.outputs(torch.nn.Identity(), x, y)
    other = Schedule(mb.mixup(num_classes=3, generator=torch.Generator()))
    other.load_state_dict(state)
    assert other.epoch == 4 and torch.equal(other(x, y)[0], ahead[0])


def test_a_schedule_hands_on_the_second_batch_and_the_generator(generator):
    x, y = torch.rand(6, 2, generator=generator), torch.arange(6) % 3
    schedule = Schedule(mb.mixup(num_classes=3), probability=0.5)

    def outputs(seed):
        own = torch.Generator().manual_seed(seed)
        return schedule.outputs(torch.nn.Identity(), x, y, partner=(x + 100, y), generator=own)[0]

    first, again = ([outputs(seed) for seed in range(20)] for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert {bool((mixed > 1).any()) for mixed in first} == {True, False}


def test_a_schedule_refuses_what_is_no_probability_and_labels_without_a_number_of_classes():
    with pytest.raises(ValueError, match=r"probability must lie in \[0, 1\], got 50"):
        Schedule(mb.mixup(), probability=50)
    with pytest.raises(ValueError, match="num_classes is needed"):
        Schedule(mb.mixup(), until=0)(torch.rand(2, 3), torch.tensor([0, 1]))
    off = Schedule(mb.mixup(num_classes=3), until=0)  # refuses what it would refuse while it mixes
    with pytest.raises(ValueError, match="x and y must have the same length, got 3 and 2"):
        off(torch.rand(3, 3), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match="float y must have num_classes=3 columns"):
        off(torch.rand(2, 3), torch.rand(2, 4))
    with pytest.raises(TypeError, match=r"x must be floating point to be mixed, got torch\.int64"):
        off(torch.ones(2, 3, dtype=torch.int64), torch.tensor([0, 1]))


@pytest.mark.parametrize("persistent", [False, True])
def test_workers_learn_the_epoch(persistent):
    data = TensorDataset(torch.rand(32, 4), torch.arange(32) % 8)
    schedule = Schedule(mb.Mixer(ratio=mb.Fixed(0.5), num_classes=8), until=1)
    loader = DataLoader(data, 8, num_workers=1, collate_fn=MixCollate(schedule), persistent_workers=persistent)
    mixed = []
    for schedule.epoch in range(3):
        mixed.append(sum(bool(((t > 0) & (t < 1)).any()) for _, t in loader))
    assert mixed == [4, 0, 0]


def test_a_generator_that_every_worker_has_a_copy_of_is_warned_about(monkeypatch):
    samples = [(torch.rand(4), 0), (torch.rand(4), 1)]
    MixCollate(mb.mixup(1.0, 2, generator=torch.Generator()))(samples)
    monkeypatch.setattr(loops, "get_worker_info", object)
    MixCollate(mb.mixup(1.0, 2))(samples)
    with pytest.warns(UserWarning, match="each worker has the same copy"):
        MixCollate(mb.mixup(1.0, 2, generator=torch.Generator()))(samples)


@pytest.mark.parametrize(
    "make",
    [
        lambda **own: Schedule(mb.mixup(**own)),
        lambda **own: mb.OneOf([mb.mixup(**own)]),
        lambda **own: Schedule(mb.OneOf([mb.mixup(1.0, 2), mb.mixup(**own)])),
        MixUp,
        Mixup,
        lambda **own: Schedule(MixUp(**own), until=3),
        lambda **own: Schedule(CutMix(**own), until=3),
        lambda **own: Schedule(Mixup(**own), until=3),
        lambda generator=None, **_: Schedule(SimpleNamespace(num_classes=2, generator=generator), until=0),
    ],
)
def test_a_generator_is_seen_through_what_holds_the_mixer(make, monkeypatch, recwarn):
    samples = [(torch.rand(3, 8, 8), 0), (torch.rand(3, 8, 8), 1)]
    monkeypatch.setattr(loops, "get_worker_info", object)
    MixCollate(make(num_classes=2))(samples)
    assert not recwarn
    with pytest.warns(UserWarning, match="each worker has the same copy"):
        MixCollate(make(num_classes=2, generator=torch.Generator()))(samples)


@pytest.mark.parametrize("make", [MixUp, CutMix, partial(Mixup, cutmix_alpha=1.0, mode="elem")])
def test_transforms_of_others_resume_and_are_switched_off_by_a_schedule(make, generator):
    x, y = images(6, generator)
    mix, other = (make(num_classes=5, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2))
    mix(x, y)
    schedule = Schedule(mix, until=4)
    state, ahead = schedule.state_dict(), schedule(x, y)
    again = Schedule(other, until=4)
    again.load_state_dict(state)
    for ours, theirs in zip(again(x, y), ahead, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
    again.epoch = 4
    assert again(x, y)[0] is x
    assert not mix.draws_globally and make(num_classes=5).draws_globally and make(num_classes=5).state_dict() == {}
    with pytest.raises(ValueError, match="must both have a generator of their own, or neither"):
        make(num_classes=5).load_state_dict(mix.state_dict())


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda made: pickle.loads(pickle.dumps(made))])
def test_a_copied_schedule_has_an_epoch_of_its_own_that_workers_learn(copied):
    made = Schedule(mb.mixup(num_classes=8), until=3, epoch=2)
    other = copied(made)
    assert (other.epoch, other.until, other._shared.is_shared()) == (2, 3, True)
    other.epoch = 7
    assert (made.epoch, int(made._shared), int(other._shared)) == (2, 2, 7)


def test_a_copy_of_a_schedule_of_one_s_own_is_whole():
    class Warm(Schedule):
        def __init__(self, steps):
            super().__init__(mb.mixup(num_classes=8), until=steps)
            self.steps = steps

    assert copy.copy(Warm(3)).steps == 3


@pytest.mark.parametrize(("batch", "got"), [((torch.rand(4, 2),) * 3, "3 parts"), ({"x": torch.rand(4, 2)}, "dict")])
def test_a_batch_that_is_no_pair_is_named(batch, got):
    class Net(LightningMixing, Hooks):
        mixer = mb.mixup(num_classes=5)

    with pytest.raises(ValueError, match=rf"a batch must be \(x, y\) to be mixed, got {got}: put them in order"):
        Net().on_after_batch_transfer(batch, 0)
    if got != "dict":
        with pytest.raises(ValueError, match="got 3 parts: give collate= a function"):
            MixCollate(mb.mixup(num_classes=5), collate=lambda samples: batch)([])


def hidden(k=1):
    network = MLP(4, (8,), 5)
    return mb.manifold_mixup(network, ["layer1"], num_classes=5, k=k)


def guided(clean=0.0):
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 5))
    return mb.GuidedMixer(mb.puzzlemix(network, num_classes=5, grids=(4,)), clean=clean)


def in_lightning(mixer):
    net = type("Net", (LightningMixing, Hooks), {"mixer": mixer})()
    net.on_after_batch_transfer((torch.rand(4, 4), torch.arange(4)), 0)


@pytest.mark.parametrize("use", [MixCollate, in_lightning])
@pytest.mark.parametrize("make", [hidden, guided, lambda: Schedule(hidden(), until=3)])
def test_outputs_of_a_network_do_not_take_the_place_of_its_inputs(make, use):
    with pytest.raises(TypeError, match=r"must give a mixed batch, got (ManifoldMixer|GuidedMixer), which gives outputs"):
        use(make())


@pytest.mark.parametrize("make", [hidden, guided])
def test_a_schedule_switches_off_what_gives_outputs_of_a_network(make, generator):
    mix = make()
    x = torch.rand(6, *((4,) if make is hidden else (1, 8, 8)), generator=generator)
    y = torch.arange(6) % 5
    schedule = Schedule(mix, until=2)
    for use in (schedule, lambda x, y: schedule.outputs(mix.model, x, y, generator=generator)):
        schedule.epoch = 1
        assert any((use(x, y)[1].max(1).values < 1).any() for _ in range(10))
        schedule.epoch = 2
        outputs, targets = use(x, y)
        assert torch.equal(outputs, mix.model(x)) and torch.equal(targets, one_hot(y, 5).float())
    assert schedule.draws_globally and schedule.state_dict() == {"mixer": {}, "epoch": 2}


def test_words_are_no_inputs_to_be_mixed_but_their_hidden_states_are(generator):
    words = torch.nn.Sequential(torch.nn.Embedding(9, 8), torch.nn.Flatten(), torch.nn.Linear(24, 5))
    schedule = Schedule(mb.manifold_mixup(words, ["0"], num_classes=5, generator=generator), until=0)
    x = torch.randint(0, 9, (6, 3), generator=generator)
    assert torch.equal(schedule(x, torch.arange(6) % 5)[0], words(x))


def test_without_mixing_a_guided_loss_is_that_of_the_samples(generator):
    mix = guided(clean=2.0)
    schedule = Schedule(mix, until=1)
    x, y = torch.rand(6, 1, 8, 8, generator=generator), torch.arange(6) % 5
    for schedule.epoch in (0, 1, 1, 0):
        outputs, targets = schedule.outputs(mix.model, x, y, generator=generator)
        loss, plain = mix.loss(outputs, targets), cross_entropy(outputs, targets)
        assert (loss == plain) == (schedule.epoch == 1)


def test_a_compiled_network_is_mixed_also_where_its_first_batch_was_not(generator):
    torch.compiler.reset()
    torch.manual_seed(0)
    mix = hidden()
    compiled, schedule = torch.compile(mix.model, backend="eager"), Schedule(mix, until=1)
    x, y = torch.rand(6, 4, generator=generator), torch.arange(6) % 5
    for schedule.epoch in (1, 0, 1, 0):
        outputs, targets = schedule.outputs(compiled, x, y, generator=generator)  # a permutation that moves samples
        assert torch.allclose(outputs, mix.model(x)) == (schedule.epoch == 1) == torch.equal(targets, one_hot(y, 5).float())
    torch.compiler.reset()


@pytest.mark.parametrize(
    ("what", "got"),
    [
        (mb.mixup, "mixup"),
        (mb.Mixer, "Mixer"),
        (Schedule(mb.mixup(num_classes=5)), "Schedule"),
        (SimpleNamespace(num_classes=5), "SimpleNamespace"),
    ],
    ids=lambda what: what if isinstance(what, str) else "",
)
def test_a_schedule_refuses_what_it_cannot_switch_off(what, got):
    with pytest.raises(TypeError, match=rf"must have num_classes and a generator, as .* or GuidedMixer, got {got}: e\.g\."):
        Schedule(what, until=3)


def test_a_schedule_takes_timms_mixup_in_a_loop_of_one_s_own(generator):
    x, y = images(4, generator)
    schedule = Schedule(Mixup(num_classes=5, label_smoothing=0.0), until=1, epoch=1)
    assert torch.equal(schedule(x, y)[1], one_hot(y, 5).float())
    schedule.epoch = 0
    assert schedule(x, y)[1].shape == (4, 5)


class Hooks:
    """What Lightning's module does: the hook gives back the batch, and a trainer says what it is doing."""

    class Trainer:
        training = True

    trainer = Trainer()

    def on_after_batch_transfer(self, batch, dataloader_idx):
        return batch


def test_lightning_s_module_named_first_is_refused_for_nothing_would_be_mixed():
    with pytest.raises(TypeError, match="name LightningMixing before Hooks: class Net"):
        type("Net", (Hooks, LightningMixing), {})
    with pytest.raises(TypeError, match="name LightningMixing before Hooks: class Net"):
        type("Net", (Hooks, LightningMixing), {"on_after_batch_transfer": Hooks.on_after_batch_transfer})
    between = type("Between", (LightningMixing, Hooks), {})
    assert issubclass(type("Net", (between,), {"on_after_batch_transfer": between.on_after_batch_transfer}), Hooks)


def test_lightning_mixes_training_batches_only(generator):
    class Net(LightningMixing, Hooks):
        mixer = mb.Mixer(ratio=mb.Fixed(0.5), blend=Linear(), num_classes=5, generator=generator)

    batch, net = images(8, generator), Net()
    mixed, targets = net.on_after_batch_transfer(batch, 0)
    assert not torch.equal(mixed, batch[0]) and targets.shape == (8, 5)
    net.trainer.training = False
    assert net.on_after_batch_transfer(batch, 0) is batch


@pytest.mark.parametrize("make", [MixUp, CutMix, Mixup, partial(Mixup, cutmix_alpha=1.0, mode="elem")])
def test_a_batch_of_nothing_comes_back_with_targets_for_none(make):
    x, targets = make(num_classes=5)(torch.zeros(0, 3, 8, 8), torch.zeros(0).long())
    assert x.shape == (0, 3, 8, 8) and targets.shape == (0, 5)
