"""What a random draw is shared by: all pairs of a batch, or nobody."""

from typing import Literal, get_args

Scope = Literal["batch", "pair"]


def check_scope(per: str) -> None:
    """Refuse a scope that is neither.

    Raises:
        ValueError: if ``per`` is not a :data:`Scope`.
    """
    if per not in get_args(Scope):
        raise ValueError(f"per must be one of {get_args(Scope)}, got {per!r}")
