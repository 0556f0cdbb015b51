"""Result files that the toolkits and servers of other people's benchmarks read.

OTB, LaSOT, TNL2K, TrackingNet: ``TRACKER/NAME.txt`` with a line ``x,y,w,h`` a frame. GOT-10k:
``TRACKER/NAME/NAME_001.txt`` and ``NAME_time.txt``, in seconds. GOT-10k and TrackingNet are handed in as a zip.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np

from edgetrack.datasets import Sequence as Clip
from edgetrack.errors import SinkError
from edgetrack.evaluation.metrics import Floats, exists
from edgetrack.evaluation.records import Record, write_text
from edgetrack.evaluation.runner import Run, folder_of

Format = Literal["otb", "lasot", "tnl2k", "got10k", "trackingnet"]
FORMATS: tuple[Format, ...] = get_args(Format)
ZIPPED = ("got10k", "trackingnet")


def result_boxes(record: Record) -> Floats:
    """(N, 4) xywh in pixels: where the tracker gave no box its last one stands, and zeros before the first."""
    boxes = record.box_array()
    good = exists(boxes)
    latest = np.maximum.accumulate(np.where(good, np.arange(len(boxes)), -1))
    return np.where(latest[:, None] >= 0, boxes[latest], 0.0)


def write_results(
    layout: Format, run: Run, clips: Sequence[Clip], records: Sequence[Record], output: Path
) -> Path:
    """Writes the files of one run below ``output/results`` and returns their folder, or the zip of it.

    Raises:
        SinkError: they cannot be written.
    """
    folder = output / "results" / layout / f"{folder_of(run.tracker)}-{run.mode}"
    written = [
        file
        for clip, record in zip(clips, records, strict=True)
        for file in _write_sequence(layout, clip.name, record, folder)
    ]
    return _zipped(folder, written) if layout in ZIPPED else folder


def _write_sequence(layout: Format, name: str, record: Record, folder: Path) -> list[Path]:
    lines = "".join(",".join(f"{v:.3f}" for v in box) + "\n" for box in result_boxes(record).tolist())
    if layout != "got10k":
        write_text(folder / f"{name}.txt", lines)
        return [folder / f"{name}.txt"]
    files = [folder / name / f"{name}_001.txt", folder / name / f"{name}_time.txt"]
    write_text(files[0], lines)
    write_text(files[1], "".join(f"{ms / 1e3:.8f}\n" for ms in record.milliseconds))
    return files


def _zipped(folder: Path, files: Sequence[Path]) -> Path:
    target = folder.with_name(f"{folder.name}.zip")
    try:
        with ZipFile(target, "w", ZIP_DEFLATED) as archive:
            for file in files:
                archive.write(file, file.relative_to(folder))
    except OSError as error:
        raise SinkError(f"{target} cannot be written ({error}); choose another --output") from error
    return target
