"""A plain folder of videos, the simplest way to use your own sequences.

    FOLDER/{sequences.json, NAME.mp4, NAME.txt}

``sequences.json`` is a list of ``{"name": ..., "text": ...}``. An entry may have a ``category`` and, for pairs of
sensors, ``x``: the second sensor's video, or a folder of its images (16 bits: depth in millimeters), in FOLDER. Each
line of NAME.txt is ``x,y,w,h``, nan if the target is absent.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgetrack.datasets.frames import image_names
from edgetrack.datasets.rgbx import DepthFrames
from edgetrack.datasets.sequence import Frames, Sequence, VideoFrames
from edgetrack.datasets.sets import SequenceLayout
from edgetrack.datasets.tables import read_boxes, read_json
from edgetrack.errors import DatasetError


def _entries(root: Path) -> dict[str, dict[str, Any]]:
    path = root / "sequences.json"
    values = read_json(path)
    if not isinstance(values, list) or not values:
        raise DatasetError(f'{path} is not a list of sequences; expected [{{"name": ..., "text": ...}}, ...]')
    found: dict[str, dict[str, Any]] = {}
    for i, entry in enumerate(values):
        if not isinstance(entry, dict) or not all(
            isinstance(entry.get(key), str) for key in ("name", "text")
        ):
            raise DatasetError(f"{path}: entry {i} is {entry!r:.80}; expected the strings 'name' and 'text'")
        if any("\ud800" <= letter <= "\udfff" for value in entry.values() for letter in str(value)):
            raise DatasetError(
                f"{path}: entry {i} is {entry!r:.80}; expected valid Unicode, without lone surrogates"
            )
        if "x" in entry and (not isinstance(entry["x"], str) or entry["x"] != Path(entry["x"]).name):
            raise DatasetError(
                f"{path}: entry {i} has x {entry['x']!r:.80}; expected the name of a video or a folder "
                "beside it"
            )
        name = entry["name"]
        if name in found or name != Path(name).name:
            raise DatasetError(
                f"{path}: entry {i} is named {name!r}; expected a valid file name that no other entry has"
            )
        found[name] = entry
    return found


def _read(root: Path, split: str, name: str) -> Sequence:
    truth, video = root / f"{name}.txt", root / f"{name}.mp4"
    boxes = read_boxes(truth, nan_ok=True)
    frames = VideoFrames(video, expected=len(boxes))
    if len(boxes) != len(frames):
        raise DatasetError(
            f"{truth}: {len(boxes)} boxes, but {video} has {len(frames)} frames; expected one line per frame"
        )
    entry = _entries(root)[name]
    attributes = {"category": str(entry["category"])} if entry.get("category") else {}
    x = None if "x" not in entry else _second(root / entry["x"], len(boxes))
    return Sequence(name, frames, boxes, entry["text"], attributes, x=x)


def _second(path: Path, count: int) -> Frames:
    return DepthFrames(path, image_names(path)) if path.is_dir() else VideoFrames(path, expected=count)


FOLDER = SequenceLayout("folder", ("all",), lambda root, split: list(_entries(root)), _read, text=True)
