"""The state of a live source (connected, stalled, waiting to reconnect), and the reason for it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

from edgetrack.errors import SourceError

StateName = Literal["connecting", "live", "stalled", "reconnecting", "ended", "failed"]
Code = Literal[
    "authentication", "not-found", "tls", "timeout", "codec", "refused", "unreachable", "ended", "device"
]

STALLED_S = 1.0  # without a frame
CONNECTING_S = 60.0  # longest attempt: several responses of a slow server
ADVICE: dict[Code, str] = {
    "authentication": "check the user name and password, as in rtsp://USER:PASSWORD@HOST/PATH",
    "not-found": "check the path after the host; it is in the camera's manual",
    "tls": "check that EDGETRACK_CA_FILE, if it is set, contains the certificate, or use the address without "
    "TLS (rtsp://, http://)",
    "timeout": "check that the server can be reached from here, and that a firewall lets it through",
    "codec": "check that the address is that of a video; set the camera to H.264",
    "refused": "check that the server is running, and its port",
    "unreachable": "check that the address is right and the server can be reached",
    "ended": "is it still connected?",
    "device": "is it still connected?",
}


@dataclass(frozen=True, slots=True)
class SourceState:
    """The state of a source.

    Attributes:
        name: "connecting", "live", "stalled" (connected, but no frame for a second), "reconnecting", "ended" or
            "failed".
        code: Kind of the last failure, such as "authentication"; None if there was none.
        reason: Description of the last failure, without user, password and keys.
        attempt: Number of the current attempt to reconnect, starting at 1; 0 otherwise.
        retry_in_s: Seconds from the failure to this attempt.
    """

    name: StateName
    code: Code | None = None
    reason: str = ""
    attempt: int = 0
    retry_in_s: float = 0.0

    def __str__(self) -> str:
        if self.name == "reconnecting":
            return f"reconnecting in {self.retry_in_s:.1f} s (attempt {self.attempt}): {self.reason}"
        if self.name == "failed":
            return f"failed ({self.code}): {self.reason}"
        return self.name


class Lost(SourceError):
    """A connection that could not be established, or that was lost."""

    code: Code

    def __init__(self, code: Code, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class Observed:
    """The state of a source. The thread that reads the source writes it; any thread may read it."""

    def __init__(self) -> None:
        self._state = SourceState("connecting")
        self._seen_s = time.monotonic()

    @property
    def silent_s(self) -> float:
        """Return the seconds without a frame or a change of state, beyond what a pause or an attempt may take."""
        allowed_s = self._state.retry_in_s + CONNECTING_S if self._state.name == "reconnecting" else 0.0
        return time.monotonic() - self._seen_s - allowed_s

    def become(self, state: SourceState) -> None:
        """Set the state."""
        self._state, self._seen_s = state, time.monotonic()

    def picture(self) -> None:
        """Note that a frame has arrived."""
        self._seen_s = time.monotonic()
        if self._state.name != "live":
            self._state = SourceState("live")

    @property
    def state(self) -> SourceState:
        """The current state; "stalled" if it is live but no frame arrives."""
        state, silent_s = self._state, time.monotonic() - self._seen_s
        if state.name == "live" and silent_s > STALLED_S:
            return SourceState("stalled", "timeout", f"no image for more than {STALLED_S:.0f} s")
        return state
