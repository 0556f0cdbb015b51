"""LiteTrack's parameter freezing, driven by the validation: lower layers begin to learn when the rest has stalled.

The published code holds such a schedule but never reads it; this is the method as its README describes it. A stage that
was let go and brought nothing is frozen again, as it then is: what learned beside it goes on with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

STAGES = (13, 10, 7, 6)  # blocks of edgetrack's trunk that stay frozen, in the order of thawing
_LEAST = 0.004  # progress that counts
_OF_THE_RECIPE = ("patience", "stages")


class Thaw:
    """How many of the lowest blocks are frozen; ``patience`` validations without progress move it, 0 = never.

    ``stages`` are the numbers that it may become, falling.
    """

    def __init__(self, frozen: int, patience: int, stages: Sequence[int] = STAGES) -> None:
        self.frozen, self.patience, self.stages = frozen, patience, stages
        self.best, self.waited, self.settled = float("-inf"), 0, False
        self.before = frozen

    def after(self, figure: float) -> int:
        """Takes a validation's figure (higher is better); returns the number of frozen blocks from now on."""
        if self.settled or self.patience == 0:
            return self.frozen
        if figure > self.best + _LEAST:
            self.best, self.waited, self.before = figure, 0, self.frozen
            return self.frozen
        self.waited += 1
        if self.waited >= self.patience:
            self.waited = 0
            self._move()
        return self.frozen

    def _move(self) -> None:
        lower = [stage for stage in self.stages if stage < self.frozen]
        if self.frozen != self.before or not lower:  # the last thaw brought nothing, or all that may learns
            self.frozen, self.settled = self.before, True
        else:
            self.frozen = lower[0]

    def state(self) -> dict[str, Any]:
        """For a checkpoint; patience and stages are the recipe's, which may change from run to run."""
        return {name: value for name, value in vars(self).items() if name not in _OF_THE_RECIPE}

    def load(self, state: dict[str, Any]) -> None:
        """Goes on from what ``state`` gave."""
        vars(self).update({name: value for name, value in state.items() if name not in _OF_THE_RECIPE})

    def forget(self) -> None:
        """Takes the next figure for the first: those before were of other samples."""
        self.best, self.waited = float("-inf"), 0
