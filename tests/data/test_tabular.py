import sys

import pytest
import torch

from mixbook.data import breast_cancer, digits, iris


@pytest.mark.parametrize(
    ("load", "shape", "num_classes"),
    [(iris, (150, 4), 3), (breast_cancer, (569, 30), 2), (digits, (1797, 1, 8, 8), 10)],
)
def test_sizes_are_those_of_the_published_sets(load, shape, num_classes):
    data = load()
    assert data.x.shape == shape
    assert data.num_classes == num_classes
    assert data.y.unique().tolist() == list(range(num_classes))
    assert data.name == load.__name__


def test_digits_are_images_in_the_unit_interval():
    data = digits()
    assert data.x.min() == 0
    assert data.x.max() == 1
    # Ink sits in the middle of the picture, which a wrong reshape would spread: corners are nearly empty.
    ink = data.x.mean(dim=(0, 1))
    assert ink[2:6, 2:6].mean() > 10 * ink[[0, 0, -1, -1], [0, -1, 0, -1]].mean()


def test_iris_in_the_unit_cube_has_the_scale_that_print_implies():
    # the printed xi of k-mixup's UCI table puts E|x - x'|^2 of Iris between .54 and .60
    x = iris().x
    x = (x - x.amin(0)) / (x.amax(0) - x.amin(0))
    assert 0.54 < torch.cdist(x.double(), x.double()).square().mean() < 0.60


def test_missing_scikit_learn_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match=r"iris comes with scikit-learn.*pip install"):
        iris()
