"""Debouncing of conditions: one counts after it has held long enough, until it has failed for long enough.

A measurement is True, False, or None (between the two thresholds, or from an uncertain box).

| state | True | None | False |
|---|---|---|---|
| off | rising, from now on | off | off |
| rising | on, once ``for_s`` have passed | rising | off, after more than ``hold_s`` without a True or None |
| on | on | on | off, after more than ``hold_s`` without a True or None |

An interruption of up to ``hold_s`` therefore neither ends a condition nor restarts its time.
"""

from __future__ import annotations

from typing import TypeVar

HOLD_S = 0.5
EPSILON_S = 1e-6  # tolerance: times of frames are sums of steps

Key = TypeVar("Key")
Measured = dict[Key, bool | None]


class Latch:
    """The state of a condition that is rising or on; a condition that is off has no latch."""

    __slots__ = ("_held_s", "_since_s", "on")

    def __init__(self, now_s: float) -> None:
        self.on = False
        self._since_s = self._held_s = now_s

    def step(self, value: bool | None, now_s: float, for_s: float, hold_s: float) -> bool:
        """Process a measurement; return False if the condition is now off."""
        if value is False:
            return now_s - self._held_s <= hold_s + EPSILON_S
        self._held_s = now_s
        if value and now_s - self._since_s >= for_s - EPSILON_S:
            self.on = True
        return True


class Latches(dict[Key, Latch]):
    """The latches of one condition, by binding."""

    def step(self, measured: Measured[Key], now_s: float, for_s: float, hold_s: float = HOLD_S) -> set[Key]:
        """Process the measurements of a frame, False where one is missing; return the bindings that are on."""
        for key in [key for key in self if key not in measured]:
            if not self[key].step(False, now_s, for_s, hold_s):
                del self[key]
        for key, value in measured.items():
            latch = self.get(key)
            if latch is None:
                if not value:
                    continue
                latch = self[key] = Latch(now_s)
            if not latch.step(value, now_s, for_s, hold_s):
                del self[key]
        return {key for key, latch in self.items() if latch.on}
