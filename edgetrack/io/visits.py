"""Visits: an object's time in view, from the first frame to the one in which it is lost, with its best image."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgetrack.types import Box, Frame, Track

Kind = Literal["new", "update", "end"]

UPDATE_S = 1.0  # interval between two updates of a visit
BETTER = 0.05  # minimum gain in score for another image
AROUND = 0.25  # margin around the object, as a fraction of the box's longer side
EDGE_PX = 4  # a box this close to the edge of the frame is cut off by it
CUT_OFF = 0.8  # factor on the score of such an image


@dataclass
class Visit:
    """The visit of an object.

    Attributes:
        id: Unique for each visit.
        name: Name of the track.
        query: Query that found the object; None for a target.
        track: Number of the track.
        began_s: Unix time of the beginning.
        score: Score in the best image, 0..1.
        box: Box in the frame of the best image, in pixels.
        pictured_s: Unix time of the best image.
        pixels: The best image, uint8 (H, W, 3) BGR; None once it has been handed over.
    """

    id: str
    name: str
    query: str | None
    track: int
    began_s: float
    score: float = 0.0
    box: Box | None = None
    pictured_s: float = 0.0
    pixels: NDArray[np.uint8] | None = None
    _rank: float = -1.0  # of the best image: its score, reduced if it is cut off
    _told_s: float = 0.0  # time of the last update, on a monotonic clock

    def look(self, frame: Frame, track: Track, now_s: float) -> None:
        """Keep the image if it is better than the best so far."""
        box = track.box
        if box is None or track.basis != "network" or not frame.pixels.size:
            return
        rank = track.score * (1.0 if _is_whole(box, frame) else CUT_OFF)
        if self.box is None or rank > self._rank + BETTER:
            self.score, self.box, self.pictured_s, self._rank = track.score, box, now_s, rank
            self.pixels = crop(frame.pixels, box)

    def to_dict(self) -> dict[str, Any]:
        """Return the visit as JSON types."""
        best = None if self.box is None else {"score": round(self.score, 4), "box": _rounded(self.box)}
        return {
            "id": self.id,
            "name": self.name,
            **({} if self.query is None else {"query": self.query}),
            "track": self.track,
            "began": round(self.began_s, 3),
            "best": None if best is None else {**best, "time": round(self.pictured_s, 3)},
        }


class Visits:
    """Tracks which objects are in view, frame by frame.

    A visit begins when a track has the status "tracking". It ends when a target is lost, when an object of a query has
    "ended" (a lost one may come back within seconds), or when the track is gone.
    """

    def __init__(self) -> None:
        self.open: dict[int, Visit] = {}  # by the number of the track
        self._numbers = count(1)

    def update(self, frame: Frame, tracks: Mapping[str, Track]) -> Iterator[tuple[Kind, Visit, Track | None]]:
        """Yield what happened in this frame: at most one event per visit, and at most one update per second."""
        now_s = time.time()
        seen = {track.id for track in tracks.values()}
        for number in [number for number in self.open if number not in seen]:
            yield "end", self.open.pop(number), None
        for track in tracks.values():
            visit = self.open.get(track.id)
            if visit is None:
                if track.status == "tracking":
                    began = Visit(
                        f"{now_s:.3f}-{next(self._numbers)}", track.name, track.query, track.id, now_s
                    )
                    began.look(frame, track, now_s)
                    began._told_s, self.open[track.id] = time.monotonic(), began
                    yield "new", began, track
            elif track.status == ("lost" if track.query is None else "ended"):
                yield "end", self.open.pop(track.id), track
            elif track.status == "tracking":
                visit.look(frame, track, now_s)
                if visit.pixels is not None and time.monotonic() - visit._told_s >= UPDATE_S:
                    visit._told_s = time.monotonic()
                    yield "update", visit, track


def crop(pixels: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """Return a copy of the box with a margin, uint8 (h, w, 3) BGR, clipped to the frame."""
    height, width = pixels.shape[:2]
    around = AROUND * max(box.w, box.h)
    left, top = max(int(box.x - around), 0), max(int(box.y - around), 0)
    right, bottom = int(box.x + box.w + around) + 1, int(box.y + box.h + around) + 1
    return np.array(pixels[min(top, height - 1) : bottom, min(left, width - 1) : right])


def _is_whole(box: Box, frame: Frame) -> bool:
    height, width = frame.pixels.shape[:2]
    right, bottom = float(width - box.x - box.w), float(height - box.y - box.h)
    return min(box.x, box.y, right, bottom) > EDGE_PX


def _rounded(box: Box) -> list[float]:
    return [round(value, 2) for value in box.xywh]
