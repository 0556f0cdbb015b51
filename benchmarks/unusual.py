"""Measure the cost of the normal model: milliseconds per frame on one core, and bytes of the state after hours.

python benchmarks/unusual.py [--minutes 120] [--json OUT]

The frames are those of a drawn day, at 5 FPS. A frame is "judged" if it is at least a tenth of a second later than the
last judged one; the others get the assessment of that frame. At 30 FPS, one frame in three is judged. Times are CPU
times, so that other load matters less; a shared core is still slower.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from common import machine

from edgetrack.demo.days import FPS, Day
from edgetrack.types import Frame
from edgetrack.unusual import NormalModel

WATCHED = 1500  # number of frames that are timed, after the model has learned


def learned(minutes: float) -> NormalModel:
    """Return a model that has learned from that many minutes of normal activity."""
    model = NormalModel()
    for frame in Day(11, 60 * minutes, events=False).frames():
        model.update(frame)
    model.finish()
    return model


def judged_ms(model: NormalModel) -> np.ndarray:
    """Return the milliseconds of each frame, all of which are judged."""
    spent = []
    for frame in Day(12, WATCHED / FPS).frames():
        begun_s = time.process_time()
        model.update(frame)
        spent.append(1e3 * (time.process_time() - begun_s))
    return np.array(spent)


def repeated_ms(model: NormalModel) -> float:
    """Return the milliseconds of a frame that is not judged."""
    pixels = np.zeros((240, 320, 3), np.uint8)
    model.update(Frame(pixels, 0, 0.0))
    begun_s = time.process_time()
    for index in range(1, 1001):
        model.update(Frame(pixels, index, index * 9e-5))
    return time.process_time() - begun_s


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    cv2.setNumThreads(1)
    model = learned(given.minutes)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.npz"
        model.save(path)
        size = path.stat().st_size
    spent, again = judged_ms(model), repeated_ms(model)
    found = {
        "minutes learned": given.minutes,
        "state bytes": size,
        "judged ms, mean": float(spent.mean()),
        "judged ms, median": float(np.median(spent)),
        "judged ms, 95 %": float(np.quantile(spent, 0.95)),
        "repeated ms": again,
        "ms a frame at 30 FPS": (float(spent.mean()) + 2 * again) / 3,
        "machine": machine(),
    }
    for name, value in found.items():
        print(f"{name}: {value:.4g}" if isinstance(value, float) else f"{name}: {value}")
    if given.json is not None:
        given.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
