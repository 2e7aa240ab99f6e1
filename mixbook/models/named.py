"""The networks of the papers by name, at full size or small enough for a test."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from mixbook import vision
from mixbook.models.densenet import DenseNetBC
from mixbook.models.imagenet import resnet50, wide_resnet101
from mixbook.models.lenet import LeNet
from mixbook.models.preact_resnet import PreActResNet
from mixbook.models.resnet import ResNet18, ResNeXt29
from mixbook.models.speech import CommandsLeNet, SpeechLeNet, SpeechVGG11
from mixbook.models.wide_resnet import WideResNet

Shape = tuple[int, ...]
# From the shape of a sample, the number of classes, and whatever else the network takes.
Maker = Callable[..., nn.Module]


def _preact(depth: int, variant: str = "manifold", width: int = 64) -> Maker:
    return lambda shape, classes, **more: PreActResNet(depth, classes, shape[0], variant, **{"width": width, **more})  # type: ignore[arg-type]


def _wide(depth: int, widen: int) -> Maker:
    return lambda shape, classes, **more: WideResNet(depth, widen, classes, shape[0], **more)


def _tiny_bottlenecks(shape: Shape, classes: int) -> nn.Module:
    """One bottleneck block per stage, with the names that ResNet-50's layers have."""
    resnet = vision.load().models.resnet
    return resnet.ResNet(resnet.Bottleneck, [1, 1, 1, 1], num_classes=classes)


_FULL: Mapping[str, Maker] = {
    "lenet": lambda shape, classes: LeNet(classes, shape[0], shape[-1]),
    "resnet18": lambda shape, classes, **more: ResNet18(classes, shape[0], **more),
    "preact_resnet18": _preact(18),
    "preact_resnet34": _preact(34),
    "preact_resnet50": _preact(50),
    "preact_resnet18_facebook": _preact(18, "facebook"),
    "slim_preact_resnet18": lambda shape, classes: PreActResNet(18, classes, shape[0], stem_stride=2, width=16),
    "wrn28_10": _wide(28, 10),
    "wrn16_8": _wide(16, 8),
    "resnext29_4_24": lambda shape, classes, **more: ResNeXt29(classes, shape[0], **more),
    "densenet_bc_190": lambda shape, classes, **more: DenseNetBC(190, 40, classes, shape[0], **more),
    "wide_resnet101": lambda shape, classes: wide_resnet101(classes),
    "resnet50": lambda shape, classes: resnet50(classes),
    "speech_lenet": lambda shape, classes: SpeechLeNet(classes, (shape[1], shape[2])),
    "commands_lenet": lambda shape, classes: CommandsLeNet(classes, (shape[1], shape[2])),
    "speech_vgg11": lambda shape, classes, **more: SpeechVGG11(classes, (shape[1], shape[2]), **more),
}
# The same kind of network with the same names of layers, for seconds on one core. What is not here is small already.
_SMALL: Mapping[str, Maker] = {
    "resnet18": lambda shape, classes, **more: ResNet18(classes, shape[0], **{"width": 4, **more}),
    "preact_resnet18": _preact(18, width=4),
    "preact_resnet34": _preact(34, width=4),
    "preact_resnet50": _preact(50, width=2),
    "preact_resnet18_facebook": _preact(18, "facebook", width=4),
    "wrn28_10": _wide(10, 1),
    "wrn16_8": _wide(10, 1),
    "resnext29_4_24": lambda shape, classes, **more: ResNeXt29(classes, shape[0], 2, 2, **{"width": 4, **more}),
    "densenet_bc_190": lambda shape, classes, **more: DenseNetBC(10, 4, classes, shape[0], **more),
    "wide_resnet101": _tiny_bottlenecks,
    "resnet50": _tiny_bottlenecks,
    "speech_vgg11": lambda shape, classes, **more: SpeechVGG11(classes, (shape[1], shape[2]), **{"width": 4, **more}),
}
NAMES: tuple[str, ...] = tuple(_FULL)
# The stride of the stem on images of 64 pixels, of networks that take one: 2 in manifold mixup's code, 1 in k-mixup's.
_STEMS_AT_64 = {
    "preact_resnet18": 2,
    "preact_resnet34": 2,
    "preact_resnet50": 2,
    "preact_resnet18_facebook": 1,
    "wrn28_10": 2,
    "wrn16_8": 2,
}


def named(name: str, shape: Shape, num_classes: int, *, small: bool = False, **more: Any) -> nn.Module:
    """The network of that name, ``(B, *shape)`` to logits ``(B, num_classes)``, with fresh weights (see :func:`seeded`).

    Args:
        name: one of :data:`NAMES`.
        shape: of a sample: channels, height and width.
        num_classes: classes, C.
        small: a narrow or shallow version with the same names of layers, to show that something runs.
        more: what else the network takes, such as ``stem_stride`` or ``width``.

    Raises:
        ValueError: if there is none of that name, or it does not take samples of that shape.
        ImportError: if it is torchvision's and torchvision is not installed.

    Example:
        >>> import torch
        >>> from mixbook.models import named
        >>> model = named("preact_resnet18", (3, 32, 32), num_classes=100, small=True)
        >>> model(torch.rand(2, 3, 32, 32)).shape
        torch.Size([2, 100])
    """
    if name not in _FULL:
        raise ValueError(f"there is no network {name!r}. There are: {', '.join(_FULL)}")
    _check_shape(name, shape)
    maker = _SMALL.get(name, _FULL[name]) if small else _FULL[name]
    return maker(shape, num_classes, **more)


def usual_stem_stride(name: str, shape: Shape) -> int | None:
    """The stride of the stem in the papers' code, for samples of this shape; None if the network does not take one.

    Example:
        >>> from mixbook.models.named import usual_stem_stride
        >>> usual_stem_stride("preact_resnet18", (3, 32, 32)), usual_stem_stride("preact_resnet18", (3, 64, 64))
        (1, 2)
    """
    if name not in _STEMS_AT_64:
        return None
    return _STEMS_AT_64[name] if len(shape) == 3 and min(shape[1:]) >= 64 else 1


def _check_shape(name: str, shape: Shape) -> None:
    """Before a layer says so in numbers that nobody has chosen."""
    if len(shape) != 3:
        raise ValueError(f"shape must be (channels, height, width), got {tuple(shape)}")
    channels = 3 if name in ("resnet50", "wide_resnet101") else 1 if "speech" in name or "commands" in name else shape[0]
    if shape[0] != channels:
        raise ValueError(f"{name} takes samples of {channels} channels, got shape {tuple(shape)}")
    if name == "lenet" and shape[1] != shape[2]:
        raise ValueError(f"lenet takes square images, got shape {tuple(shape)}")
