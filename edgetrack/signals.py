"""Ends a run on a signal: after the current frame has been written, with complete files, within ten seconds."""

from __future__ import annotations

import errno
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

# Ctrl-C and Ctrl-\, kill and service managers, a closing terminal, a limit of CPU time, batch systems.
SIGNALS = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGXCPU,
    signal.SIGUSR1,
    signal.SIGUSR2,
)
PATIENCE_S = 4.0  # a write that is still blocked this long after the signal is abandoned
LIMIT_S = 9.0  # the process ends at most this long after the signal; `docker stop` kills after ten seconds
ECHO_S = 0.5  # a shell and its child may both forward one Ctrl-C: a second signal within this time is the same request
EXIT_INTERRUPTED = 130


class _Signals:
    """The current reaction to signals. There is only one instance per process."""

    def __init__(self) -> None:
        self._holding = self._stuck = False
        self._first_s: float | None = None

    def arrive(self, signum: int, frame: object) -> None:
        """Handle a signal: request the end of the run; a second signal or a timeout ends a blocked write."""
        now_s = time.monotonic()
        if self._first_s is None:
            self._first_s = now_s
            signal.setitimer(signal.ITIMER_REAL, PATIENCE_S, 0.5)  # repeated for each blocked write
            if not self._holding:
                raise KeyboardInterrupt
        elif self._stuck and (signum == signal.SIGALRM or now_s - self._first_s >= ECHO_S):
            raise TimeoutError(errno.ETIMEDOUT, "nothing reads what is written")

    @contextmanager
    def held(self) -> Generator[None, None, None]:
        """Defer signals: they raise no exception and must be polled, so that all outputs end with the same frame.

        In other threads than the main one, no signal arrives, and this has no effect.
        """
        if not _is_main():
            yield
            return
        self._holding = True
        try:
            yield
        finally:
            self._holding = False

    @contextmanager
    def breakable(self) -> Generator[None, None, None]:
        """Wrap a system call that may block forever: once the run is to end, it is aborted with `TimeoutError`.

        This works in the main thread only; in others it does nothing.
        """
        if not _is_main():
            yield
            return
        self._stuck = True
        try:
            yield
        finally:
            self._stuck = False

    @property
    def stopping(self) -> bool:
        """Return whether a signal has arrived, even if its exception was swallowed, as in a callback."""
        return self._first_s is not None

    def reset(self) -> None:
        """Forget the signal."""
        self._first_s = None


_signals = _Signals()
held, breakable = _signals.held, _signals.breakable


def _is_main() -> bool:
    return threading.current_thread() is threading.main_thread()


def stopping() -> bool:
    """Return whether a signal has requested the end of the run."""
    return _signals.stopping


@contextmanager
def interruptible(
    limit_s: float | None = None, *, on_hangup: Callable[[], None] | None = None
) -> Generator[None, None, None]:
    """Make every signal that would end the process raise `KeyboardInterrupt` once, as Ctrl-C does.

    After that, files are completed: further signals do not truncate them, but end a blocked write, which otherwise
    ends after `PATIENCE_S`. If the process hangs elsewhere, it is ended after ``limit_s``, by default `LIMIT_S`. An
    ignored SIGHUP, as under ``nohup``, has no effect. This works in the main thread only; in others it does nothing.

    ``on_hangup`` is called for a SIGHUP, which then does not end the run, unless it was sent because the terminal has
    closed; under ``nohup`` not even then.
    """
    if not _is_main():
        yield
        return
    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    numbers = [n for n in SIGNALS if n != signal.SIGHUP or not (ignored or on_hangup)]
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    before = {number: signal.signal(number, _signals.arrive) for number in (*numbers, signal.SIGALRM)}
    if on_hangup is not None:
        reread = _unless_closed(on_hangup, began_with_terminal=not ignored and _has_terminal())
        before[signal.SIGHUP] = signal.signal(signal.SIGHUP, reread)
    descriptor = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    arguments = (ours, frozenset(numbers), LIMIT_S if limit_s is None else limit_s)
    threading.Thread(target=_watch, args=arguments, name="signals", daemon=True).start()
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.set_wakeup_fd(descriptor)
        for number, handler in before.items():
            signal.signal(number, handler)
        theirs.close()  # this ends the thread
        _signals.reset()


def _unless_closed(call: Callable[[], None], *, began_with_terminal: bool) -> Callable[[int, object], None]:
    """Return a handler of SIGHUP, which has another meaning for service managers than for terminals."""

    def arrive(signum: int, frame: object) -> None:
        if began_with_terminal and not _has_terminal():
            os.kill(os.getpid(), signal.SIGTERM)
        else:
            call()

    return arrive


def _has_terminal() -> bool:
    try:
        os.close(os.open(os.ctermid(), os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True


def end_with_parent() -> None:
    """End this process, a worker, as soon as its parent has ended, which may have been killed."""

    def wait() -> None:
        import multiprocessing

        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
            os._exit(0)

    threading.Thread(target=wait, name="parent", daemon=True).start()


def leave_to_parent() -> None:
    """Let only the parent handle signals; call it in a worker process, which the parent ends with SIGTERM."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _watch(wakeups: socket.socket, numbers: frozenset[int], limit_s: float) -> None:
    """End the process if it has not ended by itself, because handlers do not run while a library hangs.

    A second signal shortens the wait, because its sender does not want to wait.
    """
    deadline_s: float | None = None
    first_s = 0.0
    with wakeups:
        while True:
            left_s = None if deadline_s is None else deadline_s - time.monotonic()
            wakeups.settimeout(None if left_s is None else max(left_s, 0.001))
            try:
                came = wakeups.recv(64)
            except TimeoutError:
                _end()
            if not came:
                return
            now_s = time.monotonic()
            for _ in numbers.intersection(came):
                if deadline_s is None:
                    first_s, deadline_s = now_s, now_s + limit_s
                elif now_s - first_s >= ECHO_S:
                    deadline_s = min(deadline_s, now_s + PATIENCE_S)


def leave_threads(code: str | int | None) -> None:
    """End the process with an exit code if one of our background threads still runs, such as a camera that connects.

    The interpreter ends such threads when they come back from a library. In C++ code that aborts the process. Call this
    when all outputs are complete.
    """
    if any(thread.name.startswith("edgetrack ") for thread in threading.enumerate()):
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))


def _end() -> None:
    words = b"error: the run has not ended within its time after the signal; what is written is complete\n"
    with suppress(OSError, ValueError):
        if select.select([], [2], [], 0)[1]:  # a blocked terminal must not keep the process alive
            os.write(2, words)
    os._exit(EXIT_INTERRUPTED)
