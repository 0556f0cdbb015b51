"""Measure which events rules find in real clips, and the cost of rules.

python benchmarks/watch.py [--clips FOLDER] [--record] [--write]

The cost is that of ten rules over ten tracks, in alternation with an update of a tracker. With ``--clips``, the folder
of the clips that ``tests/recorded/watch/truth.toml`` names, the clips are tracked again, otherwise the recorded tracks
are used; ``--record`` saves the new ones. --write: benchmarks/results/watch.md.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from pathlib import Path

import numpy as np
from common import machine
from watch_events import RECORDED, Clip, Result, line_of, read_clips, results_of

from edgetrack import MultiTracker, Tracker, open_source
from edgetrack.demo import open_demo
from edgetrack.types import Box, Frame, Track
from edgetrack.watching.rule import Rule
from edgetrack.watching.watcher import Watcher
from edgetrack.zone_shapes import Line, Zone
from edgetrack.zones import Zones

PAGE = Path(__file__).resolve().parent / "results" / "watch.md"
FPS = 10  # approximate frame rate of recorded tracks of faster clips
RULES = (
    "a person is present for 10 seconds",
    "a person enters yard",
    "a person leaves yard then within 10 seconds the person stops",
    "a person crosses gate",
    "a person is near a car for 10 seconds",
    "a person approaches a car",
    "a person falls or the person moves faster than 2 heights a second",
    "a person is near another person and the person loiters for 20 seconds",
    "a car moves against left",
    "the count of person is above 3 in yard",
)
ZONES = Zones(
    (Zone("yard", ((0.2, 0.2), (0.8, 0.2), (0.8, 0.9), (0.2, 0.9))),),
    (Line("gate", ((0.5, 0.0), (0.5, 1.0))),),
)


def crowd(index: int) -> tuple[Frame, dict[str, Track]]:
    """Return six people and four cars that move back and forth, 640 x 480, 30 FPS."""
    tracks = {}
    for id in range(10):
        phrase = "person" if id < 6 else "car"
        x = 300 + 250 * np.sin(index / (20 + 7 * id) + id)
        box = Box(x, 40.0 + 35 * id, 30, 80) if id < 6 else Box(x, 35.0 * id, 90, 60)
        name = f"{phrase} #{id}"
        tracks[name] = Track(box, 0.9, "tracking", index, id=id, name=name, query=phrase)
    return Frame(np.empty((480, 640, 3), np.uint8), index, index / 30), tracks


def costs_ms(rounds: int = 400) -> tuple[float, float]:
    """Return the median CPU time of ten rules over ten tracks, and of a tracker's update, in milliseconds."""
    watcher = Watcher([Rule.parse(rule) for rule in RULES], ZONES)

    def watch(frame: Frame, tracks: dict[str, Track]) -> None:
        watcher.update(tracks, frame)

    scenes = cycle([crowd(index) for index in range(rounds)])
    with open_demo() as scene, Tracker("edgetrack-160", threads=2) as tracker:
        frames = cycle([frame.pixels.copy() for frame, _ in zip(scene, range(30), strict=False)])
        tracker.start(next(frames), text="red car")
        steps: tuple[Callable[[], object], ...] = (
            lambda: watch(*next(scenes)),
            lambda: tracker.update(next(frames)),
        )
        spent: tuple[list[float], list[float]] = ([], [])
        for _ in range(rounds):
            for step, times in zip(steps, spent, strict=True):
                began_s = time.process_time()  # CPU time of all threads, without other programs
                step()
                times.append(time.process_time() - began_s)
    rules_ms, update_ms = (float(np.median(times[rounds // 10 :])) * 1e3 for times in spent)
    return rules_ms, update_ms


def tracked(clip: Clip, folder: Path, record: bool) -> Iterator[tuple[Frame, dict[str, Track]]]:
    """Yield the tracks of a clip, which is tracked again."""
    kept = []
    with open_source(folder / f"{clip.name}.mp4") as source, MultiTracker() as many:
        many.every(clip.phrase)
        every = max(1, round((source.fps or FPS) / FPS / 1.3))
        for frame in source:
            tracks = many.update(frame)
            if frame.index % every == 0:
                kept.append(line_of(frame, tracks))
            yield frame, tracks
    if record:
        (RECORDED / f"{clip.name}.jsonl").write_text("\n".join(kept) + "\n")


def page(results: Sequence[Result], rules_ms: float, update_ms: float, load: float, anew: bool) -> str:
    """Return the whole of results/watch.md."""
    rows = []
    for r in results:
        delay = f"{np.median(r.delays_s):.1f}" if r.delays_s else ""
        rows.append(f"| {r.clip} | {r.rule} | {r.events} | {r.found} | {r.false} | {delay} |")
    return f"""# Rules on real clips, and their cost

Written by `python benchmarks/watch.py --write`, on {machine()}.
The machine was not quiet if its load was above 1 when this began: it was {load:.1f}.

The events were noted by eye (`tests/recorded/watch/truth.toml`); `edgetrack-256` in INT8 tracked the clips
{"in this run" if anew else "when they were recorded"}. The delay is the median from the start of an event to its alert,
and includes the time that the rule asks for.

| clip | rule | events | found | false alarms | delay, s |
| --- | --- | ---: | ---: | ---: | ---: |
{chr(10).join(rows)}
| **all** | | {sum(r.events for r in results)} | {sum(r.found for r in results)} | {sum(r.false for r in results)} | |

Ten rules over ten tracks take {rules_ms:.2f} ms of processor time a frame, {rules_ms / update_ms:.1%} of an update of a
tracker (`edgetrack-160` in INT8, {update_ms:.1f} ms), which took turns with them.
"""


def main() -> None:
    """Measure, print, and write the page if asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=Path, metavar="FOLDER")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    load = os.getloadavg()[0]
    rules_ms, update_ms = costs_ms()
    results: list[Result] = []
    for clip in read_clips():
        stream = clip.frames() if given.clips is None else tracked(clip, given.clips, given.record)
        results += results_of(clip, stream)
    said = page(results, rules_ms, update_ms, load, given.clips is not None)
    print(said)
    if given.write:
        PAGE.write_text(said)


if __name__ == "__main__":
    main()
