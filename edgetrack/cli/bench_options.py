"""The options that only ``edgetrack bench`` has."""

from __future__ import annotations

from typing import Annotated

from edgetrack.cli.options import option

Frames = Annotated[int, option("At most this many frames per pass.", min=2, metavar="N")]
Rounds = Annotated[int, option("Measured passes per tracker.", min=2, metavar="N")]
Compare = Annotated[
    list[str] | None,
    option(
        "Also measure edgetrack with these changes, such as precision=int8 or model=DIR,threads=1. Repeatable.",
        metavar="CHANGES",
    ),
]
Peers = Annotated[
    list[str] | None,
    option("Also measure opencv-nano, -vit, -mil, nanotrack or FILE.py:CLASS. Repeatable.", metavar="NAME"),
]
Absent = Annotated[
    bool,
    option("Blank the middle third of the frames, so that the target is lost and re-detected.", "--absent"),
]
Busy = Annotated[bool, option("Keep one core busy during the measurement.", "--busy")]
Fps = Annotated[
    float | None,
    option("Deliver frames at this rate, like a camera. Default: as fast as possible.", "--fps", min=0.1),
]
