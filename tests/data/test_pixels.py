import numpy as np
import pytest
import torch

from mixbook.data import Pixels


@pytest.fixture
def data(generator) -> Pixels:
    x = torch.randint(256, (20, 3, 5, 4), generator=generator, dtype=torch.uint8)
    return Pixels(x, torch.arange(20) % 3, 3, "noise")


def test_as_arrays_they_lie_in_the_unit_interval(data):
    full = data.arrays()
    assert torch.equal((full.x * 255).round().byte(), data.x)
    assert (full.num_classes, full.name) == (3, "noise")
    rows = torch.tensor([4, 2])
    assert torch.equal(data.arrays(rows).x, full.x[rows])
    assert data.arrays(rows).y.tolist() == [1, 2]


def test_statistics_are_those_of_each_channel(data):
    x = data.x.double() / 255
    mean, std = data.statistics()
    assert mean == pytest.approx(x.mean(dim=(0, 2, 3)).tolist())
    assert std == pytest.approx(x.std(dim=(0, 2, 3), correction=0).tolist())


def test_a_split_keeps_every_image_once(data, generator):
    train, test = data.split(0.25, generator)
    assert isinstance(train, Pixels) and len(test) == 5
    together = torch.cat([train.x, test.x]).flatten(1).tolist()
    assert sorted(together) == sorted(data.x.flatten(1).tolist())


@pytest.mark.parametrize(
    ("x", "error", "said"),
    [
        (torch.rand(2, 1, 4, 4), TypeError, "uint8, got torch.float32"),
        (torch.zeros(2, 4, 4, dtype=torch.uint8), ValueError, r"\(n, channels, H, W\), got \(2, 4, 4\)"),
        (torch.zeros(3, 1, 4, 4, dtype=torch.uint8), ValueError, r"y must have shape \(3,\)"),
    ],
)
def test_what_are_no_pixels_is_refused(x, error, said):
    with pytest.raises(error, match=said):
        Pixels(x, torch.tensor([0, 1]), 2)


@pytest.mark.parametrize("row", [0, -1, np.int64(1), torch.tensor(0)])
def test_a_single_number_is_refused_with_advice(data, row):
    for each in (data, data.arrays()):
        with pytest.raises(TypeError, match=r"rows must be a tensor \(m,\), got .* for batches give the data to fit"):
            each[row]


def test_equal_is_only_the_same_object(data):
    """Tensors compare value by value, and a truth value of that was asked for."""
    for one, other in ((data, data[torch.arange(20)]), (data.arrays(), data.arrays())):
        assert one == one and one != other and other not in [one] and hash(one) == hash(one)
