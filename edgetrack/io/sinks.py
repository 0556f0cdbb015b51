"""Outputs for tracks: JSON lines, a table, an annotated video, a recording, a window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from edgetrack.errors import SinkError
from edgetrack.events import Event
from edgetrack.io.files import STDOUT
from edgetrack.types import Frame, Track
from edgetrack.zones import Zones

KINDS = (
    ".jsonl, .csv, .mp4, .mcap, .ros2.mcap, .rrd, .json (COCO), .mot, .otb, .mots (masks) or %05d.png (masks), "
    "or - for JSON lines on standard output"
)


class Sink(Protocol):
    """An open output: takes one frame and its track at a time. A context manager; ``open_sink`` makes it."""

    @property
    def done(self) -> bool:
        """Whether the output takes no more frames, for example because its window was closed."""

    def write(self, frame: Frame, track: Track, *, latency_ms: float) -> None:
        """Write a frame and its track, with the milliseconds that tracking took.

        Raises:
            SinkError: The output cannot be written; everything before this frame stays valid.
        """

    def write_all(
        self,
        frame: Frame,
        tracks: Mapping[str, Track],
        *,
        latencies_ms: Mapping[str, float],
        events: Sequence[Event] = (),
    ) -> None:
        """Write a frame and the tracks of several targets by name, with the milliseconds that each one took.

        ``events`` are the events of the frame, if the run has a query or zones.

        Raises:
            SinkError: The output cannot be written; everything before this frame stays valid.
        """

    def close(self) -> None:
        """Complete the file. May be called twice."""

    def __enter__(self) -> Sink: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Closing:
    """Base of all sinks: leaving the ``with`` block closes the sink, also after an exception."""

    done = False

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Any:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Joint(Closing):
    """A sink that treats the track of one target like those of several targets."""

    def write(self, frame: Frame, track: Track, *, latency_ms: float) -> None:
        self.write_all(frame, {track.name: track}, latencies_ms={track.name: latency_ms})

    def write_all(
        self,
        frame: Frame,
        tracks: Mapping[str, Track],
        *,
        latencies_ms: Mapping[str, float],
        events: Sequence[Event] = (),
    ) -> None:
        raise NotImplementedError


def open_sink(
    path: str | Path,
    *,
    fps: float | None = None,
    size: tuple[int, int] | None = None,
    text: str | None = None,
    facts: Mapping[str, str] | None = None,
    zones: Zones | None = None,
) -> Sink:
    """Open an output whose format follows from its suffix: ``.jsonl``, ``.csv``, ``.mp4`` or ``.mcap``.

    ``.ros2.mcap`` is a ROS 2 bag, and ``.rrd`` a recording for Rerun.

    Formats for masks only (``Tracker(masks=True)``) are ``.mots``, the text format of MOTS, and a palette PNG per
    frame, as in DAVIS, whose name has a placeholder for the frame number, such as ``masks/%05d.png``. ``.json`` is a
    dataset in the format of COCO, ``.mot`` the text format of MOTChallenge, and ``.otb`` that of OTB, for one target.

    An existing file is replaced when the first frame is written. From then on the file is valid at any time: if the
    process is killed or the disk is full, everything written so far can be read.

    Args:
        path: The file to write; ``-`` for JSON lines on standard output.
        fps: Nominal frame rate of a video, which also sets the duration of its last frame; None for 30. The time of
            each frame is its ``Frame.time_s``.
        size: Width and height of a video in pixels; None for those of the first frame.
        text: The target's text, drawn into a video.
        facts: Metadata of a recording: target, model, engine, precision.
        zones: Zones and lines, drawn into a video or a recording with what they count.

    Returns:
        A sink: call ``write`` for each frame, and close it, preferably with a ``with`` block.

    Raises:
        SinkError: The suffix is unknown, or the path cannot be written.
        MissingExtra: A package that this format needs is not installed.
    """
    suffix = Path(path).suffix.lower()
    if suffix == ".jsonl" or str(path) == STDOUT:
        from edgetrack.io.lines import JsonlSink

        return JsonlSink(path)
    if suffix == ".csv":
        from edgetrack.io.lines import CsvSink

        return CsvSink(path)
    if suffix == ".mp4":
        from edgetrack.io.video import VideoSink

        return VideoSink(path, fps=fps or 30.0, size=size, text=text, zones=zones)
    if Path(path).name.lower().endswith(".ros2.mcap"):
        from edgetrack.io.ros2 import Ros2Sink

        return Ros2Sink(path, facts=facts or {})
    if suffix == ".mcap":
        from edgetrack.io.recorder import McapSink

        return McapSink(path, facts=facts or {}, zones=zones)
    if suffix == ".rrd":
        from edgetrack.io.rerun import RrdSink

        return RrdSink(path, facts=facts or {}, zones=zones)
    if suffix == ".json":
        from edgetrack.io.coco import CocoSink

        return CocoSink(path)
    if suffix == ".png":
        from edgetrack.io.mask_files import MaskPngSink

        return MaskPngSink(path)
    if suffix in (".mot", ".mots", ".otb"):
        from edgetrack.io.result_files import MotSink, MotsSink, OtbSink

        return {".mot": MotSink, ".mots": MotsSink, ".otb": OtbSink}[suffix](path)
    raise SinkError(f"output {path} ends in {suffix or 'nothing'!r}; expected {KINDS}")
