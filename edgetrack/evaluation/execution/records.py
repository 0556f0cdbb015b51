"""Records on disk: one JSON file per run and sequence, written atomically."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence, Sized
from pathlib import Path
from typing import Any

from edgetrack.errors import MALFORMED, ConfigError, SinkError
from edgetrack.evaluation.types import Burst, Record, Run
from edgetrack.io.files import write_whole
from edgetrack.types import STATUSES


def tracker_folder(tracker: str) -> str:
    """Return the folder name for the results of a tracker, which may be FILE.py:CLASS."""
    return Path(tracker).name.replace(":", "-")


def record_path(output: Path, run: Run, sequence: str) -> Path:
    """Return the path of the record of a sequence."""
    text = run.mode if run.control == "none" else f"{run.mode}-{run.control}"
    text += "" if run.sensors == "color" else f"-{run.sensors}"
    folder = output / "records" / tracker_folder(run.tracker) / text / run.condition.label
    return folder / f"{sequence}.json"


def save(record: Record, file: Path) -> None:
    """Write a record atomically: readers never see a partial file.

    Raises:
        SinkError: the file cannot be written.
    """
    content: dict[str, Any] = {
        "boxes": record.boxes,
        "scores": record.scores,
        "statuses": record.statuses,
        "milliseconds": record.milliseconds,
        "scored": record.scored,
        "bursts": [[b.begin, b.hidden, b.clearing, b.end] for b in record.bursts],
        **({"masks": record.masks} if record.masks else {}),
    }
    write_text(file, json.dumps(content))


def load(file: Path, *, frames: int) -> Record:
    """Read the record of a sequence with ``frames`` frames.

    Raises:
        ConfigError: the file is damaged or belongs to another sequence.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        record = Record(
            boxes=[None if box is None else _box(box) for box in content["boxes"]],
            scores=[_number(v, 0, 1) for v in content["scores"]],
            statuses=[STATUSES[STATUSES.index(status)] for status in content["statuses"]],
            milliseconds=[_number(v, 0) for v in content["milliseconds"]],
            scored=[_flag(v) for v in content["scored"]],
            bursts=[_burst(values, frames) for values in content["bursts"]],
            masks=[None if mask is None else _run_lengths(mask) for mask in content.get("masks", [])],
        )
    except (OSError, *MALFORMED) as error:
        raise ConfigError(
            f"result {file} cannot be read ({error!r}); delete the file and run again with --resume"
        ) from error
    columns: list[Sized] = [record.boxes, record.scores, record.statuses, record.milliseconds, record.scored]
    columns += [record.masks] if record.masks else []
    lengths = {len(column) for column in columns}
    if lengths != {frames}:
        raise ConfigError(
            f"result {file} has {sorted(lengths)} entries; expected {frames}: delete the file and run again "
            "with --resume"
        )
    return record


def is_saved(file: Path) -> bool:
    """Return whether the file exists.

    Raises:
        SinkError: the file cannot exist, for example because the name is too long.
    """
    try:
        return file.exists()
    except OSError as error:
        raise SinkError(f"{file} cannot be written ({error}); choose another --output") from error


def write_texts(folder: Path, texts: Mapping[str, str]) -> list[Path]:
    """Write texts into files of a folder, by file name, and return the paths.

    Raises:
        SinkError: a file cannot be written.
    """
    for name, text in texts.items():
        write_text(folder / name, text)
    return [folder / name for name in texts]


def write_text(file: Path, text: str) -> None:
    """Replace ``file`` completely, or leave it unchanged; its folder is created if it does not exist.

    Raises:
        SinkError: the file cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SinkError(f"{file} cannot be written ({error}); choose another --output") from error
    write_whole(file, text, option="--output")


def _box(values: Sequence[Any]) -> tuple[float, float, float, float]:
    x, y, w, h = (_number(v) for v in values)
    return x, y, w, h


def _number(value: Any, low: float = -math.inf, high: float = math.inf) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{value!r:.80} is not a number")
    if not (math.isfinite(value) and low <= value <= high):
        raise ValueError(f"{value!r:.80} is not a number from {low:g} to {high:g}")
    return float(value)


def _run_lengths(value: Any) -> dict[str, Any]:
    height, width = (int(_number(side, 1, 1 << 16)) for side in value["size"])
    if not isinstance(value["counts"], str):
        raise TypeError(f"{value['counts']!r:.80} is not a string")
    return {"size": [height, width], "counts": value["counts"]}


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r:.80} is neither true nor false")
    return value


def _burst(values: Sequence[Any], frames: int) -> Burst:
    begin, hidden, clearing, end = (int(_number(v, 0, frames)) for v in values)
    if not begin < hidden < clearing < end:
        raise ValueError(f"{values!r:.80} is not an ascending list of frames")
    return Burst(begin, hidden, clearing, end)
