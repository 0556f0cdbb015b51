"""Notifications to systemd: that a run has started, that it is alive, and the state of its source.

The protocol is that of ``sd_notify(3)``: datagrams to the socket that NOTIFY_SOCKET names. Elsewhere nothing happens.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgetrack.io.source import Source
    from edgetrack.io.states import SourceState

BEATS = 4  # per watchdog period


class Service:
    """The service manager, if there is one. Removes its variables from the environment, so that children have none."""

    def __init__(self) -> None:
        address = os.environ.pop("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        period_us, process = (os.environ.pop(f"WATCHDOG_{name}", "") for name in ("USEC", "PID"))
        watched = period_us.isdecimal() and process in ("", str(os.getpid()))
        self._beat_s = int(period_us) / 1e6 / BEATS if watched else None
        self._beaten_s = 0.0

    def follow(self, source: Source, *others: Callable[[SourceState], None]) -> None:
        """Notify that startup is complete; from now on, report the state of the source, to ``others`` as well."""

        def tell(state: SourceState) -> None:
            for other in others:
                other(state)
            self.report(str(state))

        source.on_state, source.on_wait = tell, self.beat
        self.begin()

    def begin(self) -> None:
        """Notify that startup is complete."""
        self._tell("READY=1")

    def report(self, state: str) -> None:
        """Report a state, which becomes one line of `systemctl status`."""
        self._tell(f"STATUS={' '.join(state.split())}")

    def beat(self, *_: object) -> None:
        """Notify that the loop is alive; call this often. After WatchdogSec without it, systemd restarts the run.

        It accepts the arguments of every observer of a frame.
        """
        now_s = time.monotonic()
        if self._beat_s is not None and now_s - self._beaten_s >= self._beat_s:
            self._beaten_s = now_s
            self._tell("WATCHDOG=1")

    def _tell(self, words: str) -> None:
        if not self._address:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as way:
            way.setblocking(False)  # a service manager that hangs must not delay a frame
            way.sendto(words.encode(), self._address)
