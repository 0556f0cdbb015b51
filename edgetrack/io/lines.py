"""Tracks as lines of text, one per frame and target, written immediately, so that another program can follow."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgetrack.events import Event
from edgetrack.io.files import OutputFile
from edgetrack.io.sinks import Closing
from edgetrack.types import Frame, Track

EVENT_CELLS = ("event", "query", "zone", "direction", "seconds", "count", "rule")


class _LineSink(Closing):
    """Base of sinks that write lines: each line is a complete record of the file."""

    def __init__(self, path: str | Path) -> None:
        self._file = OutputFile(path)

    def write(self, frame: Frame, track: Track, *, latency_ms: float) -> None:
        self._file.append(self._line({**_values(frame, track, latency_ms), **self._optional(track)}))

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
                {**_values(frame, track, latencies_ms[name], name=name, id=track.id), **self._optional(track)}
            )
            for name, track in tracks.items()
        ]
        lines += [self._event(frame, event) for event in events]
        self._file.append(b"".join(lines))  # all targets of a frame, or none

    def _line(self, values: dict[str, Any]) -> bytes:
        raise NotImplementedError

    def _optional(self, track: Track) -> dict[str, Any]:
        """Return the values that only some tracks have: a line of fixed cells has no place for them."""
        del track
        return {}

    def _event(self, frame: Frame, event: Event) -> bytes:
        raise NotImplementedError

    def close(self) -> None:
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
        return self._line(event_values(frame, event))


class CsvSink(_LineSink):
    """Writes a table with a header line; without a box, its cells are empty."""

    _headed = False

    def _line(self, values: dict[str, Any]) -> bytes:
        box = values.pop("box") or [""] * 4
        cells = {**values, **dict(zip("xywh", box, strict=True))}
        if "name" in values:  # several targets, so there may be events
            cells |= dict.fromkeys(EVENT_CELLS, "")
        return self._row(cells)

    def _event(self, frame: Frame, event: Event) -> bytes:
        none = dict.fromkeys(
            ("name", "id", "status", "score", "basis", "latency_ms", *"xywh", *EVENT_CELLS), ""
        )
        said = event_values(frame, event)
        said |= dict(zip("xywh", said.get("box", ()), strict=False))
        return self._row(
            {key: said.get(key, value) for key, value in {"frame": 0, "time_s": 0, **none}.items()}
        )

    def _row(self, cells: dict[str, Any]) -> bytes:
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        if not self._headed:
            rows.writerow(cells)
            self._headed = True
        rows.writerow(cells.values())
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
