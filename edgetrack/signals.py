"""How Ctrl-C and ``kill`` end a run: after the frame that is being written, with complete files."""

from __future__ import annotations

import signal
from collections.abc import Generator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _Signals:
    """Whether a signal ends the run at once or after the frame that is being written. A process has but one set."""

    def __init__(self) -> None:
        self._holding = self._due = False

    def arrive(self) -> None:
        if not self._holding:
            raise KeyboardInterrupt
        self._due = True

    @contextmanager
    def held(self) -> Generator[None, None, None]:
        self._holding = True
        try:
            yield
        finally:
            self._holding, due, self._due = False, self._due, False
        if due:
            raise KeyboardInterrupt


_signals = _Signals()
held = _signals.held  # within it a signal waits


@contextmanager
def interruptible() -> Generator[None, None, None]:
    """Within it, ``kill`` and ``docker stop`` end a run as Ctrl-C does. For the main thread only."""

    def interrupt(signum: int, frame: object) -> None:
        # The files are being completed from here on: an impatient second signal must not cut them.
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        _signals.arrive()

    before = {number: signal.signal(number, interrupt) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def undisturbed() -> Generator[None, None, None]:
    """Within it, Ctrl-C and ``kill`` do nothing: for the moment in which files are completed."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
