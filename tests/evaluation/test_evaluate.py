from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

import mixbook as mb
from mixbook.data import Arrays, ImageFiles, Pixels, digits
from mixbook.evaluation import (
    PGD,
    accuracy,
    attack,
    attacked_error,
    brier,
    deform,
    deformation,
    evaluate,
    expected_calibration_error,
    fgsm,
    fgsm_error,
    nll,
    unbounded,
)
from mixbook.models import MLP, LeNet, seeded


def test_scores_do_not_depend_on_the_batch_size():
    data = digits()
    model = seeded(0, lambda: MLP(64, (16,), 10))
    whole, cut = evaluate(model, data, batch_size=len(data)), evaluate(model, data, batch_size=100)
    assert whole == pytest.approx(cut, rel=1e-6)
    assert set(whole) == {"accuracy", "nll", "brier", "ece"}


def test_noise_is_off_and_every_module_is_put_back_into_its_mode():
    model = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.BatchNorm1d(64), nn.Linear(64, 10))
    model.train()
    model[2].eval()  # a frozen batch norm in a network that trains
    before = model[2].running_mean.clone()
    assert evaluate(model, digits()) == evaluate(model, digits())
    assert [m.training for m in model] == [True, True, False, True]
    assert model.training
    assert torch.equal(model[2].running_mean, before)


def images(generator: torch.Generator) -> tuple[nn.Module, Arrays]:
    """A network that is right about most of some random images."""
    model, x = seeded(0, lambda: LeNet(7, image_size=12)), torch.rand(120, 1, 12, 12, generator=generator)
    first, second = model(x).topk(2).indices.T
    return model, Arrays(x, torch.where(torch.arange(120) % 5 == 0, second, first), 7)


def test_a_loader_is_scored_like_the_arrays_it_is_made_of(generator):
    model, data = images(generator)
    batches = zip(data.x.split(50), data.y.split(50), strict=True)
    assert evaluate(model, batches) == pytest.approx(evaluate(model, data))
    with pytest.raises(ValueError, match="at least one batch, got none: has the iterator been used up"):
        evaluate(model, batches)
    with pytest.raises(TypeError, match=r"pairs \(samples, labels\) of tensors, got Tensor"):
        evaluate(model, [data.x])


def test_what_else_is_asked_for_comes_in_one_call(generator):
    model, data = images(generator)
    attacks = [fgsm(2 / 255), fgsm(1 / 255), PGD(2 / 255, steps=5, restarts=2)]
    scores = mb.evaluate(
        model, data, batch_size=50, top=[1, 5], attacks=attacks, deformations=["zoomin_60"], generator=generator
    )
    assert list(scores)[4:6] == ["accuracy_top1", "accuracy_top5"]
    assert scores["accuracy_top1"] == scores["accuracy"] < scores["accuracy_top5"]
    assert scores["error@fgsm@2/255"] == pytest.approx(fgsm_error(model, data, 2 / 255))
    assert scores["error@fgsm@2/255"] >= scores["error@fgsm@1/255"]
    assert scores["error@pgd5x2@2/255"] >= scores["error@fgsm@2/255"]
    zoomed = Arrays(deform(data.x, deformation("zoomin_60")), data.y, 7)
    assert scores["accuracy@zoomin_60"] == evaluate(model, zoomed)["accuracy"]
    assert evaluate(model, data) == {name: scores[name] for name in ("accuracy", "nll", "brier", "ece")}


def test_an_attack_can_be_given_by_its_name(generator):
    model, data = images(generator)
    named = mb.evaluate(model, data, attacks=["fgsm@8/255", unbounded(3)])
    assert named == mb.evaluate(model, data, attacks=[fgsm(8 / 255), unbounded(3)])
    with pytest.raises(ValueError, match=r"name must be one such as fgsm@8/255.* got 'fgsm8'"):
        mb.evaluate(model, data, attacks=["fgsm8"])
    with pytest.raises(ValueError, match="attacks must have different names"):
        mb.evaluate(model, data, attacks=["fgsm@8/255", fgsm(8 / 255)])


def test_attacks_are_named_by_what_they_do():
    attacks = [fgsm(0.5 / 255), fgsm(0.03, clip=None), PGD(8 / 255), PGD(8 / 255, restarts=4), unbounded()]
    attacks += [fgsm(0.03, space="normalised"), fgsm(1e-5, clip=None), fgsm(8 / 255, saturating=True)]
    attacks.append(replace(unbounded(3), saturating=True))
    assert [attack.name for attack in attacks] == [
        "fgsm@0.5/255",
        "fgsm@0.03",
        "pgd20@8/255",
        "pgd20x4@8/255",
        "unbounded200",
        "fgsm@0.03 normalised",
        "fgsm@1e-05",
        "fgsm@8/255 saturating",
        "unbounded3 saturating",
    ]
    assert [attack(each.name) for each in attacks] == attacks
    for wrong in (
        "fgsm@8/255 step 1/255",
        "pgd20@8/255 step 0.1",
        "pgd20@0.1 step 1/255",
        "unbounded3 step 1/255",
        "fgsm",
        "fgsm@.",
        "fgsm:8/255",
        "pgd@8/255",
        "pgd20x3@",
        "unbounded",
        "fgsm@a lot",
    ):
        with pytest.raises(ValueError, match=f"name must be one such as fgsm@8/255, .* got '{wrong}'"):
            attack(wrong)
    model = MLP(64, (), 10)
    with pytest.raises(ValueError, match="attacks must have different names"):
        evaluate(model, digits(), attacks=[fgsm(0.1, None), fgsm(0.1, None)])


def test_attacks_that_differ_have_names_that_do():
    attacks = [PGD(8 / 255), PGD(8 / 255, random_start=False), PGD(8 / 255, step_size=2 / 255)]
    attacks += [PGD(8 / 255, 1, step_size=1 / 255, random_start=False)]  # it does not get as far as FGSM
    attacks += [PGD(0.1, step_size=0.02, restarts=2, clip=None), PGD(0.1, step_size=0.02, space="normalised")]
    attacks += [unbounded(3, 0.05), PGD(0.1, random_start=False, clip=None, saturating=True)]
    assert [attack.name for attack in attacks] == [
        "pgd20@8/255",
        "pgd20@8/255 from the sample",
        "pgd20@8/255 step 2/255",
        "pgd1@8/255 step 1/255 from the sample",
        "pgd20x2@0.1 step 0.02",
        "pgd20@0.1 normalised step 0.02",
        "unbounded3 step 0.05",
        "pgd20@0.1 from the sample saturating",
    ]
    assert [attack(each.name) for each in attacks] == attacks
    assert PGD(0.1, 5, step_size=0.05).name == PGD(0.1, 5).name == "pgd5@25.5/255"  # the same step


def test_the_mode_is_put_back_after_an_error():
    model = nn.Sequential(nn.Flatten(), nn.Linear(63, 10))
    with pytest.raises(RuntimeError):
        evaluate(model, digits())
    assert model.training


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32])
def test_labels_may_be_any_integers(dtype, generator):
    x, y = torch.rand(10, 64, generator=generator), torch.arange(10)
    model, asked = MLP(64, (), 10), {"top": (2,), "attacks": [fgsm(0.1)]}
    assert evaluate(model, [(x, y.to(dtype))], **asked) == evaluate(model, [(x, y)], **asked)
    logits = model(x).detach()
    for metric in (accuracy, nll, brier, expected_calibration_error):
        assert metric(logits, y.to(dtype)) == metric(logits, y)
    for none in (y.float(), y > 3):
        with pytest.raises(TypeError, match="labels must be integers, got torch"):
            evaluate(model, [(x, none)])


@pytest.mark.parametrize(
    ("label", "top", "said"), [(3, (), r"\[0, 2\), got 3 to 3"), (1, (3,), "k must lie between 1 and")]
)
def test_what_cannot_be_scored_is_said_before_the_attacks(label, top, said):
    def never(*_: object) -> torch.Tensor:
        raise AssertionError

    attack = fgsm(0.1)
    object.__setattr__(attack, "_attempt", never)
    with pytest.raises(ValueError, match=said):
        evaluate(MLP(4, (), 2), [(torch.rand(5, 4), torch.full((5,), label))], top=top, attacks=[attack])


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        evaluate(MLP(64, (), 10), digits(), batch_size=0)
    with pytest.raises(ValueError, match=r"labels must lie in \[0, 9\), got 0 to 9"):
        evaluate(MLP(64, (), 9), digits())


def test_what_is_asked_for_may_come_from_generators(generator):
    batches = [(torch.rand(10, 64, generator=generator), torch.arange(10))] * 2
    asked = {"top": [2, 3], "attacks": ["fgsm@0.1"]}
    model, once = MLP(64, (), 10), {name: iter(each) for name, each in asked.items()}
    assert evaluate(model, batches, **once) == evaluate(model, batches, **asked)


def test_names_and_what_they_name_are_taken_alike(generator):
    model, x, y = LeNet(10), torch.rand(10, 1, 28, 28, generator=generator), torch.arange(10)
    deformed = [deform(x, how, torch.Generator().manual_seed(0)) for how in ("rotation_20", deformation("rotation_20"))]
    assert torch.equal(*deformed)
    assert attacked_error(model, [(x, y)], "fgsm@8/255") == attacked_error(model, [(x, y)], fgsm(8 / 255))
    scores = evaluate(model, [(x, y)], deformations=["zoomin_60", deformation("zoomin_60")])
    assert scores["accuracy@zoomin_60"] == scores["accuracy@Zoom(factor=0.6)"]


def test_data_that_give_no_batches_are_named_with_what_makes_them():
    x, y = torch.zeros(4, 1, 8, 8, dtype=torch.uint8), torch.tensor([0, 1, 0, 1])
    for wrong, said in (
        (Pixels(x, y, 2), r"got Pixels: wrap images as bytes in mixbook\.data\.Resident"),
        (ImageFiles((Path("a.png"),), y[:1], 2, "files"), r"got ImageFiles: wrap files in mixbook\.data\.loader"),
        ([(x, y, y)], "of tensors, got 3 parts"),
    ):
        for score in (evaluate, partial(attacked_error, attack=fgsm(0.1))):
            with pytest.raises(TypeError, match=said):
                score(MLP(64, (), 2), wrong)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_the_data_follow_the_model():
    model, data = seeded(0, lambda: MLP(64, (16,), 10)), digits()
    on_cpu = evaluate(model, data)
    assert evaluate(model.cuda(), data) == pytest.approx(on_cpu, rel=1e-3)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"attacks": "fgsm@8/255"}, r"attacks must be a list, got 'fgsm@8/255': e.g. \['fgsm@8/255'\]"),
        ({"attacks": fgsm(8 / 255)}, r"attacks must be a list, got PGD\("),
        ({"deformations": "rotation_20"}, "deformations must be a list, got 'rotation_20'"),
        ({"top": 2}, r"top must be a list, got 2: e.g. \[2\]"),
        ({"top": "5"}, "top must be a list, got '5'"),
    ],
)
def test_one_where_a_list_is_meant_is_refused(given, message, generator):
    with pytest.raises(ValueError, match=message):
        evaluate(*images(generator), **given)
