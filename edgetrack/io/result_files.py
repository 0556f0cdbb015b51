"""Tracks in the text formats of benchmarks: MOTChallenge, MOTS and OTB."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from edgetrack.errors import SinkError
from edgetrack.events import Event
from edgetrack.io.files import OutputFile
from edgetrack.io.sinks import Closing
from edgetrack.types import Frame, Track

_CLASS = 1  # MOTS requires a class; a target of a text has none


class _ResultSink(Closing):
    """Base of these sinks: the lines of a frame are written together, or none of them."""

    def __init__(self, path: str | Path) -> None:
        self._path = path
        self._file = OutputFile(path)

    def write(self, frame: Frame, track: Track, *, latency_ms: float) -> None:
        self._file.append(self._lines(frame, [track]).encode())

    def write_all(
        self,
        frame: Frame,
        tracks: Mapping[str, Track],
        *,
        latencies_ms: Mapping[str, float],
        events: Sequence[Event] = (),
    ) -> None:
        self._file.append(self._lines(frame, list(tracks.values())).encode())

    def _lines(self, frame: Frame, tracks: Sequence[Track]) -> str:
        raise NotImplementedError

    def close(self) -> None:
        self._file.close()


class MotSink(_ResultSink):
    """Writes a line per box: frame, id, left, top, width, height, score, -1, -1, -1; frames and pixels count from 1.

    This is the result format of motchallenge.net (Milan et al., 2016). A tentative track has no id yet, and no line.
    """

    def _lines(self, frame: Frame, tracks: Sequence[Track]) -> str:
        lines = []
        for track in tracks:
            if track.box is not None and track.status != "tentative":
                x, y, w, h = track.box.xywh
                box = _joined((x + 1, y + 1, w, h))
                lines.append(f"{frame.index + 1},{track.id},{box},{track.score:.4f},-1,-1,-1\n")
        return "".join(lines)


class MotsSink(_ResultSink):
    """Writes a line per mask: frame, id, class, height, width, run-length encoding (Voigtlaender et al., CVPR 2019)."""

    def _lines(self, frame: Frame, tracks: Sequence[Track]) -> str:
        lines = []
        for track in tracks:
            if track.mask is not None:
                rle = track.mask.rle()
                height, width = rle["size"]
                lines.append(f"{frame.index + 1} {track.id} {_CLASS} {height} {width} {rle['counts']}\n")
        return "".join(lines)


class OtbSink(_ResultSink):
    """Writes a line per frame: left, top, width, height in pixels, counted from 0, as in ``edgetrack eval``.

    A frame without a box repeats the previous one, or has zeros before the first, because toolkits expect a line for
    every frame.
    """

    _box: tuple[float, ...] = (0, 0, 0, 0)

    def _lines(self, frame: Frame, tracks: Sequence[Track]) -> str:
        if len(tracks) != 1:
            raise SinkError(
                f"output {self._path} can hold one target only, but there are {len(tracks)}; expected OUT.mot"
            )
        if tracks[0].box is not None:
            self._box = tracks[0].box.xywh
        return _joined(self._box) + "\n"


def _joined(values: Iterable[float]) -> str:
    return ",".join(f"{value:.3f}" for value in values)
