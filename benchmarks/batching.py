"""Compare tracking several targets one after the other and in one batch, with MultiTracker on a real video.

python benchmarks/batching.py VIDEO [--model edgetrack-256] [--model edgetrack-160] [--rounds 120] [--write]

Every target is given by its box, and the boxes form a grid over the first frame, so that each frame takes one run of
the search network per target and nothing else. Two trackers on one engine, one of them with ``batch=False``, alternate
frame by frame, so that other load affects both equally; both get every frame. Milliseconds are medians of the time per
target in an update; the ratio is the median of the ratios of single frames. Frames in which a tracker did not run the
search network for every target are not counted, but reported. --write: benchmarks/results/batching.md.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Any

import numpy as np
from common import machine

from edgetrack import MultiTracker, open_source
from edgetrack.bundle import Bundle
from edgetrack.engines import Engine, open_engine
from edgetrack.types import Box, Track

TARGETS = (1, 2, 4, 8)
THREADS = (1, 2)
WARM = 10  # frames
PAGE = Path(__file__).resolve().parent / "results" / "batching.md"


@dataclass(frozen=True, slots=True)
class Row:
    """One configuration."""

    engine: str  # model, engine, precision
    threads: int
    targets: int
    frames: int  # number of frames that counted
    turn_ms: float  # per target
    batch_ms: float
    ratio: float  # speedup of the batch
    iou: float  # the lowest between both trackers' boxes of a target in a frame


def grid(width: int, height: int, count: int) -> list[Box]:
    """Return boxes side by side in two rows, each a fifth of the frame's width."""
    rows = 1 if count < 4 else 2
    columns = -(-count // rows)
    w, h = width / 5, height / 4
    return [
        Box(width * (i % columns + 0.5) / columns - w / 2, height * (i // columns + 0.5) / rows - h / 2, w, h)
        for i in range(count)
    ]


def frames_of(video: str, most: int) -> list[Any]:
    """Return the first frames, uint8 (H, W, 3) BGR, in memory, because decoding is not measured."""
    with open_source(video) as source:
        return [frame.pixels.copy() for frame in islice(source, most)]


def to_and_fro(frames: Sequence[Any]) -> Iterator[Any]:
    """Yield the frames forward and backward, without jumps, so that targets stay in view."""
    return chain.from_iterable(repeat([*frames, *frames[-2:0:-1]]))


def compare(engine: Engine, frames: Sequence[Any], targets: int, rounds: int) -> Row:
    """Compare both ways frame by frame; raise SystemExit if fewer than half of the frames counted."""
    height, width = frames[0].shape[:2]
    trackers = [MultiTracker(engine=engine, batch=batch) for batch in (False, True)]
    for tracker in trackers:
        for box in grid(width, height, targets):
            tracker.add(box=box)
    spent, least = [], 1.0
    for index, pixels in enumerate(islice(to_and_fro(frames), rounds + WARM)):
        times, tracks = [0.0, 0.0], [dict[str, Track](), dict[str, Track]()]
        for i in (0, 1) if index % 2 else (1, 0):
            begun_s = time.perf_counter()
            tracks[i] = trackers[i].update(pixels)
            times[i] = (time.perf_counter() - begun_s) * 1e3 / targets
        pairs = [(tracks[0][name].box, tracks[1][name].box) for name in trackers[0].names]
        if any(a is None or b is None for a, b in pairs):
            trackers = [again(engine, batch, pixels, targets) for batch in (False, True)]
            continue
        least = min(least, *(a.iou(b) for a, b in pairs if a and b))
        if index >= WARM:
            spent.append(times)
    if 2 * len(spent) < rounds:
        raise SystemExit(f"{len(spent)} of {rounds} frames showed every target; give another video")
    turn, batch = np.median(spent, axis=0)
    ratio = float(np.median([a / b for a, b in spent]))
    name = f"{engine.bundle.manifest.name}, {engine.name} {engine.precision}"
    assert engine.info.threads is not None  # it runs on the CPU
    return Row(name, engine.info.threads, targets, len(spent), float(turn), float(batch), ratio, least)


def again(engine: Engine, batch: bool, pixels: Any, targets: int) -> MultiTracker:
    """Return a tracker restarted on this frame, because a target was lost."""
    tracker = MultiTracker(engine=engine, batch=batch)
    for box in grid(pixels.shape[1], pixels.shape[0], targets):
        tracker.add(box=box)
    tracker.update(pixels)
    return tracker


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = [
        "| model | threads | targets | in turn, ms a target | together, ms a target | ratio | least IoU | frames |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {r.engine} | {r.threads} | {r.targets} | {r.turn_ms:.2f} | {r.batch_ms:.2f} | {r.ratio:.2f} | {r.iou:.4f} "
        f"| {r.frames} |"
        for r in rows
    ]
    return "\n".join(lines)


def page(rows: Sequence[Row], video: str) -> str:
    """Return the whole of results/batching.md."""
    return f"""# Several targets in one run of the network

Written by `python benchmarks/batching.py {Path(video).name} --write`, on {machine()}.

Every target is followed by its box; two `MultiTracker` on one engine, one with `batch=False`, take turns frame by
frame. Medians; the ratio is that of single frames, and above 1 where running together is faster. The least IoU is
that of the two boxes of one target in any frame. The boxes are a grid over the first frame, most of it background:
which patch of asphalt is followed after a hundred frames, a last bit may decide.

{table(rows)}
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("video")
    parser.add_argument("--model", action="append", help="a bundle; may be given several times")
    parser.add_argument("--precision", action="append", help="default: int8 and fp32")
    parser.add_argument("--engine", default="ort")
    parser.add_argument("--rounds", type=int, default=120)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    frames, rows = frames_of(args.video, args.rounds), list[Row]()
    for model in args.model or ["edgetrack-256", "edgetrack-160"]:
        for precision in args.precision or ["int8", "fp32"]:
            for threads in THREADS:
                engine = open_engine(
                    Bundle.open(model), engine=args.engine, precision=precision, threads=threads
                )
                if not engine.bundle.batches:
                    raise SystemExit(f"{engine.bundle} has no graphs for several targets; export it again")
                for targets in TARGETS:
                    rows.append(compare(engine, frames, targets, args.rounds))
                    print(rows[-1], flush=True)
                engine.close()
    print(table(rows))
    if args.write:
        PAGE.write_text(page(rows, args.video))


if __name__ == "__main__":
    main()
