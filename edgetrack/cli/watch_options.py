"""The options of ``edgetrack watch``: the rules."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from edgetrack.cli.options import option

RuleTexts = Annotated[
    list[str] | None,
    option(
        'Condition of an alert, such as "a person is near the red car for 10 seconds". Repeatable.',
        "--rule",
        panel="Rules",
        metavar="SENTENCE",
    ),
]
RuleFile = Annotated[
    Path | None,
    option("A file of rules, which can have names.", "--rules", panel="Rules", metavar="FILE.toml"),
]
RuleZones = Annotated[
    Path | None,
    option("Zones and lines that the rules refer to.", "--zones", panel="Rules", metavar="FILE.toml"),
]
RuleMax = Annotated[
    int,
    option(
        "Objects of each phrase that are tracked at the same time, at most 16.",
        "--max",
        panel="Rules",
        min=1,
        max=16,
        metavar="N",
    ),
]
UnusualState = Annotated[
    Path | None,
    option(
        "Also raise alerts for unusual events, by the model of normal in this file; see edgetrack unusual.",
        "--unusual",
        panel="Rules",
        metavar="FILE.npz",
    ),
]
CheckRules = Annotated[
    bool,
    option("Print how the rules are understood, and exit.", "--check", panel="Rules", show_default=False),
]
