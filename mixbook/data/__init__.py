"""Data as tensors in memory: what scikit-learn ships, what is downloaded (``mixbook.data.store``), the toys of k-mixup; and
label-keeping changes of them.

Knows nothing about mixing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mixbook.data.arrays import Arrays, Batched, impute, min_max, shuffled_batches
from mixbook.data.augment import Augment, Cutout, Flip, InputNoise, Rotate, Shift
from mixbook.data.spirals import two_spirals
from mixbook.data.tabular import breast_cancer, digits, iris
from mixbook.data.toys import four_bars, one_ring, swiss_roll

if TYPE_CHECKING:
    from mixbook.data.batches import loader
    from mixbook.data.cub import cub200
    from mixbook.data.ilsvrc import imagenet
    from mixbook.data.image_files import ImageFiles, centre_view, random_view, read_image, square_view
    from mixbook.data.images import cifar10, cifar100, mnist, pixels_of, svhn
    from mixbook.data.pixels import Pixels
    from mixbook.data.resident import Resident
    from mixbook.data.speech import spectrogram, speech_commands
    from mixbook.data.stand_ins import stand_in
    from mixbook.data.tiny import tiny_imagenet
    from mixbook.data.uci import abalone, arrhythmia, htru2, phishing

# What few programs need is imported when it is first asked for.
_HOME = {
    "abalone": "mixbook.data.uci",
    "arrhythmia": "mixbook.data.uci",
    "htru2": "mixbook.data.uci",
    "phishing": "mixbook.data.uci",
    "cifar10": "mixbook.data.images",
    "cifar100": "mixbook.data.images",
    "mnist": "mixbook.data.images",
    "pixels_of": "mixbook.data.images",
    "svhn": "mixbook.data.images",
    "stand_in": "mixbook.data.stand_ins",
    "Pixels": "mixbook.data.pixels",
    "Resident": "mixbook.data.resident",
    "ImageFiles": "mixbook.data.image_files",
    "centre_view": "mixbook.data.image_files",
    "random_view": "mixbook.data.image_files",
    "read_image": "mixbook.data.image_files",
    "square_view": "mixbook.data.image_files",
    "tiny_imagenet": "mixbook.data.tiny",
    "cub200": "mixbook.data.cub",
    "imagenet": "mixbook.data.ilsvrc",
    "speech_commands": "mixbook.data.speech",
    "spectrogram": "mixbook.data.speech",
    "loader": "mixbook.data.batches",
}

__all__ = [
    "Arrays",
    "Augment",
    "Batched",
    "Cutout",
    "Flip",
    "ImageFiles",
    "InputNoise",
    "Pixels",
    "Resident",
    "Rotate",
    "Shift",
    "abalone",
    "arrhythmia",
    "breast_cancer",
    "centre_view",
    "cifar10",
    "cifar100",
    "cub200",
    "digits",
    "four_bars",
    "htru2",
    "imagenet",
    "impute",
    "iris",
    "loader",
    "min_max",
    "mnist",
    "one_ring",
    "phishing",
    "pixels_of",
    "random_view",
    "read_image",
    "shuffled_batches",
    "spectrogram",
    "speech_commands",
    "square_view",
    "stand_in",
    "svhn",
    "swiss_roll",
    "tiny_imagenet",
    "two_spirals",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'mixbook.data' has no attribute {name!r}: it has {', '.join(__all__)}")
    return getattr(import_module(_HOME[name]), name)
