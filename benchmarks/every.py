"""Measure the cost of ``MultiTracker.every`` with one object in view and with several.

python benchmarks/every.py VIDEO PHRASE [--model edgetrack-160] [--rounds 90] [--write]

An image of 640 x 480 pixels shows the video once, in 2 x 2 or in 3 x 3 tiles: a video with one object has 1, 4 or 9
of them. CPU time is the sum over all threads, so it is meaningful on a busy machine, too: at 30 FPS, two cores provide
66.7 ms per frame. ``caller`` is the wall time of ``update`` with frames at 30 FPS, which increases on a busy machine.
--write: benchmarks/results/every.md.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from batching import frames_of, to_and_fro
from common import machine

from edgetrack import MultiTracker
from edgetrack.io.opencv import load_cv2
from edgetrack.types import Frame

SIZE = (640, 480)
FPS = 30
WARM = 30  # frames
TILES = (1, 2, 3)
PAGE = Path(__file__).resolve().parent / "results" / "every.md"


@dataclass(frozen=True, slots=True)
class Row:
    """One configuration."""

    model: str  # model, engine, precision
    count: float  # objects in view, on average
    cpu_ms: float  # CPU time per frame, all threads
    p50_ms: float  # median wall time of the caller
    p99_ms: float


def tiled(pixels: Any, n: int) -> Any:
    """Return the image in n x n tiles, 640 x 480, uint8 (H, W, 3) BGR."""
    cv2 = load_cv2()
    small = cv2.resize(pixels, (SIZE[0] // n, SIZE[1] // n), interpolation=cv2.INTER_AREA)
    return cv2.resize(np.tile(small, (n, n, 1)), SIZE)


def measure(many: MultiTracker, pictures: Sequence[Any], phrase: str, rounds: int) -> Row:
    """Track every object at a camera's frame rate; an update that takes longer than a frame delays the next one."""
    query = many.every(phrase, max=8)
    spent, counts, cpu_s = [], [], 0.0
    due_s = time.perf_counter()
    for index, pixels in enumerate(islice(to_and_fro(pictures), rounds + WARM)):
        time.sleep(max(0.0, due_s - time.perf_counter()))
        if index == WARM:
            cpu_s = time.process_time()
        begun_s = time.perf_counter()
        many.update(Frame(pixels, index, index / FPS))
        spent.append(time.perf_counter() - begun_s)
        counts.append(query.count)
        due_s = max(due_s + 1 / FPS, time.perf_counter())
    cpu_s = time.process_time() - cpu_s
    p50, p99 = np.percentile(np.array(spent[WARM:]) * 1e3, [50, 99])
    name = f"{many.engine.bundle.manifest.name}, {many.engine.name} {many.engine.precision}"
    return Row(name, float(np.mean(counts[WARM:])), cpu_s * 1e3 / rounds, float(p50), float(p99))


def page(rows: Sequence[Row], video: str, phrase: str, load: float) -> str:
    """Return the whole of results/every.md."""
    lines = [
        f"| {r.model} | {r.count:.1f} | {r.cpu_ms:.1f} | {r.p50_ms:.1f} | {r.p99_ms:.1f} |" for r in rows
    ]
    least, most = rows[0], rows[-1]
    slope = (most.cpu_ms - least.cpu_ms) / max(most.count - least.count, 1e-9)
    return f"""# The cost of every

Written by `python benchmarks/every.py {Path(video).name} {phrase} --write`, on {machine()}.
The machine was not quiet if its load was above 1 when this began: it was {load:.1f}.

Frames of 640 x 480 pixels, 30 a second, a look every third frame. Processor time is that of all threads: two cores have
66.7 ms a frame. The caller's time is wall time, which other programs lengthen; most frames only move the boxes on, and
every third one waits for what is left of a look.

| model | objects in view | processor, ms a frame | caller p50, ms | caller p99, ms |
| --- | ---: | ---: | ---: | ---: |
{chr(10).join(lines)}

One more object costs at most {slope:.1f} ms a frame: those that are seen and not followed are in it, too.
"""


def main() -> None:
    """Measure, print, and write the page if asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("video")
    parser.add_argument("phrase")
    parser.add_argument("--model", default="edgetrack-160")
    parser.add_argument("--rounds", type=int, default=90)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    frames, load = frames_of(given.video, given.rounds), os.getloadavg()[0]
    rows = []
    for n in TILES:
        with MultiTracker(given.model) as many:
            rows.append(measure(many, [tiled(pixels, n) for pixels in frames], given.phrase, given.rounds))
    said = page(rows, given.video, given.phrase, load)
    print(said)
    if given.write:
        PAGE.write_text(said)


if __name__ == "__main__":
    main()
