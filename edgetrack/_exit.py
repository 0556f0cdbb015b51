"""The end of the interpreter: threads that it does not wait for must not be inside the network by then.

Python ends daemon threads where they next ask for the interpreter lock. Inside C++ that unwinds frames which must not
be unwound, and the process aborts. So at exit those inside are waited for, and no other one gets in.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from types import TracebackType

WAIT_S = 10.0  # for those inside; a first look at a large model takes less than one
_POLL_S = 0.001


class Door:
    """A context manager around work in C++: no daemon thread is inside of it when the interpreter goes down."""

    def __init__(self) -> None:
        self._inside: dict[int, int] = {}  # how deep each thread is in; the interpreter lock guards it
        self._closed = False

    def __enter__(self) -> None:
        me = threading.get_ident()
        self._inside[me] = (
            self._inside.get(me, 0) + 1
        )  # before the question: `close` asks the other way round
        if self._closed and self._inside[me] == 1 and _is_daemon():
            del self._inside[me]
            _wait_for_the_end()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        me = threading.get_ident()
        self._inside[me] -= 1
        if not self._inside[me]:
            del self._inside[me]

    def close(self) -> None:
        """Lets no daemon thread in any more, and waits for those inside, `WAIT_S` at most."""
        self._closed = True
        until_s = time.monotonic() + WAIT_S
        while set(self._inside) - {threading.get_ident()} and time.monotonic() < until_s:
            time.sleep(_POLL_S)

    def forget(self) -> None:
        """In a forked child: of the parent's threads only this one is here."""
        me = threading.get_ident()
        self._inside = {me: self._inside[me]} if me in self._inside else {}


def _is_daemon() -> bool:
    """Whether this is a daemon thread of Python's; one that C++ started may be what another thread waits for."""
    thread = threading.current_thread()
    return thread.daemon and type(thread).__name__ != "_DummyThread"


def _wait_for_the_end() -> None:
    """Never returns: the process ends while this thread sleeps."""
    forever = threading.Lock()
    forever.acquire()
    forever.acquire()


door = Door()
atexit.register(door.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=door.forget)
