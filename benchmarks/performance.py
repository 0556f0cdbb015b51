"""Measure milliseconds by frame size, targets and threads, and how close the network is to this machine's limit.

python benchmarks/performance.py --write-docs     # measures; writes the JSON, the plots and docs/performance.md
python benchmarks/performance.py --write-docs --no-measure       # only plots and page again, from the JSON

Every result is the median of ``--updates`` updates. Following: the box is known, and the search region around it is
processed. Searching: the whole frame is processed. The frames move, and each update is checked to be in its state.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timezone
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
from roofline import Machine, best_s, measure, work_of

import edgetrack
from edgetrack.demo.scene import Scene
from edgetrack.engines import Engine, open_engine
from edgetrack.io.opencv import load_cv2
from edgetrack.reporting import machine

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
SIZES = ((320, 240), (640, 480), (1280, 720), (1920, 1080), (3840, 2160))
SIZE = (640, 480)  # frame size for runs in which the number of targets varies
TARGETS = (1, 2, 4, 8)
THREADS = (1, 2)
MOVES = (0, 1, 2, 3, 2, 1)  # offsets of the image, in 1/320 of its width
ROLES = ("search", "ground")
Row = dict[str, Any]


def street(size: tuple[int, int]) -> tuple[list[Any], tuple[float, float, float, float]]:
    """Return moving images of the demo's street in this size, uint8 (H, W, 3) BGR, and a car's box in the first."""
    cv2 = load_cv2()
    scene = Scene()
    frame = list(islice(scene.frames(), 60))[-1].pixels
    box = scene.boxes[-1]["white van"].xywh
    width, height = size
    picture = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    x, y = width / frame.shape[1], height / frame.shape[0]
    moved = [np.ascontiguousarray(np.roll(picture, move * width // 320, axis=1)) for move in MOVES]
    return moved, (box[0] * x, box[1] * y, box[2] * x, box[3] * y)


def fog(size: tuple[int, int]) -> list[Any]:
    """Return images that show nothing."""
    return [np.full((size[1], size[0], 3), shade, np.uint8) for shade in (96, 128, 160)]


def updates(many: edgetrack.MultiTracker, frames: Iterator[Any], count: int, status: str) -> list[Row]:
    """Measure ``count`` updates, for all targets together, in milliseconds, after a warm-up of a tenth of them.

    Raises:
        SystemExit: A target has another status, so the figure would have the wrong name.
    """
    rows = []
    for number in range(count + count // 10):
        tracks = many.update(next(frames))
        others = {track.status for track in tracks.values()} - {status}
        if others or many.failed:
            raise SystemExit(
                f"update {number}: expected every target to be {status}; got {others or many.failed}"
            )
        spent = many.timing.values()
        rows.append(
            {part: sum(getattr(t, part) for t in spent) for part in ("crop", "network", "other", "total")}
        )
    return rows[count // 10 :]


def row(engine: Engine, size: tuple[int, int], targets: int, state: str, count: int) -> Row:
    """Return the medians of one configuration."""
    many = edgetrack.MultiTracker(engine=engine)
    if state == "following":
        frames, box = street(size)
        for _ in range(targets):
            many.add(box=box)
    else:
        frames = fog(size)
        for number in range(targets):
            many.add(text="red car", name=str(number))
    spent = updates(many, cycle(frames), count, "tracking" if state == "following" else "searching")
    medians = {f"{part}_ms": float(np.median([r[part] for r in spent])) for part in spent[0]}
    return {"width": size[0], "height": size[1], "targets": targets, "state": state, **medians}


def graphs(engine: Engine, peak: Machine, count: int) -> list[Row]:
    """Compare the networks with the roofline."""
    rows = []
    for role in ROLES:
        graph, work = engine.graph(role), work_of(engine.bundle.graph(role, "fp32"))
        dice = np.random.default_rng(0)
        feeds = {name: dice.normal(size=spec.shape).astype(spec.dtype) for name, spec in graph.inputs.items()}
        run = partial(graph.run, feeds)
        best_s(run, rounds=count // 10)
        ms = float(np.median([best_s(run, rounds=1) for _ in range(count)])) * 1e3
        least = peak.least_ms(work)
        rows.append({"graph": role, **asdict(work), "ms": ms, "least_ms": least, "share": least / ms})
    return rows


def run_all(count: int, *, sizes: Any = SIZES, targets: Any = TARGETS, threads: Any = THREADS) -> Row:
    """Run all measurements, with progress on the terminal."""
    bundle = edgetrack.Bundle.open()
    result: Row = {"machine": machine.facts(), "updates": count, "load": os.getloadavg()[0], "runs": []}
    result["model"] = bundle.manifest.name
    result["date"] = datetime.now(timezone.utc).date().isoformat()
    for number in threads:
        engine = open_engine(bundle, engine="ort", threads=number)
        result["precision"] = engine.precision
        rows = [(size, 1) for size in sizes] + [(SIZE, n) for n in targets if n > 1]
        for state in ("following", "searching"):
            for size, many in rows:
                result["runs"].append({"threads": number, **row(engine, size, many, state, count)})
                print(result["runs"][-1], flush=True)
        peak = measure(number)
        network = graphs(open_engine(bundle, engine="ort", precision="fp32", threads=number), peak, count)
        result.setdefault("roofline", []).append({**asdict(peak), "graphs": network})
        print(result["roofline"][-1], flush=True)
    return result


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--updates", type=int, default=200, help="of each configuration")
    parser.add_argument("--json", type=Path, default=RESULTS / "performance.json", metavar="FILE")
    parser.add_argument("--no-measure", action="store_true", help="take the JSON that is there")
    parser.add_argument("--write-docs", action="store_true", help="write plots and docs/performance.md")
    args = parser.parse_args()
    if args.updates < 10:
        parser.error(f"--updates is {args.updates}; expected at least 10")
    if not args.no_measure:
        args.json.write_text(json.dumps(run_all(args.updates), indent=1) + "\n")
        print(f"written {args.json}")
    if args.write_docs:
        from performance_page import write

        for path in write(json.loads(args.json.read_text()), ROOT):
            print(f"written {path}")


if __name__ == "__main__":
    main()
