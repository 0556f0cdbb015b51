"""Clips of alerts: what was seen shortly before one, and shortly after."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgetrack.errors import SinkError
from edgetrack.events import Event
from edgetrack.io.files import OutputFile
from edgetrack.io.lines import event_values
from edgetrack.io.opencv import load_cv2
from edgetrack.io.overlay import Color, draw_all
from edgetrack.io.sinks import Joint
from edgetrack.io.video import VideoSink
from edgetrack.types import Frame, Track
from edgetrack.zones import Zones

MOST_BYTES = 64 << 20  # of frames that wait, as JPEG: two minutes of 640 x 480 at 10 frames a second
QUALITY = 90
AT_ONCE = 3  # frames that go into a clip with each new frame, until it has caught up
_NAME = re.compile(r"alert-(\d+)\.(jpg|jsonl|mp4)")


@dataclass(frozen=True, slots=True)
class _Kept:
    """A frame as JPEG, with its tracks."""

    frame: Frame  # without pixels
    picture: Any
    tracks: Mapping[str, Track]

    @property
    def size(self) -> int:
        return int(self.picture.nbytes)


class ClipSink(Joint):
    """Writes a clip of each alert into a folder, with a picture of the moment and a JSON line of each alert in it.

    They are ``alert-0001.mp4``, ``.jpg`` and ``.jsonl``; the numbers go on where those in the folder end. The frames
    of the last ``pre_roll_s`` seconds wait as JPEG, 64 MB of them at most. A clip takes those, and all that come until
    ``post_roll_s`` seconds after the last alert in it.

    Args:
        folder: Where to write; made if it is not there.
        pre_roll_s: Seconds of video before an alert.
        post_roll_s: Seconds of video after it.
        fps: Nominal frame rate of the clips.
        zones: Drawn into the clips.

    Raises:
        SinkError: The folder cannot be made.
        MissingExtra: OpenCV or PyAV is not installed.
    """

    def __init__(
        self,
        folder: Path,
        *,
        pre_roll_s: float = 5.0,
        post_roll_s: float = 5.0,
        fps: float | None = None,
        zones: Zones | None = None,
    ) -> None:
        self._cv2 = load_cv2()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            names = [match for path in folder.iterdir() if (match := _NAME.fullmatch(path.name))]
        except OSError as error:
            raise SinkError(f"clips {folder} cannot be written: {error.strerror}") from error
        self._folder, self._before_s, self._after_s = folder, pre_roll_s, post_roll_s
        self._fps, self._zones = fps, zones
        self._number = max((int(match[1]) for match in names), default=0)
        self._recent: deque[_Kept] = deque()
        self._bytes = 0
        self._waiting: deque[_Kept] = deque()  # for the clip
        self._clip: VideoSink | None = None
        self._until_s: float | None = None  # the clip takes frames until then
        self._lines: OutputFile | None = None
        self._colors: dict[str, Color] = {}

    def write_all(
        self,
        frame: Frame,
        tracks: Mapping[str, Track],
        *,
        latencies_ms: Mapping[str, float],
        events: Sequence[Event] = (),
    ) -> None:
        kept = self._keep(frame, tracks)
        if self._until_s is not None:
            self._waiting.append(kept)
        for event in events:
            if event.type == "alert":
                self._begin(frame, tracks)
                assert self._lines is not None
                self._lines.append(json.dumps(event_values(frame, event)).encode() + b"\n")
        self._feed(AT_ONCE)
        if self._until_s is not None and frame.time_s >= self._until_s:
            self._until_s = None
        if self._until_s is None and not self._waiting:
            self._end()

    def _keep(self, frame: Frame, tracks: Mapping[str, Track]) -> _Kept:
        """Take a frame, and drop those that are too old or too many."""
        _, picture = self._cv2.imencode(".jpg", frame.pixels, [self._cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        kept = _Kept(replace(frame, pixels=np.empty((0, 0, 3), np.uint8)), picture, dict(tracks))
        if self._recent and frame.time_s <= self._recent[-1].frame.time_s:  # the clock was set
            self._recent.clear()
            self._bytes, self._until_s = 0, None
        self._recent.append(kept)
        self._bytes += kept.size
        while len(self._recent) > 1 and (
            self._bytes > MOST_BYTES or frame.time_s - self._recent[0].frame.time_s > self._before_s
        ):
            self._bytes -= self._recent.popleft().size
        return kept

    def _begin(self, frame: Frame, tracks: Mapping[str, Track]) -> None:
        """Begin a clip at an alert, with its picture; or go on with the one that takes frames."""
        if self._until_s is None:
            self._end()
            self._number = self._free_number()
            self._clip = VideoSink(self._named("mp4"), fps=self._fps or 30.0, zones=self._zones)
            self._lines = OutputFile(self._named("jsonl"))
            self._waiting.extend(self._recent)
            self._picture(frame, tracks)
        self._until_s = frame.time_s + self._after_s

    def _free_number(self) -> int:
        """The next one that is free: another run may write into the same folder."""
        number = self._number + 1
        while any(self._named(suffix, number).exists() for suffix in ("mp4", "jsonl", "jpg")):
            number += 1
        return number

    def _named(self, suffix: str, number: int | None = None) -> Path:
        return self._folder / f"alert-{self._number if number is None else number:04d}.{suffix}"

    def _picture(self, frame: Frame, tracks: Mapping[str, Track]) -> None:
        pixels = frame.pixels.copy()
        draw_all(pixels, tracks, self._colors)
        _, data = self._cv2.imencode(".jpg", pixels, [self._cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        file = OutputFile(self._named("jpg"))
        try:
            file.append(data.tobytes())
        finally:
            file.close()

    def _feed(self, most: int) -> None:
        while self._clip is not None and self._waiting and most > 0:
            kept = self._waiting.popleft()
            pixels = self._cv2.imdecode(kept.picture, self._cv2.IMREAD_COLOR)
            frame = replace(kept.frame, pixels=pixels)
            self._clip.write_all(frame, kept.tracks, latencies_ms=dict.fromkeys(kept.tracks, 0.0))
            most -= 1

    def _end(self) -> None:
        """Complete the clip, if there is one."""
        self._feed(len(self._waiting))
        clip, self._clip = self._clip, None
        lines, self._lines = self._lines, None
        self._waiting.clear()
        try:
            if clip is not None:
                clip.close()
        finally:
            if lines is not None:
                lines.close()

    def close(self) -> None:
        self._end()
