"""Fakes of the parts of a pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from edgetrack.errors import BoxError, SinkError
from edgetrack.timing import Timing
from edgetrack.types import Box, Frame, Track


class Frames:
    """A source of ``count`` small frames that may then fail."""

    def __init__(self, count: int, *, error: BaseException | None = None, dropped: int = 0) -> None:
        self.dropped = dropped
        self._count = count
        self._error = error

    def __iter__(self) -> Iterator[Frame]:
        for index in range(self._count):
            yield Frame(np.full((40, 60, 3), index, np.uint8), index, index / 30)
        if self._error is not None:
            raise self._error


class ListSink:
    """A sink that keeps what it is given, and asks to stop after ``enough`` frames."""

    def __init__(
        self, *, enough: int | None = None, fails_at: int | None = None, fails_to_close: bool = False
    ) -> None:
        self.rows: list[tuple[int, str, float]] = []
        self.closed = False
        self._enough, self._fails_at, self._fails_to_close = enough, fails_at, fails_to_close

    @property
    def done(self) -> bool:
        return len(self.rows) == self._enough

    def write(self, frame: Frame, track: Track, *, latency_ms: float) -> None:
        if frame.index == self._fails_at:
            raise SinkError(f"full at {frame.index}")
        self.rows.append((frame.index, track.status, latency_ms))

    def write_all(
        self, frame: Frame, tracks: dict[str, Track], *, latencies_ms: dict[str, float], **_: Any
    ) -> None:
        self.rows += [(frame.index, name, latencies_ms[name]) for name in tracks]

    def close(self) -> None:
        self.closed = True
        if self._fails_to_close:
            raise SinkError("not closed")

    def __enter__(self) -> ListSink:
        return self

    def __exit__(self, *_: Any) -> None: ...


class FakeMultiTracker:
    """Two targets: "a" is tracked, "b" fails in some frames; the cost of each is the number of its frame."""

    batch_failure: Exception | None = None

    def __init__(self, *, fails: set[int], alone: bool = False) -> None:
        self.failed: dict[str, Exception] = {}
        self.timing: dict[str, Timing] = {}
        self.queries: dict[str, Any] = {}
        self.events = ()
        self._fails, self._alone, self._index = fails, alone, -1

    def update(self, frame: Any, *, deadline_ms: float | None = None) -> dict[str, Track]:
        self._index += 1
        self.timing = dict.fromkeys("ab", Timing(1.0, 2.0, float(self._index)))
        tracks = {
            "a": Track(None, 0.5, "searching", self._index),
            "b": Track(Box(1, 2, 3, 4), 0.9, "tracking", 0),
        }
        self.failed = {"b": BoxError(f"it failed at {self._index}")} if self._index in self._fails else {}
        for name in [*self.failed, *("a" if self._alone else "")]:
            del tracks[name]
        return tracks
