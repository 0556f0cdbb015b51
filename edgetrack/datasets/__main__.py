"""Checks a data set on disk: ``python -m edgetrack.datasets lasot /data/LaSOT test``.

Reads the labels of every sequence, or of every region, and the first picture of each; names the faults.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from edgetrack.datasets import LAYOUTS, SequenceSet, open_dataset
from edgetrack.datasets.sets import RegionSet
from edgetrack.errors import EdgetrackError

_SHOWN = 20


def _check_sequences(opened: SequenceSet) -> tuple[str, list[str]]:
    faults: list[str] = []
    frames = absent = 0
    for i, name in enumerate(opened.names):
        try:
            sequence = opened[i]
            _ = sequence.frames[0]
        except EdgetrackError as error:
            faults.append(f"{name}: {error}")
            continue
        frames += len(sequence)
        absent += 0 if sequence.hidden else int((~sequence.visible).sum())
    return f"{len(opened)} sequences, {frames} frames, the target absent in {absent}", faults


def _check_regions(opened: RegionSet) -> tuple[str, list[str]]:
    images = sorted({region.image for region in opened})
    faults = [f"{path} does not exist; expected a picture there" for path in images if not path.is_file()]
    sentences = sum(len(region.texts) for region in opened)
    return f"{len(opened)} regions with {sentences} sentences in {len(images)} pictures", faults


def main() -> None:
    """Command line of this module; exits with 1 when there is a fault."""
    parser = argparse.ArgumentParser(
        prog="python -m edgetrack.datasets",
        description="Checks a data set in its official layout.",
        epilog="data sets and their splits: "
        + "; ".join(f"{name} ({', '.join(layout.splits)})" for name, layout in LAYOUTS.items()),
    )
    parser.add_argument("name", help="name of the layout")
    parser.add_argument("path", type=Path, help="folder into which the archives were unpacked")
    parser.add_argument("split")
    options = parser.parse_args()
    try:
        opened = open_dataset(options.name, options.path, options.split)
    except EdgetrackError as error:
        sys.exit(f"error: {error}")
    summary, faults = _check_sequences(opened) if isinstance(opened, SequenceSet) else _check_regions(opened)
    for fault in faults[:_SHOWN]:
        sys.stdout.write(f"fault: {fault}\n")
    if len(faults) > _SHOWN:
        sys.stdout.write(f"... and {len(faults) - _SHOWN} more\n")
    sys.stdout.write(f"{options.name} {options.split}: {summary}, {len(faults)} faults\n")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
