"""What a run tells systemd: that it has begun, that it still lives, and what its source is doing.

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

BEATS = 4  # in the time after which systemd takes the run for dead


class Service:
    """The service manager, where there is one. Takes what concerns it out of the environment, away from children."""

    def __init__(self) -> None:
        address = os.environ.pop("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        period_us, process = (os.environ.pop(f"WATCHDOG_{name}", "") for name in ("USEC", "PID"))
        watched = period_us.isdecimal() and process in ("", str(os.getpid()))
        self._beat_s = int(period_us) / 1e6 / BEATS if watched else None
        self._beaten_s = 0.0

    def follow(self, source: Source, show: Callable[[SourceState], None]) -> None:
        """Say that all is set up; from now on tell what the source is doing, which ``show`` is told as well."""

        def tell(state: SourceState) -> None:
            show(state)
            self._tell(f"STATUS={' '.join(str(state).split())}")  # a line of `systemctl status`

        source.on_state, source.on_wait = tell, self.beat
        self._tell("READY=1")

    def beat(self) -> None:
        """The loop goes on; to be called often. Without it for WatchdogSec, systemd ends the run and starts another."""
        now_s = time.monotonic()
        if self._beat_s is not None and now_s - self._beaten_s >= self._beat_s:
            self._beaten_s = now_s
            self._tell("WATCHDOG=1")

    def _tell(self, words: str) -> None:
        if not self._address:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as way:
            way.setblocking(False)  # a manager that hangs must not hold up a frame
            way.sendto(words.encode(), self._address)
