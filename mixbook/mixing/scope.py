"""Random draws: what one is shared by, all pairs of a batch or nobody; one out of several things; a generator's state."""

from collections.abc import Sequence
from math import isclose
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from mixbook.generators import draw_device, drawn_by

Scope = Literal["batch", "pair"]


def check_scope(per: str) -> None:
    """Refuse a scope that is neither.

    Raises:
        ValueError: if ``per`` is not a :data:`Scope`.
    """
    if per not in get_args(Scope):
        raise ValueError(f"per must be one of {get_args(Scope)}, got {per!r}: 'pair' draws anew for each sample")


def check_probabilities(name: str, values: Sequence[float], said: object = None) -> tuple[float, ...]:
    """Probabilities as plain numbers.

    Raises:
        ValueError: if one is negative or they do not sum to 1; ``said`` is what the message shows in their place.
    """
    chances = tuple(float(value) for value in values)
    if not (min(chances, default=0) >= 0 and isclose(sum(chances), 1, abs_tol=1e-6)):
        raise ValueError(f"{name} must be at least 0 and sum to 1, got {values if said is None else said}")
    return chances


def draw_index(
    options: int, probabilities: Sequence[float] | None, count: int, generator: torch.Generator | None
) -> Tensor:
    """Which of so many options, ``count`` times, int64 (count,), on the CPU; None makes all equally likely."""
    if probabilities is None:
        return torch.randint(options, (count,), **drawn_by(generator)).cpu()
    law = torch.tensor(probabilities, dtype=torch.float64, device=draw_device(generator))
    return torch.multinomial(law, count, replacement=True, generator=generator).cpu()


def generator_state(generator: torch.Generator | None) -> dict[str, Any]:
    """State of a generator, to go on from later; empty for torch's global one, None."""
    return {} if generator is None else {"generator": generator.get_state()}


def restore_generator(generator: torch.Generator | None, state: dict[str, Any]) -> None:
    """Restore what :func:`generator_state` gave.

    Raises:
        ValueError: if there is a generator now and was none, or the other way round.
    """
    if ("generator" in state) != (generator is not None):
        raise ValueError("the saved mixer and this one must both have a generator of their own, or neither")
    if generator is not None:
        generator.set_state(state["generator"])
