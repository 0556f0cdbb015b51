"""Compare the speed of two networks on a machine that is also busy with other work."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

ROUNDS, WARM_UP = 40, 3


@dataclass(frozen=True, slots=True)
class Speed:
    """Median times of alternating runs."""

    fp32_ms: float
    other_ms: float

    @property
    def ratio(self) -> float:
        """Return the speedup over float32."""
        return self.fp32_ms / self.other_ms


def compare_speed(fp32: Callable[[], object], other: Callable[[], object], *, rounds: int = ROUNDS) -> Speed:
    """Time both in alternation, so that other load on the machine slows both equally."""
    spent = np.zeros((rounds, 2))
    for _ in range(WARM_UP):
        fp32()
        other()
    for row in spent:
        for column, run in enumerate((fp32, other)):
            begun = time.perf_counter()
            run()
            row[column] = time.perf_counter() - begun
    first, second = np.median(spent, axis=0) * 1e3
    return Speed(float(first), float(second))
