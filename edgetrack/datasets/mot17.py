"""MOT17 (Milan et al., 2016; motchallenge.net): all pedestrians in street scenes.

    MOT17/train/MOT17-02-FRCNN/{seqinfo.ini, img1/000001.jpg, gt/gt.txt}

Each line of ``gt.txt`` has frame, id, left, top, width, height, whether it is evaluated, class, and visibility; indices
start at 1. Each video exists three times, with the detections of three detectors, which are not read: one of the three
is used. MOT16 and MOT20 have the same files.
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator
from pathlib import Path

from edgetrack.datasets.crowds import Crowd, CrowdLayout
from edgetrack.datasets.phrases import BoxTuple, checked_box
from edgetrack.datasets.sequence import ImageFrames
from edgetrack.datasets.tables import cells, numbers, read_lines, read_text
from edgetrack.errors import DatasetError

PEDESTRIAN = 1  # class number


def _read(root: Path, split: str) -> Iterator[Crowd]:
    folder = root / split
    if not folder.is_dir():
        raise DatasetError(
            f"{folder} is not a folder; expected the sequences of MOT17; unpack the archive again"
        )
    videos: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if (path / "seqinfo.ini").is_file():
            videos.setdefault(re.sub(r"-(DPM|FRCNN|SDP)$", "", path.name), path)
    for name, path in videos.items():
        yield _sequence(name, path)


def _sequence(name: str, path: Path) -> Crowd:
    info = _info(path / "seqinfo.ini")
    count = int(info["seqLength"])
    objects: list[dict[int, BoxTuple]] = [{} for _ in range(count)]
    table = path / "gt" / "gt.txt"
    for line, text in enumerate(read_lines(table), 1):
        row = numbers(cells(text), table, line)
        if len(row) < 8:
            raise DatasetError(
                f"{table}:{line}: {len(row)} values; expected frame, id, x, y, w, h, counts, class"
            )
        frame, number = int(row[0]), int(row[1])
        if not 1 <= frame <= count:
            raise DatasetError(
                f"{table}:{line}: frame {frame}; expected 1 to {count}, the length in seqinfo.ini"
            )
        if row[6] and int(row[7]) == PEDESTRIAN:
            x, y, w, h = checked_box(row[2:6], f"{table}:{line}")
            objects[frame - 1][number] = (x - 1, y - 1, w, h)
    pictures = [f"{n:06d}{info.get('imExt', '.jpg')}" for n in range(1, count + 1)]
    frames = ImageFrames(path / info.get("imDir", "img1"), pictures)
    return Crowd(name, "person", frames, tuple(objects), float(info["frameRate"]))


def _info(path: Path) -> dict[str, str]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(read_text(path))
        info = dict(parser["Sequence"])
        if int(info["seqLength"]) < 1 or not 0 < float(info["frameRate"]) < 10_000:
            raise ValueError("seqLength and frameRate must be positive")
    except (configparser.Error, KeyError, ValueError) as error:
        raise DatasetError(
            f"{path}: {error!r}; expected [Sequence] with seqLength and frameRate; unpack the archive again"
        ) from error
    return info


MOT17 = CrowdLayout("mot17", ("train",), _read)
