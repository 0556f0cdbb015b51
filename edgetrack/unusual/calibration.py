"""Calibration on normal data: distances to scores, and a rate of false alarms to a threshold."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetrack.errors import ConfigError
from edgetrack.finite import is_finite

Floats = NDArray[np.float64]

DAY_S = 86_400.0
MAX_BLOCKS = 10_080  # a week of minutes
MIN_BLOCKS = 20  # blocks in the newer half from which there is a threshold
UNIT_QUANTILE = 0.9  # quantile of the blocks' distances that becomes the score 1
MIN_UNIT = 0.25  # smallest such distance; smaller differences are noise
TAIL = 0.1  # fraction of the blocks in the tail


@dataclass(frozen=True, slots=True)
class Threshold:
    """A score that normal activity exceeds at a given rate.

    Attributes:
        score: the threshold; infinity while there is too little data.
        per_day: rate of false alarms per day.
        extrapolated: whether it is beyond the observed scores.
        observed_s: seconds of data behind it.
        needed_s: seconds of running after which it is not extrapolated.
    """

    score: float
    per_day: float
    extrapolated: bool
    observed_s: float
    needed_s: float


class Calibration:
    """The largest distance of each family in each block of time.

    Distances are computed before their objects are learned, so that each belongs to something new. The first half of
    the blocks does not count, because distances are too large while little is known.
    """

    def __init__(self, families: int, block_s: float) -> None:
        if not is_finite(block_s) or block_s <= 0:
            raise ConfigError(f"block_s is {block_s!r}; expected seconds above 0, such as 60")
        self.block_s = block_s
        self.maxima: Floats = np.empty((0, families))
        self.blocks = 0  # blocks finished so far
        self.units: Floats = np.full(families, np.inf)  # distance with score 1, by family
        self._open = np.zeros(families)
        self._open_s = 0.0

    def record(self, levels: Floats, step_s: float) -> None:
        """Record the distances (N, families) of a frame that represents ``step_s`` seconds."""
        if len(levels):
            self._open = np.maximum(self._open, levels.max(axis=0))
        self._open_s += step_s
        if self._open_s >= self.block_s:
            self.maxima = np.concatenate([self.maxima[-(MAX_BLOCKS - 1) :], self._open[None]])
            self.blocks += 1
            self._open, self._open_s = np.zeros(len(self._open)), 0.0
            self.refresh()

    def refresh(self) -> None:
        """Update the units from the newer half of the blocks."""
        newer = self._newer()
        if len(newer) >= MIN_BLOCKS // 4:
            self.units = np.maximum(np.quantile(newer, UNIT_QUANTILE, axis=0), MIN_UNIT)

    def threshold(self, per_day: float) -> Threshold:
        """Return the score that blocks of normal activity exceed ``per_day`` times per day.

        With n blocks it is their k-th largest score, k = floor((n + 1) p), where p is the probability that a block may
        exceed it: then a further block of the same kind exceeds it with a probability of at most p (conformal
        prediction: Vovk, Gammerman and Shafer, "Algorithmic Learning in a Random World", 2005). If (n + 1) p < 1, no
            observed score is as rare as requested, and the tail is extrapolated by exponential excesses over its
            upper tenth (peaks over threshold with shape 0: Pickands, 1975; Siffer et al., "Anomaly detection in
            streams with extreme value theory", KDD 2017). Such a threshold is an estimate beyond the observed data.

        Raises:
            ConfigError: ``per_day`` is not a number above 0.
        """
        if not is_finite(per_day) or per_day <= 0:
            raise ConfigError(f"per_day is {per_day!r}; expected false alarms per day above 0, such as 1")
        chance = min(per_day * self.block_s / DAY_S, 1.0)
        newer = self._newer()
        needed_s = 2 * self.block_s * max(math.ceil(1 / chance) - 1, MIN_BLOCKS)
        observed_s = len(newer) * self.block_s
        if len(newer) < MIN_BLOCKS:
            return Threshold(math.inf, per_day, True, observed_s, needed_s)
        scores = np.sort((newer / self.units).max(axis=1))[::-1]
        rank = min(math.floor((len(scores) + 1) * chance + 1e-9), len(scores))
        if rank >= 1:
            return Threshold(float(scores[rank - 1]), per_day, False, observed_s, needed_s)
        base = float(np.quantile(scores, 1 - TAIL))
        excess = float((scores[scores > base] - base).mean()) if (scores > base).any() else 0.0
        beyond = base + excess * math.log(TAIL / chance)
        return Threshold(max(beyond, float(scores[0])), per_day, True, observed_s, needed_s)

    def _newer(self) -> Floats:
        """Return the newer half of all blocks so far, as far as they are kept."""
        return self.maxima[-max(min(self.blocks - self.blocks // 2, len(self.maxima)), 1) :]
