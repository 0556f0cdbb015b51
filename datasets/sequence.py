"""A labelled sequence, and its frames, which are read when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgetrack.errors import DatasetError
from edgetrack.io.opencv import load_cv2

Pixels = NDArray[np.uint8]
Boxes = NDArray[np.float64]


def read_image(path: Path) -> Pixels:
    """The picture, uint8 (H, W, 3) BGR.

    Raises:
        DatasetError: the file is missing or is no picture.
    """
    pixels = load_cv2().imread(str(path)) if path.is_file() else None
    if pixels is None:
        state = "is no picture that OpenCV reads" if path.exists() else "does not exist"
        raise DatasetError(f"{path} {state}; expected a frame of the data set; unpack its archive again")
    return np.asarray(pixels, np.uint8)


class Frames(Protocol):
    """Frames of one sequence: ``frames[i]`` is uint8 (H, W, 3) BGR, read from disk at that moment."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Pixels: ...
    def __iter__(self) -> Iterator[Pixels]: ...


def _checked(index: int, count: int) -> int:
    if not -count <= index < count:
        raise IndexError(f"frame {index} of {count}")
    return index % count


class ImageFrames:
    """One picture file a frame."""

    def __init__(self, folder: Path, names: list[str]) -> None:
        self._folder = folder
        self._names = names

    def __len__(self) -> int:
        return len(self._names)

    def path(self, index: int) -> Path:
        """The file of frame ``index``."""
        return self._folder / self._names[_checked(index, len(self))]

    def __getitem__(self, index: int, /) -> Pixels:
        return read_image(self.path(index))

    def __iter__(self) -> Iterator[Pixels]:
        return (self[i] for i in range(len(self)))


class VideoFrames:
    """The frames of a video file.

    Going forward is cheap; going back opens the file again, because seeking is not exact to the frame in all codecs.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._capture: Any = None
        self._next = 0
        self._count = int(self._open().get(load_cv2().CAP_PROP_FRAME_COUNT))
        self._capture = None  # opened again by whoever reads, maybe another process

    def _open(self) -> Any:
        if not self._path.is_file():
            raise DatasetError(
                f"{self._path} does not exist; expected the video of the sequence of that name"
            )
        self._capture, self._next = load_cv2().VideoCapture(str(self._path)), 0
        if not self._capture.isOpened():
            raise DatasetError(f"{self._path} is no video that OpenCV reads; copy it again")
        return self._capture

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int, /) -> Pixels:
        index = _checked(index, self._count)
        if self._capture is None or index < self._next:
            self._open()
        good = True
        while good and self._next <= index:
            good = self._capture.grab()
            self._next += good
        good, pixels = self._capture.retrieve() if good else (False, None)
        if not good:
            raise DatasetError(
                f"{self._path} ends after frame {self._next}; expected {self._count} frames; copy it again"
            )
        return np.asarray(pixels, np.uint8)

    def __iter__(self) -> Iterator[Pixels]:
        try:
            for i in range(len(self)):
                yield self[i]
        finally:
            self._capture = None  # a decoder for each video of a data set would be many


@dataclass(frozen=True, eq=False)
class Sequence:
    """One target through one video.

    Attributes:
        name: as the data set calls it.
        frames: pixels, uint8 (H, W, 3) BGR, read when asked for.
        boxes: (N, 4) float64, x, y, w, h in pixels of the frame, origin at its top left corner; a row of nan where the
            target is not visible.
        text: the sentence that names the target, "" where the data set has none.
        attributes: what else the layout says of it, such as ``{"category": "airplane"}``.
        hidden: True where only the first box is public (GOT-10k test, TrackingNet test): the rows after it are nan
            although the target is there, and only the data set's server can score the sequence.
        masks: the target's mask in a frame, bool (H, W), read when asked for; None where the data set has none.

    Raises:
        DatasetError: frames and boxes differ in number.
    """

    name: str
    frames: Frames
    boxes: Boxes
    text: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    hidden: bool = False
    masks: Callable[[int], NDArray[np.bool_]] | None = None

    def __post_init__(self) -> None:
        if len(self.frames) != len(self.boxes):
            raise DatasetError(
                f"sequence {self.name}: {len(self.boxes)} boxes for {len(self.frames)} frames; "
                "expected one box a frame; unpack the archive again"
            )

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def visible(self) -> NDArray[np.bool_]:
        """(N,) True where there is a box."""
        return ~np.isnan(self.boxes[:, 0])
