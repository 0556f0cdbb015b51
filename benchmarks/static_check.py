"""Measure the time that the static check saves, and its cost in success AUC, on labeled sequences, given the box.

python benchmarks/static_check.py FOLDER [--dataset folder] [--split NAME] [--model BUNDLE] [--threads 1] [--json OUT]

Two trackers alternate frame by frame, one of them with the check, so that other load affects both equally. "reused" is
the fraction of updates without inference; "time" is the total time of updates with the check, divided by that without.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from common import machine

from edgetrack.datasets import Sequence as Clip
from edgetrack.evaluation.execution.dataset import load_sequences
from edgetrack.evaluation.metrics.one_pass import one_pass_metrics
from edgetrack.tracker import Tracker
from edgetrack.types import Box, Track


@dataclass(frozen=True, slots=True)
class Row:
    """Results of one sequence."""

    name: str
    updates: int
    reused: int
    auc: float  # without the check
    auc_checked: float
    ms: float  # all updates without the check
    ms_checked: float


def compare(clip: Clip, plain: Tracker, checked: Tracker) -> Row:
    """Track the box of the first frame with both trackers."""
    trackers = (plain, checked)
    boxes: tuple[list[Sequence[float]], list[Sequence[float]]] = ([], [])
    spent_ms = [0.0, 0.0]
    reused = 0
    for index, pixels in enumerate(clip.frames):
        for i in (0, 1) if index % 2 else (1, 0):
            if index == 0:
                track = trackers[i].start(pixels, box=Box.of(clip.boxes[0]))
            else:
                begun_s = time.perf_counter()
                track = trackers[i].update(pixels)
                spent_ms[i] += 1e3 * (time.perf_counter() - begun_s)
            boxes[i].append(_row(track))
            reused += track.basis == "reused"
    auc, auc_checked = (one_pass_metrics(np.array(b, np.float64), clip.boxes).auc for b in boxes)
    return Row(clip.name, len(boxes[0]) - 1, reused, auc, auc_checked, *spent_ms)


def _row(track: Track) -> Sequence[float]:
    return (np.nan,) * 4 if track.box is None else track.box.xywh


def total(rows: Sequence[Row]) -> Row:
    """Return the means of AUC, and the sums of everything else."""
    updates, reused, ms, ms_checked = (
        sum(getattr(r, n) for r in rows) for n in ("updates", "reused", "ms", "ms_checked")
    )
    auc, auc_checked = (float(np.mean([getattr(r, n) for r in rows])) for n in ("auc", "auc_checked"))
    return Row("all", updates, reused, auc, auc_checked, ms, ms_checked)


def show(row: Row) -> None:
    """Print one line of the table."""
    print(
        f"{row.name:28} {row.updates:7} {row.reused / row.updates:7.1%} {row.auc:7.3f} {row.auc_checked:8.3f}"
        f" {row.auc_checked - row.auc:+7.3f} {row.ms_checked / row.ms:6.2f}x",
        flush=True,
    )


def main() -> None:
    """Print a line for each finished sequence, and one for all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dataset", default="folder")
    parser.add_argument("--split")
    parser.add_argument("--model")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    plain = Tracker(args.model, threads=args.threads)
    checked = Tracker(engine=plain.engine, static_check=True)
    print(f"{machine()}, {args.threads} threads\n{plain.engine.info}\n")
    print(f"{'sequence':28} {'updates':>7} {'reused':>7} {'AUC':>7} {'checked':>8} {'change':>7} {'time':>7}")
    rows = []
    for clip in load_sequences(args.dataset, args.folder, args.split):
        rows.append(compare(clip, plain, checked))
        show(rows[-1])
    show(total(rows))
    if args.json:
        args.json.write_text(json.dumps([asdict(row) for row in [*rows, total(rows)]], indent=1) + "\n")


if __name__ == "__main__":
    main()
