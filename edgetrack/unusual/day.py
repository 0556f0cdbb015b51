"""The data for the report of a day: scores and objects per minute, and pictures of the most unusual moments."""

from __future__ import annotations

import base64
import math
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.io.opencv import load_cv2
from edgetrack.types import Box, Frame
from edgetrack.unusual.alarms import Alarm, Alarms
from edgetrack.unusual.model import Assessment

MINUTE_S = 60.0
MAX_MINUTES = 2880  # minutes that are kept: two days
MAX_MOMENTS = 12  # pictures that are kept: those of the highest scores
MAX_ALARMS = 1000  # the latest ones
PICTURE_WIDTH = 360  # pixels
_ORANGE, _BLACK = (0, 140, 255), (0, 0, 0)


@dataclass(slots=True)
class Minute:
    """A minute of a day.

    Attributes:
        start_s: time of its first frame.
        score: the highest one.
        objects: most objects in view at a time.
        seen: sum of the objects in view over its frames.
        frames: that were seen.
    """

    start_s: float
    score: float = 0.0
    objects: int = 0
    seen: int = 0
    frames: int = 0


@dataclass(frozen=True, slots=True)
class Moment:
    """An alarm with the picture of its most unusual frame, as a data URL."""

    alarm: Alarm
    picture: str


class Day:
    """Collects the data for the report of a day, in bounded memory.

    Attributes:
        minutes: the minutes with at least one frame, in order.
        alarms: the alarms that have ended, in order.
        moments: the most unusual alarms, the highest score first.
        picture: the last frame, uint8 (H, W, 3) BGR; None before the first.
    """

    def __init__(self) -> None:
        self.minutes: deque[Minute] = deque(maxlen=MAX_MINUTES)
        self.alarms: deque[Alarm] = deque(maxlen=MAX_ALARMS)
        self.moments: list[Moment] = []
        self.picture: NDArray[np.uint8] | None = None
        self._stream = Alarms()
        self._open_picture = ""
        self._peak_s = math.nan

    def update(self, frame: Frame, seen: Assessment, threshold: float) -> Alarm | None:
        """Process the next frame, and return the alarm that begins in it."""
        began, ended = self._stream.update(seen, threshold)
        if ended is not None:
            self._keep(ended)
        now = self._stream.open
        if now is not None and now.peak_s == seen.time_s and now.peak_s != self._peak_s:
            self._peak_s, self._open_picture = now.peak_s, _picture(frame.pixels, now.region.box)
        if not self.minutes or not 0 <= frame.time_s - self.minutes[-1].start_s < MINUTE_S:
            self.minutes.append(Minute(frame.time_s))
            self.picture = frame.pixels.copy()
        minute, count = self.minutes[-1], len(seen.regions)
        minute.score, minute.objects = max(minute.score, seen.score), max(minute.objects, count)
        minute.seen, minute.frames = minute.seen + count, minute.frames + 1
        return began

    def close(self) -> None:
        """End the alarm that is still open."""
        if (ended := self._stream.close()) is not None:
            self._keep(ended)

    def _keep(self, alarm: Alarm) -> None:
        self.alarms.append(alarm)
        self.moments.append(Moment(alarm, self._open_picture))
        self.moments = sorted(self.moments, key=lambda one: -one.alarm.region.score)[:MAX_MOMENTS]


def heat_map(picture: NDArray[np.uint8], activity: NDArray[np.float64]) -> str:
    """Return a picture with a heat map of the activity, as a data URL; red is the highest."""
    cv2 = load_cv2()
    small = _reduced(picture)
    share = np.sqrt(activity / max(float(activity.max()), 1e-9)).astype(np.float32)
    size = (small.shape[1], small.shape[0])
    share = np.clip(cv2.resize(share, size, interpolation=cv2.INTER_CUBIC), 0, 1)
    colors = cv2.applyColorMap((255 * share).astype(np.uint8), cv2.COLORMAP_TURBO)
    weight = (0.65 * share)[..., None]
    return _url((small * (1 - weight) + colors * weight).astype(np.uint8))


def _picture(pixels: NDArray[np.uint8], box: Box) -> str:
    cv2, small = load_cv2(), _reduced(pixels)
    scale = small.shape[1] / pixels.shape[1]
    left, top, right, bottom = (round(v * scale) for v in box.xyxy)
    for color, width in ((_BLACK, 4), (_ORANGE, 2)):
        cv2.rectangle(small, (left, top), (right, bottom), color, width)
    return _url(small)


def _reduced(pixels: NDArray[np.uint8]) -> Any:
    cv2 = load_cv2()
    size = (PICTURE_WIDTH, max(1, round(PICTURE_WIDTH * pixels.shape[0] / pixels.shape[1])))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def _url(pixels: Any) -> str:
    cv2 = load_cv2()
    _, packed = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 78])
    return "data:image/jpeg;base64," + base64.b64encode(packed.tobytes()).decode()
