"""Compare our NanoTrack v2 with OpenCV's TrackerNano: same boxes, and speed in alternation in one process.

python benchmarks/nanotrack.py SEQUENCES WEIGHTS [--clip NAME] [--threads 2] [--rounds 1] [--json]

SEQUENCES is a folder that ``edgetrack eval folder`` reads; WEIGHTS has v2_backbone.onnx and v2_head.onnx. Decoding is
not included in the times. Boxes are compared in whole pixels, as OpenCV returns them. Use an idle machine.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from common import machine

from edgetrack.bench.measure import compare
from edgetrack.evaluation.execution.dataset import load_sequences, select
from edgetrack.evaluation.execution.tracking import finish, track
from edgetrack.evaluation.metrics.one_pass import one_pass_metrics
from edgetrack.evaluation.perturbations.base import Perturbation
from edgetrack.evaluation.trackers.opencv import OpenCvTracker
from edgetrack.evaluation.types import Record
from edgetrack.export.command import Request, make_bundle
from edgetrack.export.watch import silent
from edgetrack.peers import FrameTracker
from edgetrack.peers.nanotrack import NanoTrack

OURS, OPENCV = "edgetrack", "OpenCV"


def measure(clips: list[Any], trackers: dict[str, FrameTracker], rounds: int) -> dict[str, Any]:
    """Return the results of all clips together."""
    rows: list[dict[str, Any]] = []
    medians: dict[str, list[float]] = {name: [] for name in trackers}
    for clip in clips:
        boxes = clip.boxes.copy()
        boxes[0] = np.round(boxes[0])  # OpenCV accepts whole pixels
        clip = replace(clip, boxes=boxes)
        for number in range(rounds):
            order = list(trackers)[:: 1 if number % 2 else -1]
            records: dict[str, Record] = {
                name: finish(track(clip, trackers[name], mode="bbox", text="", perturbation=Perturbation()))
                for name in order
            }
            for name, record in records.items():
                medians[name].append(float(np.median(record.milliseconds[1:])))
        found = {name: records[name].box_array() for name in trackers}
        apart = np.abs(np.trunc(found[OURS]) - np.trunc(found[OPENCV]))[1:].max(1)
        auc = {name: one_pass_metrics(b, clip.boxes).auc for name, b in found.items()}
        near = int((apart <= 1).sum())
        rows.append(
            {
                "clip": clip.name,
                "frames": len(apart),
                "near": near,
                "apart_px": float(apart.max()),
                "auc": auc,
            }
        )
    ratio = compare(OPENCV, OURS, medians[OPENCV], medians[OURS])
    return {
        "clips": rows,
        "frames": sum(row["frames"] for row in rows),
        "near": sum(row["near"] for row in rows),
        "apart_px": max(row["apart_px"] for row in rows),
        "auc": {name: float(np.mean([row["auc"][name] for row in rows])) for name in trackers},
        "ms": {name: float(np.median(times)) for name, times in medians.items()},
        "times_faster": [ratio.ratio, ratio.low, ratio.high],
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sequences", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--threads", type=int, default=2, metavar="N")
    parser.add_argument("--clip", action="append", default=[], metavar="NAME", help="one of them; repeatable")
    parser.add_argument("--rounds", type=int, default=1, metavar="N", help="passes of each over a clip")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    options = parser.parse_args()
    pair = (options.weights / "v2_backbone.onnx", options.weights / "v2_head.onnx")
    with TemporaryDirectory() as folder:
        make_bundle(Request("nanotrack-v2", Path(folder) / "v2", weights=pair), watch=silent)
        trackers: dict[str, FrameTracker] = {
            OURS: NanoTrack(Path(folder) / "v2", threads=options.threads),
            OPENCV: OpenCvTracker("opencv-nano", pair, threads=options.threads),
        }
        clips = select(load_sequences("folder", options.sequences), options.clip)
        figures = measure(clips, trackers, options.rounds)
    if options.json:
        print(json.dumps({"machine": machine(), "threads": options.threads, **figures}))
        return
    print(f"{machine()}; {options.threads} threads, float32")
    print(f"{'clip':<24} {'frames':>6} {'apart':>9} {'AUC ours':>9} {'OpenCV':>7}")
    for row in figures["clips"]:
        ours, theirs = row["auc"][OURS], row["auc"][OPENCV]
        print(f"{row['clip']:<24} {row['frames']:>6} {row['apart_px']:>6.0f} px {ours:>9.3f} {theirs:>7.3f}")
    ms, (ratio, low, high) = figures["ms"], figures["times_faster"]
    print(
        f"{figures['near']} of {figures['frames']} frames at most 1 px apart, all {figures['apart_px']:.0f} px"
    )
    print(f"AUC {figures['auc'][OURS]:.4f}, OpenCV {figures['auc'][OPENCV]:.4f}")
    print(
        f"median update {ms[OURS]:.2f} ms, OpenCV {ms[OPENCV]:.2f} ms; "
        f"{ratio:.2f} times faster (95 % {low:.2f} to {high:.2f})"
    )


if __name__ == "__main__":
    main()
