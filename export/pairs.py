"""Videos of pairs to calibrate on: color and a second sensor, of which color fails in most frames.

The second sensor is searched only where color does not suffice, so color is made to fail: dark, in smoke, or missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgetrack.errors import ExportError
from edgetrack.evaluation.perturbations.sensors import SensorFailure
from edgetrack.io.source import Source
from edgetrack.io.sources import open_source
from edgetrack.types import Frame

INTACT_EVERY = 10  # frames between two with intact color, from which templates are taken
_FAILURES = (
    ("color-night", 2),
    ("color-smoke", 2),
    ("color-missing", 1),
    ("color-night", 3),
    ("color-smoke", 3),
)


def second_video(video: Path) -> Path:
    """Return the file that has the second sensor's images of a video: NAME.x.mp4 for NAME.mp4."""
    return video.with_name(f"{video.stem}.x{video.suffix}")


class FailingColor:
    """The frames of two videos as pairs, until either ends; color fails in all but every `INTACT_EVERY`-th frame.

    Attributes:
        frames: Approximate number of frames; None if unknown.
    """

    def __init__(self, color: Source, second: Source) -> None:
        self._color, self._second = color, second
        self.frames = color.frames
        random = np.random.default_rng(0)
        self._failures = [
            SensorFailure(name, severity, rng=random, first=True) for name, severity in _FAILURES
        ]

    def __iter__(self) -> Iterator[Frame]:
        for color, x in zip(self._color, self._second):  # noqa: B905 - a video may have a frame more
            if color.pixels.shape != x.pixels.shape:
                raise ExportError(
                    f"{self._second.name} has {_size(x)} pixels, but {self._color.name} has {_size(color)}; expected "
                    "aligned images of the same size: see edgetrack align"
                )
            yield self._failing(color, x)

    def _failing(self, color: Frame, x: Frame) -> Frame:
        if color.index % INTACT_EVERY == 0:
            return replace(color, x=x)
        failure = self._failures[color.index % len(self._failures)]
        seen, _ = failure.pair(color.pixels, x.pixels, color.index)
        return replace(color, pixels=x.pixels if seen is None else seen, x=x, color=seen is not None)


@contextmanager
def open_failing(video: Path) -> Iterator[FailingColor]:
    """Open a video and that of its second sensor."""
    with open_source(video) as color, open_source(second_video(video)) as second:
        yield FailingColor(color, second)


def _size(frame: Frame) -> str:
    height, width = frame.pixels.shape[:2]
    return f"{width}x{height}"
