"""Color and a second sensor as one source: each frame has both images, or the image of the sensor that still works."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from types import TracebackType

from edgetrack.io.pairing import SecondSensor
from edgetrack.io.source import Source
from edgetrack.io.states import SourceState
from edgetrack.types import Frame

PATIENT_FRAMES = 3.0  # duration, in color frames, after which a silent color source counts as missing
_LEAST_S, _MOST_S = 0.1, 1.0  # bounds on that duration
_LOOK_S = 0.01  # interval at which the second sensor is polled meanwhile
_LATER_S = 1e-3  # smallest difference between the times of two frames


class PairedSource:
    """Yields the frames of a color source with the second sensor's simultaneous frame as ``Frame.x``.

    If the sources are files, there is one frame for each color frame. If a live color source delivers nothing for the
    duration of `PATIENT_FRAMES` frames, the frames of the second sensor are yielded alone, with ``Frame.color`` False,
    until color is back. It is a context manager.

    Args:
        color: the color source; it is not closed with this object.
        second: the second sensor; it is closed with this object.
        alone: whether the second sensor's frames may be yielded alone.

    Attributes:
        second: the second sensor.
        on_x_state: called, in the thread that requests frames, when the state of a live second sensor has changed.
    """

    def __init__(self, color: Source, second: SecondSensor, *, alone: bool = True) -> None:
        self.second = second
        self.on_x_state: Callable[[SourceState], None] = lambda state: None
        self._color, self._may_be_alone = color, alone
        self._told = SourceState("live")
        self._last: Frame | None = None  # the last frame that was yielded
        self._alone = 0  # number of frames without color

    @property
    def dropped(self) -> int:
        """Number of color frames that were skipped; see ``Source.dropped``."""
        return self._color.dropped

    @property
    def summary(self) -> str:
        """The number of frames with both images, the skew between them, and the number of frames without color."""
        told = self.second.summary
        return f"{told}; {self._alone} frames without color" if self._alone else told

    @property
    def notes(self) -> list[str]:
        """Irregularities of either source, see ``Source.notes``, and the summary of the pairs."""
        return [*self._color.notes, self.summary, *self.second.source.notes]

    def __iter__(self) -> Iterator[Frame]:
        return self._of_cameras() if self._color.live else self._of_files()

    def _of_files(self) -> Iterator[Frame]:
        for frame in self._color:
            yield replace(frame, x=self.second.of(frame))

    def _of_cameras(self) -> Iterator[Frame]:
        patience_s = min(
            max(PATIENT_FRAMES / (self._color.fps or PATIENT_FRAMES / _MOST_S), _LEAST_S), _MOST_S
        )
        wait_s = patience_s
        while True:
            frame = self._color.within(wait_s)
            self._tell()
            if frame is not None:
                wait_s = patience_s
                self._last = self._after(frame, frame.index + self._alone, frame.time_s)
                yield replace(self._last, x=self.second.of(self._last))
            elif self._color.state.name == "ended":
                return
            elif self._may_be_alone and self._last is not None:
                wait_s = _LOOK_S
                if (x := self.second.newest(since=self._last)) is not None:
                    self._alone += 1
                    self._last = self._after(x, self._last.index + 1, x.time_s)
                    yield self._last

    def _after(self, frame: Frame, index: int, time_s: float) -> Frame:
        """Return the next frame, numbered in the combined sequence."""
        last = self._last
        if last is None:
            return replace(frame, index=index)
        gap_s = ((frame.captured_ns or 0) - (last.captured_ns or 0)) / 1e9
        return replace(frame, index=index, time_s=max(time_s, last.time_s + _LATER_S), gap_s=max(gap_s, 0.0))

    def _tell(self) -> None:
        state = self.second.source.state
        if state != self._told:
            self._told = state
            self.on_x_state(state)

    def __enter__(self) -> PairedSource:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.second.close()
