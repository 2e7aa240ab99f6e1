"""JSON that every reader takes: Python itself writes NaN and Infinity, which are none."""

import json
import math
from collections.abc import Mapping
from typing import Any


def dumps(content: Any) -> str:
    """Text of plain values; numbers that are not finite become null.

    Example:
        >>> from mixbook.cli.valid_json import dumps
        >>> print(dumps({"nll": float("nan")}))
        {
         "nll": null
        }
    """
    return json.dumps(_finite(content), indent=1, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
