"""How long a network takes against another, on a machine that also does other things."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

ROUNDS, WARM_UP = 40, 3


@dataclass(frozen=True, slots=True)
class Speed:
    """Medians of alternating runs."""

    fp32_ms: float
    other_ms: float

    @property
    def ratio(self) -> float:
        """How many times as fast as float32."""
        return self.fp32_ms / self.other_ms


def compare_speed(fp32: Callable[[], object], other: Callable[[], object], *, rounds: int = ROUNDS) -> Speed:
    """Times both in turn, so that whatever slows the machine slows both."""
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
