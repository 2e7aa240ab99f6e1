"""Decision maps as metrics."""

import numpy as np
import pytest
import torch
from torch import nn

from mixbook.benchmarks.maps import boundary_length, decision_map, pack, unpack


class HalfPlane(nn.Module):
    """Class 1 where the first feature is above a threshold."""

    def forward(self, x):
        return torch.stack([torch.full((len(x),), 0.25), x[:, 0]], dim=1)


@pytest.mark.parametrize("size", [2, 7, 40, 53])
def test_a_map_survives_the_table(size):
    chosen = np.random.default_rng(size).random((size, size)) < 0.5
    metrics = {name: float(repr(value)) for name, value in pack(chosen).items()}
    np.testing.assert_array_equal(unpack({"accuracy": 1.0, **metrics}), chosen)


def test_columns_are_the_first_feature():
    chosen = decision_map(HalfPlane(), 9, 1.0)
    np.testing.assert_array_equal(chosen, np.tile(np.linspace(-1, 1, 9) > 0.25, (9, 1)))


def test_the_length_of_a_circle_is_its_circumference():
    up, across = np.meshgrid(*[np.linspace(-1, 1, 400)] * 2, indexing="ij")
    assert boundary_length(np.hypot(up, across) < 0.7, 1.0) == pytest.approx(2 * np.pi * 0.7, rel=0.02)
    assert boundary_length(np.zeros((20, 20), bool), 1.0) == 0


def test_what_does_not_fit_is_refused():
    for shape in ((54, 54), (3, 4)):
        with pytest.raises(ValueError, match="square with at most 53 rows"):
            pack(np.zeros(shape, bool))
    with pytest.raises(KeyError, match="no map"):
        unpack({"accuracy": 1.0})
