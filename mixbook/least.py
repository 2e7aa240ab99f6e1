"""The least that a number may be: one check, and one sentence, for all rooms."""


def at_least(least: int, **numbers: int) -> None:
    """Refuse a number that is less.

    Raises:
        ValueError: naming the argument and its value.

    Example:
        >>> from mixbook.least import at_least
        >>> at_least(1, epochs=3, batch_size=0)
        Traceback (most recent call last):
        ValueError: batch_size must be at least 1, got 0
    """
    for name, number in numbers.items():
        if number < least:
            raise ValueError(f"{name} must be at least {least}, got {number}")
