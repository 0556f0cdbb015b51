"""The options of clips: of alerts in ``edgetrack watch``, of all events in ``edgetrack run``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from edgetrack.cli.engine_options import Rule
from edgetrack.cli.options import option
from edgetrack.events import EventType

if TYPE_CHECKING:
    from edgetrack.io.clips import ClipSink
    from edgetrack.zones import Zones

_PANEL = "Clips"
Clips = Annotated[
    Path | None,
    option(
        "Write a clip and a picture of each event into this folder: in watch of each alert, in run of what appears, is "
        "lost, comes back, ends, and of zones and lines.",
        "--clips",
        panel=_PANEL,
        metavar="FOLDER",
    ),
]
PreRollS = Annotated[
    float,
    option("Seconds of a clip before its event.", "--pre-roll", panel=_PANEL, min=0, max=60, metavar="S"),
]
PostRollS = Annotated[
    float,
    option(
        "Seconds of a clip after its last event.", "--post-roll", panel=_PANEL, min=0, max=60, metavar="S"
    ),
]
ClipsMb = Annotated[
    float,
    option(
        "Delete the oldest clips of the folder when all take more than this.",
        "--clips-mb",
        panel=_PANEL,
        min=1,
        metavar="MB",
    ),
]


@dataclass(frozen=True)
class ClipOptions:
    """What the options say, without ``folder`` nothing.

    Attributes:
        of: Kinds of events that have clips; None for all that have a moment.
    """

    folder: Path | None = None
    pre_roll_s: float = 5.0
    post_roll_s: float = 5.0
    most_mb: float = 1000.0
    of: frozenset[EventType] | None = None

    def rules(self) -> dict[str, Rule]:
        """Return the rules of the options that need ``--clips``."""
        rule = (self.folder is not None, "there is no --clips")
        return dict.fromkeys(("pre_roll_s", "post_roll_s", "clips_mb"), rule)

    def open(self, fps: float | None, zones: Zones | None) -> list[ClipSink]:
        """Open what writes the clips, if they are wanted."""
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
