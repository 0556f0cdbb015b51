"""Tracks as a dataset in the format of COCO (Lin et al., ECCV 2014), with ``track_id`` as in TAO."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from edgetrack.errors import SinkError
from edgetrack.events import Event
from edgetrack.io.files import OutputFile
from edgetrack.io.sinks import Joint
from edgetrack.types import Frame, Track

_HEAD = b'{"annotations": ['
_LEAST = 4096  # minimum bytes of annotations that are written at a time
_SHARE = 4  # the same as a fraction (1 / 4) of the list of images, which is rewritten each time


class CocoSink(Joint):
    """Writes images, annotations and categories, with run-length encoded masks if there are any.

    Images are named by the number of their frame, such as ``00000.jpg``, and categories by the target. The file is
    valid at any time. If the process is killed, the frames since the last write are missing: 4 KiB, or a quarter of
    the size of the list of images, if that is more.

    Raises:
        SinkError: The file cannot be written, or is a pipe.
    """

    def __init__(self, path: str | Path) -> None:
        self._file = OutputFile(path)
        if not self._file.regular:
            raise SinkError(
                f"output {path} cannot be truncated and rewritten; expected a regular file such as OUT.json"
            )
        self._images: list[str] = []
        self._categories: dict[str, int] = {}
        self._count = 0  # number of annotations
        self._body = 0  # bytes of the file up to the last annotation
        self._pending = bytearray(_HEAD)
        self._waiting = _LEAST  # bytes since the last write; the first frame creates the file
        self._tail = b""

    def write_all(
        self,
        frame: Frame,
        tracks: Mapping[str, Track],
        *,
        latencies_ms: Mapping[str, float],
        events: Sequence[Event] = (),
    ) -> None:
        image = _image(frame)
        self._images.append(image)
        self._waiting += len(image)
        for track in tracks.values():
            if track.box is not None and track.status != "tentative":
                self._annotate(frame, track)
        if self._waiting >= max(_LEAST, len(self._tail) // _SHARE):
            self._settle()

    def _annotate(self, frame: Frame, track: Track) -> None:
        name = track.query or track.name or "target"
        category = self._categories.setdefault(name, len(self._categories) + 1)
        self._count += 1
        line = json.dumps(
            {
                "id": self._count,
                "image_id": frame.index + 1,
                "track_id": track.id,
                "category_id": category,
                **_place(track),
                "score": round(track.score, 4),
                "iscrowd": 0,
            }
        )
        text = ("\n" if self._count == 1 else ",\n") + line
        self._pending += text.encode()
        self._waiting += len(text)

    def _settle(self) -> None:
        """Write the pending annotations and the rest of the file after them, over the previous rest."""
        categories = [{"id": number, "name": name} for name, number in self._categories.items()]
        images = ",\n".join(self._images)
        tail = f'\n],\n"images": [\n{images}\n],\n"categories": {json.dumps(categories)}}}\n'.encode()
        self._file.cut(self._body)
        try:
            self._file.append(bytes(self._pending) + tail)
        except SinkError:
            if self._tail:
                with suppress(SinkError):  # the previous content fits
                    self._file.append(self._tail)
            raise
        self._body += len(self._pending)
        self._tail = tail
        self._pending.clear()
        self._waiting = 0

    def close(self) -> None:
        try:
            if self._waiting and self._images:
                self._settle()
        finally:
            self._waiting = 0
            self._file.close()


def _image(frame: Frame) -> str:
    height, width = frame.pixels.shape[:2]
    return json.dumps(
        {
            "id": frame.index + 1,
            "file_name": f"{frame.index:05d}.jpg",
            "width": width,
            "height": height,
            "frame_index": frame.index,
        }
    )


def _place(track: Track) -> dict[str, Any]:
    """Return box, area and mask."""
    assert track.box is not None
    x, y, w, h = (round(value, 2) for value in track.box.xywh)
    if track.mask is None:
        return {"bbox": [x, y, w, h], "area": round(w * h, 2), "segmentation": []}
    return {"bbox": [x, y, w, h], "area": track.mask.area, "segmentation": track.mask.rle()}
