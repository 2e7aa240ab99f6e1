"""Class activation maps on networks whose maps are known, and the two ways to count."""

from collections import OrderedDict

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import nn

from mixbook.data import tiny_imagenet
from mixbook.evaluation import Reading, activation_maps, boxes_of, localisation, localised
from mixbook.evaluation.localisation import CODE, CUB, TEXT
from mixbook.models import LeNet, PreActResNet, WideResNet, resnet50, seeded
from mixbook.models.blocks import average


def brightness(classes: int = 2) -> nn.Sequential:
    """Its one map is the image itself, and class 1 is "bright": the truth is known."""
    head = nn.Linear(1, classes)
    with torch.no_grad():
        head.weight.copy_(torch.arange(classes)[:, None])
        head.bias.copy_(-0.1 * torch.arange(classes))
    return nn.Sequential(OrderedDict(last=nn.Identity(), pool=average(), head=head))


def spots(generator: torch.Generator, count: int = 20) -> tuple[torch.Tensor, torch.Tensor]:
    """Bright rectangles on black, (count, 1, 16, 16), and their boxes."""
    x, boxes = torch.zeros(count, 1, 16, 16), []
    for image in x:
        left, top = (int(corner) for corner in torch.randint(9, (2,), generator=generator))
        width, height = (int(side) for side in torch.randint(3, 8, (2,), generator=generator))
        image[:, top : top + height, left : left + width] = 1
        boxes.append([left, top, width, height])
    return x, torch.tensor(boxes).float()


@pytest.mark.parametrize(
    ("make", "layer", "head"),
    [
        (lambda: PreActResNet(18, 5, width=4), "layer4", "head"),
        (lambda: WideResNet(10, 1, 5), "norm", "head"),
        (lambda: resnet50(5), "layer4", "fc"),
    ],
    ids=["preact", "wide", "torchvision"],
)
def test_the_mean_of_a_map_is_its_logit_without_the_bias(make, layer, head, generator):
    model, x = seeded(0, make).train(), torch.rand(2, 3, 64, 64, generator=generator)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    maps, logits = activation_maps(model, x, layer, head)
    top, bias = logits.argmax(1), model.get_submodule(head).bias.detach()
    torch.testing.assert_close(maps.mean((1, 2)) + bias[top], logits.gather(1, top[:, None])[:, 0], rtol=1e-4, atol=1e-4)
    other, _ = activation_maps(model, x, layer, head, classes=torch.tensor([3, 1]))
    torch.testing.assert_close(other.mean((1, 2)) + bias[[3, 1]], logits[[0, 1], [3, 1]], rtol=1e-4, atol=1e-4)
    assert model.training and all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_the_box_of_a_known_map_is_the_known_box(generator):
    x, boxes = spots(generator)
    maps, _ = activation_maps(brightness(), x, "last", "head", classes=torch.ones(len(x)).long())
    assert torch.equal(boxes_of(maps, (16, 16), 0.5), boxes)
    inverted = boxes_of(-maps, (16, 16), 0.5)  # what is dark reaches the edges
    assert not torch.equal(inverted, boxes)


def test_the_largest_part_is_boxed_and_corners_touch():
    one = torch.zeros(1, 8, 8)
    one[0, 0, 0] = 5.0  # the brightest is alone
    one[0, [3, 4, 5], [3, 4, 5]] = 4.0  # three that touch at corners
    assert boxes_of(one, (8, 8), 0.5).tolist() == [[3, 3, 3, 3]]


def test_maps_are_enlarged_to_the_image():
    small = torch.zeros(1, 4, 4)
    small[0, 1:3, 1:3] = 1
    left, top, width, height = boxes_of(small, (32, 32), 0.5)[0].tolist()
    assert (left, top, width, height) == (8, 8, 16, 16)


def test_the_object_begins_at_the_threshold_itself():
    assert boxes_of(torch.tensor([[[0.0, 1.0, 2.0, 4.0]]]), (1, 4), 0.5).tolist() == [[2, 0, 2, 1]]


def test_smoothing_sums_nine_neighbours(generator):
    maps = torch.rand(6, 9, 9, generator=generator)
    summed = np.stack([ndimage.convolve(each.double().numpy(), np.ones((3, 3)), mode="constant") for each in maps])
    expected = boxes_of(torch.from_numpy(summed), (9, 9), 0.6)
    assert torch.equal(boxes_of(maps, (9, 9), 0.6, smooth=True), expected)
    assert not torch.equal(boxes_of(maps, (9, 9), 0.6), expected)


def test_a_map_without_contrast_is_the_image_and_one_without_numbers_nothing():
    maps = torch.stack([torch.ones(3, 3), torch.full((3, 3), torch.nan)])
    assert boxes_of(maps, (6, 5), 0.2).tolist() == [[0, 0, 5, 6], [0, 0, 0, 0]]


def test_what_counts_as_localised():
    box = torch.tensor([[0.0, 0, 4, 4]]).repeat(3, 1)
    truth = torch.tensor([[0.0, 0, 4, 8], [0, 0, 4, 16], [20, 20, 4, 4]])  # overlaps 1/2, 1/4, 0
    assert localised(box, truth, 0.5).tolist() == [True, False, False]
    assert localised(box, truth, 0.25).tolist() == [True, True, False]
    assert localised(box, truth, 0.25, strict=True).tolist() == [True, False, False]
    several = torch.stack([truth.flip(0), truth], dim=1)  # one of them is enough
    assert localised(box, several, 0.5).tolist() == [True, False, True]
    padded = torch.stack([truth, torch.zeros(3, 4)], dim=1)
    assert localised(box, padded, 0.25, strict=True).tolist() == [True, False, False]


def test_both_readings_of_a_quarter(generator):
    x, boxes = spots(generator, 12)
    y = torch.tensor([1] * 9 + [0] * 3)  # the network says 1 where the image is bright enough, which all are
    wide = boxes.clone()
    wide[:6, 2] *= 3  # these true boxes are three times as wide: an overlap of one third
    data = list(zip(x.split(5), y.split(5), wide.split(5), strict=True))
    strict = Reading("half", threshold=0.5, overlap=0.5, label=True)
    loose = Reading("quarter", threshold=0.5, overlap=0.25, strict=True)
    model = brightness()
    model.head.bias.data.fill_(0)
    scores = localisation(model, data, "last", "head", [loose, strict])
    assert scores["accuracy"] == 9 / 12
    assert scores["localised@quarter"] == 1
    assert scores["localised@half"] == 3 / 12  # six overlap too little, and three more are of the wrong class
    assert scores["iou@half"] == pytest.approx((6 / 3 + 6) / 12)


def test_labels_of_images_are_integers_one_for_each(generator):
    x, boxes = spots(generator, 4)
    y = torch.tensor([1, 1, 0, 1])
    scored = [localisation(brightness(), [(x, labels, boxes)], "last", "head") for labels in (y, y.byte())]
    assert scored[0] == scored[1]
    for wrong, said in ((y[:, None], r"got \(4, 2\) and \(4, 1\)"), (y + 1, r"labels must lie in \[0, 2\), got 1 to 2")):
        with pytest.raises(ValueError, match=said):
            localisation(brightness(), [(x, wrong, boxes)], "last", "head")
    with pytest.raises(TypeError, match="labels must be integers"):
        localisation(brightness(), [(x, y.float(), boxes)], "last", "head")


def test_the_readings_are_those_of_the_sources():
    assert (TEXT.threshold, TEXT.overlap, TEXT.strict, TEXT.label, TEXT.smooth) == (0.2, 0.25, True, False, False)
    assert (CODE.threshold, CODE.overlap, CODE.label, CODE.smooth) == (0.25, 0.5, True, True)
    assert (CUB.threshold, CUB.overlap, CUB.strict, CUB.label, CUB.smooth) == (0.75, 0.25, True, False, False)


def test_a_network_that_diverged_finds_nothing_and_its_layers_have_the_right_names(generator):
    x = torch.rand(4, 1, 28, 28, generator=generator)
    maps, _ = activation_maps(brightness(), x * torch.nan, "last", "head")
    assert maps.isnan().all() and boxes_of(maps, (28, 28), 0.25).abs().sum() == 0


def test_bad_input_is_named(generator):
    x = torch.rand(2, 1, 28, 28, generator=generator)
    with pytest.raises(ValueError, match="must get the average over places"):
        activation_maps(LeNet(10), x, *lenet_names())
    with pytest.raises(ValueError, match=r"layer 'pool' must give one map .* got \[\(2, 1\)\]"):
        activation_maps(brightness(), x, "pool", "head")
    with pytest.raises(TypeError, match="head 'pool' must be the linear map to the logits, got Sequential"):
        activation_maps(brightness(), x, "last", "pool")
    with pytest.raises(ValueError, match="at least one batch"):
        localisation(brightness(), [], "last", "head")
    with pytest.raises(ValueError, match="readings must have different names"):
        localisation(brightness(), [], "last", "head", [TEXT, TEXT])
    with pytest.raises(ValueError, match="threshold must lie between 0 and 1, got 25"):
        Reading("percent", 25, 0.5)
    with pytest.raises(ValueError, match=r"overlap must lie in \[0, 1\), got 1"):
        Reading("whole", 0.25, 1)
    with pytest.raises(ValueError, match=r"maps must be \(B, h, w\), got \(2, 1, 28, 28\)"):
        boxes_of(x, (28, 28), 0.2)


def lenet_names() -> tuple[str, str]:
    """The last map of LeNet and its last linear map, which is not fed by an average."""
    names = [name for name, module in LeNet(10).named_modules() if isinstance(module, nn.MaxPool2d | nn.AvgPool2d)]
    last = [name for name, module in LeNet(10).named_modules() if isinstance(module, nn.Linear)][-1]
    return names[-1], last


@pytest.mark.parametrize("real_data", ["tiny_imagenet"], indirect=True)
def test_on_tiny_imagenet_the_middle_of_the_image_is_a_fair_guess(real_data):
    """A map that rises towards the middle: objects are there, so it must beat the same map in a corner by far."""
    x, _, truth = next(tiny_imagenet("val").located(200))
    across = torch.linspace(-1, 1, 16)
    hill = (-(across[:, None] ** 2) - across**2).expand(len(x), 16, 16)
    middle, corner = boxes_of(hill, (64, 64), 0.75), boxes_of(hill.roll((8, 8), (1, 2)), (64, 64), 0.75)
    assert localised(middle, truth, 0.25).float().mean() > 0.6
    assert localised(middle, truth, 0.25).float().mean() > localised(corner, truth, 0.25).float().mean() + 0.3


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int32])
def test_classes_may_be_any_integers_and_are_those_of_the_images(dtype, generator):
    model, x = brightness(3), torch.rand(2, 1, 8, 8, generator=generator)
    maps, _ = activation_maps(model, x, "last", "head", classes=torch.tensor([1, 0], dtype=dtype))
    torch.testing.assert_close(maps, torch.stack([x[0, 0], 0 * x[1, 0]]))
    for wrong, said in ([[1], r"each of the 2 images, got shape \(1,\)"], [[-1, 3], "in 0 to 2, got -1 to 3"]):
        with pytest.raises(ValueError, match=said):
            activation_maps(model, x, "last", "head", classes=torch.tensor(wrong))
    with pytest.raises(TypeError, match="must be integers"):
        activation_maps(model, x, "last", "head", classes=torch.tensor([True, False]))


def test_an_overlap_that_every_box_reaches_is_refused():
    boxes = torch.tensor([[0.0, 0.0, 4.0, 4.0], [8.0, 8.0, 2.0, 2.0]])
    assert localised(boxes, boxes[:1].expand(2, 4), overlap=0, strict=True).tolist() == [True, False]
    for make in (lambda: localised(boxes, boxes, overlap=0), lambda: Reading("all", threshold=0.2, overlap=0)):
        with pytest.raises(ValueError, match="overlap must be above 0, or strict"):
            make()
