"""Tracks as lines of text, one per frame and target, written immediately, so that another program can follow."""

from __future__ import annotations

import csv
import io
import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgetrack.events import Event
from edgetrack.io.files import OutputFile
from edgetrack.io.sinks import Closing
from edgetrack.types import Frame, Track

EVENT_CELLS = ("event", "query", "zone", "direction", "seconds", "count", "rule")
LIVE_CELLS = ("age_ms", "lag_ms", "gap_s", "epoch")
_CELLS = ("frame", "time_s", "name", "id", "status", "score", "basis", "latency_ms")


class LineFile:
    """A file of lines, to which the sinks of several cameras may append, each in its own thread.

    Raises:
        SinkError: No file can be written there.
    """

    def __init__(self, path: str | Path) -> None:
        self._file = OutputFile(path)
        self._turn = threading.Lock()
        self._headed = False

    def append(self, lines: bytes, *, head: bytes = b"") -> None:
        """Append lines completely, or none of them; ``head`` goes before the first ones.

        Raises:
            SinkError: They cannot be written.
        """
        with self._turn:
            self._file.append(head + lines if lines and not self._headed else lines)
            self._headed = self._headed or bool(lines)

    def close(self) -> None:
        """Close the file. May be called twice."""
        self._file.close()


class _LineSink(Closing):
    """Base of sinks that write lines: each line is a complete record of the file.

    Args:
        path: Where to write, or an open file, which stays open.
        camera: Name of the camera, which each line then has.
    """

    def __init__(self, path: str | Path | LineFile, *, camera: str | None = None) -> None:
        self._given = isinstance(path, LineFile)
        self._file = path if isinstance(path, LineFile) else LineFile(path)
        self._camera = {} if camera is None else {"camera": camera}

    def write(self, frame: Frame, track: Track, *, latency_ms: float) -> None:
        values = {**self._camera, **_values(frame, track, latency_ms), **self._optional(track)}
        self._append(self._line(values))

    def write_all(
        self,
        frame: Frame,
        tracks: Mapping[str, Track],
        *,
        latencies_ms: Mapping[str, float],
        events: Sequence[Event] = (),
    ) -> None:
        lines = [
            self._line(
                {
                    **self._camera,
                    **_values(frame, track, latencies_ms[name], name=name, id=track.id),
                    **self._optional(track),
                }
            )
            for name, track in tracks.items()
        ]
        lines += [self._event(frame, event) for event in events]
        self._append(b"".join(lines))  # all targets of a frame, or none

    def _append(self, lines: bytes) -> None:
        self._file.append(lines)

    def _line(self, values: dict[str, Any]) -> bytes:
        raise NotImplementedError

    def _optional(self, track: Track) -> dict[str, Any]:
        """Return the values that only some tracks have: a line of fixed cells has no place for them."""
        del track
        return {}

    def _event(self, frame: Frame, event: Event) -> bytes:
        raise NotImplementedError

    def close(self) -> None:
        if not self._given:
            self._file.close()


class JsonlSink(_LineSink):
    """Writes one JSON object per line: a track, or an event, which has the key "event"."""

    def _line(self, values: dict[str, Any]) -> bytes:
        return json.dumps(values).encode() + b"\n"

    def _optional(self, track: Track) -> dict[str, Any]:
        said = track.to_dict()
        more = {key: said[key] for key in ("x_share", "modalities", "mask") if key in said}
        return more | ({"x_share": round(more["x_share"], 4)} if "x_share" in more else {})

    def _event(self, frame: Frame, event: Event) -> bytes:
        return self._line({**self._camera, **event_values(frame, event)})


class CsvSink(_LineSink):
    """Writes a table with a header line; without a box, its cells are empty.

    With the name of a camera, all rows have all columns, because those of other cameras may be in the same table.
    """

    _columns: Sequence[str] = ()

    def _line(self, values: dict[str, Any]) -> bytes:
        box = values.pop("box") or [""] * 4
        cells = {**values, **dict(zip("xywh", box, strict=True))}
        if "name" in values:  # several targets, so there may be events
            cells |= dict.fromkeys(EVENT_CELLS, "")
        return self._row(cells, list(cells))

    def _event(self, frame: Frame, event: Event) -> bytes:
        said = {**self._camera, **event_values(frame, event)}
        said |= dict(zip("xywh", said.get("box", ()), strict=False))
        live = () if frame.age_ms is None else LIVE_CELLS
        return self._row(said, [*_CELLS, *live, *"xywh", *EVENT_CELLS])

    def _row(self, cells: Mapping[str, Any], columns: Sequence[str]) -> bytes:
        if self._camera:
            columns = ["camera", *_CELLS, *LIVE_CELLS, *"xywh", *EVENT_CELLS]
        self._columns = self._columns or columns
        return _joined([cells.get(name, "") for name in columns])

    def _append(self, lines: bytes) -> None:
        self._file.append(lines, head=_joined(self._columns))


def _joined(cells: Sequence[Any]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode("utf-8", "backslashreplace")


def event_values(frame: Frame, event: Event) -> dict[str, Any]:
    """Return an event as JSON types, with the number and the time of its frame."""
    said = event.to_dict()
    kind = said.pop("type")
    for key in ("index", "time_s"):
        said.pop(key, None)
    if event.seconds is not None:
        said["seconds"] = round(event.seconds, 3)
    if event.box is not None:
        said["box"] = [round(v, 2) for v in event.box.xywh]
    return {"frame": frame.index, "time_s": round(frame.time_s, 4), "event": kind, **said}


def _values(frame: Frame, track: Track, latency_ms: float, **named: str | int) -> dict[str, Any]:
    age_ms, lag_ms = frame.age_ms, frame.lag_ms
    live = (
        {}
        if age_ms is None
        else {
            "age_ms": round(age_ms, 1),
            "lag_ms": None if lag_ms is None else round(lag_ms, 1),
            "gap_s": round(frame.gap_s, 4),
            "epoch": frame.epoch,
        }
    )
    return {
        "frame": frame.index,
        "time_s": round(frame.time_s, 4),
        **named,
        "status": track.status,
        "box": None if track.box is None else [round(v, 2) for v in track.box.xywh],
        "score": round(track.score, 4),
        "basis": track.basis,
        "latency_ms": round(latency_ms, 3),
        **live,
    }
