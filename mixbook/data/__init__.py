"""Data as tensors in memory: what scikit-learn ships, and the toys of k-mixup. Knows nothing about mixing."""

from mixbook.data.arrays import Arrays, min_max, shuffled_batches
from mixbook.data.tabular import breast_cancer, digits, iris
from mixbook.data.toys import four_bars, one_ring, swiss_roll

__all__ = [
    "Arrays",
    "breast_cancer",
    "digits",
    "four_bars",
    "iris",
    "min_max",
    "one_ring",
    "shuffled_batches",
    "swiss_roll",
]
