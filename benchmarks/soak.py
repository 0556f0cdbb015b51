"""Soak test: memory and latency of one tracker over a long run of a looped video; exit code 1 if either grows.

python benchmarks/soak.py --updates 1000000 --json soak.json
python benchmarks/soak.py --source drive.mp4 --text "red car" --text "white van"

The run is divided into windows of equal length. The first ones are warm-up; from the end of the warm-up to the end of
the run, resident memory may grow by 1 MB, and the median time of an update may change by 10 %. On a busy machine, the
latter says little. Memory is that of the process (Linux only), including the decoder with --source. The output is a
table, and JSON with --json.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from common import machine

import edgetrack
from edgetrack.demo import Scene

WINDOWS, WARM = 20, 2  # number of windows, and how many of these are warm-up
LOOP = 60  # frames of the demo's street, drawn once and kept
GROWTH_MB, DRIFT = 1.0, 0.10
MB = 2**20
Pictures = Callable[[], Iterator[Any]]


@dataclass(frozen=True)
class Window:
    """Measurements of one part of the run; latencies in milliseconds."""

    updates: int  # since the start of the run
    rss_mb: float  # resident memory at the end of the window
    p50: float
    p95: float
    p99: float
    statuses: dict[str, int]


def resident_mb() -> float:
    """Return the resident memory of this process, in MB of 2**20 bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MB


def soak(
    update: Callable[[Any], Sequence[str]],
    pictures: Pictures,
    updates: int,
    on_window: Callable[[Window], None],
) -> list[Window]:
    """Update on the images in a loop; memory for the measurements is allocated before the first update."""
    each = updates // WINDOWS
    times_s = np.ones(each)
    windows: list[Window] = []
    looped = (picture for _ in iter(int, 1) for picture in pictures())
    for number in range(WINDOWS):
        statuses: dict[str, int] = {}
        for i in range(each):
            picture = next(looped)
            began_s = time.perf_counter()
            said = update(picture)
            times_s[i] = time.perf_counter() - began_s
            for status in said:
                statuses[status] = statuses.get(status, 0) + 1
        p50, p95, p99 = (float(v) * 1e3 for v in np.percentile(times_s, (50, 95, 99)))
        windows.append(Window((number + 1) * each, resident_mb(), p50, p95, p99, statuses))
        on_window(windows[-1])
    return windows


def complaints(windows: Sequence[Window]) -> list[str]:
    """Return what grew between the end of the warm-up and the end of the run; empty if nothing did."""
    first, last = windows[WARM - 1], windows[-1]
    said = []
    if (grown := last.rss_mb - first.rss_mb) > GROWTH_MB:
        said.append(f"memory grew by {grown:.2f} MB after warm-up; expected at most {GROWTH_MB:g} MB")
    drift = last.p50 / windows[WARM].p50 - 1
    if abs(drift) > DRIFT:
        said.append(
            f"p50 moved by {drift:+.1%} from the first window after warm-up to the last; expected {DRIFT:.0%}"
        )
    return said


def tracker(texts: Sequence[str], first: Any, threads: int) -> Callable[[Any], Sequence[str]]:
    """Return a function that updates a ``Tracker``, or for several texts a ``MultiTracker``, and returns statuses."""
    if len(texts) > 1:
        many = edgetrack.MultiTracker(threads=threads)
        for text in texts:
            many.add(text=text)
        return lambda picture: [track.status for track in many.update(picture).values()]
    one = edgetrack.Tracker(threads=threads)
    one.start(first, text=texts[0])
    return lambda picture: (one.update(picture).status,)


def pictures_of(source: str | None) -> Pictures:
    """Return the frames of a video, which is decoded again in each loop, or those of the demo's street."""
    if source is None:
        kept = [frame.pixels.copy() for frame in islice(Scene().frames(), LOOP)]
        return lambda: iter(kept)

    def decoded() -> Iterator[Any]:
        with edgetrack.open_source(source) as opened:
            for frame in opened:
                yield frame.pixels

    return decoded


def show(window: Window) -> None:
    states = ", ".join(f"{status} {count}" for status, count in sorted(window.statuses.items()))
    figures = "".join(f"{value:>9.2f}" for value in (window.rss_mb, window.p50, window.p95, window.p99))
    print(f"{window.updates:>10}{figures}  {states}", flush=True)


def main() -> None:
    """Print the table and what grew."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--updates", type=int, default=100_000)
    parser.add_argument("--source", help="a video; without it the demo's street, from memory")
    parser.add_argument("--text", action="append", help="repeatable; without it 'red car'")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()
    if args.updates < WINDOWS:
        parser.error(f"--updates is {args.updates}; expected at least {WINDOWS}")
    pictures = pictures_of(args.source)
    update = tracker(args.text or ["red car"], next(pictures()), args.threads)
    print(f"{machine()}\n{'updates':>10}{'RSS MB':>9}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}  states")
    windows = soak(update, pictures, args.updates, show)
    said = complaints(windows)
    if args.json:
        rows = [asdict(window) for window in windows]
        args.json.write_text(
            json.dumps({"machine": machine(), "warm": WARM, "windows": rows, "complaints": said}, indent=1)
            + "\n"
        )
    grown = windows[-1].rss_mb - windows[WARM - 1].rss_mb
    print("\n".join(said) or f"held: memory {grown:+.2f} MB after warm-up")
    sys.exit(1 if said else 0)


if __name__ == "__main__":
    main()
