"""A live source across all of its connections: a lost one is reconnected, after longer and longer pauses."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgetrack.errors import SourceError, reason_of
from edgetrack.io.names import without_secrets
from edgetrack.io.reading import Reading
from edgetrack.io.stamps import Stamps
from edgetrack.io.states import ADVICE, Lost, SourceState
from edgetrack.types import Frame

FIRST_S, LONGEST_S = (
    0.5,
    30.0,
)  # pauses before an attempt: the first and the longest; each is twice the previous one
PATIENT_S, MOST_PATIENT_S = (
    10.0,
    60.0,
)  # the same for failures where a quick retry is useless, and may lock the camera's account
PATIENT: set[str] = {"authentication", "not-found"}
JITTER = 0.25  # relative variation of pauses, so that not all clients of a server reconnect at once
STEADY_S = 10.0  # time with frames after which the next failure starts with the first pause again
NAP_S = 0.05  # interval at which a pause checks for cancellation


@dataclass(frozen=True, slots=True)
class Picture:
    """A frame as a connection delivers it.

    Attributes:
        pixels: uint8 (H, W, 3), BGR; the size may differ from that of the previous one.
        captured_ns: Capture time by ``time.monotonic_ns()``.
        pts_s: Presentation time in the stream; None if there is none.
    """

    pixels: NDArray[np.uint8]
    captured_ns: int
    pts_s: float | None = None


class Connection(Protocol):
    """An open camera or stream; only one thread uses and closes it.

    Attributes:
        fps: Nominal frame rate; None if unknown.
    """

    @property
    def fps(self) -> float | None: ...

    def pictures(self) -> Iterator[Picture]:
        """Yield each frame as it arrives.

        Raises:
            Lost: The connection was lost.
        """

    def close(self) -> None:
        """Release the connection. May be called twice."""


def read_live(
    first: Connection | Lost,
    connect: Callable[[], Connection],
    reading: Reading,
    *,
    name: str,
    give_up_s: float | None,
    most_ends: int | None = None,
    stamps: Stamps | None = None,
    dice: Callable[[], float] = random.random,
) -> Generator[Frame, None, None]:
    """Yield every frame of a live source, across failures of its connection.

    Args:
        first: The first connection, or the reason why there is none.
        connect: Opens another connection.
        reading: Its ``observed`` receives the state.
        name: Name of the source in errors.
        give_up_s: Seconds without a frame after which to give up; None for never.
        most_ends: Number of connections in a row, each shorter than `STEADY_S`, that may end before the source
            is given up; None for any number.
        stamps: Numbers the frames; None to start with the first.
        dice: Returns a random number from 0 to 1.

    Raises:
        SourceError: The source was given up.
    """
    stamps, connection, pauses, ends = stamps or Stamps(), first, Pauses(dice), 0
    try:
        while True:
            began_s = time.monotonic()
            if isinstance(connection, Lost):
                failure = connection
            else:
                failure = yield from _pictures(connection, stamps, reading)
                connection.close()
            if reading.canceled:
                return
            lost_s = time.monotonic()
            if lost_s - began_s > STEADY_S:
                pauses, ends = Pauses(dice), 0
            ends = ends + 1 if failure.code == "ended" else 0
            deadline_s = None if give_up_s is None else lost_s + give_up_s
            again = (
                failure if ends == most_ends else _reconnect(connect, failure, reading, pauses, deadline_s)
            )
            if isinstance(again, Lost):
                if not reading.canceled:
                    reading.observed.become(SourceState("failed", again.code, again.reason))
                    raise _given_up(again, name, stamps.count) from None
                return
            connection = again
            stamps.reconnected()
            reading.reconnects += 1
    finally:
        if not isinstance(connection, Lost):
            connection.close()


def _pictures(connection: Connection, stamps: Stamps, reading: Reading) -> Generator[Frame, None, Lost]:
    """Yield the frames of one connection; return why there are no more."""
    try:
        for picture in connection.pictures():
            if reading.canceled:  # another thread may be numbering the frames by now
                break
            reading.observed.picture()
            yield stamps.stamp(picture.pixels, picture.captured_ns, picture.pts_s)
    except Exception as error:
        return _lost(error)
    return Lost("ended", "the stream has ended")


def _lost(error: Exception) -> Lost:
    """Return why a connection was lost, also for unexpected exceptions of a driver or decoder.

    Raises:
        SourceError: Reconnecting would not help.
    """
    if isinstance(error, SourceError) and not isinstance(error, Lost):
        raise error
    return error if isinstance(error, Lost) else Lost("ended", without_secrets(reason_of(error)))


class Pauses:
    """Computes the pause before the next attempt."""

    def __init__(self, dice: Callable[[], float] = random.random) -> None:
        self._dice = dice
        self.attempts = 0

    def next_s(self, code: str) -> float:
        """Return the pause after a failure, in seconds."""
        first, most = (PATIENT_S, MOST_PATIENT_S) if code in PATIENT else (FIRST_S, LONGEST_S)
        pause_s = min(first * 2.0 ** min(self.attempts, 16), most)
        self.attempts += 1
        return pause_s * (1 + JITTER * (2 * self._dice() - 1))


def _reconnect(
    connect: Callable[[], Connection],
    failure: Lost,
    reading: Reading,
    pauses: Pauses,
    deadline_s: float | None,
) -> Connection | Lost:
    """Return another connection, or why there is none, at the deadline or when reading is canceled."""
    while True:
        pause_s = pauses.next_s(failure.code)
        until_s = time.monotonic() + pause_s
        if deadline_s is not None and until_s >= deadline_s:
            return failure
        reading.observed.become(
            SourceState("reconnecting", failure.code, failure.reason, pauses.attempts, pause_s)
        )
        while time.monotonic() < until_s and not reading.canceled:
            time.sleep(NAP_S)
        if reading.canceled:
            return failure
        try:
            return connect()
        except Exception as error:
            failure = _lost(error)


def _given_up(failure: Lost, name: str, frames: int) -> SourceError:
    what = "stopped" if failure.code == "ended" else f"was lost ({failure.reason})"
    error = SourceError(f"{name} {what} after {frames} frames; {ADVICE[failure.code]}")
    error.code = failure.code
    return error
