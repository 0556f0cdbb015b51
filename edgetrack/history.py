"""The state of one target across frames: its identity, last track and velocity; and the log of its status."""

from __future__ import annotations

import logging
import math
from typing import cast

from edgetrack.mask import Mask
from edgetrack.types import MODALITIES, Basis, Box, Candidate, Status, Track

AGILITY = 0.5  # weight of the newest observation in the velocity, as in the C++ tracker
REACH = 4.0  # largest step of a box between frames, in its sizes; with a larger one, it was found again

Four = tuple[float, float, float, float]
Result = tuple[
    Four | None, float, str, int, str, list[tuple[Four, float, float]], float | None, list[bool]
]  # the result of the C++ trackers

_log = logging.getLogger("edgetrack.tracker")


class History:
    """Creates the tracks of one target.

    Args:
        number: ``Track.id`` of the target.
        name: ``Track.name`` of the target.
        text: text of the target.
    """

    def __init__(self, number: int, name: str, text: str | None) -> None:
        self.id, self.name, self.text = number, name, text
        self.latest: Track | None = None
        self._velocity = (0.0, 0.0)
        self._followed: Box | None = None  # its box in the previous frame

    def add(self, result: Result, time_s: float | None, mask: Mask | None = None) -> Track:
        """Convert the C++ tracker's tuple to a track; call it once per frame."""
        four, score, status, index, basis, finds, x_share, seen = result
        box = None if four is None else Box(*four)
        track = Track(
            box,
            score,
            cast(Status, status),
            index,
            cast(Basis, basis),
            self.id,
            self.name,
            time_s,
            self._moved(box, status),
            tuple(Candidate(Box(*place), value, margin) for place, value, margin in finds) if finds else (),
            mask=mask,
            x_share=x_share,
            modalities=tuple(name for name, used in zip(MODALITIES, seen, strict=True) if used),
        )
        before, self.latest = self.latest, track
        if before is None or before.status != status:
            self._tell(before, track)
        return track

    def _moved(self, box: Box | None, status: str) -> tuple[float, float] | None:
        """Return the velocity after this box; None if the box does not continue the previous one."""
        before = self._followed
        if box is None or (status != "tracking" and before is None):  # a candidate is not followed yet
            self._followed = None
            return None
        self._followed = box
        if before is not None:
            right, down = (now - then for now, then in zip(box.center, before.center, strict=True))
            if math.hypot(right, down) <= REACH * math.sqrt(before.w * before.h):
                vx, vy = self._velocity
                self._velocity = (vx + AGILITY * (right - vx), vy + AGILITY * (down - vy))
                return self._velocity
        self._velocity = (0.0, 0.0)
        return None

    def _tell(self, before: Track | None, track: Track) -> None:
        if not _log.isEnabledFor(logging.INFO):
            return
        place = "no box" if track.box is None else "box {}, {}, {}, {}".format(*track.box.ints)
        _log.info(
            "target %d %r: %s%s in frame %d, score %.2f, %s",
            track.id,
            track.name,
            "" if before is None else f"{before.status} -> ",
            track.status,
            track.index,
            track.score,
            place,
        )
