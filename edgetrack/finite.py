"""A check for finite numbers."""

from __future__ import annotations

import math
from numbers import Real
from typing import TypeGuard


def is_finite(value: object) -> TypeGuard[float]:
    """Return whether a value is a finite number that fits in a float, including numpy's, and not a bool."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False
