"""The options of ``edgetrack watch``: the rules, and the clips of alerts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from edgetrack.cli.options import option

RuleTexts = Annotated[
    list[str] | None,
    option(
        'What to tell of, such as "a person is near the red car for 10 seconds". Repeatable.',
        "--rule",
        panel="Rules",
        metavar="SENTENCE",
    ),
]
RuleFile = Annotated[
    Path | None,
    option("A file of rules, each with a name.", "--rules", panel="Rules", metavar="FILE.toml"),
]
RuleZones = Annotated[
    Path | None,
    option("Zones and lines that the rules name.", "--zones", panel="Rules", metavar="FILE.toml"),
]
RuleMax = Annotated[
    int,
    option(
        "Objects of each phrase that are followed at a time, at most 16.",
        "--max",
        panel="Rules",
        min=1,
        max=16,
        metavar="N",
    ),
]
CheckRules = Annotated[
    bool,
    option("Print the rules as they are understood, and stop.", "--check", panel="Rules", show_default=False),
]
Clips = Annotated[
    Path | None,
    option(
        "Write a clip and a picture of each alert into this folder.",
        "--clips",
        panel="Result",
        metavar="FOLDER",
    ),
]
PreRollS = Annotated[
    float,
    option("Seconds of a clip before its alert.", "--pre-roll", panel="Result", min=0, max=60, metavar="S"),
]
PostRollS = Annotated[
    float,
    option(
        "Seconds of a clip after its last alert.", "--post-roll", panel="Result", min=0, max=60, metavar="S"
    ),
]
