"""A file played as a camera would send it."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import replace

from edgetrack.io.reading import Reading
from edgetrack.types import Frame

LATE_S = 0.1  # from which a frame that is not there in time delays those after it
NAP_S = 0.05  # how often a pause looks whether frames are still wanted


def paced(frames: Generator[Frame, None, None], reading: Reading) -> Generator[Frame, None, None]:
    """Each frame when it is due by its time stamp; captured at that moment, as by a camera."""
    began_ns: int | None = None
    try:
        for frame in frames:
            if began_ns is None:
                began_ns = time.monotonic_ns() - round(frame.time_s * 1e9)
            due_ns = began_ns + round(frame.time_s * 1e9)
            late_ns = time.monotonic_ns() - due_ns
            if (
                late_ns > LATE_S * 1e9
            ):  # decoding does not keep up: a camera would be slower, and not ever older
                began_ns, due_ns = began_ns + late_ns, due_ns + late_ns
            while (left_s := (due_ns - time.monotonic_ns()) / 1e9) > 0 and not reading.canceled:
                time.sleep(min(left_s, NAP_S))
            if reading.canceled:
                return
            reading.observed.picture()
            yield replace(frame, captured_ns=due_ns, pts_s=frame.time_s, sequence=frame.index)
    finally:
        frames.close()
