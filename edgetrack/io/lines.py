"""Tracks as lines of text, one for each frame and target, written at once: another program can follow the file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgetrack.io.files import OutputFile
from edgetrack.io.sinks import Closing
from edgetrack.types import Frame, Track


class _LineSink(Closing):
    """What sinks of lines share: each line is one whole record of the file."""

    def __init__(self, path: str | Path) -> None:
        self._file = OutputFile(path)

    def write(self, frame: Frame, track: Track, *, latency_ms: float) -> None:
        self._file.append(self._line(_values(frame, track, latency_ms)))

    def write_all(
        self, frame: Frame, tracks: Mapping[str, Track], *, latencies_ms: Mapping[str, float]
    ) -> None:
        lines = [
            self._line(_values(frame, track, latencies_ms[name], name=name)) for name, track in tracks.items()
        ]
        self._file.append(b"".join(lines))  # of all targets of a frame, or of none

    def _line(self, values: dict[str, Any]) -> bytes:
        raise NotImplementedError

    def close(self) -> None:
        self._file.close()


class JsonlSink(_LineSink):
    """One JSON object a line."""

    def _line(self, values: dict[str, Any]) -> bytes:
        return json.dumps(values).encode() + b"\n"


class CsvSink(_LineSink):
    """A table with a line of headings; the cells of a box that is not there are empty."""

    _headed = False

    def _line(self, values: dict[str, Any]) -> bytes:
        box = values.pop("box") or [""] * 4
        cells = {**values, **dict(zip("xywh", box, strict=True))}
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        if not self._headed:
            rows.writerow(cells)
            self._headed = True
        rows.writerow(cells.values())
        return text.getvalue().encode("utf-8", "backslashreplace")


def _values(frame: Frame, track: Track, latency_ms: float, **named: str) -> dict[str, Any]:
    return {
        "frame": frame.index,
        "time_s": round(frame.time_s, 4),
        **named,
        "status": track.status,
        "box": None if track.box is None else [round(v, 2) for v in track.box.xywh],
        "score": round(track.score, 4),
        "basis": track.basis,
        "latency_ms": round(latency_ms, 3),
    }
