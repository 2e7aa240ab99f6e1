from torch import nn


def part_of(model: nn.Sequential, start: int | None = None, stop: int | None = None) -> nn.Sequential:
    """Some layers of a network. (A slice of a subclass of Sequential would call the subclass with them.)"""
    return nn.Sequential(*list(model)[start:stop])
