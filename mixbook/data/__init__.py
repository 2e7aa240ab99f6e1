"""Data as tensors in memory: what scikit-learn ships, what is downloaded (``mixbook.data.store``), the toys of k-mixup; and
label-keeping changes of them.

Knows nothing about mixing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mixbook.data.arrays import Arrays, impute, min_max, shuffled_batches
from mixbook.data.augment import Augment, Cutout, Flip, InputNoise, Rotate, Shift
from mixbook.data.spirals import two_spirals
from mixbook.data.tabular import breast_cancer, digits, iris
from mixbook.data.toys import four_bars, one_ring, swiss_roll

if TYPE_CHECKING:
    from mixbook.data.images import cifar10, cifar100, mnist
    from mixbook.data.stand_ins import stand_in
    from mixbook.data.uci import abalone, arrhythmia, htru2, phishing

# Loaders of what is downloaded are imported when they are first asked for: few programs need them.
_HOME = {
    "abalone": "mixbook.data.uci",
    "arrhythmia": "mixbook.data.uci",
    "phishing": "mixbook.data.uci",
    "htru2": "mixbook.data.uci",
    "mnist": "mixbook.data.images",
    "cifar10": "mixbook.data.images",
    "cifar100": "mixbook.data.images",
    "stand_in": "mixbook.data.stand_ins",
}

__all__ = [
    "Arrays",
    "Augment",
    "Cutout",
    "Flip",
    "InputNoise",
    "Rotate",
    "Shift",
    "abalone",
    "arrhythmia",
    "breast_cancer",
    "cifar10",
    "cifar100",
    "digits",
    "four_bars",
    "htru2",
    "impute",
    "iris",
    "min_max",
    "mnist",
    "one_ring",
    "phishing",
    "shuffled_batches",
    "stand_in",
    "swiss_roll",
    "two_spirals",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'mixbook.data' has no attribute {name!r}: it has {', '.join(__all__)}")
    return getattr(import_module(_HOME[name]), name)
