"""Cameras that take turns on one engine, in the order in which they ask, each with its newest frame."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from edgetrack.types import Frame

if TYPE_CHECKING:
    from edgetrack.io.source import Source


class Turns:
    """A semaphore that is fair: it admits threads in the order in which they asked.

    With a plain lock, a thread that asks again at once would get ahead of those that wait.

    Args:
        most: Number of threads that it admits at the same time.
    """

    def __init__(self, most: int) -> None:
        self._free = most
        self._lock = threading.Lock()
        self._waiting: deque[threading.Event] = deque()

    def take(self) -> None:
        """Wait for a turn, and take it."""
        admitted = threading.Event()
        with self._lock:
            self._waiting.append(admitted)
            self._admit()
        admitted.wait()

    def give(self) -> None:
        """Pass a turn on to the thread that has waited longest."""
        with self._lock:
            self._free += 1
            self._admit()

    def _admit(self) -> None:
        while self._free and self._waiting:
            self._free -= 1
            self._waiting.popleft().set()


class InTurn:
    """The frames of a source, each yielded when it is the camera's turn, which lasts until the next one is asked for.

    A live source yields the newest frame of that moment; one that has waited for the turn then counts as dropped. Call
    ``rest`` when no more frames are asked for.

    Args:
        source: Where the frames come from.
        turns: Of the cameras.
        from_first: Whether the first frame is yielded even if there is a newer one, because it has the target's box.
    """

    def __init__(self, source: Source, turns: Turns, *, from_first: bool = False) -> None:
        self._source, self._turns, self._exact = source, turns, from_first
        self._skipped, self._taken = 0, False

    @property
    def dropped(self) -> int:
        """Number of frames that were skipped because newer ones had arrived."""
        return self._source.dropped + self._skipped

    def __iter__(self) -> Iterator[Frame]:
        for frame in self._source:
            self._turns.take()
            self._taken = True
            exact, self._exact = self._exact, False
            yield frame if exact else self._newest(frame)
            self.rest()

    def rest(self) -> None:
        """Give the turn back, if it is taken; also after an exception, which would keep the iterator alive."""
        taken, self._taken = self._taken, False
        if taken:
            self._turns.give()

    def _newest(self, frame: Frame) -> Frame:
        newer = self._source.within(0) if self._source.live else None
        if newer is None:
            return frame
        self._skipped += 1
        return replace(newer, gap_s=frame.gap_s + newer.gap_s)
