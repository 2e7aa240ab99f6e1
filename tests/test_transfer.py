"""What travels between the host and a device arrives as it was."""

import pytest
import torch

from mixbook.transfer import Fetched, send

SHAPES = {
    "a matrix": lambda: torch.rand(4, 5),
    "what shares its memory": lambda: torch.rand(1, 5).expand(4, 5),
    "a transposed one": lambda: torch.rand(5, 4).T,
    "nothing": lambda: torch.rand(0, 3),
    "numbers of rows": lambda: torch.randperm(9),
}


@pytest.mark.parametrize("make", SHAPES.values(), ids=SHAPES)
def test_on_one_device_nothing_is_copied(make):
    here = make()
    assert send(here, here.device).data_ptr() == here.data_ptr()
    assert Fetched([here]).tensors()[0].data_ptr() == here.data_ptr()


def test_a_device_that_holds_no_values_takes_the_shape():
    assert send(torch.rand(1, 5).expand(4, 5), torch.device("meta")).shape == (4, 5)
    assert Fetched([]).tensors() == []


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("make", SHAPES.values(), ids=SHAPES)
def test_to_a_gpu_and_back_it_stays_the_same(make):
    here = make()
    there = send(here, torch.device("cuda"))
    assert there.is_cuda and torch.equal(there.cpu(), here)
    found = Fetched([there, there + 1]).tensors()
    assert torch.equal(found[0], here) and torch.equal(found[1], here + 1)
