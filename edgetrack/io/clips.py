"""Video clips of events, with the seconds before and after each of them."""

from __future__ import annotations

import json
import re
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np

from edgetrack import signals
from edgetrack.errors import SinkError
from edgetrack.events import Event, EventType
from edgetrack.io._jpeg import JpegEncoder
from edgetrack.io.files import OutputFile
from edgetrack.io.lines import event_values
from edgetrack.io.opencv import load_cv2
from edgetrack.io.overlay import Color, draw_all
from edgetrack.io.sinks import Joint
from edgetrack.io.video import VideoSink
from edgetrack.types import Frame, Track
from edgetrack.zones import Zones

MOST_BYTES = 64 << 20  # of buffered frames, as JPEG: two minutes of 640 x 480 at 10 FPS
AT_ONCE = 3  # buffered frames that are written to a clip for each new frame, until it has caught up
LAST_S = signals.PATIENCE_S / 2  # what the frames that wait may take at the end of a run
LONGEST_S = 60.0  # longest time between the first and the last event of a clip; later ones start another clip
ALERTS: frozenset[EventType] = frozenset(["alert"])
MOMENTS: frozenset[EventType] = frozenset(get_args(EventType)) - {"alert", "count"}
_NO_PIXELS = np.empty((0, 0, 3), np.uint8)
_NAME = re.compile(rf"({'|'.join(get_args(EventType))})-(\d{{4,}})\.(jpg|jsonl|mp4)")


@dataclass(frozen=True, slots=True)
class _Kept:
    """A frame as JPEG, with its tracks."""

    frame: Frame  # without pixels, also of a second sensor
    picture: Any
    tracks: Mapping[str, Track]

    @property
    def size(self) -> int:
        return int(self.picture.nbytes)


@dataclass(frozen=True, slots=True)
class _Clip:
    """A clip that is being written."""

    number: int
    began_s: float  # time of its first event
    video: VideoSink
    lines: OutputFile
    pictured: set[EventType] = field(default_factory=set)


class ClipSink(Joint):
    """Writes clips of events into a folder, each with an image of the event and one JSON line per event.

    The files are ``lost-0001.mp4``, ``.jsonl`` and ``.jpg``, named after the first event of the clip. Later events in
    the clip add a line, and the first one of each type adds an image, such as ``back-0001.jpg``. Numbers continue those
    in the folder. The frames of the last ``pre_roll_s`` seconds are buffered as JPEG, up to 64 MB. A clip contains
    these, and all frames until ``post_roll_s`` seconds after its last event. After a minute of events, a new clip
    starts.

    Args:
        folder: Output folder; it is created if it does not exist.
        of: Types of events; those of targets come from `edgetrack.io.target_events.WithTargetEvents`.
        pre_roll_s: Seconds of video before an event.
        post_roll_s: Seconds of video after it.
        most_mb: Size limit of the folder, in 1,000,000 bytes: the oldest clips are deleted, except for the last one.
        fps: Nominal frame rate of the clips.
        zones: Zones to draw into the clips.

    Raises:
        SinkError: The folder cannot be created.
        MissingExtra: OpenCV or PyAV is not installed.
    """

    def __init__(
        self,
        folder: Path,
        *,
        of: frozenset[EventType] = ALERTS,
        pre_roll_s: float = 5.0,
        post_roll_s: float = 5.0,
        most_mb: float = 1000.0,
        fps: float | None = None,
        zones: Zones | None = None,
    ) -> None:
        self._cv2, self._jpeg = load_cv2(), JpegEncoder(f"clips {folder}")
        self._folder = _Folder(folder, most_mb)
        self._of = of
        self._before_s, self._after_s = pre_roll_s, post_roll_s
        self._fps, self._zones = fps, zones
        self._recent: deque[_Kept] = deque()
        self._bytes = 0
        self._waiting: deque[_Kept] = deque()  # for the clip
        self._clip: _Clip | None = None
        self._until_s: float | None = None  # the clip takes frames until then
        self._colors: dict[str, Color] = {}
        self._left_out = 0

    @property
    def notes(self) -> Sequence[str]:
        """What the end of a run should tell: how many clips were deleted, and how many frames the last one lacks."""
        missing = (
            f"frames left out of the last clip: {self._left_out}; writing them would take more than "
            f"{LAST_S:g} s"
        )
        return (*self._folder.notes, *([missing] if self._left_out else []))

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
            if event.type in self._of:
                self._take(event, frame, tracks)
        self._feed(AT_ONCE)
        if self._until_s is not None and frame.time_s >= self._until_s:
            self._until_s = None
        if self._until_s is None and not self._waiting:
            self._end()

    def _keep(self, frame: Frame, tracks: Mapping[str, Track]) -> _Kept:
        """Take a frame, and drop those that are too old or too many."""
        picture = self._jpeg.pack(frame)
        kept = _Kept(replace(frame, pixels=_NO_PIXELS, x=None), picture, dict(tracks))
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

    def _take(self, event: Event, frame: Frame, tracks: Mapping[str, Track]) -> None:
        """Begin a clip at an event, or go on with the one that takes frames; either has the event from now on."""
        if self._until_s is None or self._clip is None or frame.time_s - self._clip.began_s > LONGEST_S:
            self._end()
            self._clip = self._begin(event.type, frame.time_s)
            self._waiting.extend(self._recent)
        self._until_s = frame.time_s + self._after_s
        self._clip.lines.append(json.dumps(event_values(frame, event)).encode() + b"\n")
        if event.type not in self._clip.pictured:
            self._clip.pictured.add(event.type)
            pixels = frame.pixels.copy()
            draw_all(pixels, tracks, self._colors)
            with closing(OutputFile(self._folder.path(event.type, self._clip.number, "jpg"))) as file:
                file.append(self._jpeg.pack(replace(frame, pixels=pixels)).tobytes())

    def _begin(self, kind: EventType, time_s: float) -> _Clip:
        number = self._folder.next_number()
        lines = OutputFile(self._folder.path(kind, number, "jsonl"))
        path = self._folder.path(kind, number, "mp4")
        return _Clip(number, time_s, VideoSink(path, fps=self._fps or 30.0, zones=self._zones), lines)

    def _feed(self, most: int) -> None:
        while self._clip is not None and self._waiting and most > 0:
            kept = self._waiting.popleft()
            pixels = self._cv2.imdecode(kept.picture, self._cv2.IMREAD_COLOR)
            frame = replace(kept.frame, pixels=pixels)
            self._clip.video.write_all(frame, kept.tracks, latencies_ms=dict.fromkeys(kept.tracks, 0.0))
            most -= 1

    def _end(self) -> None:
        """Complete the clip, if there is one."""
        self._feed(len(self._waiting))
        clip, self._clip = self._clip, None
        self._waiting.clear()
        if clip is None:
            return
        try:
            clip.video.close()
        finally:
            clip.lines.close()
        self._folder.trim(keep=clip.number)

    def close(self) -> None:
        """Complete the clip that is being written, without what would take too long."""
        self._until_s = None
        end_s = time.monotonic() + LAST_S
        while self._clip is not None and self._waiting and time.monotonic() < end_s:
            self._feed(1)
        self._left_out += len(self._waiting)
        self._waiting.clear()
        self._end()


class _Folder:
    """Where the clips are: their names, their numbers, and which of them are deleted."""

    def __init__(self, folder: Path, most_mb: float) -> None:
        self._folder, self._most_bytes = folder, most_mb * 1e6
        self._deleted = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._number = max(self._files(), default=0)
        except OSError as error:
            raise SinkError(f"clips {folder} cannot be written: {error.strerror}") from error
        self._most_mb = most_mb

    @property
    def notes(self) -> Sequence[str]:
        if not self._deleted:
            return ()
        return (
            f"clips deleted from {self._folder} to make room for newer ones: {self._deleted}; the limit is "
            f"{self._most_mb:g} MB",
        )

    def next_number(self) -> int:
        """Return a number that is free: another run may write into the same folder."""
        self._number = max(self._number, *self._files(), 0) + 1
        return self._number

    def path(self, kind: EventType, number: int, suffix: str) -> Path:
        return self._folder / f"{kind}-{number:04d}.{suffix}"

    def trim(self, *, keep: int) -> None:
        """Delete the oldest clips, as far as all together are too large; ``keep`` is not deleted.

        Raises:
            SinkError: One cannot be deleted.
        """
        try:
            clips = self._files()
            sizes = {number: sum(path.stat().st_size for path in files) for number, files in clips.items()}
            total = sum(sizes.values())
            for number, files in sorted(clips.items()):
                if total <= self._most_bytes or number == keep:
                    return
                for path in files:
                    path.unlink(missing_ok=True)
                total -= sizes[number]
                self._deleted += 1
        except OSError as error:
            raise SinkError(
                f"clips {self._folder} cannot be deleted: {error.strerror}; make the folder writable"
            ) from error

    def _files(self) -> dict[int, list[Path]]:
        """The files of each clip by its number."""
        found: dict[int, list[Path]] = {}
        for path in self._folder.iterdir():
            if match := _NAME.fullmatch(path.name):
                found.setdefault(int(match[2]), []).append(path)
        return found
