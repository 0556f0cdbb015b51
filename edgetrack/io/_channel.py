"""A channel from a reader thread to the single consumer of its frames."""

from __future__ import annotations

import atexit
import threading
import weakref
from collections import deque
from collections.abc import Generator
from typing import Any, ClassVar, Generic, TypeVar

T = TypeVar("T")

CLOSING_S = 2.0  # time for a reader to notice that it should stop
ENDING_S = 5.0  # the same at the end of the process


class Channel(Generic[T]):
    """A bounded queue with an end, an error, and a policy for when it is full.

    Args:
        capacity: Maximum number of queued items.
        newest_wins: If the queue is full, drop and count the oldest item; otherwise the producer waits.
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
        """Add an item; return False if the consumer has closed the channel and the producer should stop."""
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
        """Return the next item, or None after the last one.

        Raises:
            TimeoutError: No item arrived within ``timeout_s``.
            BaseException: The producer's exception, after the items that it had added before.
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
        """End the channel; for the producer, when it has no more items."""
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def close(self) -> None:
        """Close the channel; for the consumer, when it needs no more items. A waiting producer wakes up."""
        with self._changed:
            self._closed = True
            self._error = None
            self._items.clear()
            self._changed.notify_all()


class Reader(Generic[T]):
    """Runs a generator in a background thread and passes its items through a channel.

    Only that thread advances and closes the generator, because releasing an OpenCV capture while another thread reads
    from it crashes the process. So does a thread that returns from a decoder into an interpreter that is shutting down;
    therefore readers that are still open are closed before that.
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
        except BaseException as error:  # any exception is passed to the consumer, who can handle it
            self.channel.end(error)
        else:
            self.channel.end()
        finally:
            self._items.close()

    def close(self, *, timeout_s: float = CLOSING_S) -> None:
        """Stop the thread; one that hangs in a driver is abandoned after ``timeout_s``."""
        self.channel.close()
        if self._thread is not threading.current_thread():  # the garbage collector may run in any thread
            self._thread.join(timeout_s)

    @classmethod
    def close_all(cls) -> None:
        """Stop every thread that is still running."""
        for reader in list(cls._running):
            reader.close(timeout_s=ENDING_S)


atexit.register(Reader.close_all)
