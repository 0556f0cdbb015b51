"""Writes the results of a benchmark as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgetrack.bench.budget import Check
from edgetrack.bench.measure import Figures, Ratio
from edgetrack.io.files import write_whole


def write_json(
    path: Path,
    figures: Sequence[Figures],
    ratios: Sequence[Ratio],
    checks: Mapping[str, Sequence[Check]],
    *,
    about: Mapping[str, Any],
) -> None:
    """Write all measurements; ``about`` contains the machine, the command and the source.

    Raises:
        SinkError: the file cannot be written.
    """
    report = {
        **about,
        "trackers": [asdict(one) for one in figures],
        "ratios": [asdict(one) for one in ratios],
        "budgets": {name: [{**asdict(c), "within": c.within} for c in rows] for name, rows in checks.items()},
    }
    write_whole(path, json.dumps(report, indent=1) + "\n", option="--json")
