"""Small data in the shape of sets that must be downloaded, for runs that only show that everything works.

Results on them say nothing about the sets that they stand in for, so their names end in "stand-in".
"""

import zlib
from dataclasses import replace

import torch
from torch.nn import functional as F

from mixbook.data.arrays import Arrays
from mixbook.data.tabular import digits

# name: (samples, shape of one, classes)
_SHAPES: dict[str, tuple[int, tuple[int, ...], int]] = {
    "abalone": (280, (8,), 28),
    "arrhythmia": (130, (279,), 13),
    "phishing": (200, (30,), 2),
    "htru2": (200, (8,), 2),
    "cifar10": (200, (3, 32, 32), 10),
    "cifar100": (400, (3, 32, 32), 100),
    "svhn": (200, (3, 32, 32), 10),
    "tiny_imagenet": (400, (3, 64, 64), 200),
    "speech_commands": (96, (1, 161, 101), 30),
}


def stand_in(name: str) -> Arrays:
    """Small data with the shape, the number of classes and the kind of values of the set ``name``; always the same.

    For MNIST they are scikit-learn's 1797 digits, enlarged to 28 x 28 pixels. For the others, classes are clouds about
    random centres: codes -1, 0 and 1 for phishing, some missing values for arrhythmia, values in [0, 1] for images, about
    mean 0 for spectrograms.

    Raises:
        ValueError: if there is none for ``name``.

    Example:
        >>> from mixbook.data import stand_in
        >>> data = stand_in("mnist")
        >>> data.x.shape, data.num_classes
        (torch.Size([1797, 1, 28, 28]), 10)
    """
    title = f"{name} stand-in"
    if name == "mnist":
        small = digits()
        return replace(small, x=F.interpolate(small.x, (28, 28), mode="bilinear"), name=title)
    if name not in _SHAPES:
        raise ValueError(f"no stand-in for {name!r}. There are: mnist, {', '.join(_SHAPES)}")
    count, shape, num_classes = _SHAPES[name]
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    y = torch.arange(count) % num_classes
    centres = torch.randn(num_classes, *shape, generator=generator)
    x = centres[y] + 0.5 * torch.randn(count, *shape, generator=generator)
    if name == "phishing":
        x = x.sign() * (x.abs() > 0.3)
    if len(shape) == 3 and name != "speech_commands":
        x = x.sigmoid()
    if name == "arrhythmia":
        x[torch.rand(x.shape, generator=generator) < 0.01] = torch.nan
    return Arrays(x, y, num_classes, title, missing=name == "arrhythmia")
