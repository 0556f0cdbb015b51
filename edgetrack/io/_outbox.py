"""Messages on their way to a broker, in order, whether it is connected, still connecting or away."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

AT_ONCE = 10  # messages that the library may hold: a distant broker confirms several at a time


class Message(NamedTuple):
    """What is published: a retained message is a state, of which a broker keeps the newest one of its topic."""

    topic: str
    payload: bytes
    retain: bool


class Outbox:
    """Queues messages and hands them to the library for MQTT in order.

    The library sends what it still holds when a connection is accepted, but what it is given in the meantime at once,
    that is earlier. So it is given a message only while it holds none, or when the broker has confirmed one: then all
    that it holds has been sent over the current connection.

    ``publish`` is never called under the lock: the library calls back under locks of its own.

    Args:
        publish: Hands a message to the library.
        connected: Whether the broker has accepted the connection.
        limit: Number of queued messages from which on events are dropped, and a state replaces those of its topic.
    """

    def __init__(
        self, publish: Callable[[Message], object], connected: Callable[[], bool], *, limit: int
    ) -> None:
        self._publish, self._connected, self._limit = publish, connected, limit
        self._changed = threading.Condition()
        self._queue: deque[Message] = deque()
        self._states: dict[str, Message] = {}  # by topic; all are sent to a broker that comes back
        self._held = self._lost = 0
        self._away = False

    @property
    def undelivered(self) -> int:
        """Number of messages that the broker has not confirmed."""
        with self._changed:
            return len(self._queue) + self._held + self._lost

    def put(self, topic: str, payload: bytes) -> None:
        """Send an event; drop and count it if too many messages wait."""
        with self._changed:
            if len(self._queue) >= self._limit:
                self._lost += 1
                return
            self._queue.append(Message(topic, payload, retain=False))
        self._send(room=1)

    def retain(self, topic: str, payload: bytes) -> None:
        """Send a state if it has changed; while the broker is away, only the newest one of each topic is kept."""
        state = Message(topic, payload, retain=True)
        with self._changed:
            if self._states.get(topic) == state:
                return
            self._states[topic] = state
            if self._away:
                return
            if len(self._queue) >= self._limit:
                self._queue = deque(message for message in self._queue if message.topic != topic)
            self._queue.append(state)
        self._send(room=1)

    def leave(self) -> bool:
        """Note that the broker is away; return whether that is new."""
        with self._changed:
            new, self._away = not self._away, True
            self._queue = deque(message for message in self._queue if not message.retain)
        return new

    def enter(self) -> None:
        """Note that the broker has accepted the connection; send all states first if it was away."""
        with self._changed:
            if self._away:
                self._away = False
                self._queue.extendleft(reversed(self._states.values()))
        self._send(room=1)

    def confirm(self) -> None:
        """Note that the broker has confirmed a message; to be called in the thread that receives."""
        self._send(room=AT_ONCE, confirmed=1)

    def wait_empty(self, timeout_s: float) -> None:
        """Wait until the broker has confirmed everything, unless it is away."""
        with self._changed:
            self._changed.wait_for(
                lambda: not self._queue and not self._held, 0.0 if self._away else timeout_s
            )

    def _send(self, *, room: int, confirmed: int = 0) -> None:
        while (message := self._next(room, confirmed)) is not None:
            self._publish(message)
            confirmed = 0

    def _next(self, room: int, confirmed: int) -> Message | None:
        """Take the message that may be published now; only the caller that took it publishes."""
        with self._changed:
            self._held -= confirmed
            self._changed.notify_all()
            if not self._queue or self._held >= room or not self._connected():
                return None
            self._held += 1
            return self._queue.popleft()
