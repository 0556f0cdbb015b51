"""Measure what ``edgetrack watch`` finds in composed scenes in which people fall, loiter and leave objects behind.

python benchmarks/watch_drawn.py --data FOLDER

``FOLDER`` contains ``train/ccp``, ``train/coco`` and ``clips``, see ``watch_scenes.py``. Each scene is rendered to a
video, the command runs on it with its network, and its alerts are compared with the ground truth. docs/watch.md has
the results.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from watch_events import Result, result_of
from watch_scenes import EVENTS, SCENES, render

from edgetrack.watching.rule import Rule


def watched(name: str, data: Path, folder: Path) -> list[Result]:
    """Render a scene, run the command on it, and compare."""
    video, lines = folder / f"{name}.mp4", folder / f"{name}.jsonl"
    render(SCENES[name], data, video)
    rules = [Rule.parse(sentence) for sentence in EVENTS[name]]
    words = [word for sentence in EVENTS[name] for word in ("--rule", sentence)]
    words += ["--source", str(video), "--output", str(lines)]
    subprocess.run(
        [sys.executable, "-m", "edgetrack", "watch", *words], check=True, stdout=subprocess.DEVNULL
    )
    alerts = [row for row in map(json.loads, lines.read_text().splitlines()) if row.get("event") == "alert"]
    return [
        result_of(name, rule, truth, [row["time_s"] for row in alerts if row["rule"] == rule.label])
        for rule, truth in zip(rules, EVENTS[name].values(), strict=True)
    ]


def main() -> None:
    """Render, watch, and print what was found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in SCENES:
            for r in watched(name, given.data, Path(folder)):
                delays = ", ".join(f"{delay:.1f} s" for delay in r.delays_s) or "-"
                print(f"{r.clip}: {r.rule}: {r.found} of {r.events}, {r.false} false, delay {delays}")


if __name__ == "__main__":
    main()
