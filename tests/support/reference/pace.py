"""Which frames of a tracked target skip the network."""

from __future__ import annotations

import math
from typing import cast

import numpy as np
from numpy.typing import NDArray

from edgetrack.policy import Policy
from edgetrack.types import Basis, Box
from reference.geometry import Region, region_around

Pixels = NDArray[np.uint8]
_AGILITY = 0.5  # share of what was just seen in the new velocity
_SIDE, _BLOCK = 64, 8  # samples of the grid


class Motion:
    """The center of a box at constant velocity."""

    def __init__(self, box: Box, index: int) -> None:
        self._center, self._index = box.center, index
        self._velocity = (0.0, 0.0)  # pixels a frame

    def see(self, box: Box, index: int) -> None:
        frames = float(max(index - self._index, 1))
        seen = [(now - then) / frames for now, then in zip(box.center, self._center, strict=True)]
        vx, vy = (v + _AGILITY * (new - v) for v, new in zip(self._velocity, seen, strict=True))
        self._velocity, self._center, self._index = (vx, vy), box.center, index

    @property
    def speed(self) -> float:
        vx, vy = self._velocity
        return float(np.sqrt(vx * vx + vy * vy))

    def ahead(self, box: Box, width: int, height: int) -> Box:
        x = min(max(box.x + self._velocity[0], min(0.0, box.x)), max(width - box.w, box.x))
        y = min(max(box.y + self._velocity[1], min(0.0, box.y)), max(height - box.h, box.y))
        return Box(x, y, box.w, box.h)


class Snapshot:
    """A coarse grid of a region."""

    def __init__(self, pixels: Pixels, region: Region) -> None:
        self._shape = pixels.shape
        share = (np.arange(_SIDE) + 0.5) / _SIDE
        columns = np.clip(np.floor(region[0] + share * region[2]), 0, pixels.shape[1] - 1).astype(int)
        rows = np.clip(np.floor(region[1] + share * region[2]), 0, pixels.shape[0] - 1).astype(int)
        self._grid = np.ix_(rows, columns)
        self._samples = pixels[self._grid].astype(int)

    def resembles(self, pixels: Pixels, limit: float) -> bool:
        if pixels.shape != self._shape:
            return False
        n = _SIDE // _BLOCK
        change = np.abs(pixels[self._grid].astype(int) - self._samples)
        return bool(
            (change.reshape(n, _BLOCK, n, _BLOCK, 3).sum(axis=(1, 3, 4)) <= limit * _BLOCK**2 * 3).all()
        )


class Pace:
    """Motion, snapshot, and for how long the network has not run."""

    def __init__(self, policy: Policy, *, static_check: bool) -> None:
        self._policy, self._static_check = policy, static_check

    def start(self, box: Box, index: int) -> None:
        self.motion, self._anchor = Motion(box, index), box
        self._snapshot: Snapshot | None = None
        self._skipped = self._rested = 0

    def region(self, box: Box, streak: int, factor: float) -> Region:
        """Where to search: wider for a target that is fast, and for one that was not surely seen of late."""
        policy, speed = self._policy, self.motion.speed / math.sqrt(box.w * box.h)
        growth = policy.uncertainty_expansion * streak / policy.max_uncertain_frames
        growth += policy.velocity_expansion * speed
        return region_around(box, factor * (1 + min(growth, 1)))

    def without_network(self, pixels: Pixels, last: Basis, *, late: bool) -> Basis | None:
        policy, basis = self._policy, None
        still = self._static_check and last != "coasted" and self._rested >= policy.static_min_runs
        resembles = (
            still and self._snapshot is not None and self._snapshot.resembles(pixels, policy.static_max_diff)
        )
        if resembles and self._skipped < policy.max_reused_frames:
            basis = "reused"
        elif late and self._skipped < policy.max_coasted_frames:
            basis = "coasted"
        self._skipped += basis is not None
        return cast(Basis | None, basis)

    def see(self, pixels: Pixels, region: Region, found: Box | None, index: int) -> None:
        self._skipped = 0
        still = found is not None and self._anchor.iou(found) >= self._policy.static_iou
        self._rested = self._rested + 1 if still else 0
        if found is not None:
            self._anchor = self._anchor if still else found
            self.motion.see(found, index)
        self._snapshot = Snapshot(pixels, region)
