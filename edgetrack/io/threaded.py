"""A sink in a background thread, so that a slow disk, encoder or reader does not delay tracking a live source."""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np

from edgetrack import signals
from edgetrack.errors import SinkError
from edgetrack.events import Event
from edgetrack.io._channel import Channel
from edgetrack.io.sinks import Closing, Sink
from edgetrack.types import Frame, Track

PICTURES = 4  # queue length with pixels; each item holds a whole frame in memory
LINES = 4096  # queue length of tracks alone; several minutes
_BLACK = np.zeros((), np.uint8)  # replaces pixels for lines: 4096 images would fill the memory
BEHIND = 10  # niceness of encoders relative to tracking; on few cores, they get a tenth of its CPU time
CLOSING_S = signals.PATIENCE_S  # time for writing after the end of a run


class ThreadedSink(Closing):
    """Queues frames for a sink. If the sink is too slow, the oldest queued frames are dropped and counted.

    The events of a dropped frame are written with the next one.

    It is for frames of live sources, whose pixels are never overwritten. An exception of the sink is raised by the next
    call.

    On Linux, the thread of a sink for pictures is nicer than the one that tracks. One for lines is not: its work is
    short, mostly in Python, and tracking would have to wait for a thread that is preempted while it holds the GIL. What
    is queued at the end of a run is written by another thread that is not nicer, because nothing is tracked any more,
    and other programs would take most of the time that is left.

    Args:
        sink: the sink; from now on, only one thread at a time uses it.
        name: its name in errors.
        pictures: whether it needs pixels, so that the queue must be shorter.
    """

    def __init__(self, sink: Sink, *, name: str, pictures: bool) -> None:
        self._sink, self._name, self._pictures = sink, name, pictures
        self._channel: Channel[Callable[[], None]] = Channel(
            PICTURES if pictures else LINES, newest_wins=True
        )
        self._error: Exception | None = None
        self._closed = self._failed = False
        self._frames = 0
        self._events: deque[tuple[int, tuple[Event, ...]]] = (
            deque()
        )  # queued, with the numbers of their frames
        self._thread = threading.Thread(target=self._work, name=f"edgetrack {name}", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Number of frames that were dropped because newer ones had arrived."""
        return self._channel.dropped

    @property
    def done(self) -> bool:  # type: ignore[override]
        """Whether the sink takes no more frames."""
        return self._sink.done

    @property
    def notes(self) -> Sequence[str]:
        """Remarks of the sink at the end of a run."""
        return tuple(getattr(self._sink, "notes", ()))

    def write(self, frame: Frame, track: Track, *, latency_ms: float) -> None:
        """Queue a frame and its track.

        Raises:
            Exception: The exception that the sink has raised since the last call.
        """
        kept = self._kept(frame)
        self._hand(lambda: self._sink.write(kept, track, latency_ms=latency_ms))

    def write_all(
        self,
        frame: Frame,
        tracks: Mapping[str, Track],
        *,
        latencies_ms: Mapping[str, float],
        events: Sequence[Event] = (),
    ) -> None:
        """Queue a frame, the tracks of several targets, and the events of the frame.

        Raises:
            Exception: The exception that the sink has raised since the last call.
        """
        kept, copies = self._kept(frame), (dict(tracks), dict(latencies_ms))
        self._frames += 1
        number = self._frames
        self._events.append((number, tuple(events)))
        self._hand(
            lambda: self._sink.write_all(kept, copies[0], latencies_ms=copies[1], events=self._until(number))
        )

    def _until(self, number: int) -> tuple[Event, ...]:
        """Return the events of a frame, after those of dropped frames before it."""
        due: list[Event] = []
        while self._events and self._events[0][0] <= number:
            due += self._events.popleft()[1]
        return tuple(due)

    def _kept(self, frame: Frame) -> Frame:
        """Return the frame; for lines, replace its pixels by an array of the same size that takes one byte."""
        if self._pictures:
            return frame
        return replace(frame, pixels=np.broadcast_to(_BLACK, frame.pixels.shape), x=None)

    def _hand(self, step: Callable[[], None]) -> None:
        self._raise()
        self._channel.put(step)

    def _work(self) -> None:
        if self._pictures and sys.platform == "linux":  # elsewhere it would apply to the whole process
            os.nice(BEHIND)
        self._write(lambda: self._closed)

    def _complete(self) -> None:
        """Write what is still queued, and close the sink."""
        self._thread.join()
        if not self._failed:
            self._write(lambda: False)
        if not self._failed:
            try:
                self._sink.close()
            except Exception as error:
                self._error = error

    def _write(self, leaving: Callable[[], bool]) -> None:
        """Write until the channel has ended, or until ``leaving`` between two frames."""
        try:
            while not leaving() and (step := self._channel.get(timeout_s=None)) is not None:
                step()
        except Exception as error:  # raised in the caller's thread
            self._error, self._failed = error, True
            self._channel.close()
            with suppress(Exception):  # the first exception is the cause
                self._sink.close()

    def _raise(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error

    def close(self) -> None:
        """Write the queued frames, and complete the file. May be called twice.

        Raises:
            SinkError: Writing takes too long, for example because nobody reads; the rest is dropped.
            Exception: The exception that the sink has raised since the last call.
        """
        if self._closed:
            return
        self._closed = True
        self._channel.end()
        completing = threading.Thread(target=self._complete, name=f"{self._thread.name}, end", daemon=True)
        completing.start()
        completing.join(CLOSING_S)
        if completing.is_alive():
            self._channel.close()
            raise SinkError(
                f"{self._name} cannot be completed: its last frames could not be written within "
                f"{CLOSING_S:.0f} s; "
                "does something read it, and is the disk fast enough?"
            )
        self._raise()
