"""Real data that scikit-learn ships: nothing is downloaded. Unscaled, in scikit-learn's order; see ``min_max``."""

from importlib import import_module

import torch

from mixbook.data.arrays import Arrays


def iris() -> Arrays:
    """Fisher's Iris (UCI): 150 flowers, 4 lengths in cm, 3 species. One of k-mixup's UCI sets (TMLR, Table 5).

    Example:
        >>> from mixbook.data import iris
        >>> data = iris()
        >>> data.x.shape, data.num_classes
        (torch.Size([150, 4]), 3)
    """
    return _load("iris")


def breast_cancer() -> Arrays:
    """Breast Cancer Wisconsin (Diagnostic) (UCI): 569 tumours, 30 features, 2 classes (k-mixup TMLR, Table 5).

    Example:
        >>> from mixbook.data import breast_cancer
        >>> data = breast_cancer()
        >>> data.x.shape, data.num_classes
        (torch.Size([569, 30]), 2)
    """
    return _load("breast_cancer")


def digits() -> Arrays:
    """Handwritten digits (UCI optdigits, test part): 1797 images (1, 8, 8) in [0, 1], 10 classes.

    Example:
        >>> from mixbook.data import digits
        >>> data = digits()
        >>> data.x.shape, data.num_classes
        (torch.Size([1797, 1, 8, 8]), 10)
    """
    raw = _load("digits")
    # Pixels count the set dots in 4 x 4 cells, so 16 is full ink on every image, not just the largest value seen.
    return Arrays(raw.x.reshape(-1, 1, 8, 8) / 16, raw.y, raw.num_classes, raw.name)


def _load(name: str) -> Arrays:
    try:
        loader = getattr(import_module("sklearn.datasets"), f"load_{name}")
    except ImportError as error:
        raise ImportError(f"{name} comes with scikit-learn, which is missing: pip install scikit-learn") from error
    x, y = loader(return_X_y=True)
    return Arrays(torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.int64), int(y.max()) + 1, name)
