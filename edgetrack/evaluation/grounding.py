"""Grounding: one picture, one sentence, one box (RefCOCO, RefCOCO+, RefCOCOg)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from edgetrack.datasets import LAYOUTS, Region, RegionSet
from edgetrack.datasets.sets import RegionLayout
from edgetrack.errors import ConfigError
from edgetrack.evaluation.metrics import Floats, overlap
from edgetrack.evaluation.records import Record
from edgetrack.evaluation.sentences import Fit
from edgetrack.evaluation.tables import Table, number
from edgetrack.peers import FrameTracker

PART = 200  # sentences that are done and kept together
COLUMNS = "tracker|sentences|acc@0.5|acc@0.3|acc@0.7|mean IoU|answered|ms"


@dataclass(frozen=True, eq=False)
class Expressions:
    """Some sentences of a set in its order, each with its region."""

    name: str
    pairs: tuple[tuple[Region, str], ...]

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def boxes(self) -> Floats:
        """(N, 4) xywh in pixels of each picture."""
        return np.array([region.box for region, _ in self.pairs], np.float64)


def grounds(dataset: str) -> bool:
    """Whether a data set of that name has pictures and sentences, not sequences."""
    return isinstance(LAYOUTS.get(dataset), RegionLayout)


def parts(regions: RegionSet) -> list[Expressions]:
    """All sentences of the set, in parts.

    Raises:
        ConfigError: there is none.
    """
    pairs = [(region, text) for region in regions for text in region.texts]
    if not pairs:
        raise ConfigError(f"{regions.name} ({regions.split}) has no sentence; expected another --split")
    return [
        Expressions(f"{begin:06d}", tuple(pairs[begin : begin + PART]))
        for begin in range(0, len(pairs), PART)
    ]


def ground(
    part: Expressions, tracker: FrameTracker, *, fit: Fit, on_frame: Callable[[], None] = lambda: None
) -> Record:
    """The tracker's answer to each sentence, as it would be to the first frame of a video."""
    record = Record()
    for region, text in part.pairs:
        pixels = region.read()
        begun_s = time.perf_counter()
        found = tracker.start(pixels, text=fit(text))
        record.add(found, milliseconds=1e3 * (time.perf_counter() - begun_s))
        on_frame()
    return record


@dataclass(frozen=True, slots=True)
class GroundingFigures:
    """Shares of all sentences; one without an answer counts as IoU 0."""

    tracker: str
    sentences: int
    accuracy: float  # IoU >= 0.5, the acc@0.5 of RefCOCO
    accuracy30: float  # IoU >= 0.3
    accuracy70: float
    mean_iou: float
    answered: float  # for which the tracker gave a box
    start_ms: float  # median


def of_parts(tracker: str, found: Sequence[Expressions], records: Sequence[Record]) -> GroundingFigures:
    """The figures of one tracker, given its record for each part."""
    boxes = np.concatenate([record.box_array() for record in records])
    iou = overlap(boxes, np.concatenate([part.boxes for part in found]))
    return GroundingFigures(
        tracker=tracker,
        sentences=len(iou),
        accuracy=float((iou >= 0.5).mean()),
        accuracy30=float((iou >= 0.3).mean()),
        accuracy70=float((iou >= 0.7).mean()),
        mean_iou=float(iou.mean()),
        answered=float(np.isfinite(boxes[:, 0]).mean()),
        start_ms=float(np.median(np.concatenate([record.milliseconds for record in records]))),
    )


def grounding_table(rows: Sequence[GroundingFigures]) -> Table:
    """One row a tracker."""
    cells = [
        [
            row.tracker,
            str(row.sentences),
            *map(number, (row.accuracy, row.accuracy30, row.accuracy70, row.mean_iou, row.answered)),
            number(row.start_ms, digits=1),
        ]
        for row in rows
    ]
    return Table("Grounding", COLUMNS.split("|"), cells, words=1)
