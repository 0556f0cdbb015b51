"""Runs the tracker over a folder of labelled sequences, target given by box, text or both, and prints a table.

python benchmarks/devset.py SEQUENCES [--model BUNDLE] [--modes box text both] [--precision int8] [--json OUT.json]

SEQUENCES holds sequences.json (name, text), NAME.mp4 and NAME.txt (x,y,w,h a frame, nan where absent). Report the mean
over all sequences; choose nothing by it.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np

import edgetrack
from edgetrack.export.ope import Figures, evaluate

MODES = ("box", "text", "both")


def run_sequence(
    tracker: edgetrack.Tracker, folder: Path, entry: dict[str, Any], mode: str
) -> dict[str, Any]:
    """Tracks one sequence; returns its figures, statuses and the median milliseconds of an update."""
    truth = np.genfromtxt(folder / f"{entry['name']}.txt", delimiter=",")
    boxes, spent, statuses = np.full(truth.shape, np.nan), [], []
    with edgetrack.open_source(folder / f"{entry['name']}.mp4") as source:
        for i, frame in enumerate(source):
            if i == len(truth):
                break
            begun = time.perf_counter()
            if i == 0:
                text = entry["text"] if mode != "box" else None
                track = tracker.start(frame.pixels, text=text, box=truth[0] if mode != "text" else None)
            else:
                track = tracker.update(frame.pixels)
                spent.append(time.perf_counter() - begun)
            statuses.append(track.status)
            if track.box is not None:
                boxes[i] = track.box.xywh
    figures: Figures = evaluate(boxes, truth)
    return {
        "name": entry["name"],
        "mode": mode,
        "auc": figures.auc,
        "precision": figures.precision,
        "first_iou": figures.first_iou,
        "tracked": statuses.count("tracking") / len(statuses),
        "ms": 1e3 * float(np.median(spent)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sequences", type=Path)
    parser.add_argument("--model")
    parser.add_argument("--modes", nargs="+", choices=MODES, default=MODES)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    entries = json.loads((args.sequences / "sequences.json").read_text())
    tracker = edgetrack.Tracker(
        args.model, engine=args.engine, precision=args.precision, threads=args.threads
    )
    print(f"{platform.processor() or platform.machine()}, {tracker.engine.reason}")
    rows = []
    for mode in args.modes:
        group = [run_sequence(tracker, args.sequences, entry, mode) for entry in entries]
        rows += group
        for row in group:
            print(
                f"{mode:5} {row['name']:28} AUC {row['auc']:.3f}  P {row['precision']:.3f}  "
                f"first IoU {row['first_iou']:.2f}  tracked {row['tracked']:.2f}  {row['ms']:.1f} ms"
            )
        mean = {
            key: float(np.mean([row[key] for row in group])) for key in ("auc", "precision", "tracked", "ms")
        }
        hits = sum(row["first_iou"] >= 0.5 for row in group)
        print(
            f"{mode:5} {'MEAN':28} AUC {mean['auc']:.3f}  P {mean['precision']:.3f}  "
            f"first-frame hits {hits}/{len(group)}  tracked {mean['tracked']:.2f}  {mean['ms']:.1f} ms\n"
        )
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
