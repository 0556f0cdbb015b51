"""Whether a value can be reckoned with."""

from __future__ import annotations

import math
from numbers import Real
from typing import TypeGuard


def is_finite(value: object) -> TypeGuard[float]:
    """Whether it is a finite number that a float can hold, and no truth value; numpy's count as well."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False
