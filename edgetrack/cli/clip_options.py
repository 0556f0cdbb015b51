"""The options for clips: of alerts in ``edgetrack watch``, of all events in ``edgetrack run``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from edgetrack.cli.engine_options import Rule
from edgetrack.cli.options import option

if TYPE_CHECKING:
    from edgetrack.events import EventType
    from edgetrack.io.clips import ClipSink
    from edgetrack.zones import Zones

_PANEL = "Clips"
Clips = Annotated[
    Path | None,
    option(
        "Write a clip and an image of each event into this folder: of alerts in watch; in run, of targets "
        "that appear, are lost, come back or end, and of zones and lines.",
        "--clips",
        panel=_PANEL,
        metavar="FOLDER",
    ),
]
PreRollS = Annotated[
    float,
    option("Seconds of video before the event.", "--pre-roll", panel=_PANEL, min=0, max=60, metavar="S"),
]
PostRollS = Annotated[
    float,
    option(
        "Seconds of video after the last event of a clip.",
        "--post-roll",
        panel=_PANEL,
        min=0,
        max=60,
        metavar="S",
    ),
]
ClipsMb = Annotated[
    float,
    option(
        "Delete the oldest clips when the folder exceeds this size.",
        "--clips-mb",
        panel=_PANEL,
        min=1,
        metavar="MB",
    ),
]


@dataclass(frozen=True)
class ClipOptions:
    """The values of the options; without ``folder`` there are no clips.

    Attributes:
        of: Types of events that have clips; None for all except counts and alerts.
    """

    folder: Path | None = None
    pre_roll_s: float = 5.0
    post_roll_s: float = 5.0
    most_mb: float = 1000.0
    of: frozenset[EventType] | None = None

    def rules(self) -> dict[str, Rule]:
        """Return the rules of the options that need ``--clips``."""
        rule = (self.folder is not None, "--clips is not given")
        return dict.fromkeys(("pre_roll_s", "post_roll_s", "clips_mb"), rule)

    def open(self, fps: float | None, zones: Zones | None) -> list[ClipSink]:
        """Open the sink that writes the clips, if there is one."""
        if self.folder is None:
            return []
        from edgetrack.io.clips import MOMENTS, ClipSink

        sink = ClipSink(
            self.folder,
            of=MOMENTS if self.of is None else self.of,
            pre_roll_s=self.pre_roll_s,
            post_roll_s=self.post_roll_s,
            most_mb=self.most_mb,
            fps=fps,
            zones=zones,
        )
        return [sink]


NO_CLIPS = ClipOptions()
