"""A labeled sequence; its frames are read on access."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgetrack.errors import DatasetError, SourceError
from edgetrack.io.capture import Opened, open_capture
from edgetrack.io.pictures import decoded
from edgetrack.io.reading import Reading
from edgetrack.types import Frame

Pixels = NDArray[np.uint8]
Boxes = NDArray[np.float64]


def read_picture(path: Path) -> NDArray[Any]:
    """Return the image, uint8 or uint16 (H, W, 3) BGR; a gray one has three equal channels.

    Raises:
        DatasetError: The file is missing, or is not a complete image.
    """
    try:
        return decoded(path.read_bytes(), "it")
    except FileNotFoundError:
        raise DatasetError(
            f"{path} does not exist; expected a frame of the dataset; unpack its archive again"
        ) from None
    except SourceError as error:
        raise DatasetError(f"{path} is not a usable image: {error}; unpack its archive again") from error
    except OSError as error:
        raise DatasetError(
            f"{path} cannot be read ({error.strerror}); expected a frame of the dataset"
        ) from error


def read_image(path: Path) -> Pixels:
    """Return the image, uint8 (H, W, 3) BGR.

    Raises:
        DatasetError: The file is missing, or is not a complete image of 8 bits.
    """
    pixels = read_picture(path)
    if pixels.dtype != np.uint8:
        raise DatasetError(
            f"{path} has pixels of type {pixels.dtype}; expected 8 bits: convert the images of the dataset"
        )
    return np.asarray(pixels, np.uint8)


class Frames(Protocol):
    """Frames of one sequence: ``frames[i]`` is uint8 (H, W, 3) BGR, read from disk on access."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Pixels: ...
    def __iter__(self) -> Iterator[Pixels]: ...


def _checked(index: int, count: int) -> int:
    if not -count <= index < count:
        raise IndexError(f"frame {index} of {count}")
    return index % count


class ImageFrames:
    """Frames with one image file each."""

    def __init__(self, folder: Path, names: list[str]) -> None:
        self._folder = folder
        self._names = names

    def __len__(self) -> int:
        return len(self._names)

    def path(self, index: int) -> Path:
        """Return the file of frame ``index``."""
        return self._folder / self._names[_checked(index, len(self))]

    def __getitem__(self, index: int, /) -> Pixels:
        return read_image(self.path(index))

    def __iter__(self) -> Iterator[Pixels]:
        return (self[i] for i in range(len(self)))


class VideoFrames:
    """The frames of a video file; its pixels are not changed, even if they are not square.

    Reading forward is cheap; going back opens the file again, because seeking is not frame-exact for all codecs.

    Args:
        path: The video.
        expected: Expected number of frames. If the container states the same number, it is trusted; otherwise frames
            are counted once, because counts in containers are estimates, or include frames that are not shown.

    Raises:
        DatasetError: The file is missing or not a video, or a frame is damaged, so that boxes would be misaligned.
    """

    def __init__(self, path: Path, expected: int | None = None) -> None:
        self._path = path
        self._frames: Iterator[Frame] | None = None  # opened on the first access, perhaps in another process
        self._reading = Reading()
        self._next = 0
        self._count = self._open()
        if self._count is None or self._count != expected:
            self._count = sum(1 for _ in self._rest())
        self._frames = None

    def _open(self) -> int | None:
        if not self._path.is_file():
            raise DatasetError(
                f"{self._path} does not exist; expected the video of the sequence with that name"
            )
        self._reading, self._next = Reading(), 0
        place = str(self._path.absolute())
        try:
            opened = open_capture(place, self._reading, name="it", live=False, square=False)
            assert isinstance(opened, Opened)
        except SourceError as error:
            raise DatasetError(f"{self._path} is not a usable video: {error}; copy it again") from error
        self._frames = opened.frames
        return opened.count

    def _rest(self) -> Iterator[Pixels]:
        assert self._frames is not None
        try:
            for frame in self._frames:
                if self._reading.broken:
                    raise DatasetError(
                        f"{self._path}: frame {frame.index} cannot be decoded; copy the video again"
                    )
                self._next += 1
                yield frame.pixels
        except SourceError as error:
            raise DatasetError(f"{self._path}: {error}") from error

    def __len__(self) -> int:
        assert self._count is not None
        return self._count

    def __getitem__(self, index: int, /) -> Pixels:
        index = _checked(index, len(self))
        if self._frames is None or index < self._next:
            self._open()
        pixels = next(islice(self._rest(), index - self._next, None), None)
        if pixels is None:
            raise DatasetError(
                f"{self._path} ends after frame {self._next}; expected {self._count} frames; copy it again"
            )
        return pixels

    def __iter__(self) -> Iterator[Pixels]:
        try:
            for i in range(len(self)):
                yield self[i]
        finally:
            self._frames = None  # avoids an open decoder for each video of a data set


@dataclass(frozen=True, eq=False)
class Sequence:
    """One target in one video.

    Attributes:
        name: Its name in the data set.
        frames: Pixels, uint8 (H, W, 3) BGR, read on access.
        boxes: (N, 4) float64, x, y, w, h in pixels of the frame, origin at its top left corner; a row of nan if the
            target is not visible.
        text: The sentence that names the target, "" if the data set has none.
        attributes: Further properties, such as ``{"category": "airplane"}``.
        hidden: True if only the first box is public (GOT-10k test, TrackingNet test): the following rows are nan
            although the target is visible, and only the data set's server can evaluate the sequence.
        masks: The target's mask in each frame, bool (H, W), read on access; None if the data set has none.
        x: Simultaneous images of a second sensor (thermal, depth, events), like ``frames``; None without one.
        x_boxes: Like ``boxes``, in pixels of ``x``, if the data set labels both images; else None.

    Raises:
        DatasetError: The numbers of frames and boxes differ.
    """

    name: str
    frames: Frames
    boxes: Boxes
    text: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    hidden: bool = False
    masks: Callable[[int], NDArray[np.bool_]] | None = None
    x: Frames | None = None
    x_boxes: Boxes | None = None

    def __post_init__(self) -> None:
        if len(self.frames) != len(self.boxes):
            raise DatasetError(
                f"sequence {self.name}: {len(self.boxes)} boxes but {len(self.frames)} frames; "
                "expected one box per frame; unpack the archive again"
            )
        for what, found in (("images", self.x), ("boxes", self.x_boxes)):
            if found is not None and len(found) != len(self.frames):
                raise DatasetError(
                    f"sequence {self.name}: {len(found)} {what} of the second sensor but {len(self.frames)} "
                    "frames; expected one per frame; unpack the archive again"
                )

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def visible(self) -> NDArray[np.bool_]:
        """(N,) bool, True for frames with a box."""
        return ~np.isnan(self.boxes[:, 0])
