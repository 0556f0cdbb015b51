"""Writes result files for the toolkits and servers of benchmarks.

OTB, LaSOT, TNL2K, TrackingNet: ``TRACKER/NAME.txt`` with a line ``x,y,w,h`` per frame. GOT-10k:
``TRACKER/NAME/NAME_001.txt`` and ``NAME_time.txt``, in seconds. GOT-10k and TrackingNet are submitted as a ZIP file.
VOT: ``TRACKER/longterm/NAME/NAME_001.txt``, with confidences and times in seconds, the trajectories of an unsupervised
experiment.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np

from edgetrack.datasets import Sequence as Clip
from edgetrack.errors import SinkError
from edgetrack.evaluation.execution.records import tracker_folder, write_text
from edgetrack.evaluation.metrics.one_pass import exists
from edgetrack.evaluation.types import Floats, Record, ResultFormat, Run

ZIPPED = ("got10k", "trackingnet")


def result_boxes(record: Record) -> Floats:
    """Return boxes (N, 4) xywh in pixels; a missing box repeats the previous one, or is zero before the first one."""
    boxes = record.box_array()
    good = exists(boxes)
    latest = np.maximum.accumulate(np.where(good, np.arange(len(boxes)), -1))
    return np.where(latest[:, None] >= 0, boxes[latest], 0.0)


def write_results(
    layout: ResultFormat, run: Run, clips: Sequence[Clip], records: Sequence[Record], output: Path
) -> Path:
    """Write the files of one run into ``output/results`` and return their folder or its ZIP file.

    Raises:
        SinkError: the files cannot be written.
    """
    given = run.mode if run.sensors == "color" else f"{run.mode}-{run.sensors}"
    folder = output / "results" / layout / f"{tracker_folder(run.tracker)}-{given}"
    written = [
        file
        for clip, record in zip(clips, records, strict=True)
        for file in _write_sequence(layout, clip.name, record, folder, given=run.mode != "nl")
    ]
    return _zipped(folder, written) if layout in ZIPPED else folder


def _write_sequence(
    layout: ResultFormat, name: str, record: Record, folder: Path, *, given: bool
) -> list[Path]:
    if layout == "vot":
        files = _vot(name, record, given=given)
    else:
        files = _got10k(name, record) if layout == "got10k" else _lines(name, record)
    for file, text in files.items():
        write_text(folder / file, text)
    return [folder / file for file in files]


def _lines(name: str, record: Record) -> dict[str, str]:
    return {f"{name}.txt": "".join(_line(box) + "\n" for box in result_boxes(record).tolist())}


def _got10k(name: str, record: Record) -> dict[str, str]:
    [boxes] = _lines(name, record).values()
    seconds = "".join(f"{ms / 1e3:.8f}\n" for ms in record.milliseconds)
    return {f"{name}/{name}_001.txt": boxes, f"{name}/{name}_time.txt": seconds}


def _vot(name: str, record: Record, *, given: bool) -> dict[str, str]:
    """Return the files as the toolkit itself would write them over TraX: 1 if the target was given, 0 for unknown.

    An unknown region would count as right if the target is absent. Therefore, a missing box repeats the previous one,
    as over TraX.
    """
    regions = [_line(box) if any(box) else "0" for box in result_boxes(record).tolist()]
    scores = [str(score) for score in record.scores]
    if given:
        regions[0], scores[0] = "1", ""
    columns = {
        ".txt": regions,
        "_confidence.value": scores,
        "_time.value": [f"{ms / 1e3:.6f}" for ms in record.milliseconds],
    }
    start = f"longterm/{name}/{name}_001"
    return {start + end: "\n".join(lines) + "\n" for end, lines in columns.items()}


def _line(box: Sequence[float]) -> str:
    return ",".join(f"{v:.3f}" for v in box)


def _zipped(folder: Path, files: Sequence[Path]) -> Path:
    target = folder.with_name(f"{folder.name}.zip")
    try:
        with ZipFile(target, "w", ZIP_DEFLATED) as archive:
            for file in files:
                archive.write(file, file.relative_to(folder))
    except OSError as error:
        raise SinkError(f"{target} cannot be written ({error}); choose another --output") from error
    return target
