"""The passage from a reader thread to the one consumer of its frames."""

from __future__ import annotations

import atexit
import threading
import weakref
from collections import deque
from collections.abc import Generator
from typing import Any, ClassVar, Generic, TypeVar

T = TypeVar("T")

CLOSING_S = 2.0  # what a reader may take to notice that it is not wanted any more
ENDING_S = 5.0  # the same at the end of the process


class Channel(Generic[T]):
    """A bounded queue with an end, an error and a choice of what happens when it is full.

    Args:
        capacity: items that may wait.
        newest_wins: when full, the oldest item is dropped and counted; otherwise the producer waits.
    """

    def __init__(self, capacity: int, *, newest_wins: bool) -> None:
        self.dropped = 0
        self._capacity = capacity
        self._newest_wins = newest_wins
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._ended = False
        self._closed = False
        self._error: BaseException | None = None

    def put(self, item: T) -> bool:
        """Hands an item over; False when the consumer has gone and the producer should stop."""
        with self._changed:
            if self._newest_wins and len(self._items) >= self._capacity:
                self._items.popleft()
                self.dropped += 1
            self._changed.wait_for(lambda: self._closed or len(self._items) < self._capacity)
            if self._closed:
                return False
            self._items.append(item)
            self._changed.notify_all()
            return True

    def get(self, *, timeout_s: float | None) -> T | None:
        """The next item, or None after the last one.

        Raises:
            TimeoutError: nothing came within ``timeout_s``.
            BaseException: what the producer failed with, after the items that it handed over before.
        """
        with self._changed:
            ready = self._changed.wait_for(lambda: self._items or self._ended or self._closed, timeout_s)
            if not ready:
                raise TimeoutError
            if self._items and not self._closed:
                item = self._items.popleft()
                self._changed.notify_all()
                return item
            if self._error is not None:
                raise self._error
            return None

    def end(self, error: BaseException | None = None) -> None:
        """Called by the producer when it has no more items."""
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def close(self) -> None:
        """Called by the consumer when it wants no more items; a waiting producer wakes up."""
        with self._changed:
            self._closed = True
            self._error = None
            self._items.clear()
            self._changed.notify_all()


class Reader(Generic[T]):
    """Runs a generator in a thread of its own and hands its items over through a channel.

    The generator is advanced and closed in that thread alone: an OpenCV capture that is released
    while another thread reads from it brings the process down. So does a thread that comes back from a decoder
    into an interpreter that is ending: readers are closed before that, whoever has left them open.
    """

    _running: ClassVar[weakref.WeakSet[Reader[Any]]] = weakref.WeakSet()

    def __init__(self, items: Generator[T, None, None], channel: Channel[T], *, name: str) -> None:
        self.channel = channel
        self._items = items
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._running.add(self)
        self._thread.start()

    def _work(self) -> None:
        try:
            for item in self._items:
                if not self.channel.put(item):
                    break
        except BaseException as error:  # whatever it is, the consumer is the one who can act on it
            self.channel.end(error)
        else:
            self.channel.end()
        finally:
            self._items.close()

    def close(self, *, timeout_s: float = CLOSING_S) -> None:
        """Stops the thread; one that hangs in a driver is left behind rather than waited for."""
        self.channel.close()
        if self._thread is not threading.current_thread():  # the garbage collector may run in any thread
            self._thread.join(timeout_s)

    @classmethod
    def close_all(cls) -> None:
        """Stops every thread that still runs."""
        for reader in list(cls._running):
            reader.close(timeout_s=ENDING_S)


atexit.register(Reader.close_all)
