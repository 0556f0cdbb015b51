"""LiteTrack's parameter freezing, driven by validation: lower layers are thawed when progress stalls.

The published code contains such a schedule but does not use it; this is the method as its README describes it. A stage
that was thawed without progress is frozen again with its current weights, because the other layers have adapted to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

STAGES = (13, 10, 7, 6)  # numbers of frozen blocks of edgetrack's trunk, in the order of thawing
_LEAST = 0.004  # minimum improvement that counts as progress
_OF_THE_RECIPE = ("patience", "stages")


class Thaw:
    """The number of frozen lowest blocks; it changes after ``patience`` validations without progress, 0 = never.

    ``stages`` are its possible values, in descending order.
    """

    def __init__(self, frozen: int, patience: int, stages: Sequence[int] = STAGES) -> None:
        self.frozen, self.patience, self.stages = frozen, patience, stages
        self.best, self.waited, self.settled = float("-inf"), 0, False
        self.before = frozen

    def after(self, figure: float) -> int:
        """Take a validation result (higher is better); return the number of frozen blocks from now on."""
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
        """Return the state for a checkpoint, without patience and stages, which a recipe may change between runs."""
        return {name: value for name, value in vars(self).items() if name not in _OF_THE_RECIPE}

    def load(self, state: dict[str, Any]) -> None:
        """Restore the values of ``state``."""
        vars(self).update({name: value for name, value in state.items() if name not in _OF_THE_RECIPE})

    def forget(self) -> None:
        """Treat the next result as the first one, because the previous ones were for other samples."""
        self.best, self.waited = float("-inf"), 0
