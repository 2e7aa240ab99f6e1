"""Every network by name, at full size and small, takes what it should and names the same stages."""

import pytest
import torch

from mixbook.benchmarks.experiments import all_experiments
from mixbook.models.named import NAMES, named, usual_stem_stride

LARGE = ("densenet_bc_190", "wide_resnet101", "resnet50", "wrn28_10")


def shape_of(name):
    return (1, 161, 101) if name.startswith(("speech", "commands")) else (3, 32, 32)


@pytest.mark.parametrize("name", NAMES)
def test_a_small_one_has_the_stages_of_the_full_one_and_fewer_weights(name):
    with torch.device("meta"):
        full = named(name, shape_of(name), 7)
    small = named(name, shape_of(name), 7, small=True)
    stages = [n for n, _ in full.named_children()]
    assert [n for n, _ in small.named_children()] == stages
    assert small.eval()(torch.rand(2, *shape_of(name))).shape == (2, 7)
    count = [sum(p.numel() for p in net.parameters()) for net in (small, full)]
    assert count[0] <= count[1] and (name not in LARGE or count[0] < count[1] / 2)


def test_more_arguments_reach_the_network():
    half = named("preact_resnet18", (3, 64, 64), 2, stem_stride=2).stem
    assert half.stride == (2, 2)


def test_a_small_one_takes_them_too():
    assert named("resnet18", (3, 32, 32), 2, small=True, width=8).stem[0].out_channels == 8


@pytest.mark.parametrize(
    ("name", "shape", "said"),
    [
        ("resnet50", (1, 32, 32), "takes samples of 3 channels"),
        ("speech_lenet", (3, 32, 32), "takes samples of 1 channels"),
        ("lenet", (1, 28, 32), "takes square images"),
        ("wrn28_10", (32, 32), "shape must be"),
    ],
)
def test_shapes_that_a_network_does_not_take_are_refused(name, shape, said):
    with pytest.raises(ValueError, match=said):
        named(name, shape, 10)


def test_an_unknown_one_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"there is no network 'vgg'. There are: lenet, resnet18"):
        named("vgg", (3, 32, 32), 10)


def test_the_network_of_facebook_s_code_is_the_variant():
    for small in (False, True):
        model = named("preact_resnet18_facebook", (3, 32, 32), 10, small=small)
        assert [type(part).__name__ for part in model.stem] == ["Conv2d", "BatchNorm2d", "ReLU"]


def test_stems_have_the_strides_of_the_experiments():
    strides = {
        (each["network"], dict(each.values.get("network_options", ())).get("stem_stride", 1))
        for each in all_experiments()
        if each.dataset == "tiny_imagenet" and "network" in each.values
    }
    assert strides == {(name, usual_stem_stride(name, (3, 64, 64))) for name, _ in strides}
    assert {stride for _, stride in strides} == {1, 2}


@pytest.mark.parametrize("name", NAMES)
def test_a_network_takes_the_stride_that_its_stem_usually_has(name):
    if (stride := usual_stem_stride(name, shape_of(name))) is not None:
        named(name, shape_of(name), 2, small=True, stem_stride=stride)
