"""Images that stay in their files until they are asked for, and the views of them that a network sees."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from mixbook import vision
from mixbook.data.pixels import Pixels

View = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class ImageFiles(Dataset[tuple[Tensor, int]]):
    """A data set for ``loader``: item i is an image, uint8 (3, H, W), and its class.

    Args:
        paths: the files, of any format that Pillow reads.
        y: labels, int64 (n,).
        num_classes: C.
        name: what messages and result files call it.
        view: applied to each image, e.g. ``random_view(224)``; None for the images as they are.
        boxes: float32 (n, 4), left, top, width and height in pixels of the image as it is in its file; or None.

    Raises:
        ValueError: if the lengths differ, or there is no image.
    """

    paths: tuple[Path, ...]
    y: Tensor
    num_classes: int
    name: str
    view: View | None = None
    boxes: Tensor | None = None

    def __post_init__(self) -> None:
        if not self.paths:
            raise ValueError(f"{self.name} has no images")
        if len(self.paths) != len(self.y) or (self.boxes is not None and len(self.boxes) != len(self.y)):
            raise ValueError(f"{self.name}: there must be one label (and box) for each of the {len(self.paths)} images")

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        image = read_image(self.paths[row])
        return (image if self.view is None else self.view(image)), int(self.y[row])

    def seen(self, view: View) -> "ImageFiles":
        """The same images in another view, e.g. in another size for progressive resizing."""
        return replace(self, view=view)

    def pixels(self, threads: int | None = None) -> Pixels:
        """All images in memory, e.g. for ``Resident``; for small ones.

        Args:
            threads: that read and decode; as many as Python thinks fit if None.

        Raises:
            ValueError: if the images differ in size.
        """
        with ThreadPoolExecutor(threads) as pool:
            images = list(pool.map(lambda row: self[row][0], range(len(self))))
        sizes = {tuple(image.shape) for image in images}
        if len(sizes) > 1:
            raise ValueError(
                f"{self.name}: images differ in size, e.g. {sorted(sizes)[:2]}: give a view that makes them equal"
            )
        return Pixels(torch.stack(images), self.y, self.num_classes, self.name)


def read_image(path: Path) -> Tensor:
    """An image file as uint8 (3, H, W); grey and palette images become colour.

    Raises:
        ImportError: if Pillow is missing.
        OSError: if the file is not a whole image; the message names it.
    """
    try:
        import numpy as np
        from PIL import Image
    except ImportError as error:
        raise ImportError("reading image files needs Pillow: pip install 'mixbook[vision]'") from error
    try:
        with Image.open(path) as image:
            return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1).contiguous()
    except (OSError, SyntaxError) as error:  # Pillow raises SyntaxError for some broken files
        raise OSError(f"{path} cannot be read as an image: {error}") from error


def random_view(size: int) -> View:
    """A random part of the image (8% to 100% of its area, sides at most 4:3), brought to ``size`` x ``size``, mirrored half
    the time.

    The usual view in training on ImageNet. It draws from torch's global generator, which ``loader`` seeds in each worker.

    Raises:
        ImportError: if torchvision is missing.
    """
    v2 = _transforms()
    return v2.Compose([v2.RandomResizedCrop(size, antialias=True), v2.RandomHorizontalFlip()])


def centre_view(size: int) -> View:
    """The middle ``size`` x ``size`` of the image after its shorter side was brought to 8/7 of it: 256 for 224.

    The usual view in testing on ImageNet.

    Raises:
        ImportError: if torchvision is missing.
    """
    v2 = _transforms()
    return v2.Compose([v2.Resize(round(size * 8 / 7), antialias=True), v2.CenterCrop(size)])


def _transforms() -> Any:
    vision.load()
    return import_module("torchvision.transforms.v2")
