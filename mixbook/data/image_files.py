"""Images that stay in their files until they are asked for, and the views of them that a network sees."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from mixbook import vision
from mixbook.data.labelled import check_classes, check_tensors
from mixbook.data.pixels import Pixels
from mixbook.least import at_least

View = Callable[[Tensor], Tensor]
_ORIENTATION, _LYING = 0x0112, (5, 6, 7, 8)  # EXIF: rows of the file are columns of what is shown
_WIDTH, _HEIGHT = 256, 257  # in the tags of a TIFF file


@dataclass(frozen=True, eq=False)
class ImageFiles(Dataset[tuple[Tensor, int]]):
    """A data set for ``loader``: item i is an image, uint8 (3, H, W), and its class.

    ``fit`` and ``evaluate`` take such bytes from the loader.

    Args:
        paths: the files, of any format that Pillow reads.
        y: labels, int64 (n,).
        num_classes: classes, C.
        name: what messages and result files call it.
        view: applied to each image, e.g. ``random_view(224)``; None for the images as they are.
        boxes: float32 (n, 4), left, top, width and height in pixels of the image as it is in its file; or (n, m, 4) for up
            to m boxes in each, filled up with zeros; or None.

    Raises:
        TypeError: if the labels are not int64.
        ValueError: if the lengths differ, a label is out of range, or there is no image.

    Example:
        >>> import tempfile, torch
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> from mixbook.data import ImageFiles, centre_view
        >>> folder = tempfile.TemporaryDirectory()
        >>> path = Path(folder.name) / "one.png"
        >>> Image.new("RGB", (40, 30)).save(path)
        >>> data = ImageFiles((path,), torch.tensor([1]), num_classes=2, name="one", view=centre_view(16))
        >>> image, label = data[0]
        >>> image.shape, label
        (torch.Size([3, 16, 16]), 1)
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
        check_tensors(self.name, y=self.y)
        if len(self.paths) != len(self.y) or (self.boxes is not None and len(self.boxes) != len(self.y)):
            raise ValueError(f"{self.name}: there must be one label (and box) for each of the {len(self.paths)} images")
        check_classes(self.name, self.y, self.num_classes)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        image = read_image(self.paths[row])
        return (image if self.view is None else self.view(image)), int(self.y[row])

    def seen(self, view: View) -> "ImageFiles":
        """The same images in another view, e.g. in another size for progressive resizing."""
        return replace(self, view=view)

    def located(self, batch_size: int = 256, seed: int | None = None) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Batches: images as float32 in [0, 1], their labels, and their boxes in the pixels of the view.

        A view may be anything of ``torchvision.transforms.v2``, which moves boxes with the images and cuts both off alike.

        Args:
            batch_size: images at once.
            seed: of a random order; if None they come in the order of the files, which may be that of the classes.

        Yields:
            x (B, 3, H, W), y int64 (B,), boxes float32 (B, 4) or (B, m, 4): left, top, width, height.

        Raises:
            ValueError: if there are no boxes, ``batch_size`` is less than 1, or images of a batch differ in size.
            TypeError: if the view is none of torchvision's.
        """
        if self.boxes is None:
            raise ValueError(
                f"{self.name} has no boxes: CUB-200-2011 and Tiny ImageNet have, and ImageNet's validation part can have"
            )
        at_least(1, batch_size=batch_size)
        if self.view is not None and not isinstance(self.view, nn.Module):
            raise TypeError(f"view must be of torchvision.transforms.v2, which moves boxes too, got {self.view!r}")
        order = torch.arange(len(self))
        if seed is not None:
            order = torch.randperm(len(self), generator=torch.Generator().manual_seed(seed))
        for rows in order.split(batch_size):
            images, boxes = zip(*(self._seen_with_box(int(row)) for row in rows), strict=True)
            sizes = {tuple(image.shape) for image in images}
            if len(sizes) > 1:
                raise ValueError(f"{self.name}: images differ in size, e.g. {sorted(sizes)[:2]}: give a view")
            yield torch.stack(images).float().div_(255), self.y[rows], torch.stack(boxes)

    def _seen_with_box(self, row: int) -> tuple[Tensor, Tensor]:
        image, box = read_image(self.paths[row]), cast(Tensor, self.boxes)[row]
        if self.view is None:
            return image, box
        vision.load()
        mark: Any = import_module("torchvision.tv_tensors").BoundingBoxes
        marked = mark(box.reshape(-1, 4), format="XYWH", canvas_size=image.shape[1:])
        seen, moved = cast(Any, self.view)(image, marked)
        return seen, torch.as_tensor(moved).as_subclass(Tensor).view_as(box)

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


def boxes_from_corners(corners: Tensor) -> Tensor:
    """Left, top, width and height of boxes that are given by the first and the last column and row inside, (..., 4).

    As in ImageNet, whose rules count the last pixel in: a box from 0 to 63 is 64 pixels wide.

    Example:
        >>> import torch
        >>> from mixbook.data.image_files import boxes_from_corners
        >>> boxes_from_corners(torch.tensor([0.0, 10.0, 63.0, 10.0]))  # left, top, right, bottom
        tensor([ 0., 10., 64.,  1.])
    """
    first, last = corners.split(2, dim=-1)
    return torch.cat([first, last - first + 1], dim=-1)


def read_image(path: str | Path, *, as_shown: bool = False) -> Tensor:
    """An image file as uint8 (3, H, W); grey and palette images become colour, and 16 bits the upper 8 of them.

    Args:
        path: the file.
        as_shown: turn the image as its camera says (EXIF), and lay what is transparent on white, as viewers do. Else pixels
            are taken as they are stored, as published results on ImageNet and others have them.

    Raises:
        ImportError: if Pillow is missing.
        OSError: if the file is not a whole image, or its pixels have no known range (32-bit integers, floating point); the
            message names it.

    Example:
        >>> from matplotlib import cbook
        >>> from mixbook.data import read_image
        >>> read_image(cbook.get_sample_data("Minduka_Present_Blue_Pack.png", asfileobj=False)).shape
        torch.Size([3, 128, 128])
    """
    import numpy as np

    with _opened(path) as image:
        deep = image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM")
        image = _as_shown(image) if as_shown else _as_stored(image)
        if deep:
            # Pillow would make everything above 255 white. It brings values of a PGM file to 16 bits.
            eight = (np.asarray(image) >> 8).astype(np.uint8)
            return torch.from_numpy(eight).expand(3, -1, -1).contiguous()
        if image.mode in ("I", "F"):
            raise OSError(f"its pixels, of mode {image.mode}, have no known range: save it with 8 or 16 bits")
        return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1).contiguous()


def look(path: Path, *, as_shown: bool = False) -> tuple[bool, tuple[int, int]]:
    """Whether an image file is grey, and its width and height, from its first bytes; ``as_shown`` as in ``read_image``.

    Raises:
        ImportError: if Pillow is missing.
        OSError: if the file is no image; the message names it.
    """
    with _opened(path) as image:
        grey = image.mode in ("1", "L", "LA", "La", "I") or image.mode.startswith("I;16")
        width, height = image.size
        if image.format == "TIFF":  # Pillow may have turned its size already
            width, height = image.tag_v2[_WIDTH], image.tag_v2[_HEIGHT]
        lies = as_shown and image.getexif().get(_ORIENTATION) in _LYING
        return grey, (height, width) if lies else (width, height)


def _as_shown(image: Any) -> Any:
    from PIL import Image, ImageOps

    image = ImageOps.exif_transpose(image)
    clear = image.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in image.info
    if not clear or image.mode.startswith("I"):  # Pillow has no transparency for 16 bits
        return image
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image.convert("RGBA"))
    return white


def _as_stored(image: Any) -> Any:
    """Pillow turns a TIFF as it loads it, and forgets how it was turned: turn it back."""
    from PIL.Image import Transpose

    if image.format != "TIFF":
        return image
    turn = image.getexif().get(_ORIENTATION)
    image.load()
    if turn is None or image.getexif().get(_ORIENTATION) == turn:
        return image
    back = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_90,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_270,
    }
    return image.transpose(back[turn])


@contextmanager
def _opened(path: str | Path) -> Iterator[Any]:
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError("reading image files needs Pillow: pip install '.[vision]' in the clone") from error
    try:
        # By its path, Pillow 13 maps turned grey TIFFs askew.
        with Path(path).open("rb") as file, Image.open(file) as image:
            yield image
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:  # all of these for broken files
        raise OSError(f"{path} cannot be read as an image: {error}") from error


def random_view(size: int) -> View:
    """A random part of the image (8% to 100% of its area, sides at most 4:3), brought to ``size`` x ``size``, mirrored half
    the time.

    The usual view in training on ImageNet: uint8 (3, H, W) to uint8 (3, size, size). It draws from torch's global
    generator, which ``loader`` seeds in each worker.

    Raises:
        ImportError: if torchvision is missing.

    Example:
        >>> import torch
        >>> from mixbook.data import random_view
        >>> random_view(224)(torch.zeros(3, 300, 500, dtype=torch.uint8)).shape
        torch.Size([3, 224, 224])
    """
    v2 = _transforms()
    return v2.Compose([v2.RandomResizedCrop(size, antialias=True), v2.RandomHorizontalFlip()])


def centre_view(size: int) -> View:
    """The middle ``size`` x ``size`` of the image after its shorter side was brought to 8/7 of it: 256 for 224.

    The usual view in testing on ImageNet: uint8 (3, H, W) to uint8 (3, size, size).

    Raises:
        ImportError: if torchvision is missing.

    Example:
        >>> import torch
        >>> from mixbook.data import centre_view
        >>> centre_view(224)(torch.zeros(3, 300, 500, dtype=torch.uint8)).shape
        torch.Size([3, 224, 224])
    """
    return _middle(size, round(size * 8 / 7))


def square_view(size: int) -> View:
    """The middle of the image, as much as fits a square, brought to ``size`` x ``size``.

    uint8 (3, H, W) to uint8 (3, size, size). Of a square image all is seen, where :func:`centre_view` cuts off its border.

    Raises:
        ImportError: if torchvision is missing.

    Example:
        >>> import torch
        >>> from mixbook.data import square_view
        >>> square_view(64)(torch.zeros(3, 300, 500, dtype=torch.uint8)).shape
        torch.Size([3, 64, 64])
    """
    return _middle(size, size)


def _middle(size: int, shorter: int) -> View:
    """The middle of the image after its shorter side was brought to ``shorter``."""
    v2 = _transforms()
    return v2.Compose([v2.Resize(shorter, antialias=True), v2.CenterCrop(size)])


def _transforms() -> Any:
    vision.load()
    return import_module("torchvision.transforms.v2")
