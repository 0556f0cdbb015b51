"""The options of ``edgetrack run`` for all objects of a kind, and for what they do in the picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from edgetrack.cli.options import option

Every = Annotated[
    list[str] | None,
    option(
        'Follow all objects that fit a description, such as "red car", each with an id. Repeatable.',
        "--every",
        metavar="TEXT",
    ),
]
MaxObjects = Annotated[
    int,
    option("Objects that each --every follows at a time, at most 16.", "--max", min=1, max=16, metavar="N"),
]
ZoneFile = Annotated[
    Path | None,
    option(
        "Zones and lines in the picture; who enters, leaves, stays and crosses goes to every output.",
        "--zones",
        metavar="FILE.toml",
    ),
]
