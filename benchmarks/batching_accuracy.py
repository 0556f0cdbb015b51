"""Check whether targets in a batch are tracked as accurately as a single one: success AUC, given the box.

python benchmarks/batching_accuracy.py SEQUENCES [--model edgetrack-256]... [--precision int8]... [--write]

A `MultiTracker` tracks each target several times at once, which makes it run the graph for that batch size; the first
of the tracks is scored. --write: benchmarks/results/batching_accuracy.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from common import machine

from edgetrack import MultiTracker
from edgetrack.bundle import Bundle
from edgetrack.datasets import Sequence as Clip
from edgetrack.engines import Engine, open_engine
from edgetrack.evaluation.execution.dataset import load_sequences
from edgetrack.evaluation.execution.tracking import finish, track
from edgetrack.evaluation.metrics.runs import score_run
from edgetrack.evaluation.perturbations.base import Perturbation
from edgetrack.evaluation.types import Run
from edgetrack.types import Box, Track

PAGE = Path(__file__).parent / "results" / "batching_accuracy.md"
SAME = 0.9  # two boxes count as the same if their IoU is at least this


@dataclass(frozen=True, slots=True)
class Row:
    """One graph on all sequences."""

    engine: str
    at_once: int
    auc: float
    same: float  # fraction of frames with the same box as the graph for one
    worst: str  # the sequence whose AUC differs most, and by how much


class Several:
    """One target, tracked several times at once."""

    def __init__(self, engine: Engine, count: int) -> None:
        self._engine, self._count = engine, count

    def start(self, frame: Any, *, text: str | None = None, box: Box | None = None) -> Track:
        self._many = MultiTracker(engine=self._engine)
        for i in range(self._count):
            self._many.add(text=text, box=box, name=str(i))
        return self.update(frame)

    def update(self, frame: Any) -> Track:
        found = self._many.update(frame)["0"]
        assert self._many.batch_failure is None, self._many.batch_failure
        return found

    def set_text(self, text: str) -> None:
        raise NotImplementedError


def measure(engine: Engine, clips: Sequence[Clip]) -> list[Row]:
    """Measure the graph for one target, and each batched graph."""
    rows: list[Row] = []
    for count in (1, *engine.bundle.batches):
        tracker = Several(engine, count)
        records = [
            finish(track(clip, tracker, mode="bbox", text="", perturbation=Perturbation())) for clip in clips
        ]
        figures = score_run(Run("edgetrack", "bbox"), clips, records)
        boxes = [record.boxes for record in records]
        aucs = {s.name: s.ope.auc for s in figures.sequences}
        if count == 1:
            alone, alone_aucs = boxes, aucs
        pairs = [pair for a, b in zip(boxes, alone, strict=True) for pair in zip(a, b, strict=True)]
        same = float(np.mean([a == b or bool(a and b and Box(*a).iou(Box(*b)) >= SAME) for a, b in pairs]))
        name = max(aucs, key=lambda n: abs(aucs[n] - alone_aucs[n]))
        worst = f"{name} {aucs[name] - alone_aucs[name]:+.3f}" if count > 1 else ""
        about = f"{engine.bundle.manifest.name}, {engine.name} {engine.precision}"
        rows.append(Row(about, count, figures.ope.auc, same, worst))
        print(rows[-1], flush=True)
    return rows


def page(rows: Sequence[Row], clips: Sequence[Clip]) -> str:
    """Return the whole of results/batching_accuracy.md."""
    lines = [f"| {r.engine} | {r.at_once} | {r.auc:.4f} | {r.same:.1%} | {r.worst} |" for r in rows]
    return "\n".join([
        "# Are several targets in one run followed as well as one?",
        "",
        f"Written by `python benchmarks/batching_accuracy.py SEQUENCES --write`, on {machine()}: {len(clips)} "
        f"sequences, {sum(map(len, clips))} frames, box given, one thread. Same box: IoU with that of the graph for "
        f"one is {SAME} or more.",
        "",
        "| model | at once | success AUC | frames with the same box | differs most |",
        "| --- | ---: | ---: | ---: | --- |",
        *lines,
        "",
    ])  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sequences", type=Path, help="a data set in the layout `folder`")
    parser.add_argument("--model", action="append", help="default: edgetrack-256 and edgetrack-160")
    parser.add_argument("--precision", action="append", help="default: int8 and fp32")
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    clips = load_sequences("folder", args.sequences, None)
    rows = list[Row]()
    for model in args.model or ["edgetrack-256", "edgetrack-160"]:
        for precision in args.precision or ["int8", "fp32"]:
            engine = open_engine(Bundle.open(model), engine="ort", precision=precision, threads=1)
            rows += measure(engine, clips)
            engine.close()
    if args.write:
        PAGE.write_text(page(rows, clips))
    print(page(rows, clips))


if __name__ == "__main__":
    main()
