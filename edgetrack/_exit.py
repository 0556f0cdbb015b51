"""The end of the interpreter, and a fork: neither may find a thread inside the network.

Python ends daemon threads where they next ask for the interpreter lock. Inside C++ that unwinds frames which must not
be unwound, and the process aborts. A fork copies the locks that the networks hold, and not the threads that would
release them. So both wait for those inside, and let no other one in.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType

WAIT_S = 10.0  # for those inside; a first look at a large model takes less than one
_POLL_S = 0.001


class Door:
    """A context manager around work in C++, as deep as one likes."""

    def __init__(self) -> None:
        self._inside: dict[int, int] = {}  # how deep each thread is in; the interpreter lock guards it
        self._closed = False
        self._forking: int | None = None  # the thread that forks
        self._turn = threading.Lock()  # of those that fork
        self._settle: list[Callable[[], None]] = []
        self.skip_destructors_in_children = False  # of a library with threads, such as ONNX Runtime

    def __enter__(self) -> None:
        me = threading.get_ident()
        self._inside[me] = depth = (
            self._inside.get(me, 0) + 1
        )  # before the question: those who wait ask after it
        if depth == 1 and (self._closed or self._forking is not None):
            self._wait(me)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        me = threading.get_ident()
        self._inside[me] -= 1
        if not self._inside[me]:
            del self._inside[me]

    def when_empty(self, settle: Callable[[], None]) -> None:
        """Call ``settle`` whenever nobody is inside any more: it waits for threads that Python does not know."""
        self._settle.append(settle)

    def close(self) -> None:
        """Lets no daemon thread in any more, and waits for those inside, `WAIT_S` at most."""
        self._closed = True
        self._empty()

    def before_fork(self) -> None:
        """Lets no other thread in, and waits for those inside, `WAIT_S` at most."""
        self._turn.acquire()
        self._forking = threading.get_ident()
        self._empty()

    def after_fork(self) -> None:
        """Lets them in again."""
        self._forking = None
        self._turn.release()

    def in_child(self) -> None:
        """Of the parent's threads only this one is here."""
        me = threading.get_ident()
        self._inside = {me: self._inside[me]} if me in self._inside else {}
        self.after_fork()
        if self.skip_destructors_in_children or "onnxruntime" in sys.modules:
            _skip_destructors()

    def _empty(self) -> None:
        until_s = time.monotonic() + WAIT_S
        while set(self._inside) - {threading.get_ident()} and time.monotonic() < until_s:
            time.sleep(_POLL_S)
        for settle in self._settle:
            settle()

    def _wait(self, me: int) -> None:
        thread = threading.current_thread()
        if (
            type(thread).__name__ == "_DummyThread"
        ):  # C++ started it, and another thread may wait for it inside
            return
        while self._forking not in (None, me):
            del self._inside[me]
            time.sleep(_POLL_S)
            self._inside[me] = 1
        if self._closed and thread.daemon:
            del self._inside[me]
            _sleep_until_the_end()


def _skip_destructors() -> None:
    """Ends this process, once Python has finalized, without the destructors of C++ libraries.

    ONNX Runtime's waits for a thread that only the parent has: a child that ends by ``sys.exit`` would hang for ever.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "on_exit"):  # of glibc; what is registered last runs first
        libc.on_exit(libc._exit, None)  # with the status
        getattr(libc, "__cxa_atexit")(libc.fflush, None, None)  # all streams


def _sleep_until_the_end() -> None:
    forever = threading.Lock()
    forever.acquire()
    forever.acquire()


door = Door()
atexit.register(door.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=door.before_fork, after_in_parent=door.after_fork, after_in_child=door.in_child
    )
