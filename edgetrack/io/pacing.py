"""Plays a file at the pace of a camera."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import replace

from edgetrack.io.reading import Reading
from edgetrack.types import Frame

LATE_S = 0.1  # if a frame is later than this, the following ones are delayed as well
NAP_S = 0.05  # interval at which a pause checks for cancellation


def paced(frames: Generator[Frame, None, None], reading: Reading) -> Generator[Frame, None, None]:
    """Yield each frame when it is due by its timestamp, as if a camera had captured it at that moment."""
    began_ns: int | None = None
    try:
        for frame in frames:
            if began_ns is None:
                began_ns = time.monotonic_ns() - round(frame.time_s * 1e9)
            due_ns = began_ns + round(frame.time_s * 1e9)
            late_ns = time.monotonic_ns() - due_ns
            if (
                late_ns > LATE_S * 1e9
            ):  # decoding does not keep up: slow down, so that the age of frames does not grow
                began_ns, due_ns = began_ns + late_ns, due_ns + late_ns
            while (left_s := (due_ns - time.monotonic_ns()) / 1e9) > 0 and not reading.canceled:
                time.sleep(min(left_s, NAP_S))
            if reading.canceled:
                return
            reading.observed.picture()
            yield replace(frame, captured_ns=due_ns, pts_s=frame.time_s, sequence=frame.index)
    finally:
        frames.close()
