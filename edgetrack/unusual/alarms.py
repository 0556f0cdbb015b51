"""Conversion of scores to alarms; an alarm lasts as long as something stays unusual."""

from __future__ import annotations

from dataclasses import dataclass

from edgetrack.unusual.model import Assessment, Region

KEEP = 0.8  # hysteresis: fraction of the threshold above which an alarm continues
QUIET_S = 5.0  # time below it after which an alarm has ended


@dataclass(frozen=True, slots=True)
class Alarm:
    """A time interval in which something was unusual.

    Attributes:
        start_s: time of the frame in which it began.
        end_s: time of the last frame that was unusual.
        peak_s: time of the most unusual frame.
        region: the most unusual region of that frame.
    """

    start_s: float
    end_s: float
    peak_s: float
    region: Region


class Alarms:
    """Converts a stream of assessments to alarms."""

    def __init__(self) -> None:
        self.open: Alarm | None = None

    def update(self, seen: Assessment, threshold: float) -> tuple[Alarm | None, Alarm | None]:
        """Process the next assessment.

        Args:
            seen: of the frame.
            threshold: the score above which an alarm begins.

        Returns:
            The alarm that begins in this frame, and the one that has ended; None if there is none.
        """
        now, ended = self.open, None
        if now is not None and (seen.time_s - now.end_s > QUIET_S or seen.time_s < now.end_s):
            ended, now = now, None
        began = None
        if now is None and seen.score > threshold:
            began = now = Alarm(seen.time_s, seen.time_s, seen.time_s, seen.regions[0])
        elif now is not None and seen.score > KEEP * threshold:
            now = _go_on(now, seen)
        self.open = now
        return began, ended

    def close(self) -> Alarm | None:
        """End and return the alarm that is still open."""
        ended, self.open = self.open, None
        return ended


def _go_on(now: Alarm, seen: Assessment) -> Alarm:
    if seen.score > now.region.score:
        return Alarm(now.start_s, seen.time_s, seen.time_s, seen.regions[0])
    return Alarm(now.start_s, seen.time_s, now.peak_s, now.region)
