"""Pictures, tracks and scores for Rerun: a file, or a viewer that shows them while they come."""

from __future__ import annotations

import json
import os
import socket
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from edgetrack._imports import require
from edgetrack.errors import ConfigError, SinkError
from edgetrack.events import Event
from edgetrack.io._jpeg import JpegEncoder
from edgetrack.io.files import OutputFile
from edgetrack.io.lines import event_values
from edgetrack.io.names import printable
from edgetrack.io.overlay import COLORS
from edgetrack.io.sinks import Joint
from edgetrack.io.zone_overlay import TINT
from edgetrack.types import Frame, Track
from edgetrack.zone_shapes import scaled
from edgetrack.zones import Zones

CAMERA, TRACKS, MASKS, ZONES = "camera", "camera/tracks", "camera/masks", "camera/zones"
SCORE, EVENTS, LATENCY, AGE, FACTS = "score", "events", "latency_ms", "age_ms", "run"
PORT = 9876  # of a viewer, if nothing else is said
FLUSH_S = 1.0  # between two questions whether everything has arrived
ANSWER_S = 3.0  # what the answer may take


class _RerunSink(Joint):
    """What a file and a viewer share: on the timelines ``frame`` and ``time``, what a frame shows and says."""

    def __init__(self, name: str, *, facts: Mapping[str, str], zones: Zones | None) -> None:
        os.environ.setdefault("RUST_LOG", "off")  # its own log; what fails is raised as well
        self._rerun = require("rerun", extra="rerun")
        self._name, self._facts, self._zones = name, facts, zones
        self._jpeg = JpegEncoder(name)
        self._recording: Any = None
        self._masked = False
        self._flushed_s = 0.0  # on the monotonic clock

    def write_all(
        self,
        frame: Frame,
        tracks: Mapping[str, Track],
        *,
        latencies_ms: Mapping[str, float],
        events: Sequence[Event] = (),
    ) -> None:
        jpeg = self._jpeg.pack(frame)
        if self._recording is None:
            self._start(frame)
        rerun, log = self._rerun, self._recording.log
        self._recording.set_time("frame", sequence=frame.index)
        self._recording.set_time("time", duration=frame.time_s)
        log(CAMERA, rerun.EncodedImage(contents=jpeg.tobytes(), media_type="image/jpeg"))
        self._log_tracks(tracks)
        for name, track in tracks.items():
            if track.query is None:  # of the others, a camera may see thousands
                log([SCORE, printable(name)], rerun.Scalars(track.score))
        log(LATENCY, rerun.Scalars(sum(latencies_ms.values())))
        if (age_ms := frame.age_ms) is not None:
            log(AGE, rerun.Scalars(age_ms))
        for event in events:
            log(EVENTS, rerun.TextLog(json.dumps(event_values(frame, event))))
        if time.monotonic() - self._flushed_s > FLUSH_S:
            self._flush()

    def _log_tracks(self, tracks: Mapping[str, Track]) -> None:
        """Log boxes and outlines; of none as well, or those of the frame before would stay."""
        boxes = {name: track for name, track in tracks.items() if track.box is not None}
        self._recording.log(
            TRACKS,
            self._rerun.Boxes2D(
                array=np.array([track.box.xywh for track in boxes.values() if track.box]).reshape(-1, 4),
                array_format=self._rerun.Box2DFormat.XYWH,
                labels=[
                    printable(f"{name} {track.status} {track.score:.2f}") for name, track in boxes.items()
                ],
                colors=[COLORS[track.status][::-1] for track in boxes.values()],
            ),
        )
        loops = [
            (np.reshape([*loop, *loop[:2]], (-1, 2)), COLORS[track.status][::-1])
            for track in boxes.values()
            for loop in (track.mask.polygons() if track.mask is not None else [])
        ]
        self._masked = self._masked or bool(loops)
        if self._masked:
            lines, colors = [loop for loop, _ in loops], [color for _, color in loops]
            self._recording.log(MASKS, self._rerun.LineStrips2D(lines, colors=colors))

    def _start(self, frame: Frame) -> None:
        recording = self._rerun.RecordingStream("edgetrack", recording_id=uuid.uuid4())
        if not recording.is_enabled():
            raise SinkError(f"{self._name}: the environment variable RERUN turns it off; run: unset RERUN")
        try:
            self._connect(recording)
        except RuntimeError as error:  # whatever goes wrong in the library
            raise self._failure(error) from error
        self._recording = recording
        if self._facts:
            said = "\n".join(f"- {key}: {printable(value)}" for key, value in self._facts.items())
            recording.log(FACTS, self._rerun.TextDocument(said, media_type="text/markdown"), static=True)
        if self._zones is not None:
            height, width = frame.pixels.shape[:2]
            shapes = [scaled(one.points, one.relative, (width, height)) for one in self._zones.shapes]
            loops = [[*points, points[0]] for points in shapes]
            recording.log(ZONES, self._rerun.LineStrips2D(loops, colors=[TINT[::-1]]), static=True)

    def _connect(self, recording: Any) -> None:
        raise NotImplementedError

    def _flush(self) -> None:
        """Wait until everything has arrived.

        Raises:
            SinkError: it does not.
        """
        try:
            self._recording.flush(timeout_sec=ANSWER_S)
        except RuntimeError as error:
            raise self._failure(error) from error
        self._flushed_s = time.monotonic()

    def _failure(self, error: Exception) -> SinkError:
        raise NotImplementedError

    def close(self) -> None:
        """Complete what was written. May be called twice.

        Raises:
            SinkError: the last of it has not arrived.
        """
        if self._recording is None:
            return
        try:
            self._flush()
        finally:
            self._recording.disconnect()
            self._recording = None


class RrdSink(_RerunSink):
    """A file for Rerun. Of a killed process, at most the last second is missing.

    Args:
        path: the file; replaced at the first frame.
        facts: texts that are kept as the document "run".
        zones: drawn with the boxes.

    Raises:
        MissingExtra: the extra ``rerun`` is not installed.
        SinkError: the place cannot be written.
    """

    def __init__(self, path: str | Path, *, facts: Mapping[str, str], zones: Zones | None = None) -> None:
        super().__init__(f"output {path}", facts=facts, zones=zones)
        self._path, self._file = Path(path), OutputFile(path)

    def _connect(self, recording: Any) -> None:
        self._file.close()  # the library writes the file itself
        recording.save(self._path)

    def _failure(self, error: Exception) -> SinkError:
        return SinkError(f"{self._name} cannot be written: {error}; is the disk full?")

    def close(self) -> None:
        try:
            super().close()
        finally:
            self._file.close()


class RerunViewerSink(_RerunSink):
    """Shows the run in a viewer of Rerun. One that leaves is an error: what it has not shown is gone.

    Sending may take its time: put it in `edgetrack.io.threaded.ThreadedSink`.

    Args:
        url: as the viewer says it, ``rerun+http://HOST:9876/proxy``.
        zones: drawn with the boxes.

    Raises:
        ConfigError: the address is none.
        MissingExtra: the extra ``rerun`` is not installed.
    """

    def __init__(self, url: str, *, zones: Zones | None = None) -> None:
        self._host, self._port = _host(url)
        super().__init__(f"rerun {url}", facts={}, zones=zones)
        self.name, self._url = self._name, url

    def _connect(self, recording: Any) -> None:
        try:  # the library itself would try for many seconds
            socket.create_connection((self._host, self._port), timeout=ANSWER_S).close()
        except OSError as error:
            raise self._failure(error) from error
        recording.connect_grpc(self._url)

    def _failure(self, error: Exception) -> SinkError:
        why = getattr(error, "strerror", None) or error
        return SinkError(f"{self._name}: no viewer takes what is sent ({why}); start one with: rerun")


def _host(url: str) -> tuple[str, int]:
    """Return host and port of a viewer's address.

    Raises:
        ConfigError: it is none.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, PORT if parts.port is None else parts.port
    except ValueError:  # a port that is no number
        host, port = None, 0
    if not host or not port or parts.scheme not in ("rerun+http", "rerun+https") or parts.path != "/proxy":
        raise ConfigError(
            f"--rerun {url!r} is no address of a viewer; expected one such as rerun+http://127.0.0.1:{PORT}/proxy"
        )
    return host, port
