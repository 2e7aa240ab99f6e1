"""A formula of the library, deliberately broken."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Mutant:
    """
    Args:
        statement: name of the statement whose check must fail.
        why: what is wrong with the formula, in a few words.
        target: dotted name of the function or constant of the library that is replaced.
        breaks: from the original to its replacement.
    """

    statement: str
    why: str
    target: str
    breaks: Callable[[Any], Any]
