"""Run a tracker on each given folder, in a subprocess, and print how it ended."""

from __future__ import annotations

import sys

import numpy as np

import edgetrack
from edgetrack.bundle import Bundle
from edgetrack.engines.ort import OrtEngine


def run(folder: str, *, early: bool) -> None:
    """Open the bundle as users do with ``early``; else skip the first check, so that the graphs reach C++."""
    options = (
        {"bundle": folder, "engine": "ort"}
        if early
        else {"engine": OrtEngine(Bundle.open(folder), threads=1)}
    )
    frame = np.full((48, 64, 3), 90, np.uint8)
    tracker = edgetrack.Tracker(**options)
    tracker.start(frame, text="red car", box=(10, 10, 20, 20))
    for _ in range(12):
        tracker.update(frame)
    tracker.start(frame, text="red car")
    for _ in range(12):
        tracker.update(frame)
    several = edgetrack.MultiTracker(**options)
    for name in "abc":
        several.add(text="red car", box=(10, 10, 20, 20), name=name)
    for _ in range(6):
        several.update(frame)
        for error in several.failed.values():
            raise error


for folder in sys.argv[1:]:
    for early in (True, False):
        sys.stdout.write(f"{folder} ")
        sys.stdout.flush()  # the last line of a process that crashes names it
        try:
            run(folder, early=early)
        except edgetrack.errors.EdgetrackError as error:
            sys.stdout.write(f"{type(error).__name__} {error}\n")
        else:
            sys.stdout.write("ran\n")
