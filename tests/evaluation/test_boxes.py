"""Overlaps and pixels of boxes, against counting pixels one by one."""

import pytest
import torch

from mixbook.evaluation.boxes import as_lists, held, iou


def random_boxes(generator: torch.Generator, count: int) -> torch.Tensor:
    """Whole-numbered boxes in an image of 12 x 12, some of them empty."""
    corner = torch.randint(9, (count, 2), generator=generator)
    return torch.cat([corner, torch.randint(4, (count, 2), generator=generator)], dim=1).float()


def pixels(box: torch.Tensor) -> set[tuple[int, int]]:
    left, top, width, height = (int(side) for side in box)
    return {(row, column) for row in range(top, top + height) for column in range(left, left + width)}


def test_overlap_is_that_of_the_pixels_counted_one_by_one(generator):
    a, b = random_boxes(generator, 400), random_boxes(generator, 400)
    found = iou(a, b)
    for one, other, ratio in zip(a, b, found, strict=True):
        first, second = pixels(one), pixels(other)
        expected = len(first & second) / max(len(first | second), 1)
        assert float(ratio) == pytest.approx(expected, abs=1e-6)
    assert (found == 0).sum() > 50  # disjoint pairs are among them


def test_boxes_that_are_disjoint_in_both_directions_do_not_overlap():
    """Where released code multiplies two negative sides, and finds 49 pixels in common."""
    assert iou(torch.tensor([0.0, 0, 3, 3]), torch.tensor([10.0, 10, 3, 3])) == 0


def test_overlap_is_broadcast_and_symmetric(generator):
    a, b = random_boxes(generator, 5), random_boxes(generator, 7)
    table = iou(a[:, None], b)
    assert table.shape == (5, 7)
    torch.testing.assert_close(table, iou(b[:, None], a).T)


def test_pixels_held_are_those_whose_centre_lies_inside():
    boxes = torch.tensor([[[1.0, 0, 2, 1], [0, 2, 1, 1]], [[0.6, 0.4, 1, 1], [0, 0, 0, 0]]])
    found = held(boxes, 3, 4).int().tolist()
    assert found[0] == [[0, 1, 1, 0], [0, 0, 0, 0], [1, 0, 0, 0]]
    assert found[1] == [[0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]  # the centre of the first pixel is at 0.5


def test_a_centre_on_the_left_or_upper_edge_is_held_and_one_on_the_right_or_lower_is_not():
    found = held(torch.tensor([[0.5, 0.5, 1.0, 1.0], [1.5, 0.5, 1.0, 1.0]]), 2, 3).int().tolist()
    assert found == [[[1, 0, 0], [0, 0, 0]], [[0, 1, 0], [0, 0, 0]]]


def test_bad_boxes_are_named():
    with pytest.raises(ValueError, match=r"b must be boxes \(\.\.\., 4\): left, top, width, height, got \(3,\)"):
        iou(torch.zeros(4), torch.zeros(3))
    with pytest.raises(ValueError, match="is it right and bottom instead"):
        iou(torch.tensor([5.0, 5, -1, 2]), torch.zeros(4))
    with pytest.raises(ValueError, match=r"boxes must be \(2, 4\) or \(2, m, 4\), got \(3, 4\)"):
        as_lists(torch.zeros(3, 4), 2)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int64])
def test_boxes_of_whole_numbers_overlap_as_those_of_floats(dtype):
    a, b = torch.tensor([100, 100, 80, 60]), torch.tensor([[110, 90, 90, 80], [20, 30, 50, 50]])
    assert torch.equal(iou(a.to(dtype), b.to(dtype)), iou(a.float(), b.float()))
