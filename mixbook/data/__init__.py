"""Data as tensors in memory, what scikit-learn ships and the toys of k-mixup, and label-keeping changes of them.

Knows nothing about mixing.
"""

from mixbook.data.arrays import Arrays, min_max, shuffled_batches
from mixbook.data.augment import Augment, Cutout, Flip, InputNoise, Rotate, Shift
from mixbook.data.spirals import two_spirals
from mixbook.data.tabular import breast_cancer, digits, iris
from mixbook.data.toys import four_bars, one_ring, swiss_roll

__all__ = [
    "Arrays",
    "Augment",
    "Cutout",
    "Flip",
    "InputNoise",
    "Rotate",
    "Shift",
    "breast_cancer",
    "digits",
    "four_bars",
    "iris",
    "min_max",
    "one_ring",
    "shuffled_batches",
    "swiss_roll",
    "two_spirals",
]
