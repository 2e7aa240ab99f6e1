"""Boxes in images: how much two overlap, and which pixels they hold.

A box is left, top, width and height in pixels: (left, top) is the corner of a pixel, and its centre lies half a pixel from
it. A box without width or height holds nothing and overlaps nothing, so lists of different length are filled up with zeros.
"""

import torch
from torch import Tensor


def iou(a: Tensor, b: Tensor) -> Tensor:
    """Area of the intersection of two boxes over that of their union, in [0, 1]: 1 for equal boxes, 0 for disjoint ones.

    Where boxes are disjoint in both directions both "sides" of their intersection are negative, and their product is not:
    each side is cut off at 0 before they are multiplied.

    Args:
        a, b: boxes (..., 4), whose leading dimensions are broadcast.

    Returns:
        Floating point (...).

    Raises:
        ValueError: if the last dimension is not 4, or a width or height is negative.

    Example:
        >>> import torch
        >>> from mixbook.evaluation import iou
        >>> one = torch.tensor([0.0, 0.0, 2.0, 2.0])  # left, top, width, height
        >>> iou(one, torch.tensor([1.0, 0.0, 2.0, 2.0]))
        tensor(0.3333)
    """
    for name, boxes in (("a", a), ("b", b)):
        if boxes.shape[-1:] != (4,):
            raise ValueError(f"{name} must be boxes (..., 4): left, top, width, height, got {tuple(boxes.shape)}")
        if (boxes[..., 2:] < 0).any():
            raise ValueError(f"{name} must have no negative width or height: is it right and bottom instead?")
    a, b = (boxes if boxes.is_floating_point() else boxes.float() for boxes in (a, b))  # areas leave the range of bytes
    first = torch.maximum(a[..., :2], b[..., :2])
    last = torch.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    common = (last - first).clamp(min=0).prod(-1)
    union = a[..., 2:].prod(-1) + b[..., 2:].prod(-1) - common
    return common / torch.where(union > 0, union, 1)


def as_lists(boxes: Tensor, images: int) -> Tensor:
    """Boxes of each of so many images as (images, m, 4): one box for each, (images, 4), is a list of one.

    Raises:
        ValueError: if they have neither shape.
    """
    lists = boxes[:, None] if boxes.ndim == 2 else boxes
    if lists.ndim != 3 or lists.shape[0] != images or lists.shape[2] != 4:
        raise ValueError(f"boxes must be ({images}, 4) or ({images}, m, 4), got {tuple(boxes.shape)}")
    return lists


def held(boxes: Tensor, height: int, width: int) -> Tensor:
    """Pixels whose centre lies in one of the boxes of their image.

    Args:
        boxes: (B, 4), or several for each image, (B, m, 4).
        height, width: of the images.

    Returns:
        bool (B, height, width).

    Raises:
        ValueError: if ``boxes`` has another shape.
    """
    left, top, wide, high = as_lists(boxes, len(boxes))[:, :, :, None].unbind(2)  # (B, m, 1) each
    column = torch.arange(width, device=boxes.device) + 0.5
    row = torch.arange(height, device=boxes.device) + 0.5
    across, down = (column >= left) & (column < left + wide), (row >= top) & (row < top + high)
    return (down[:, :, :, None] & across[:, :, None, :]).any(1)
