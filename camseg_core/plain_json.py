"""Figures as JSON can say them."""

import math
from collections.abc import Mapping
from typing import Any


def plain_json(value: Any) -> Any:
    """The same for JSON: with lists for sequences and None for numbers that JSON cannot write, NaN and infinity."""
    if isinstance(value, Mapping):
        return {str(key): plain_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
