"""Prevents the interpreter from ending or forking while a thread is inside a network.

At exit, Python ends daemon threads when they next request the interpreter lock. Inside C++, this unwinds frames that
must not be unwound, and the process aborts. A fork copies the locks that networks hold, but not the threads that would
release them. Therefore, both wait for the threads inside, and block all others.
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

WAIT_S = 10.0  # timeout for threads inside; the first search of a large model takes less than one
_POLL_S = 0.001


class Door:
    """A reentrant context manager around work in C++."""

    def __init__(self) -> None:
        self._inside: dict[int, int] = {}  # nesting depth by thread; guarded by the interpreter lock
        self._closed = False
        self._forking: int | None = None  # the forking thread
        self._turn = threading.Lock()  # serializes forks
        self._settle: list[Callable[[], None]] = []
        self.skip_destructors_in_children = False  # those of libraries with threads, such as ONNX Runtime

    def __enter__(self) -> None:
        me = threading.get_ident()
        self._inside[me] = depth = (
            self._inside.get(me, 0) + 1
        )  # first enter, then check: waiting threads check after this
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
        """Call ``settle`` whenever no thread is inside any more; it waits for threads that Python does not know."""
        self._settle.append(settle)

    def close(self) -> None:
        """Block further daemon threads, and wait for those inside, at most `WAIT_S`."""
        self._closed = True
        self._empty()

    def before_fork(self) -> None:
        """Block other threads, and wait for those inside, at most `WAIT_S`."""
        self._turn.acquire()
        self._forking = threading.get_ident()
        self._empty()

    def after_fork(self) -> None:
        """Unblock the other threads."""
        self._forking = None
        self._turn.release()

    def in_child(self) -> None:
        """Reset the state in a child process, which has only the forking thread."""
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
        ):  # C++ started this thread, and another one inside may wait for it
            return
        while self._forking not in (None, me):
            del self._inside[me]
            time.sleep(_POLL_S)
            self._inside[me] = 1
        if self._closed and thread.daemon:
            del self._inside[me]
            _sleep_until_the_end()


def _skip_destructors() -> None:
    """Make this process end without the destructors of C++ libraries after Python has finalized.

    ONNX Runtime's destructor waits for a thread that exists only in the parent: a child that ends by ``sys.exit`` would
    hang forever.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "on_exit"):  # in glibc; the last registered function runs first
        libc.on_exit(libc._exit, None)  # passes the exit status
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
