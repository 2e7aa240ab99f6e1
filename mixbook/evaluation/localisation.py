"""Where a classifier looks: class activation maps, the boxes that they give, and how often these find the object.

Source: Zhou et al. (2016) for the maps; multi-mix (Section IV-D) for the question whether mixing makes networks look at the
object although they were told only what it is ("weakly supervised" localisation). The network must end in an average over
places and one linear map.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor, nn
from torch.nn import functional as F

from mixbook.evaluation.batches import at_least_one_batch, class_numbers, device_of
from mixbook.evaluation.boxes import as_lists, iou
from mixbook.evaluation.metrics import check_labels
from mixbook.modes import evaluation_mode

Located = tuple[Tensor, Tensor, Tensor]  # images (B, channels, H, W), labels (B,), boxes (B, 4) or (B, m, 4)


@dataclass(frozen=True)
class Reading:
    """How a map becomes a box, and when that box counts as right.

    Those of multi-mix are ``TEXT``, ``CODE`` and, for birds, ``CUB`` in :mod:`mixbook.evaluation.localisation`.

    Args:
        name: what scores are called after.
        threshold: the object begins at this share of the way from a map's least to its largest value, in (0, 1).
        overlap: intersection over union that the box must reach with one of the true ones, in [0, 1). Every box
            reaches 0, so that 0 must be ``strict``.
        strict: it must exceed ``overlap``, not only reach it.
        label: the predicted class must be right too.
        smooth: each value of the map is first replaced by the sum of the nine around it.

    Raises:
        ValueError: if a number is out of range.

    Example:
        >>> from mixbook.evaluation import Reading
        >>> reading = Reading("strict", threshold=0.2, overlap=0.5, strict=True)
        >>> reading.name, reading.overlap
        ('strict', 0.5)
    """

    name: str
    threshold: float
    overlap: float
    strict: bool = False
    label: bool = False
    smooth: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.threshold < 1:
            raise ValueError(f"threshold must lie between 0 and 1, got {self.threshold}")
        _check_overlap(self.overlap, self.strict)


def _check_overlap(overlap: float, strict: bool) -> None:
    if not 0 <= overlap < 1:
        raise ValueError(f"overlap must lie in [0, 1), got {overlap}")
    if overlap == 0 and not strict:
        raise ValueError("overlap must be above 0, or strict: every box reaches 0, wherever it lies")


# What "0.25" means in multi-mix. Its text: the overlap must exceed it. It gives no threshold: here Zhou et al.'s (2016).
TEXT = Reading("text", threshold=0.2, overlap=0.25, strict=True)
# In the code of Co-Mixup, whose table it continues, it is the threshold; an overlap of 0.5 and the right class are needed.
CODE = Reading("code", threshold=0.25, overlap=0.5, label=True, smooth=True)
# Multi-mix on CUB-200-2011 (Section IV-F): "binarization threshold" 0.75; the overlap that counts is that of its text.
CUB = Reading("cub", threshold=0.75, overlap=0.25, strict=True)


def activation_maps(
    model: nn.Module, x: Tensor, layer: str, head: str, classes: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Class activation maps: how much each place of the last map adds to the logit of a class.

    The mean of a map over its places is the logit of its class, but for the head's bias.

    Args:
        model: in which the outputs of ``layer`` are averaged over places, and that goes into ``head``.
        x: images (B, channels, H, W), on the device of the network.
        layer: the name of what gives the last map, from ``model.named_modules()``.
        head: the name of the linear map to the logits.
        classes: whose maps, integers (B,); those that the network predicts, if None.

    Returns:
        Maps, float32 (B, h, w), and the logits (B, C).

    Raises:
        AttributeError: if the model has no such layer.
        TypeError: if ``head`` is not linear, or ``classes`` are no integers.
        ValueError: if ``layer`` gives no maps, or not those whose average is what ``head`` gets; if ``classes`` has another
            shape or holds a class that ``head`` has not.

    Example:
        >>> import torch
        >>> from mixbook.evaluation import activation_maps
        >>> from mixbook.models import ResNet18
        >>> model, x = ResNet18(num_classes=10, width=8), torch.rand(2, 3, 32, 32)
        >>> maps, logits = activation_maps(model, x, "layer4", "head")
        >>> maps.shape, logits.shape
        (torch.Size([2, 4, 4]), torch.Size([2, 10]))
    """
    linear = model.get_submodule(head)
    if not isinstance(linear, nn.Linear):
        raise TypeError(f"head {head!r} must be the linear map to the logits, got {type(linear).__name__}")
    if classes is not None:
        classes = _checked_classes(classes, len(x), linear.out_features)
    seen: list[Tensor] = []
    fed: list[Tensor] = []
    with (
        model.get_submodule(layer).register_forward_hook(lambda module, inputs, output: seen.append(output)),
        linear.register_forward_pre_hook(lambda module, inputs: fed.append(inputs[0])),
        evaluation_mode(model),
        torch.no_grad(),
    ):
        logits = model(x)
    if len(seen) != 1 or len(fed) != 1 or seen[0].ndim != 4:
        shapes = [tuple(each.shape) for each in seen]
        raise ValueError(f"layer {layer!r} must give one map (B, channels, h, w) for each batch, got {shapes}")
    features = seen[0].float()
    average = features.mean((2, 3))
    close = {"rtol": max(1e-3, 4 * torch.finfo(fed[0].dtype).eps), "atol": 1e-4}
    # A network that diverged has the same NaN on both sides: that is no wrong name, and its boxes are empty.
    if fed[0].shape != average.shape or not torch.allclose(average, fed[0].float(), **close, equal_nan=True):
        raise ValueError(
            f"head {head!r} must get the average over places of {layer!r}: its maps mean nothing elsewhere. "
            "Is there another layer between them, whose name would be right?"
        )
    rows = linear.weight.detach().float()[logits.argmax(1) if classes is None else classes]
    return torch.einsum("bc,bchw->bhw", rows, features), logits


def boxes_of(maps: Tensor, size: tuple[int, int], threshold: float, smooth: bool = False) -> Tensor:
    """The box around the largest connected part of each map that exceeds a threshold.

    Args:
        maps: (B, h, w); they are brought to ``size`` by bicubic interpolation.
        size: height and width of the images.
        threshold, smooth: see :class:`Reading`.

    Returns:
        float32 (B, 4): left, top, width, height. The whole image for a map that is flat; nothing, (0, 0, 0, 0), for one
        with a value that is no number.

    Raises:
        ValueError: if ``maps`` has another shape.

    Example:
        >>> import torch
        >>> from mixbook.evaluation import boxes_of
        >>> maps = torch.zeros(1, 8, 8)
        >>> maps[0, 2:4, 4:8] = 1.0
        >>> boxes_of(maps, (8, 8), threshold=0.5)
        tensor([[4., 2., 4., 2.]])
    """
    if maps.ndim != 3:
        raise ValueError(f"maps must be (B, h, w), got {tuple(maps.shape)}")
    maps = maps[:, None].float().cpu()
    flat = (maps.amax((2, 3)) - maps.amin((2, 3)) <= 1e-6 * maps.abs().amax((2, 3)))[:, :, None]  # rounding is no contrast
    if smooth:
        maps = F.conv2d(maps, torch.ones(1, 1, 3, 3), padding=1)
    maps = F.interpolate(maps, size, mode="bicubic", align_corners=False)[:, 0]
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    bright = (maps >= low + threshold * (high - low)) | flat
    return torch.tensor([_box_around_largest(each) for each in bright.numpy()], dtype=torch.float32).view(-1, 4)


def localised(boxes: Tensor, truth: Tensor, overlap: float, strict: bool = False) -> Tensor:
    """Whether each box reaches (or, if ``strict``, exceeds) an overlap with one of the true boxes of its image, bool (B,).

    Args:
        boxes: (B, 4).
        truth: (B, 4), or (B, m, 4) for up to m in each image, filled up with zeros.
        overlap, strict: see :class:`Reading`.

    Raises:
        ValueError: if ``overlap`` is out of range.

    Example:
        >>> import torch
        >>> from mixbook.evaluation import localised
        >>> found = torch.tensor([[0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 1.0, 1.0]])
        >>> localised(found, torch.tensor([[0.0, 0.0, 4.0, 3.0]] * 2), overlap=0.5)
        tensor([ True, False])
    """
    _check_overlap(overlap, strict)
    return _reaches(_best(boxes, truth), overlap, strict)


def localisation(
    model: nn.Module, data: Iterable[Located], layer: str, head: str, readings: Sequence[Reading] = (TEXT, CODE)
) -> dict[str, float]:
    """How often the map of the predicted class finds the object, and how far its box overlaps with it on average.

    Args:
        model: gives logits (B, C); see :func:`activation_maps`.
        data: batches of images, labels, and boxes in the pixels of these images, such as
            ``tiny_imagenet("val").located()``. Images are as the network takes them.
        layer, head: see :func:`activation_maps`.
        readings: ways to count.

    Returns:
        For each reading ``localised@NAME``, a share in [0, 1], and ``iou@NAME``, the mean of the best overlap with a true
        box; and ``accuracy`` of the classes.

    Raises:
        TypeError: if labels are no integers.
        ValueError: if two readings have one name, there is no batch, labels are not one for each image or not among the
            classes of the network, or as :func:`activation_maps` does.

    Example:
        >>> import torch
        >>> from mixbook.evaluation import localisation
        >>> from mixbook.models import ResNet18
        >>> boxes = torch.tensor([[8.0, 8.0, 16.0, 16.0]] * 2)
        >>> batch = torch.rand(2, 3, 32, 32), torch.tensor([0, 1]), boxes
        >>> scores = localisation(ResNet18(num_classes=10, width=8), [batch], "layer4", "head")
        >>> sorted(scores)
        ['accuracy', 'iou@code', 'iou@text', 'localised@code', 'localised@text']
    """
    names = [reading.name for reading in readings]
    if len(set(names)) < len(names):
        raise ValueError(f"readings must have different names, got {names}")
    device = device_of(model)
    found: dict[str, list[Tensor]] = {}
    for x, y, truth in at_least_one_batch(data):
        maps, logits = activation_maps(model, x if device is None else x.to(device), layer, head)
        logits, y = logits.cpu(), class_numbers(y.cpu())
        if len(x):
            check_labels(logits, y)
        right = (logits.argmax(1) == y) & ~logits.isnan().any(1)
        found.setdefault("accuracy", []).append(right)
        for reading in readings:
            boxes = boxes_of(maps, (x.shape[2], x.shape[3]), reading.threshold, reading.smooth)
            best = _best(boxes, truth.cpu())
            there = _reaches(best, reading.overlap, reading.strict)
            found.setdefault(f"localised@{reading.name}", []).append(there & right if reading.label else there)
            found.setdefault(f"iou@{reading.name}", []).append(best)
    return {name: float(torch.cat(parts).double().mean()) for name, parts in found.items()}


def _best(boxes: Tensor, truth: Tensor) -> Tensor:
    """The overlap of each box with that true one of its image which it meets best, (B,)."""
    return iou(boxes[:, None], as_lists(truth, len(boxes))).amax(1)


def _reaches(best: Tensor, overlap: float, strict: bool) -> Tensor:
    return best > overlap if strict else best >= overlap


def _checked_classes(classes: Tensor, count: int, there: int) -> Tensor:
    classes = class_numbers(classes)
    if classes.shape != (count,):
        raise ValueError(f"classes must be one for each of the {count} images, got shape {tuple(classes.shape)}")
    if count and not (int(classes.min()) >= 0 and int(classes.max()) < there):
        raise ValueError(f"classes must lie in 0 to {there - 1}, got {int(classes.min())} to {int(classes.max())}")
    return classes


def _box_around_largest(bright: np.ndarray) -> tuple[int, int, int, int]:
    parts, count = ndimage.label(bright, structure=np.ones((3, 3)))  # pixels that touch at a corner belong together
    if count == 0:
        return 0, 0, 0, 0
    largest = 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))
    rows, columns = ndimage.find_objects(parts, largest)[largest - 1]
    return columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start
