"""A sink in a thread of its own: no slow disk, encoder or reader holds up the tracking of a live source."""

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

PICTURES = 4  # that may wait; each one holds a whole frame in memory
LINES = 4096  # tracks that may wait; minutes of them
_BLACK = np.zeros((), np.uint8)  # of the frames of lines: 4096 pictures would fill the memory
BEHIND = 10  # by how much a thread is nicer than the one that tracks; it gets a tenth of its share where cores are few
CLOSING_S = signals.PATIENCE_S  # what may be written after the end of a run


class ThreadedSink(Closing):
    """Hands frames over and goes on. Where the sink is too slow, the oldest that wait are dropped and counted.

    The events of a frame that was dropped come with the next one.

    For frames of live sources, whose pixels nobody writes over. What the sink raises is raised by the next call.

    Args:
        sink: what writes; from now on it is used by the thread alone.
        name: what to call it in errors.
        pictures: whether it needs the pixels: fewer of them may wait.
    """

    def __init__(self, sink: Sink, *, name: str, pictures: bool) -> None:
        self._sink, self._name, self._pictures = sink, name, pictures
        self._channel: Channel[Callable[[], None]] = Channel(
            PICTURES if pictures else LINES, newest_wins=True
        )
        self._error: Exception | None = None
        self._closed = False
        self._frames = 0
        self._events: deque[tuple[int, tuple[Event, ...]]] = (
            deque()
        )  # that wait, with the numbers of their frames
        self._thread = threading.Thread(target=self._work, name=f"edgetrack {name}", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Number of frames that were not written, because newer ones had come."""
        return self._channel.dropped

    @property
    def done(self) -> bool:  # type: ignore[override]
        """Whether the sink takes no more frames."""
        return self._sink.done

    @property
    def notes(self) -> Sequence[str]:
        """What the sink has to say of itself at the end."""
        return tuple(getattr(self._sink, "notes", ()))

    def write(self, frame: Frame, track: Track, *, latency_ms: float) -> None:
        """Hand over a frame and its track.

        Raises:
            Exception: what the sink has raised since the last call.
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
        """Hand over a frame, the tracks of several targets, and what happened in it.

        Raises:
            Exception: what the sink has raised since the last call.
        """
        kept, copies = self._kept(frame), (dict(tracks), dict(latencies_ms))
        self._frames += 1
        number = self._frames
        self._events.append((number, tuple(events)))
        self._hand(
            lambda: self._sink.write_all(kept, copies[0], latencies_ms=copies[1], events=self._until(number))
        )

    def _until(self, number: int) -> tuple[Event, ...]:
        """The events of a frame, after those of the frames before it that were dropped."""
        due: list[Event] = []
        while self._events and self._events[0][0] <= number:
            due += self._events.popleft()[1]
        return tuple(due)

    def _kept(self, frame: Frame) -> Frame:
        """The frame, for lines with pixels that have its size, and take one byte in all."""
        if self._pictures:
            return frame
        return replace(frame, pixels=np.broadcast_to(_BLACK, frame.pixels.shape), x=None)

    def _hand(self, step: Callable[[], None]) -> None:
        self._raise()
        self._channel.put(step)

    def _work(self) -> None:
        if sys.platform == "linux":  # elsewhere it would be that of the process
            os.nice(BEHIND)
        try:
            while (step := self._channel.get(timeout_s=None)) is not None:
                step()
        except Exception as error:  # raised where somebody hears it
            self._error = error
            self._channel.close()
            with suppress(Exception):  # what it raised first is what went wrong
                self._sink.close()
            return
        try:
            self._sink.close()
        except Exception as error:
            self._error = error

    def _raise(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error

    def close(self) -> None:
        """Write what waits, and complete the file. May be called twice.

        Raises:
            SinkError: that takes too long, as a write that nobody reads does; what is left is given up.
            Exception: what the sink has raised since the last call.
        """
        if self._closed:
            return
        self._closed = True
        self._channel.end()
        self._thread.join(CLOSING_S)
        if self._thread.is_alive():
            self._channel.close()
            raise SinkError(
                f"{self._name} cannot be completed: its last frames could not be written within {CLOSING_S:.0f} s; "
                "is it read, and is the disk fast enough?"
            )
        self._raise()
