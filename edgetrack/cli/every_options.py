"""The options of ``edgetrack run`` for all objects of a kind, and for zones and lines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from edgetrack.cli.options import option

Every = Annotated[
    list[str] | None,
    option(
        'Track all objects that match a description, such as "red car", each with an id. Repeatable.',
        "--every",
        metavar="TEXT",
    ),
]
MaxObjects = Annotated[
    int,
    option(
        "Objects that each --every tracks at the same time, at most 16.", "--max", min=1, max=16, metavar="N"
    ),
]
ZoneFile = Annotated[
    Path | None,
    option(
        "Zones and lines in the image; every output lists the objects that enter, leave, dwell and cross.",
        "--zones",
        metavar="FILE.toml",
    ),
]
