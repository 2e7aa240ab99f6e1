"""Where random numbers are drawn: on the device of their generator, whatever device the samples are on."""

from typing import Any

import torch

CPU = torch.device("cpu")


def draw_device(generator: torch.Generator | None, without: torch.device = CPU) -> torch.device:
    """The device to draw on: the generator's, and ``without`` one that of torch's global generator.

    Args:
        generator: None stands for torch's global one, of which each device has its own.
        without: whose then draws. The CPU's gives the same samples on every device after ``torch.manual_seed``; that of the
            samples spares the way there where a number is drawn for every pixel.

    Raises:
        TypeError: if ``generator`` is something else, such as a seed.

    Example:
        >>> import torch
        >>> from mixbook.generators import draw_device
        >>> draw_device(None), draw_device(None, torch.device("meta")), draw_device(torch.Generator("cpu"))
        (device(type='cpu'), device(type='meta'), device(type='cpu'))
    """
    if generator is None:
        return without
    if not isinstance(generator, torch.Generator):
        raise TypeError(
            f"generator must be a torch.Generator, got {generator!r}: torch.Generator().manual_seed(0) is one with seed 0"
        )
    return generator.device


def drawn_by(generator: torch.Generator | None, without: torch.device = CPU) -> dict[str, Any]:
    """What ``torch.rand`` and its like are told so that they draw on the generator's device: see :func:`draw_device`.

    Example:
        >>> import torch
        >>> from mixbook.generators import drawn_by
        >>> torch.rand(2, **drawn_by(torch.Generator().manual_seed(0)))
        tensor([0.4963, 0.7682])
    """
    return {"generator": generator, "device": draw_device(generator, without)}
