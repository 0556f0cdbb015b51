"""An MCAP file with the frames and their tracks. Foxglove shows the images with the boxes.

All messages are JSON, so the ``mcap`` library alone reads and writes them. Images are ``foxglove.CompressedImage``,
boxes to be drawn are ``foxglove.ImageAnnotations`` (docs.foxglove.dev, "Message schemas"), and tracks have our own
schema. From the first mask on, each frame has a label image as well. The images of a second sensor have their own topic
and times; they come alone if color is missing. Chunks are compressed with zstd, which removes most of the overhead of
base64.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgetrack.events import Event
from edgetrack.io._jpeg import JpegEncoder
from edgetrack.io._mcap_file import McapFile
from edgetrack.io.annotations import annotate, outlines
from edgetrack.io.lines import event_values
from edgetrack.io.mask_files import labels_of, palette_png
from edgetrack.io.sinks import Closing
from edgetrack.types import Frame, Track
from edgetrack.zones import Zones

IMAGE, ANNOTATIONS, TRACK = "foxglove.CompressedImage", "foxglove.ImageAnnotations", "edgetrack.Track"
TRACKS, EVENT = "edgetrack.Tracks", "edgetrack.Event"  # for several targets
LABELS = "/track/labels"  # topic of palette PNG files: 0 is background, 1 the first target
X = "/x"  # topic of the second sensor's images, aligned with color
TOPICS = {
    IMAGE: "/camera",
    ANNOTATIONS: "/track/annotations",
    TRACK: "/track",
    TRACKS: "/tracks",
    EVENT: "/events",
}

_NUMBER, _INTEGER, _TEXT = {"type": "number"}, {"type": "integer"}, {"type": "string"}
_MAYBE = {"type": ["number", "null"]}


def _fields(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def _list(of: Any) -> dict[str, Any]:
    return {"type": "array", "items": of}


_TIME = _fields(sec=_INTEGER, nsec=_INTEGER)
_POINT, _COLOR = _fields(x=_NUMBER, y=_NUMBER), _fields(r=_NUMBER, g=_NUMBER, b=_NUMBER, a=_NUMBER)
_PAIRS = _list(_fields(key=_TEXT, value=_TEXT))
_LOOP = {
    "metadata": _PAIRS,
    "outline_color": _COLOR,
    "fill_color": _COLOR,
    "thickness": _NUMBER,
    "points": _list(_POINT),
}
_LABEL = {"metadata": _PAIRS, "position": _POINT, "text": _TEXT, "font_size": _NUMBER, "text_color": _COLOR}
_TRACK = {
    "status": _TEXT,
    "score": _NUMBER,
    "box": {"type": ["object", "null"], **_fields(x=_NUMBER, y=_NUMBER, w=_NUMBER, h=_NUMBER)},
    "basis": _TEXT,
    "latency_ms": _NUMBER,
    "age_ms": _MAYBE,
    "lag_ms": _MAYBE,
    "gap_s": _NUMBER,
    "epoch": _INTEGER,
    "x_share": _NUMBER,
    "modalities": _list(_TEXT),
    "mask": _fields(size=_list(_INTEGER), counts=_TEXT),
}
SCHEMAS: dict[str, dict[str, Any]] = {
    IMAGE: _fields(
        timestamp=_TIME, frame_id=_TEXT, format=_TEXT, data={"type": "string", "contentEncoding": "base64"}
    ),
    ANNOTATIONS: _fields(
        circles=_list(_fields(timestamp=_TIME)),
        points=_list(_fields(timestamp=_TIME, type=_INTEGER, outline_colors=_list(_COLOR), **_LOOP)),
        texts=_list(_fields(timestamp=_TIME, background_color=_COLOR, **_LABEL)),
    ),
    TRACK: _fields(timestamp=_TIME, frame=_INTEGER, **_TRACK),
    TRACKS: _fields(
        timestamp=_TIME, frame=_INTEGER, tracks=_list(_fields(name=_TEXT, id=_INTEGER, **_TRACK))
    ),
    EVENT: _fields(
        timestamp=_TIME,
        frame=_INTEGER,
        event=_TEXT,
        query=_TEXT,
        name=_TEXT,
        id=_INTEGER,
        zone=_TEXT,
        direction=_TEXT,
        seconds=_NUMBER,
        count=_INTEGER,
    ),
}


class McapSink(Closing):
    """Writes a recording during the run.

    If the process is killed, at most the last chunk is missing (`edgetrack.io._mcap_file`).

    Timestamps are those of the frames, in nanoseconds: the position in a file, or the time since a camera was opened.

    Args:
        path: the file; replaced at the first frame.
        facts: texts for the metadata record "edgetrack".
        zones: drawn with the boxes of several targets.

    Raises:
        MissingExtra: the extra ``mcap`` is not installed.
        SinkError: the path cannot be written.
    """

    def __init__(self, path: str | Path, *, facts: Mapping[str, str], zones: Zones | None = None) -> None:
        self._zones = zones
        self._facts = dict(facts)
        self._jpeg = JpegEncoder(f"output {path}")
        self._file = McapFile(path)
        self._schemas: dict[str, int] = {}
        self._channels: dict[str, int] = {}

    def write(self, frame: Frame, track: Track, *, latency_ms: float) -> None:
        said = {"frame": frame.index, **_track(track, frame, latency_ms)}
        kinds = (IMAGE, ANNOTATIONS, TRACK)
        self._record(frame, annotate([(track, "")]), [(TRACK, said)], [track], kinds=kinds)

    def write_all(
        self,
        frame: Frame,
        tracks: Mapping[str, Track],
        *,
        latencies_ms: Mapping[str, float],
        events: Sequence[Event] = (),
    ) -> None:
        """Write one message for all tracks, and one for each event."""
        drawn = annotate([(track, f"{name} ") for name, track in tracks.items()])
        if self._zones is not None:
            height, width = frame.pixels.shape[:2]
            drawn["points"] += outlines(self._zones, (width, height))
        all = [
            {"name": name, "id": track.id, **_track(track, frame, latencies_ms[name])}
            for name, track in tracks.items()
        ]
        said: list[tuple[str, dict[str, Any]]] = [(TRACKS, {"frame": frame.index, "tracks": all})]
        said += [(EVENT, event_values(frame, event)) for event in events]
        targets = [track for track in tracks.values() if track.query is None]
        self._record(frame, drawn, said, targets, kinds=(IMAGE, ANNOTATIONS, TRACKS, EVENT))

    def _record(
        self,
        frame: Frame,
        drawn: dict[str, Any],
        said: Sequence[tuple[str, dict[str, Any]]],
        targets: Sequence[Track],
        *,
        kinds: Sequence[str],
    ) -> None:
        self._file.check()
        nanoseconds, stamp = _stamp(frame)
        pictures = [(IMAGE, frame)] if frame.color else []
        pictures += [(X, frame.x)] if frame.x is not None else []
        packed = [(topic, picture, self._jpeg.pack(picture)) for topic, picture in pictures]
        if not self._channels:
            self._start(kinds)
        for topic, picture, jpeg in packed:
            at, own_stamp = _stamp(picture)
            self._add(topic, at, frame.index, _image(own_stamp, "jpeg", jpeg))
        if LABELS in self._channels or any(track.mask is not None for track in targets):
            labels = _image(stamp, "png", palette_png(labels_of(frame, targets)))
            self._add(LABELS, nanoseconds, frame.index, labels)
        for one in (*drawn["points"], *drawn["texts"]):
            one["timestamp"] = stamp
        self._add(ANNOTATIONS, nanoseconds, frame.index, drawn)
        for kind, message in said:
            self._add(kind, nanoseconds, frame.index, {"timestamp": stamp, **message})
        self._file.settle_due()

    def _start(self, kinds: Sequence[str]) -> None:
        self._file.start(self._facts)
        for name in kinds:
            content = json.dumps({"title": name, **SCHEMAS[name]}).encode()
            self._schemas[name] = self._file.register_schema(name, "jsonschema", content)
            self._channels[name] = self._file.register_channel(TOPICS[name], "json", self._schemas[name])

    def _add(self, name: str, nanoseconds: int, index: int, message: Mapping[str, Any]) -> None:
        """Add a message to the channel of a schema, or to `LABELS` or `X`, which are created with their first image."""
        if name not in self._channels:
            self._channels[name] = self._file.register_channel(name, "json", self._schemas[IMAGE])
        self._file.add(self._channels[name], nanoseconds, index, json.dumps(message).encode())

    def close(self) -> None:
        self._file.close()


def _stamp(frame: Frame) -> tuple[int, dict[str, int]]:
    """Return the time of a frame: in nanoseconds, and in Foxglove's form."""
    nanoseconds = max(0, round(frame.time_s * 1e9))
    return nanoseconds, {"sec": nanoseconds // 10**9, "nsec": nanoseconds % 10**9}


def _image(stamp: dict[str, int], form: str, data: Any) -> dict[str, Any]:
    """Return an image as ``foxglove.CompressedImage``."""
    return {"timestamp": stamp, "frame_id": "camera", "format": form, "data": b64encode(data).decode()}


def _track(track: Track, frame: Frame, latency_ms: float) -> dict[str, Any]:
    said = track.to_dict()
    return {
        **{key: said[key] for key in ("status", "score", "box", "basis")},
        "latency_ms": latency_ms,
        "age_ms": frame.age_ms,
        "lag_ms": frame.lag_ms,
        "gap_s": frame.gap_s,
        "epoch": frame.epoch,
        **{key: said[key] for key in ("x_share", "modalities", "mask") if key in said},
    }
