"""Images, tracks and scores for Rerun: a file, or a viewer that shows them live."""

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
PORT = 9876  # default port of a viewer
FLUSH_S = 1.0  # interval for checking that everything has arrived
ANSWER_S = 3.0  # timeout of that check


class _RerunSink(Joint):
    """Base of file and viewer: logs images and results on the timelines ``frame`` and ``time``."""

    def __init__(self, name: str, *, facts: Mapping[str, str], zones: Zones | None) -> None:
        os.environ.setdefault("RUST_LOG", "off")  # silences its log; failures are raised as well
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
            if track.query is None:  # not for queries: a camera may see thousands of objects
                log([SCORE, printable(name)], rerun.Scalars(track.score))
        log(LATENCY, rerun.Scalars(sum(latencies_ms.values())))
        if (age_ms := frame.age_ms) is not None:
            log(AGE, rerun.Scalars(age_ms))
        for event in events:
            log(EVENTS, rerun.TextLog(json.dumps(event_values(frame, event))))
        if time.monotonic() - self._flushed_s > FLUSH_S:
            self._flush()

    def _log_tracks(self, tracks: Mapping[str, Track]) -> None:
        """Log boxes and outlines, also empty ones, because those of the previous frame would stay otherwise."""
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
            raise SinkError(f"{self._name}: the environment variable RERUN turns Rerun off; run: unset RERUN")
        try:
            self._connect(recording)
        except RuntimeError as error:  # any failure in the library
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
            SinkError: It has not arrived in time.
        """
        try:
            self._recording.flush(timeout_sec=ANSWER_S)
        except RuntimeError as error:
            raise self._failure(error) from error
        self._flushed_s = time.monotonic()

    def _failure(self, error: Exception) -> SinkError:
        raise NotImplementedError

    def close(self) -> None:
        """Complete the output. May be called twice.

        Raises:
            SinkError: The last data have not arrived.
        """
        if self._recording is None:
            return
        try:
            self._flush()
        finally:
            self._recording.disconnect()
            self._recording = None


class RrdSink(_RerunSink):
    """Writes a file for Rerun. If the process is killed, at most the last second is missing.

    Args:
        path: the file; replaced at the first frame.
        facts: texts for the document "run".
        zones: drawn with the boxes.

    Raises:
        MissingExtra: the extra ``rerun`` is not installed.
        SinkError: the path cannot be written.
    """

    def __init__(self, path: str | Path, *, facts: Mapping[str, str], zones: Zones | None = None) -> None:
        super().__init__(f"output {path}", facts=facts, zones=zones)
        self._path, self._file = Path(path), OutputFile(path)

    def _connect(self, recording: Any) -> None:
        self._file.close()  # the library opens the file itself
        recording.save(self._path)

    def _failure(self, error: Exception) -> SinkError:
        return SinkError(f"{self._name} cannot be written: {error}; is the disk full?")

    def close(self) -> None:
        try:
            super().close()
        finally:
            self._file.close()


class RerunViewerSink(_RerunSink):
    """Shows the run in a Rerun viewer. If the viewer disconnects, that is an error, because data are lost.

    Sending can block, so wrap this sink in `edgetrack.io.threaded.ThreadedSink`.

    Args:
        url: address as the viewer shows it, ``rerun+http://HOST:9876/proxy``.
        zones: drawn with the boxes.

    Raises:
        ConfigError: the address is invalid.
        MissingExtra: the extra ``rerun`` is not installed.
    """

    def __init__(self, url: str, *, zones: Zones | None = None) -> None:
        self._host, self._port = _host(url)
        super().__init__(f"rerun {url}", facts={}, zones=zones)
        self.name, self._url = self._name, url

    def _connect(self, recording: Any) -> None:
        try:  # the library itself would retry for many seconds
            socket.create_connection((self._host, self._port), timeout=ANSWER_S).close()
        except OSError as error:
            raise self._failure(error) from error
        recording.connect_grpc(self._url)

    def _failure(self, error: Exception) -> SinkError:
        why = getattr(error, "strerror", None) or error
        return SinkError(f"{self._name}: no viewer accepts the data ({why}); start one with: rerun")


def _host(url: str) -> tuple[str, int]:
    """Return host and port of a viewer's address.

    Raises:
        ConfigError: The address is invalid.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, PORT if parts.port is None else parts.port
    except ValueError:  # a port that is not a number
        host, port = None, 0
    if not host or not port or parts.scheme not in ("rerun+http", "rerun+https") or parts.path != "/proxy":
        raise ConfigError(
            f"--rerun {url!r} is not the address of a viewer; expected one such as "
            f"rerun+http://127.0.0.1:{PORT}/proxy"
        )
    return host, port
